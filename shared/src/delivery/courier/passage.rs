//! Whether a delivery may go now: past its endpoint's breaker, and in its turn where only so many a second are taken.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Courier, Post};
use crate::delivery::health::{Gate, Health, hold};
use crate::delivery::send::Sender;
use crate::model::delivery::Delivery;
use crate::model::subscription::Subscription;
use crate::work::{Hold, StoreError};

/// A turn that comes this soon is waited for on the spot: a bell is rounded up to whole seconds and costs more.
const WAITED_FOR: SignedDuration = SignedDuration::from_secs(2);
/// How much longer than its time-out a probe may take before it counts as lost.
const PROBE_SLACK: SignedDuration = SignedDuration::from_secs(30);

/// Whether a delivery may go.
pub(super) enum Passage {
    /// It may; what is known of its endpoint.
    Open(Health),
    /// Not before then; the turn it holds, if it holds one.
    Later { at: Timestamp, slot: Option<Timestamp> },
    /// It waits behind its endpoint's breaker.
    Behind(Hold),
}

impl<S: Post, T: Sender + Sync> Courier<S, T> {
    pub(super) async fn passage(
        &self,
        delivery: &Delivery,
        subscription: &Subscription,
        health: Health,
        latest: Timestamp,
    ) -> Result<Passage, StoreError> {
        let health = match self.gate(delivery, subscription, health).await? {
            Passage::Open(health) => health,
            closed => return Ok(closed),
        };
        let Some(rate) = subscription.rate_limit_per_s else { return Ok(Passage::Open(health)) };
        let now = (self.clock)();
        let at = match delivery.slot_at {
            Some(at) => at,
            None => {
                let name = format!("subscription:{}", subscription.id);
                let spacing = SignedDuration::from_secs(1) / i32::try_from(rate.max(1)).unwrap_or(i32::MAX);
                self.store.take_slot(&name, spacing, now).await?.at
            }
        };
        let wait = at.duration_since(now);
        if wait > WAITED_FOR || at > latest {
            return Ok(Passage::Later { at, slot: Some(at) });
        }
        tokio::time::sleep(Duration::try_from(wait).unwrap_or_default()).await;
        Ok(Passage::Open(health))
    }

    async fn gate(
        &self,
        delivery: &Delivery,
        subscription: &Subscription,
        health: Health,
    ) -> Result<Passage, StoreError> {
        let id = &subscription.id;
        let patience = SignedDuration::try_from(subscription.timeout()).unwrap_or(SignedDuration::ZERO) + PROBE_SLACK;
        let behind = || Passage::Behind(hold(id));
        Ok(match health.ask(&delivery.id, (self.clock)(), patience) {
            Gate::Open => Passage::Open(health),
            Gate::Closed => behind(),
            Gate::ProbeLater(at, None) => Passage::Later { at, slot: delivery.slot_at },
            // Whoever writes first is the one that finds out.
            Gate::ProbeLater(at, Some(to)) => match self.store.set_health(id, &health, &to).await? {
                true => Passage::Later { at, slot: delivery.slot_at },
                false => behind(),
            },
            Gate::Probe(to) => match self.store.set_health(id, &health, &to).await? {
                true => Passage::Open(to),
                false => behind(),
            },
        })
    }
}
