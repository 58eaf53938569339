//! The guards that do not depend on MoySklad's header: what we wrote is known again when it comes back, and an entity
//! that keeps changing is left alone until somebody has looked.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::ids::TenantId;
use crate::model::moysklad::EntityRef;

/// Changes of one entity within this time are counted together.
pub const COUNTED_FOR: SignedDuration = SignedDuration::from_mins(10);
/// More changes than this within that time are taken for a loop.
pub const MOST_CHANGES: usize = 2;
/// Quiet for this long closes an open breaker by itself.
pub const QUIET_FOR: SignedDuration = SignedDuration::from_mins(30);
/// How long what we wrote is remembered. MoySklad tries a webhook four times at once and then forgets it; the rest is
/// for our own queues, and for a poll that reads what we wrote.
pub const REMEMBERED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Fingerprints remembered of one entity: what stood between two writes may be told of late.
const MOST_REMEMBERED: usize = 5;

/// What we have written into an entity lately.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    contents: VecDeque<Content>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Content {
    fingerprint: String,
    at: Timestamp,
}

impl Written {
    /// As it is after one more write.
    #[must_use]
    pub fn and(&self, fingerprint: impl Into<String>, now: Timestamp) -> Self {
        let mut contents = self.contents.clone();
        let fingerprint = fingerprint.into();
        contents.retain(|content| content.fingerprint != fingerprint && is_fresh(content.at, now, REMEMBERED_FOR));
        contents.push_back(Content { fingerprint, at: now });
        while contents.len() > MOST_REMEMBERED {
            contents.pop_front();
        }
        Self { contents }
    }

    /// Whether an entity that is told of, and looks so now, is only what we wrote.
    #[must_use]
    pub fn is_echo(&self, fingerprint: &str, now: Timestamp) -> bool {
        // Only the last write can still stand there: what looks like an older one was put back by somebody.
        self.contents
            .back()
            .is_some_and(|content| content.fingerprint == fingerprint && is_fresh(content.at, now, REMEMBERED_FOR))
    }

    /// When the last of it was written.
    #[must_use]
    pub fn last_at(&self) -> Option<Timestamp> {
        self.contents.back().map(|content| content.at)
    }

    /// Whether something was written that may still come back.
    #[must_use]
    pub fn may_come_back(&self, now: Timestamp) -> bool {
        self.contents.iter().any(|content| is_fresh(content.at, now, REMEMBERED_FOR))
    }
}

fn is_fresh(at: Timestamp, now: Timestamp, within: SignedDuration) -> bool {
    now.duration_since(at) < within
}

/// An entity that changes too often is suspected of two systems answering each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoopGuard {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub entity: EntityRef,
    /// When it changed lately, oldest first.
    changes: VecDeque<Timestamp>,
    /// Since when it is left alone; nothing while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_since: Option<Timestamp>,
    /// Raised by every change of this.
    pub rev: u32,
}

/// What a change of an entity means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is carried.
    Carry,
    /// It was one too many: it opens the breaker, is told of once, and is not carried.
    Opened,
    /// The breaker is open: it is not carried, and is noted.
    Held,
}

impl LoopGuard {
    /// Of an entity that has not changed yet.
    #[must_use]
    pub const fn new(tenant: TenantId, entity: EntityRef) -> Self {
        Self { tenant, entity, changes: VecDeque::new(), open_since: None, rev: 0 }
    }

    /// One more change, told at this moment. Told again (whoever heard it died before the end), it is the same change and
    /// means the same, as long as it is one of the last.
    #[must_use]
    pub fn changed(&self, told_at: Timestamp, now: Timestamp) -> (Self, Verdict) {
        if self.changes.contains(&told_at) {
            let verdict = match self.open_since {
                None => Verdict::Carry,
                Some(since) if since == told_at => Verdict::Opened,
                Some(_) => Verdict::Held,
            };
            return (self.clone(), verdict);
        }
        let mut next = self.closed_by_quiet(now);
        next.rev = self.rev.saturating_add(1);
        let place = next.changes.partition_point(|at| *at < told_at);
        next.changes.insert(place, told_at);
        // However late they are heard, what counts is when they were told.
        let last = next.changes.back().copied().unwrap_or(told_at);
        next.changes.retain(|at| is_fresh(*at, last, COUNTED_FOR));
        // What is kept is bounded, however long it goes on.
        while next.changes.len() > MOST_CHANGES + 1 {
            next.changes.pop_front();
        }
        if next.open_since.is_some() {
            return (next, Verdict::Held);
        }
        if next.changes.len() > MOST_CHANGES {
            next.open_since = Some(told_at);
            return (next, Verdict::Opened);
        }
        (next, Verdict::Carry)
    }

    /// As it is once nothing has changed for a while.
    #[must_use]
    pub fn closed_by_quiet(&self, now: Timestamp) -> Self {
        let last = self.changes.back().copied();
        let quiet = self.open_since.is_some() && last.is_none_or(|last| !is_fresh(last, now, QUIET_FOR));
        if quiet { self.closed() } else { self.clone() }
    }

    /// When it changed last; nothing once it was closed.
    #[must_use]
    pub fn last_change(&self) -> Option<Timestamp> {
        self.changes.back().copied()
    }

    /// When quiet will have closed it, if nothing changes until then; nothing while it is closed.
    #[must_use]
    pub fn closes_at(&self) -> Option<Timestamp> {
        self.open_since.map(|since| {
            let last = self.changes.back().copied().unwrap_or(since);
            last.saturating_add(QUIET_FOR).unwrap_or(Timestamp::MAX)
        })
    }

    /// As an operator closes it: what has changed before is not counted any more. The entity is to be looked at again,
    /// for changes were held.
    #[must_use]
    pub fn closed(&self) -> Self {
        Self { changes: VecDeque::new(), open_since: None, rev: self.rev.saturating_add(1), ..self.clone() }
    }

    /// Whether it is left alone now.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.closed_by_quiet(now).open_since.is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::moysklad::EntityKind;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + seconds).unwrap()
    }

    fn guard() -> LoopGuard {
        let account = "00000000-0000-0000-0000-00000000000a".parse().unwrap();
        let id = "00000000-0000-0000-0000-000000000001".parse().unwrap();
        LoopGuard::new(TenantId::default_tenant(), EntityRef { account, kind: EntityKind::Product, id })
    }

    fn after(changes: &[i64]) -> (LoopGuard, Vec<Verdict>) {
        let mut guard = guard();
        let mut verdicts = Vec::new();
        for second in changes {
            let (next, verdict) = guard.changed(at(*second), at(*second));
            guard = next;
            verdicts.push(verdict);
        }
        (guard, verdicts)
    }

    #[test]
    fn what_we_wrote_is_known_again_and_what_another_made_of_it_is_not() {
        let written = Written::default().and("one", at(0)).and("two", at(10));
        assert!(written.is_echo("two", at(20)));
        assert!(!written.is_echo("three", at(20)));
        assert!(!written.is_echo("one", at(20)), "somebody has put back what stood there before");
    }

    #[test]
    fn an_echo_is_one_for_a_day() {
        let written = Written::default().and("one", at(0));
        assert!(written.is_echo("one", at(86_399)) && written.may_come_back(at(86_399)));
        assert!(!written.is_echo("one", at(86_400)) && !written.may_come_back(at(86_400)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let written = (0..100).fold(Written::default(), |written, n| written.and(n.to_string(), at(n)));
        assert_eq!(written.contents.len(), MOST_REMEMBERED);
        assert!(written.is_echo("99", at(100)));
        let same = (0..100).fold(Written::default(), |written, n| written.and("same", at(n)));
        assert_eq!(same.contents.len(), 1);
    }

    #[test]
    fn the_third_change_within_ten_minutes_opens_it_once() {
        let (guard, verdicts) = after(&[0, 200, 599, 600, 700]);
        use Verdict::{Carry, Held, Opened};
        assert_eq!(verdicts, [Carry, Carry, Opened, Held, Held]);
        assert_eq!(guard.open_since, Some(at(599)));
    }

    #[test]
    fn changes_far_enough_apart_never_open_it() {
        let (guard, verdicts) = after(&[0, 300, 600, 900, 1_200, 1_500]);
        assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Carry));
        assert_eq!(guard.open_since, None);
    }

    #[test]
    fn quiet_closes_it_and_a_change_before_that_prolongs_it() {
        let (guard, _) = after(&[0, 1, 2, 1_000]);
        assert_eq!(guard.closes_at(), Some(at(2_800)));
        assert!(guard.is_open(at(2_799)) && !guard.is_open(at(2_800)));
        assert_eq!(guard.changed(at(2_800), at(2_800)).1, Verdict::Carry);
    }

    #[test]
    fn an_operator_closes_it_and_what_was_before_is_forgotten() {
        let (guard, _) = after(&[0, 1, 2]);
        let closed = guard.closed();
        assert!(!closed.is_open(at(3)));
        assert_eq!((closed.changed(at(3), at(3)).1, closed.rev), (Verdict::Carry, guard.rev + 1));
    }

    #[test]
    fn it_survives_being_stored() {
        let (guard, _) = after(&[0, 1, 2]);
        let stored = serde_json::to_string(&guard).unwrap();
        assert_eq!(serde_json::from_str::<LoopGuard>(&stored).unwrap(), guard);
    }

    #[test]
    fn a_change_that_is_told_again_is_counted_once_and_means_the_same() {
        use Verdict::{Carry, Held, Opened};
        let (guard, verdicts) = after(&[0, 0, 0, 1, 1, 0, 2, 2, 3, 2]);
        assert_eq!(verdicts, [Carry, Carry, Carry, Carry, Carry, Carry, Opened, Opened, Held, Opened]);
        assert_eq!(guard.rev, 4, "one for each change");
    }

    #[test]
    fn changes_that_are_heard_late_and_in_another_order_are_counted_by_when_they_were_told() {
        let (mut guard, now) = (guard(), at(900));
        for (told, expected) in [(200, Verdict::Carry), (100, Verdict::Carry), (150, Verdict::Opened)] {
            let (next, verdict) = guard.changed(at(told), now);
            assert_eq!(verdict, expected, "{told}");
            guard = next;
        }
    }

    proptest! {
        #[test]
        fn no_more_than_two_changes_are_carried_in_any_ten_minutes(steps in proptest::collection::vec(1_i64..900, 1..200)) {
            let mut now = 0;
            let seconds: Vec<i64> = steps.into_iter().map(|step| { now += step; now }).collect();
            let (_, verdicts) = after(&seconds);
            let carried: Vec<i64> = seconds.iter().zip(&verdicts).filter(|(_, v)| **v == Verdict::Carry).map(|(s, _)| *s).collect();
            for from in &carried {
                prop_assert!(carried.iter().filter(|one| (*from..*from + 600).contains(*one)).count() <= MOST_CHANGES);
            }
        }

        #[test]
        fn an_open_breaker_is_told_of_once(steps in proptest::collection::vec(1_i64..1_700, 1..200)) {
            let mut now = 0;
            let seconds: Vec<i64> = steps.into_iter().map(|step| { now += step; now }).collect();
            let (_, verdicts) = after(&seconds);
            for pair in verdicts.windows(2) {
                prop_assert!(!matches!(pair, [Verdict::Opened | Verdict::Held, Verdict::Opened]));
            }
        }
    }
}
