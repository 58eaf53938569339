//! So many calls in any span of time: for an upstream that says in every answer how many there are left.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

/// What the headers of an answer say of the limit. What they do not say is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// Calls in an interval.
    pub limit: Option<u32>,
    /// How many of them are left.
    pub remaining: Option<u32>,
    /// How long an interval is.
    pub interval: Option<SignedDuration>,
}

/// Whether a call may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Now; it is counted.
    Now,
    /// Not before so long.
    In(SignedDuration),
}

/// Fewest and most calls in an interval that are believed.
const LIMITS: (u32, u32) = (1, 1_000);
/// Shortest and longest interval, and longest wait, that are believed.
const INTERVALS: (SignedDuration, SignedDuration) = (SignedDuration::from_millis(100), SignedDuration::from_secs(60));

/// The calls of the last interval. It lets out no more than `limit` of them in any interval, however it is placed: the
/// other side does not say where its own begins.
#[derive(Debug, Clone)]
pub struct Bucket {
    limit: u32,
    interval: SignedDuration,
    /// When each call of the last interval went out, oldest first. Calls of others on the same account stand here too,
    /// as far as we were told of them.
    calls: VecDeque<Timestamp>,
    blocked_until: Option<Timestamp>,
}

impl Bucket {
    /// A bucket for so many calls in an interval, until it is told otherwise.
    #[must_use]
    pub fn new(limit: u32, interval: SignedDuration) -> Self {
        let (limit, interval) = (limit.clamp(LIMITS.0, LIMITS.1), interval.clamp(INTERVALS.0, INTERVALS.1));
        Self { limit, interval, calls: VecDeque::new(), blocked_until: None }
    }

    /// Asks for a call now.
    pub fn take(&mut self, now: Timestamp) -> Turn {
        if let Some(until) = self.blocked_until {
            if now < until {
                return Turn::In(until.duration_since(now));
            }
            self.blocked_until = None;
        }
        self.forget(now);
        if self.calls.len() < self.limit as usize {
            self.calls.push_back(now);
            return Turn::Now;
        }
        // The limit may have been lowered since: so many have to leave before one may enter.
        let leaves = self.calls.len() - self.limit as usize;
        let free = self.calls.get(leaves).copied().unwrap_or(now).saturating_add(self.interval).unwrap_or(now);
        Turn::In(free.duration_since(now).max(SignedDuration::from_millis(1)))
    }

    /// Learns from an answer. That others have used of the limit is counted as if we had, now; that less was used than
    /// we thought is not believed, because the answer may be older than calls that are still under way.
    pub fn learn(&mut self, told: &Told, now: Timestamp) {
        if let Some(limit) = told.limit {
            self.limit = limit.clamp(LIMITS.0, LIMITS.1);
        }
        if let Some(interval) = told.interval {
            self.interval = interval.clamp(INTERVALS.0, INTERVALS.1);
        }
        self.forget(now);
        if let Some(remaining) = told.remaining {
            let used = self.limit.saturating_sub(remaining) as usize;
            while self.calls.len() < used {
                self.calls.push_back(now);
            }
        }
    }

    /// A call was refused for being one too many: none goes out for as long as was said, or for an interval.
    pub fn refused(&mut self, after: Option<SignedDuration>, now: Timestamp) -> SignedDuration {
        let wait = after.filter(|wait| wait.is_positive()).unwrap_or(self.interval);
        let wait = wait.clamp(INTERVALS.0, INTERVALS.1);
        let until = now.saturating_add(wait).unwrap_or(now);
        self.blocked_until = Some(self.blocked_until.map_or(until, |before| before.max(until)));
        wait
    }

    fn forget(&mut self, now: Timestamp) {
        // A clock that was set back must not leave calls from the future here for ever.
        self.calls.retain(|call| {
            let age = now.duration_since(*call);
            age < self.interval && age > -self.interval
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_900_000_000_000 + millis).unwrap()
    }

    const fn ms(millis: i64) -> SignedDuration {
        SignedDuration::from_millis(millis)
    }

    fn told(limit: u32, remaining: u32) -> Told {
        Told { limit: Some(limit), remaining: Some(remaining), interval: Some(ms(3_000)) }
    }

    #[test]
    fn the_call_after_the_last_waits_until_the_first_is_an_interval_old() {
        let mut bucket = Bucket::new(2, ms(3_000));
        assert_eq!((bucket.take(at(0)), bucket.take(at(100))), (Turn::Now, Turn::Now));
        assert_eq!(bucket.take(at(200)), Turn::In(ms(2_800)));
        assert_eq!(bucket.take(at(3_000)), Turn::Now);
        assert_eq!(bucket.take(at(3_050)), Turn::In(ms(50)));
    }

    #[test]
    fn a_limit_that_was_lowered_or_raised_counts_from_the_answer_on() {
        let mut bucket = Bucket::new(10, ms(3_000));
        for _ in 0..5 {
            assert_eq!(bucket.take(at(0)), Turn::Now);
        }
        bucket.learn(&told(3, 0), at(10));
        assert_eq!(bucket.take(at(20)), Turn::In(ms(2_980)));
        bucket.learn(&told(45, 40), at(30));
        assert_eq!(bucket.take(at(40)), Turn::Now);
    }

    #[test]
    fn calls_that_weigh_more_than_one_or_are_others_are_counted() {
        let mut bucket = Bucket::new(45, ms(3_000));
        assert_eq!(bucket.take(at(0)), Turn::Now);
        bucket.learn(&told(45, 42), at(10));
        bucket.learn(&told(45, 1), at(20));
        assert_eq!(bucket.take(at(30)), Turn::Now);
        assert!(matches!(bucket.take(at(40)), Turn::In(_)));
    }

    #[test]
    fn a_refusal_blocks_for_as_long_as_it_says_and_no_longer_than_is_sane() {
        let mut bucket = Bucket::new(45, ms(3_000));
        assert_eq!(bucket.refused(Some(ms(700)), at(0)), ms(700));
        assert_eq!(bucket.take(at(100)), Turn::In(ms(600)));
        assert_eq!(bucket.take(at(700)), Turn::Now);
        assert_eq!(bucket.refused(None, at(800)), ms(3_000));
        assert_eq!(bucket.refused(Some(ms(86_400_000)), at(800)), ms(60_000));
        assert_eq!(bucket.refused(Some(ms(200)), at(900)), ms(200), "and the longer wait stays");
        assert_eq!(bucket.take(at(2_000)), Turn::In(ms(58_800)));
    }

    #[test]
    fn absurd_headers_do_not_stop_it_for_ever_or_set_it_free() {
        let mut bucket = Bucket::new(45, ms(3_000));
        bucket.learn(&Told { limit: Some(0), remaining: Some(0), interval: Some(ms(i64::MAX)) }, at(0));
        assert!(matches!(bucket.take(at(1)), Turn::In(wait) if wait <= ms(60_000)));
        let mut bucket = Bucket::new(45, ms(3_000));
        bucket.learn(&Told { limit: Some(u32::MAX), remaining: Some(u32::MAX), interval: Some(ms(-1)) }, at(0));
        let granted = (0..5_000).filter(|_| bucket.take(at(0)) == Turn::Now).count();
        assert_eq!(granted, 1_000);
    }

    proptest! {
        #[test]
        fn no_interval_however_placed_has_more_than_the_limit(
            limit in 1_u32..20,
            steps in proptest::collection::vec(0_i64..700, 1..300),
        ) {
            let mut bucket = Bucket::new(limit, ms(3_000));
            let (mut now, mut granted) = (0, Vec::new());
            for step in steps {
                now += step;
                if bucket.take(at(now)) == Turn::Now {
                    granted.push(now);
                }
            }
            for from in &granted {
                let inside = granted.iter().filter(|one| (*from..*from + 3_000).contains(one)).count();
                prop_assert!(inside <= limit as usize, "{inside} of {limit}");
            }
        }

        #[test]
        fn whoever_waits_as_long_as_is_said_gets_a_turn(
            limit in 1_u32..20,
            steps in proptest::collection::vec((0_i64..700, 0_u32..45), 1..100),
        ) {
            let mut bucket = Bucket::new(limit, ms(3_000));
            let mut now = 0;
            for (step, remaining) in steps {
                now += step;
                if let Turn::In(wait) = bucket.take(at(now)) {
                    prop_assert!(wait <= ms(3_000));
                    now += i64::try_from(wait.as_millis()).unwrap() + 1;
                    prop_assert_eq!(bucket.take(at(now)), Turn::Now);
                }
                bucket.learn(&Told { remaining: Some(remaining), ..Told::default() }, at(now));
            }
        }
    }
}
