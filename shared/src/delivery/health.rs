//! What is known of an endpoint: whether it is slow, since when it does nothing but fail, whether to leave it alone.
//!
//! Nothing is stored of an endpoint that does well, and nothing is written while nothing changes: a healthy delivery
//! costs one cheap read here.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::judge::Judgement;
use super::send::{Answer, Sent, TransportFailure};
use crate::model::ids::{DeliveryId, SubscriptionId};
use crate::work::{Hold, StoreError};

/// An answer that takes longer makes an endpoint slow: its bells are rung on the queue of the slow.
const SLOW: Duration = Duration::from_secs(2);
/// So many broken answers in a row ...
const STREAK: usize = 5;
/// ... within this time open the breaker.
const STREAK_WITHIN: SignedDuration = SignedDuration::from_secs(60);
/// Or nothing but broken answers for so long ...
const BURST_WITHIN: SignedDuration = SignedDuration::from_secs(10);
/// ... if they are at least so many.
const BURST: usize = 3;
/// The first wait of an open breaker; doubled each time, up to the longest.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(5);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(300);
/// How long after its time a probe may be missing before any other delivery takes its place, and before the sweep
/// brings back what waits.
const PROBE_OVERDUE: SignedDuration = SignedDuration::from_secs(120);
/// Nothing but failure for so long, and the subscription is switched off.
pub const GIVEN_UP_AFTER: SignedDuration = SignedDuration::from_hours(5 * 24);
/// Endpoints whose good answers are remembered at a time.
const REMEMBERED: usize = 10_000;

/// The stored state. The default stands for what is not stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether its last answer was slow.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub slow: bool,
    /// Since when it has done nothing but fail.
    #[serde(
        with = "jiff::fmt::serde::timestamp::millisecond::optional",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub failing_since: Option<Timestamp>,
    /// When the last broken answers in a row were, in milliseconds since 1970, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<i64>,
    /// Until when it is left alone.
    #[serde(
        with = "jiff::fmt::serde::timestamp::millisecond::optional",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub open_until: Option<Timestamp>,
    /// Until when what waits behind the breaker is not brought back: a while longer, for the probe comes first.
    #[serde(
        with = "jiff::fmt::serde::timestamp::millisecond::optional",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub held_until: Option<Timestamp>,
    /// How often it opened in a row.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub opened: u32,
    /// The delivery that finds out whether it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prober: Option<DeliveryId>,
    /// Raised by every write: two writers that saw the same state do not both write.
    #[serde(default)]
    pub version: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// Where the health of endpoints is kept.
pub trait Healths: Send + Sync {
    /// What is known of a subscription's endpoint. May be a few milliseconds old.
    fn health(&self, id: &SubscriptionId) -> impl Future<Output = Result<Health, StoreError>> + Send;

    /// Writes a state over the one that was seen; `false` if it is another by now.
    fn set_health(
        &self,
        id: &SubscriptionId,
        seen: &Health,
        to: &Health,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// What deliveries to an endpoint that is left alone wait behind.
#[must_use]
pub fn hold(id: &SubscriptionId) -> Hold {
    Hold::breaker(&breaker_name(id))
}

/// The name of an endpoint's breaker.
#[must_use]
pub fn breaker_name(id: &SubscriptionId) -> String {
    format!("endpoint:{id}")
}

/// Whether a delivery may be attempted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// It may.
    Open,
    /// It may, as the one that finds out, if this state can be written first.
    Probe(Health),
    /// It is the one that finds out, at that time; the state to write first, if it was not known yet.
    ProbeLater(Timestamp, Option<Health>),
    /// It waits behind the breaker.
    Closed,
}

/// What an answer says of the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Well,
    /// It is there and says no.
    Refusing,
    /// No connection, no answer in time, or one that says it is broken.
    Broken,
}

/// An answer, as far as it concerns the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    verdict: Verdict,
    slow: Option<bool>,
}

impl Observation {
    /// What an attempt tells of its endpoint.
    #[must_use]
    pub fn of(sent: &Sent, judgement: &Judgement) -> Self {
        let verdict = match &sent.answer {
            _ if *judgement == Judgement::Delivered => Verdict::Well,
            Answer::Status { code, .. } if *code < 500 => Verdict::Refusing,
            // Our rules, not the endpoint's state: nothing was tried.
            Answer::Failed(TransportFailure::AddressRefused(_)) => Verdict::Refusing,
            Answer::Status { .. } | Answer::Failed(_) => Verdict::Broken,
        };
        let slow = match &sent.answer {
            Answer::Failed(TransportFailure::Timeout) => Some(true),
            // A connection that is refused at once says nothing of how fast an answer would be.
            Answer::Failed(_) => None,
            Answer::Status { .. } => Some(sent.duration > SLOW),
        };
        Self { verdict, slow }
    }
}

impl Health {
    /// Whether a delivery may be attempted now; an attempt may take `patience`.
    #[must_use]
    pub fn ask(&self, delivery: &DeliveryId, now: Timestamp, patience: SignedDuration) -> Gate {
        let Some(until) = self.open_until else { return Gate::Open };
        let mine = self.prober.as_ref() == Some(delivery);
        let nobodys = self.prober.is_none();
        let overdue = now > later(until, PROBE_OVERDUE);
        if now < until {
            return match (mine, nobodys) {
                (true, _) => Gate::ProbeLater(until, None),
                (_, true) => Gate::ProbeLater(until, Some(self.probed_by(delivery, until))),
                _ => Gate::Closed,
            };
        }
        if mine || nobodys || overdue {
            return Gate::Probe(self.probed_by(delivery, later(now, patience)));
        }
        Gate::Closed
    }

    fn probed_by(&self, delivery: &DeliveryId, until: Timestamp) -> Self {
        Self { prober: Some(delivery.clone()), ..self.open(until) }
    }

    fn open(&self, until: Timestamp) -> Self {
        Self { open_until: Some(until), held_until: Some(later(until, PROBE_OVERDUE)), ..self.next() }
    }

    fn next(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    /// The state after an answer to this delivery; nothing where it stays as it is. `did_well_at` is the last good
    /// answer that is known of, whoever was told.
    #[must_use]
    pub fn after(
        &self,
        delivery: &DeliveryId,
        seen: Observation,
        did_well_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Self> {
        let slow = seen.slow.unwrap_or(self.slow);
        let failing_since = || self.failing_since.or(Some(now));
        let to = match seen.verdict {
            Verdict::Well => Self { slow, version: self.version, ..Self::default() },
            Verdict::Refusing => {
                Self { slow, failing_since: failing_since(), version: self.version, ..Self::default() }
            }
            Verdict::Broken => {
                Self { slow, failing_since: failing_since(), ..self.broken_at(delivery, did_well_at, now) }
            }
        };
        let to = Self { version: self.version, ..to };
        (to != *self).then(|| to.next())
    }

    fn broken_at(&self, delivery: &DeliveryId, did_well_at: Option<Timestamp>, now: Timestamp) -> Self {
        if self.open_until.is_some() {
            // Who was under way when it opened adds nothing; who found out says it is not over.
            let found_out = self.prober.as_ref().is_none_or(|prober| prober == delivery);
            return if found_out { self.reopened(now) } else { self.clone() };
        }
        let mut broken = self.broken.clone();
        broken.push(now.as_millisecond());
        let from = broken.len().saturating_sub(STREAK);
        let broken = broken.split_off(from);
        let within = |n: usize, within: SignedDuration| {
            let first = broken.len().checked_sub(n).and_then(|from| broken.get(from));
            first.is_some_and(|first| now.as_millisecond() - first <= i64::try_from(within.as_millis()).unwrap_or(0))
        };
        let well_lately = did_well_at.is_some_and(|at| now.duration_since(at) <= BURST_WITHIN);
        let trips = within(STREAK, STREAK_WITHIN) || (!well_lately && within(BURST, BURST_WITHIN));
        let counted = Self { broken, ..self.clone() };
        if trips { counted.reopened(now) } else { counted }
    }

    fn reopened(&self, now: Timestamp) -> Self {
        let factor = 1_i32.checked_shl(self.opened.min(16)).unwrap_or(i32::MAX);
        let wait = FIRST_WAIT.saturating_mul(factor).min(LONGEST_WAIT);
        Self { opened: self.opened.saturating_add(1), prober: None, broken: Vec::new(), ..self.open(later(now, wait)) }
    }

    /// Whether there is nothing to say of it, and so nothing to keep.
    #[must_use]
    pub fn is_well(&self) -> bool {
        *self == Self { version: self.version, ..Self::default() }
    }

    /// Whether it has done nothing but fail for so long that it is given up.
    #[must_use]
    pub fn is_given_up(&self, now: Timestamp) -> bool {
        self.failing_since.is_some_and(|since| now.duration_since(since) >= GIVEN_UP_AFTER)
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    let then = at.saturating_add(by).unwrap_or(at);
    // As stored: whole milliseconds.
    Timestamp::from_millisecond(then.as_millisecond()).unwrap_or(then)
}

/// The good answers this process has seen. They are in no store, for writing each would double what a delivery costs.
#[derive(Debug, Default)]
pub struct GoodAnswers(Mutex<HashMap<SubscriptionId, Timestamp>>);

impl GoodAnswers {
    /// Notes one.
    pub fn note(&self, id: &SubscriptionId, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED && !known.contains_key(id) {
            known.clear();
        }
        known.insert(id.clone(), now);
    }

    /// The last one.
    #[must_use]
    pub fn last(&self, id: &SubscriptionId) -> Option<Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied()
    }
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
