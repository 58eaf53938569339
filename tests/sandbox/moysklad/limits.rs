//! Limits of one user or solution: 45 units in three seconds, five requests at once, and what is punished with a ban.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use axum::http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

const UNITS: u32 = 45;
const PERIOD: SignedDuration = SignedDuration::from_secs(3);
pub(super) const MAX_PARALLEL: u32 = 5;
pub(super) const MAX_PARALLEL_OF_ACCOUNT: u32 = 20;
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const MAX_PUTS: usize = 100;
const MAX_REFUSED: usize = 200;
const MAX_EQUAL_FAILURES: usize = 200;
/// Beyond this many, what is older than a minute is forgotten.
const MAX_REMEMBERED: usize = 5_000;

/// Why a user has lost the access to the API.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Rule {
    /// More than 100 PUTs to one entity in a minute.
    PutsToOneEntity,
    /// More than 200 answers 429 in a minute.
    TooManyRefused,
    /// More than 200 equal requests in a minute that failed.
    EqualFailures,
}

/// The times of the last minute.
#[derive(Default)]
struct Recent(VecDeque<Timestamp>);

impl Recent {
    fn forget(&mut self, now: Timestamp) {
        while self.0.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
            self.0.pop_front();
        }
    }

    /// How many there are, this one included.
    fn add(&mut self, now: Timestamp) -> usize {
        self.forget(now);
        self.0.push_back(now);
        self.0.len()
    }
}

/// What one user or solution has spent.
#[derive(Default)]
pub(super) struct Meter {
    began: Option<Timestamp>,
    spent: u32,
    pub(super) at_once: u32,
    refused: Recent,
    puts: HashMap<String, Recent>,
    failures: HashMap<u64, Recent>,
    pub(super) ban: Option<Rule>,
}

/// What the headers of an answer say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Standing {
    /// Requests a period allows.
    pub(super) limit: u32,
    pub(super) remaining: u32,
    /// Milliseconds to the next period, of one who is refused.
    pub(super) reset_ms: Option<i64>,
}

impl Meter {
    /// Spends a request of this weight; one that does not fit is refused and costs nothing.
    pub(super) fn spend(&mut self, weight: u32, now: Timestamp) -> Standing {
        let is_over = self.began.is_none_or(|began| now.duration_since(began) >= PERIOD);
        if is_over {
            self.began = Some(now);
            self.spent = 0;
        }
        let fits = self.spent + weight <= UNITS;
        if fits {
            self.spent += weight;
        }
        let left = PERIOD - self.began.map_or(PERIOD, |began| now.duration_since(began));
        Standing {
            limit: UNITS / weight.max(1),
            remaining: (UNITS - self.spent) / weight.max(1),
            reset_ms: (!fits).then(|| i64::try_from(left.as_millis()).unwrap_or(0).max(1)),
        }
    }

    /// Nothing spent and nothing held against it; what is under way stays so.
    pub(super) fn forgive(&mut self) {
        *self = Self { at_once: self.at_once, ..Self::default() };
    }

    /// A PUT to an entity.
    pub(super) fn put(&mut self, entity: &str, now: Timestamp) {
        forget_old(&mut self.puts, now);
        if self.puts.entry(entity.to_owned()).or_default().add(now) > MAX_PUTS {
            self.ban = self.ban.or(Some(Rule::PutsToOneEntity));
        }
    }

    /// An answer 429.
    pub(super) fn refuse(&mut self, now: Timestamp) {
        if self.refused.add(now) > MAX_REFUSED {
            self.ban = self.ban.or(Some(Rule::TooManyRefused));
        }
    }

    /// Any other answer from 400 on, to a request that is told by its method, address and body.
    pub(super) fn fail(&mut self, request: (&str, &str, &[u8]), now: Timestamp) {
        let mut hasher = DefaultHasher::new();
        request.hash(&mut hasher);
        forget_old(&mut self.failures, now);
        if self.failures.entry(hasher.finish()).or_default().add(now) > MAX_EQUAL_FAILURES {
            self.ban = self.ban.or(Some(Rule::EqualFailures));
        }
    }
}

fn forget_old<K: Eq + Hash>(remembered: &mut HashMap<K, Recent>, now: Timestamp) {
    if remembered.len() > MAX_REMEMBERED {
        remembered.retain(|_, recent| {
            recent.forget(now);
            !recent.0.is_empty()
        });
    }
}

impl Standing {
    /// Refused, and for how long.
    pub(super) fn refused(retry_after_ms: i64) -> Self {
        Self { limit: UNITS, remaining: 0, reset_ms: Some(retry_after_ms) }
    }

    pub(super) fn write(self, headers: &mut HeaderMap) {
        let mut put = |name: &'static str, value: i64| headers.insert(name, HeaderValue::from(value));
        put("x-ratelimit-limit", i64::from(self.limit));
        put("x-ratelimit-remaining", i64::from(self.remaining));
        put("x-lognex-retry-timeinterval", i64::try_from(PERIOD.as_millis()).unwrap_or(0));
        put("x-lognex-reset", self.reset_ms.unwrap_or(0));
        if let Some(ms) = self.reset_ms {
            put("x-lognex-retry-after", ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_790_000_000_000 + ms).unwrap()
    }

    #[test]
    fn forty_five_units_fit_into_three_seconds_whatever_a_request_weighs() {
        for (weight, requests) in [(1, 45), (2, 22), (3, 15), (4, 11)] {
            let mut meter = Meter::default();
            for n in 1..=requests {
                let standing = meter.spend(weight, at(i64::from(n)));
                assert_eq!((standing.reset_ms, standing.remaining), (None, requests - n), "{weight}");
            }
            assert_eq!(meter.spend(weight, at(1000)).reset_ms, Some(2001), "{weight}");
            assert_eq!(meter.spend(weight, at(3001)).reset_ms, None, "{weight}");
        }
    }

    #[test]
    fn more_than_a_hundred_puts_to_one_entity_in_a_minute_ban() {
        let mut meter = Meter::default();
        for n in 0..100 {
            meter.put("product/1", at(n * 10));
            meter.put(&format!("product/other-{n}"), at(n * 10));
        }
        assert_eq!(meter.ban, None);
        meter.put("product/1", at(59_999));
        assert_eq!(meter.ban, Some(Rule::PutsToOneEntity));
    }

    #[test]
    fn what_is_older_than_a_minute_does_not_ban() {
        let mut meter = Meter::default();
        for n in 0..1_000 {
            meter.put("product/1", at(n * 700));
            meter.refuse(at(n * 350));
            meter.fail(("GET", "/entity/product/1", b""), at(n * 350));
        }
        assert_eq!(meter.ban, None);
    }

    #[test]
    fn more_than_two_hundred_refusals_or_equal_failures_in_a_minute_ban() {
        let mut refused = Meter::default();
        let mut failed = Meter::default();
        for n in 0..200 {
            refused.refuse(at(n));
            failed.fail(("PUT", "/entity/product/1", b"{}"), at(n));
            failed.fail(("PUT", &format!("/entity/product/other-{n}"), b"{}"), at(n));
        }
        assert_eq!((refused.ban, failed.ban), (None, None));
        refused.refuse(at(201));
        failed.fail(("PUT", "/entity/product/1", b"{}"), at(201));
        assert_eq!((refused.ban, failed.ban), (Some(Rule::TooManyRefused), Some(Rule::EqualFailures)));
    }
}
