//! What came in, counted where it comes in: in memory first, and written now and then, so that no request waits for
//! its own counter.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::model::event::Provider;

/// How many events came in, by what became of them at the door.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// Recorded.
    pub received: u64,
    /// Recorded before.
    pub duplicate: u64,
    /// Not acceptable.
    pub rejected: u64,
    /// Why not, of those whose provider's reasons are told apart: words of a closed set.
    pub reasons: BTreeMap<String, u64>,
}

impl Arrivals {
    /// Adds others.
    pub fn merge(&mut self, other: Self) {
        self.received = self.received.saturating_add(other.received);
        self.duplicate = self.duplicate.saturating_add(other.duplicate);
        self.rejected = self.rejected.saturating_add(other.rejected);
        for (reason, count) in other.reasons {
            let sum = self.reasons.entry(reason).or_default();
            *sum = sum.saturating_add(count);
        }
    }

    /// All of them.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.received.saturating_add(self.duplicate).saturating_add(self.rejected)
    }
}

/// Arrivals by who sent them.
pub type ArrivalsByProvider = BTreeMap<&'static str, Arrivals>;

/// At most this much time passes between two writes of a process under load.
pub const WRITE_EVERY: SignedDuration = SignedDuration::from_secs(10);
/// No more than this many events are held in memory: what a process that is ended without a word may lose.
pub const HELD_AT_MOST: u64 = 50;

/// What a process has counted and not yet written.
#[derive(Debug, Default)]
pub struct Unwritten {
    held: ArrivalsByProvider,
    written_at: Option<Timestamp>,
}

impl Unwritten {
    /// Takes back what could not be written.
    pub fn put_back(&mut self, arrivals: ArrivalsByProvider) {
        for (provider, arrivals) in arrivals {
            self.held.entry(provider).or_default().merge(arrivals);
        }
    }

    /// Counts what came in; what is to be written now, if it is time to.
    ///
    /// The first of a process is written at once: most processes of a quiet platform see no second.
    pub fn note(&mut self, provider: Provider, arrivals: Arrivals, now: Timestamp) -> Option<ArrivalsByProvider> {
        if arrivals.sum() > 0 {
            self.held.entry(provider.name()).or_default().merge(arrivals);
        }
        let held = self.held.values().fold(0_u64, |sum, arrivals| sum.saturating_add(arrivals.sum()));
        let waited = self.written_at.is_none_or(|at| now.duration_since(at) >= WRITE_EVERY);
        if held == 0 || !(waited || held >= HELD_AT_MOST) {
            return None;
        }
        self.written_at = Some(now);
        Some(std::mem::take(&mut self.held))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_900_000_000_000 + ms).unwrap()
    }

    fn one() -> Arrivals {
        Arrivals { received: 1, ..Arrivals::default() }
    }

    #[test]
    fn the_first_is_written_at_once_and_the_next_after_a_while() {
        let mut unwritten = Unwritten::default();
        assert_eq!(unwritten.note(Provider::C2s, Arrivals::default(), at(0)), None, "nothing came in");
        assert_eq!(unwritten.note(Provider::C2s, one(), at(0)), Some([("c2s", one())].into()));
        assert_eq!(unwritten.note(Provider::C2s, one(), at(9_999)), None);
        let two = Arrivals { received: 2, ..Arrivals::default() };
        assert_eq!(unwritten.note(Provider::C2s, one(), at(10_000)), Some([("c2s", two)].into()));
    }

    #[test]
    fn what_could_not_be_written_is_written_with_the_next() {
        let mut unwritten = Unwritten::default();
        let refused = unwritten.note(Provider::C2s, one(), at(0)).unwrap();
        unwritten.put_back(refused);
        assert_eq!(unwritten.note(Provider::C2s, Arrivals::default(), at(9_999)), None, "not at once");
        let two = Arrivals { received: 2, ..Arrivals::default() };
        assert_eq!(unwritten.note(Provider::C2s, one(), at(10_000)), Some([("c2s", two)].into()));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_counted_twice_and_little_is_held(
            requests in prop::collection::vec((0_u64..20, 0_u64..20, 0_u64..20, 0_i64..3_000), 1..100),
        ) {
            let mut unwritten = Unwritten::default();
            let (mut came, mut written, mut now) = (Arrivals::default(), Arrivals::default(), 0);
            for (received, duplicate, rejected, later) in requests {
                now += later;
                let arrivals = Arrivals { received, duplicate, rejected, reasons: [("stale".to_owned(), rejected)].into() };
                came.merge(arrivals.clone());
                for arrivals in unwritten.note(Provider::Tenant, arrivals, at(now)).into_iter().flatten() {
                    written.merge(arrivals.1);
                }
                prop_assert!(came.sum() - written.sum() < HELD_AT_MOST);
            }
            for arrivals in unwritten.note(Provider::Tenant, one(), at(now + 10_000)).into_iter().flatten() {
                written.merge(arrivals.1);
            }
            came.merge(one());
            prop_assert_eq!(came, written);
        }
    }
}
