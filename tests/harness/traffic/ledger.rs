//! What the senders were answered.

use std::collections::BTreeMap;

use super::offers::Kind;

/// Something that was answered 2xx.
#[derive(Debug, Clone)]
pub struct Taken {
    /// What it was.
    pub kind: Kind,
    /// What it is known by at the other end.
    pub key: String,
    /// The event's id, where the answer says it.
    pub event: Option<String>,
    /// A lead of somebody whom the registries know.
    pub known: bool,
}

/// What became of one thing that was sent.
pub(super) struct Sent {
    pub(super) kind: Kind,
    pub(super) key: String,
    /// How the request was answered before it was taken.
    pub(super) refusals: Vec<String>,
    pub(super) known: bool,
    /// The event's id where it is known; none where it was turned away for good.
    pub(super) taken: Option<Option<String>>,
}

/// What was sent, and how it was answered.
#[derive(Debug, Default)]
pub struct Ledger {
    /// What was answered 2xx, each once.
    pub taken: Vec<Taken>,
    /// What was answered 4xx, and with which.
    pub turned_away: Vec<String>,
    /// Answers after which a request was sent again, `silence` where there was none: how often.
    pub refusals: BTreeMap<String, u64>,
}

impl Ledger {
    pub(super) fn note(&mut self, sent: Vec<Sent>) {
        for Sent { kind, key, refusals, known, taken } in sent {
            match taken {
                Some(event) => self.taken.push(Taken { kind, key, event, known }),
                None => self.turned_away.push(format!("{kind:?} {key}: {}", refusals.last().map_or("", |last| last))),
            }
            for refusal in refusals {
                *self.refusals.entry(refusal).or_default() += 1;
            }
        }
    }

    /// What was taken of a kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Taken> {
        self.taken.iter().filter(move |taken| taken.kind == kind)
    }

    /// The two of them as one.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.taken.extend(other.taken);
        self.turned_away.extend(other.turned_away);
        for (refusal, times) in other.refusals {
            *self.refusals.entry(refusal).or_default() += times;
        }
        self
    }
}
