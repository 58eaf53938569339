//! When a delivery is tried again, or that it is not.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::retry_policy::{RetryKind, RetryPolicy};

/// Longest wait of the exponential rhythm.
pub const MAX_WAIT: Duration = Duration::from_secs(12 * 3600);
/// How far a receiver's `Retry-After` is followed.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Jitter, either way: so that deliveries which failed together do not come back together.
const JITTER: f64 = 0.2;

/// The waits of the Standard Webhooks schedule, in seconds: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
const STANDARD_S: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// What comes after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another attempt, not before this.
    At(Timestamp),
    /// None.
    Stop(StopReason),
}

/// Why there is no other attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// The subscription allows no more.
    RetriesUsedUp,
    /// The schedule has no more.
    EndOfSchedule,
}

/// What comes after the failure of attempt `attempt_no` (the first is 1). `jitter` is chance between 0 and 1;
/// `retry_after` is how long the receiver asked to be left alone: never less than the schedule, never over a day.
#[must_use]
pub fn next(policy: RetryPolicy, attempt_no: u32, now: Timestamp, jitter: f64, retry_after: Option<Duration>) -> Next {
    if attempt_no > policy.max_retries {
        return Next::Stop(StopReason::RetriesUsedUp);
    }
    let Some(wait) = scheduled(policy.kind, attempt_no.max(1), jitter) else {
        return Next::Stop(StopReason::EndOfSchedule);
    };
    let asked = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
    Next::At(now.checked_add(wait.max(asked)).unwrap_or(Timestamp::MAX))
}

/// How many retries this rhythm has at most: what `max_retries` defaults to where the schedule is asked for by name.
#[must_use]
pub const fn schedule_len(kind: RetryKind) -> Option<u32> {
    match kind {
        RetryKind::Exponential { .. } => None,
        RetryKind::Standard => Some(STANDARD_S.len() as u32),
    }
}

fn scheduled(kind: RetryKind, attempt_no: u32, jitter: f64) -> Option<Duration> {
    match kind {
        RetryKind::Exponential { base_s } => {
            let doubled = 2_u64.saturating_pow(attempt_no - 1).saturating_mul(base_s.max(1).into());
            let wait = Duration::from_secs(doubled).min(MAX_WAIT);
            Some(jittered(wait, jitter).min(MAX_WAIT))
        }
        RetryKind::Standard => {
            let place = usize::try_from(attempt_no - 1).ok()?;
            STANDARD_S.get(place).map(|wait_s| jittered(Duration::from_secs(*wait_s), jitter))
        }
    }
}

fn jittered(wait: Duration, jitter: f64) -> Duration {
    let chance = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 0.5 };
    wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * chance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NO_JITTER: f64 = 0.5;

    fn now() -> Timestamp {
        Timestamp::from_second(1_763_800_000).unwrap()
    }

    fn exponential(max_retries: u32) -> RetryPolicy {
        RetryPolicy { kind: RetryKind::Exponential { base_s: 1 }, max_retries }
    }

    fn standard() -> RetryPolicy {
        RetryPolicy { kind: RetryKind::Standard, max_retries: 20 }
    }

    fn waits(policy: RetryPolicy) -> Vec<u64> {
        (1..)
            .map_while(|attempt_no| match next(policy, attempt_no, now(), NO_JITTER, None) {
                Next::At(at) => Some(at.duration_since(now()).unsigned_abs().as_secs()),
                Next::Stop(_) => None,
            })
            .collect()
    }

    #[test]
    fn the_default_is_three_retries_after_one_two_and_four_seconds() {
        assert_eq!(waits(RetryPolicy::default()), [1, 2, 4]);
    }

    #[test]
    fn twenty_retries_double_up_to_twelve_hours() {
        let waits = waits(exponential(20));
        assert_eq!(waits[14..], [16_384, 32_768, 43_200, 43_200, 43_200, 43_200]);
        assert_eq!(waits.len(), 20);
    }

    #[test]
    fn the_standard_schedule_takes_75_hours_and_35_minutes() {
        assert_eq!(waits(standard()).iter().sum::<u64>(), 75 * 3600 + 35 * 60 + 5);
    }

    #[test]
    fn the_end_says_why() {
        assert_eq!(next(exponential(3), 4, now(), 0.5, None), Next::Stop(StopReason::RetriesUsedUp));
        assert_eq!(next(exponential(0), 1, now(), 0.5, None), Next::Stop(StopReason::RetriesUsedUp));
        assert_eq!(next(standard(), 10, now(), 0.5, None), Next::Stop(StopReason::EndOfSchedule));
        let short = RetryPolicy { max_retries: 2, ..standard() };
        assert_eq!(next(short, 3, now(), 0.5, None), Next::Stop(StopReason::RetriesUsedUp));
    }

    #[test]
    fn what_the_receiver_asks_for_is_kept_within_the_schedule_and_a_day() {
        let wait = |asked_s| match next(exponential(20), 10, now(), NO_JITTER, Some(Duration::from_secs(asked_s))) {
            Next::At(at) => at.duration_since(now()).as_secs(),
            Next::Stop(_) => panic!(),
        };
        assert_eq!(wait(0), 512);
        assert_eq!(wait(511), 512);
        assert_eq!(wait(600), 600);
        assert_eq!(wait(86_400), 86_400);
        assert_eq!(wait(u64::MAX), 86_400);
    }

    prop_compose! {
        fn any_policy()(base_s in prop::option::of(0..=u32::MAX), max_retries: u32) -> RetryPolicy {
            let kind = base_s.map_or(RetryKind::Standard, |base_s| RetryKind::Exponential { base_s });
            RetryPolicy { kind, max_retries }
        }
    }

    proptest! {
        #[test]
        fn the_next_attempt_is_never_in_the_past_nor_sooner_than_asked_nor_days_away(
            policy in any_policy(), attempt_no: u32, jitter: f64, asked_s in prop::option::of(0..200_000_u64),
        ) {
            let asked = asked_s.map(Duration::from_secs);
            if let Next::At(at) = next(policy, attempt_no, now(), jitter, asked) {
                let wait = at.duration_since(now()).unsigned_abs();
                prop_assert!(at > now());
                prop_assert!(wait >= asked.unwrap_or_default().min(MAX_RETRY_AFTER));
                let longest = match policy.kind {
                    RetryKind::Exponential { .. } => MAX_WAIT,
                    RetryKind::Standard => Duration::from_secs(86_400).mul_f64(1.2),
                };
                prop_assert!(wait <= longest.max(asked.unwrap_or_default().min(MAX_RETRY_AFTER)));
            }
        }

        #[test]
        fn jitter_stays_within_a_fifth_either_way(attempt_no in 1..16_u32, jitter in 0.0..=1.0) {
            let plain = f64::from(2_u32.pow(attempt_no - 1));
            let Next::At(at) = next(exponential(20), attempt_no, now(), jitter, None) else { panic!() };
            let wait = at.duration_since(now()).as_secs_f64();
            prop_assert!((plain * 0.799..=plain * 1.201).contains(&wait), "{} of {}", wait, plain);
        }

        #[test]
        fn waits_never_get_shorter(base_s in 1..100_u32, attempt_no in 1..40_u32) {
            let policy = RetryPolicy { kind: RetryKind::Exponential { base_s }, max_retries: u32::MAX };
            let wait = |n| match next(policy, n, now(), NO_JITTER, None) { Next::At(at) => at, Next::Stop(_) => panic!() };
            prop_assert!(wait(attempt_no) <= wait(attempt_no + 1));
        }

        #[test]
        fn there_are_as_many_attempts_as_allowed_and_no_more(max_retries in 0..=20_u32) {
            prop_assert_eq!(waits(exponential(max_retries)).len(), max_retries as usize);
        }
    }
}
