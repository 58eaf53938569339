//! Breakers: after enough failures in a row nothing is tried for a while, then one call finds out whether it is over.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::work::StoreError;

/// The stored state of a breaker. One that is not stored is closed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    /// Failures in a row, since `since`.
    #[serde(default)]
    pub failures: u32,
    /// When the first of them was.
    #[serde(
        with = "jiff::fmt::serde::timestamp::millisecond::optional",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub since: Option<Timestamp>,
    /// Until when nothing is tried.
    #[serde(
        with = "jiff::fmt::serde::timestamp::millisecond::optional",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub open_until: Option<Timestamp>,
    /// How often it opened in a row: the wait doubles with it.
    #[serde(default)]
    pub opened: u32,
    /// Raised by every write: two writers that saw the same state do not both write.
    #[serde(default)]
    pub version: u64,
}

/// When a breaker opens and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerRules {
    /// Failures in a row that open it.
    pub failures: u32,
    /// Within how long.
    pub within: SignedDuration,
    /// The first wait; doubled each time, up to `longest`.
    pub first: SignedDuration,
    /// The longest wait.
    pub longest: SignedDuration,
    /// How long the one call that finds out may take: as long as that nobody else tries.
    pub probe: SignedDuration,
}

impl Default for BreakerRules {
    fn default() -> Self {
        Self {
            failures: 5,
            within: SignedDuration::from_secs(60),
            first: SignedDuration::from_secs(5),
            longest: SignedDuration::from_secs(300),
            probe: SignedDuration::from_secs(30),
        }
    }
}

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Go,
    /// It may not, and nothing is counted.
    Wait,
}

/// Where breakers are kept.
pub trait Breakers: Send + Sync {
    /// The state of a breaker. May be a few milliseconds old.
    fn breaker(&self, name: &str) -> impl Future<Output = Result<Breaker, StoreError>> + Send;

    /// Writes a state over the one that was seen; `false` if it is another by now.
    fn set_breaker(
        &self,
        name: &str,
        seen: &Breaker,
        to: &Breaker,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

impl Breaker {
    /// What a caller may do now, and the state to write before doing it.
    fn ask(&self, rules: &BreakerRules, now: Timestamp) -> (Admission, Option<Self>) {
        match self.open_until {
            None => (Admission::Go, None),
            Some(until) if now < until => (Admission::Wait, None),
            // Half open: whoever writes this first is the one that finds out.
            Some(_) => (Admission::Go, Some(Self { open_until: later(now, rules.probe), ..self.next() })),
        }
    }

    fn after_success(&self) -> Option<Self> {
        let closed = self.failures == 0 && self.open_until.is_none();
        (!closed).then(|| Self { version: self.version + 1, ..Self::default() })
    }

    fn after_failure(&self, rules: &BreakerRules, now: Timestamp, for_good: bool) -> Self {
        let fresh = self.since.is_none_or(|since| now.duration_since(since) > rules.within);
        let probing = self.open_until.is_some();
        let (failures, since) =
            if fresh && !probing { (1, Some(now)) } else { (self.failures.saturating_add(1), self.since) };
        let opens = for_good || probing || failures >= rules.failures;
        if !opens {
            return Self { failures, since, ..self.next() };
        }
        let factor = 1_i32.checked_shl(self.opened.min(16)).unwrap_or(i32::MAX);
        let wait = if for_good { rules.longest } else { rules.first.saturating_mul(factor).min(rules.longest) };
        Self { failures, since, open_until: later(now, wait), opened: self.opened.saturating_add(1), ..self.next() }
    }

    fn next(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }
}

fn later(now: Timestamp, by: SignedDuration) -> Option<Timestamp> {
    let at = now.saturating_add(by).ok()?;
    // As stored: whole milliseconds.
    Timestamp::from_millisecond(at.as_millisecond()).ok()
}

/// Asks before a call.
///
/// # Errors
/// When the store does not answer.
pub async fn admit(
    store: &impl Breakers,
    name: &str,
    rules: &BreakerRules,
    now: Timestamp,
) -> Result<Admission, StoreError> {
    let seen = store.breaker(name).await?;
    match seen.ask(rules, now) {
        (Admission::Go, Some(probing)) if !store.set_breaker(name, &seen, &probing).await? => Ok(Admission::Wait),
        (admission, _) => Ok(admission),
    }
}

/// Tells what a call came to; whether the breaker stands open now. A state somebody else has changed in between is
/// left: the next call will tell again.
///
/// # Errors
/// When the store does not answer.
pub async fn report(
    store: &impl Breakers,
    name: &str,
    outcome: Outcome,
    rules: &BreakerRules,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let seen = store.breaker(name).await?;
    let to = match outcome {
        Outcome::Success => match seen.after_success() {
            Some(closed) => closed,
            None => return Ok(false),
        },
        Outcome::Failure => seen.after_failure(rules, now, false),
        Outcome::Hopeless => seen.after_failure(rules, now, true),
    };
    store.set_breaker(name, &seen, &to).await?;
    Ok(to.open_until.is_some())
}

/// What a call came to, as far as a breaker is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The other side works; also where its answer was no.
    Success,
    /// It did not work this time.
    Failure,
    /// It will not work until a person has mended something: it opens at once, and for the longest wait.
    Hopeless,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MemoryStore;

    const RULES: BreakerRules = BreakerRules {
        failures: 3,
        within: SignedDuration::from_secs(60),
        first: SignedDuration::from_secs(5),
        longest: SignedDuration::from_secs(300),
        probe: SignedDuration::from_secs(30),
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + seconds).unwrap()
    }

    async fn tell(store: &MemoryStore, outcome: Outcome, now: i64) -> bool {
        report(store, "x", outcome, &RULES, at(now)).await.unwrap()
    }

    async fn ask(store: &MemoryStore, now: i64) -> Admission {
        admit(store, "x", &RULES, at(now)).await.unwrap()
    }

    #[tokio::test]
    async fn it_opens_after_failures_in_a_row_and_stays_open_for_its_wait() {
        let store = MemoryStore::default();
        assert!(!tell(&store, Outcome::Failure, 0).await);
        assert!(!tell(&store, Outcome::Failure, 1).await);
        assert!(tell(&store, Outcome::Failure, 2).await);
        assert_eq!(ask(&store, 6).await, Admission::Wait);
        assert_eq!(ask(&store, 7).await, Admission::Go);
    }

    #[tokio::test]
    async fn a_success_in_between_begins_the_count_anew() {
        let store = MemoryStore::default();
        for now in 0..10 {
            assert!(!tell(&store, Outcome::Failure, now * 2).await);
            assert!(!tell(&store, Outcome::Success, now * 2 + 1).await);
        }
    }

    #[tokio::test]
    async fn failures_far_apart_do_not_add_up() {
        let store = MemoryStore::default();
        for now in 0..5 {
            assert!(!tell(&store, Outcome::Failure, now * 61).await);
        }
    }

    #[tokio::test]
    async fn one_call_finds_out_whether_it_is_over_and_the_wait_doubles_if_not() {
        let store = MemoryStore::default();
        for now in 0..3 {
            tell(&store, Outcome::Failure, now).await;
        }
        assert_eq!(ask(&store, 10).await, Admission::Go);
        assert_eq!(ask(&store, 10).await, Admission::Wait, "while the first is finding out");
        assert!(tell(&store, Outcome::Failure, 11).await);
        assert_eq!(ask(&store, 20).await, Admission::Wait, "ten seconds now");
        assert_eq!(ask(&store, 21).await, Admission::Go);
        assert!(!tell(&store, Outcome::Success, 22).await);
        assert_eq!(ask(&store, 22).await, Admission::Go);
        assert_eq!(ask(&store, 22).await, Admission::Go, "closed for everybody");
    }

    #[tokio::test]
    async fn what_a_person_must_mend_opens_it_at_once_for_the_longest_wait() {
        let store = MemoryStore::default();
        assert!(tell(&store, Outcome::Hopeless, 0).await);
        assert_eq!(ask(&store, 299).await, Admission::Wait);
        assert_eq!(ask(&store, 300).await, Admission::Go);
    }
}
