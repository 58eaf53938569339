//! The times of a row, and how a bell is timed to them.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::model::row::RowKey;

/// How many home partitions the due index has. More spreads writes; each is one query per sweep.
pub const HOME_SHARDS: u8 = 16;

/// SQS delays a message by at most 15 minutes.
const LONGEST_DELAY: SignedDuration = SignedDuration::from_secs(900);

/// The intervals the rules of work run on. Tests shorten them; production takes the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From `not_before` to `due_at`. Shorter than a bell's way through the queue, and the sweep doubles every bell.
    pub grace: SignedDuration,
    /// How early a bell may be and still be answered (by waiting). Covers clock skew between queue and worker.
    pub early: SignedDuration,
    /// From an invocation's deadline to the end of its leases: no lease may end under a living worker.
    pub lease_slack: SignedDuration,
    /// By how much the sweep moves `due_at` on before it rings: a crashed sweep loses this much, not the row.
    pub sweep_step: SignedDuration,
    /// Claims without a record after which a row is given up as `crashed`.
    pub max_deaths: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            grace: SignedDuration::from_secs(90),
            early: SignedDuration::from_secs(2),
            lease_slack: SignedDuration::from_secs(5),
            sweep_step: SignedDuration::from_secs(120),
            max_deaths: 5,
        }
    }
}

impl Timing {
    /// When the sweep may ring for a row that may run at `not_before`.
    #[must_use]
    pub fn due_at(&self, not_before: Timestamp) -> Timestamp {
        not_before.saturating_add(self.grace).unwrap_or(Timestamp::MAX)
    }

    /// The end of the leases of an invocation that ends at `deadline`. Whole milliseconds: the lease is a fence, and
    /// what is compared must be what is stored.
    #[must_use]
    pub fn lease_until(&self, deadline: Timestamp) -> Timestamp {
        let end = deadline.saturating_add(self.lease_slack).unwrap_or(Timestamp::MAX);
        Timestamp::from_millisecond(end.as_millisecond()).unwrap_or(end)
    }
}

/// When a bell for a row is to be rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// With this many seconds of the queue's delay.
    Seconds(u16),
    /// Not at all: it is due later than the queue can delay, and the sweep will ring.
    Sweep,
}

impl Delay {
    /// The delay for a row that may run at `not_before`: rounded up, since a bell that comes early is wasted.
    #[must_use]
    pub fn until(not_before: Timestamp, now: Timestamp) -> Self {
        let wait = not_before.duration_since(now);
        if wait <= SignedDuration::ZERO {
            return Self::Seconds(0);
        }
        if wait > LONGEST_DELAY {
            return Self::Sweep;
        }
        let seconds = wait.as_secs() + i64::from(wait.subsec_nanos() > 0);
        u16::try_from(seconds).map_or(Self::Sweep, Self::Seconds)
    }
}

/// The partition of the due index a row lives in while it is neither parked nor ended.
#[must_use]
pub fn home_shard(key: &RowKey) -> String {
    let hash = Sha256::digest(key.to_string().as_bytes());
    shard_name(hash[0] % HOME_SHARDS)
}

pub(super) fn shard_name(n: u8) -> String {
    format!("due#{n}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    #[test]
    fn a_delay_is_rounded_up_so_that_a_bell_is_never_early() {
        assert_eq!(Delay::until(at(1_001), at(0)), Delay::Seconds(2));
        assert_eq!(Delay::until(at(1_000), at(0)), Delay::Seconds(1));
        assert_eq!(Delay::until(at(0), at(0)), Delay::Seconds(0));
        assert_eq!(Delay::until(at(0), at(5_000)), Delay::Seconds(0));
    }

    #[test]
    fn what_is_due_after_fifteen_minutes_is_left_to_the_sweep() {
        assert_eq!(Delay::until(at(900_000), at(0)), Delay::Seconds(900));
        assert_eq!(Delay::until(at(900_001), at(0)), Delay::Sweep);
    }

    #[test]
    fn the_sweep_never_rings_before_a_working_bell_had_its_grace() {
        let timing = Timing::default();
        assert_eq!(timing.due_at(at(0)), at(90_000));
    }

    proptest! {
        #[test]
        fn a_delayed_bell_arrives_within_a_second_after_its_time(now in 0_i64..1 << 40, wait in 0_i64..900_000) {
            let not_before = at(now + wait);
            let Delay::Seconds(seconds) = Delay::until(not_before, at(now)) else { panic!("within the queue's reach") };
            let rings = at(now + i64::from(seconds) * 1_000);
            prop_assert!(rings >= not_before);
            prop_assert!(rings.duration_since(not_before) < SignedDuration::from_secs(1));
        }

        #[test]
        fn every_row_has_one_home(id in "[a-z0-9]{1,32}") {
            let key: RowKey = format!("event/evt_{id}").parse().unwrap();
            let n: u8 = home_shard(&key).strip_prefix("due#").unwrap().parse().unwrap();
            prop_assert!(n < HOME_SHARDS);
        }
    }
}
