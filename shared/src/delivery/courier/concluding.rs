//! The end of an attempt: what is known of the endpoint, what is recorded, what is rung.

use jiff::Timestamp;
use serde::Serialize;

use super::{Attempted, Courier, Post, waiting};
use crate::delivery::health::{Health, Observation, hold};
use crate::delivery::judge::Judgement;
use crate::delivery::send::{Sender, Sent};
use crate::model::delivery::{Attempt, Delivery, DeliveryStatus, INLINE_RESPONSE};
use crate::model::row::{Queue, RowKey};
use crate::model::subscription::{DisabledReason, Subscription};
use crate::work::{DueRow, Fence, Next, Record, Ring, StoreError};

/// How often what is known of an endpoint is written over what another worker wrote. Beyond that it is let go: the next
/// answer tells again.
const TRIES: usize = 4;
/// Deliveries brought back at once when a breaker closes; the sweep brings the rest, in growing pages.
const FIRST_BACK: usize = 12;

#[derive(Debug, Default, Serialize)]
pub(super) struct Patch {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<Attempt>,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::optional", skip_serializing_if = "Option::is_none")]
    pub(super) slot_at: Option<Timestamp>,
}

impl<S: Post, T: Sender + Sync> Courier<S, T> {
    /// Records an attempt. `health` is what was known of the endpoint before it; nothing where none was asked.
    pub(super) async fn conclude(
        &self,
        delivery: Delivery,
        fence: &Fence,
        subscription: &Subscription,
        judgement: Judgement,
        sent: &Sent,
        health: Option<Health>,
    ) -> Result<Attempted, StoreError> {
        let now = (self.clock)();
        let health = match health {
            Some(known) => self.observe(&delivery, subscription, &judgement, sent, known).await?,
            None => Health::default(),
        };
        let judgement = held_back(judgement, &health);
        let attempt = judgement.attempt(delivery.work.attempts + 1, sent);
        let said_more = attempt.response.as_ref().is_some_and(|response| response.len() > INLINE_RESPONSE);
        if judgement != Judgement::Delivered || said_more {
            // Before the record: an attempt that is counted is an attempt that can be shown.
            self.store.put_attempt(&delivery.id, &attempt, self.expiry(now)).await?;
        }
        // Before the record, too: what is told of a delivery is told again if its record fails, under the same name.
        if judgement == Judgement::Gone {
            self.switch_off(subscription, DisabledReason::Gone, now).await?;
        } else if judgement != Judgement::Delivered && health.is_given_up(now) {
            self.switch_off(subscription, DisabledReason::KeptFailing, now).await?;
        }
        if matches!(judgement, Judgement::Exhausted { .. }) {
            self.tell_exhausted(&delivery, &attempt, now).await?;
        }
        let inline = Some(inline(attempt.clone()));
        match judgement.next_retry_at() {
            Some(at) => {
                let queue = if health.slow { Queue::DeliverySlow } else { Queue::Delivery };
                let next = Next::Again { not_before: at, queue: Some(queue) };
                if self.record(fence, judgement.status(), next, inline).await? {
                    self.ring(&delivery, queue, at).await;
                }
            }
            None => self.end(fence, judgement.status(), inline, now).await?,
        }
        Ok(Attempted { delivery, attempt, judgement })
    }

    /// Writes what the answer says of the endpoint, if it says anything new, and does what follows for the deliveries
    /// that wait for it. What is known now.
    async fn observe(
        &self,
        delivery: &Delivery,
        subscription: &Subscription,
        judgement: &Judgement,
        sent: &Sent,
        mut known: Health,
    ) -> Result<Health, StoreError> {
        let (id, now) = (&subscription.id, (self.clock)());
        let did_well_at = self.good.last(id);
        if *judgement == Judgement::Delivered {
            self.good.note(id, now);
        }
        let seen = Observation::of(sent, judgement);
        for _ in 0..TRIES {
            let Some(mut to) = known.after(&delivery.id, seen, did_well_at, now) else { return Ok(known) };
            let opens = to.open_until.filter(|_| to.open_until != known.open_until);
            let mut next_in_line = None;
            if let Some(until) = opens {
                // The one that finds out is this delivery if it is tried again by then, else the oldest that waits.
                if judgement.next_retry_at().is_some_and(|at| at <= until) {
                    to.prober = Some(delivery.id.clone());
                } else {
                    next_in_line = self.oldest_waiting(subscription).await?;
                    to.prober = next_in_line.as_ref().and_then(|row| match &row.key {
                        RowKey::Delivery(id) => Some(id.clone()),
                        _ => None,
                    });
                }
            }
            if !self.store.set_health(id, &known, &to).await? {
                known = self.store.health(id).await?;
                continue;
            }
            if let (Some(row), Some(until)) = (next_in_line, opens) {
                self.bring_back(&[row], until).await?;
            }
            if known.open_until.is_some() && to.open_until.is_none() {
                self.welcome_back(subscription, now).await?;
            }
            return Ok(to);
        }
        tracing::debug!(subscription.id = %id, "what is known of an endpoint changes too fast to be written");
        Ok(known)
    }

    async fn oldest_waiting(&self, subscription: &Subscription) -> Result<Option<DueRow>, StoreError> {
        let mut oldest: Option<DueRow> = None;
        for shard in hold(&subscription.id).shards() {
            for row in self.store.due(&shard, Timestamp::MAX, 1).await? {
                if oldest.as_ref().is_none_or(|other| row.due_at < other.due_at) {
                    oldest = Some(row);
                }
            }
        }
        Ok(oldest)
    }

    /// The first of what waited goes at once; all the rest is the sweep's.
    async fn welcome_back(&self, subscription: &Subscription, now: Timestamp) -> Result<(), StoreError> {
        for shard in hold(&subscription.id).shards() {
            let waiting = self.store.due(&shard, Timestamp::MAX, FIRST_BACK).await?;
            self.bring_back(&waiting, now).await?;
        }
        Ok(())
    }

    async fn bring_back(&self, rows: &[DueRow], at: Timestamp) -> Result<(), StoreError> {
        let mut rings = Vec::with_capacity(rows.len());
        for row in rows {
            rings.extend(self.store.unpark(row, at).await?);
        }
        for bell in self.store.ring(&rings, (self.clock)()).await {
            tracing::warn!(row = %bell.row, why = %bell.why, "a bell could not be rung; the sweep will");
        }
        Ok(())
    }

    /// Puts a delivery off; no attempt was made.
    pub(super) async fn again(&self, delivery: &Delivery, fence: &Fence, at: Timestamp) -> Result<(), StoreError> {
        self.wait_for(delivery, fence, at, None).await
    }

    /// Puts a delivery off to its turn; no attempt was made.
    pub(super) async fn wait_for(
        &self,
        delivery: &Delivery,
        fence: &Fence,
        at: Timestamp,
        slot: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let next = Next::Again { not_before: at, queue: None };
        let patch = Patch { last: None, slot_at: slot };
        let record = Record { status: waiting(delivery).name(), next, counted: false, patch, remove: &[] };
        if self.store.record::<Delivery, _>(fence, &record).await? {
            self.ring(delivery, delivery.work.queue, at).await;
        }
        Ok(())
    }

    /// Scheduled before acknowledged: the row is due already, the bell only makes it sooner.
    async fn ring(&self, delivery: &Delivery, queue: Queue, at: Timestamp) {
        let ring = Ring { queue, not_before: at, ..Ring::of(delivery) };
        for bell in self.store.ring(&[ring], (self.clock)()).await {
            tracing::warn!(row = %bell.row, why = %bell.why, "a bell could not be rung; the sweep will");
        }
    }

    /// Ends a delivery, with the attempt it ended in.
    pub(super) async fn end(
        &self,
        fence: &Fence,
        status: DeliveryStatus,
        attempt: Option<Attempt>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let failed = matches!(status, DeliveryStatus::Failed | DeliveryStatus::Exhausted);
        let next = Next::End { now, expires_at: self.expiry(now), failed };
        self.record(fence, status, next, attempt).await.map(|_| ())
    }

    /// Records what became of a delivery, with the attempt that was made, if one was. The turn it held is used up.
    pub(super) async fn record(
        &self,
        fence: &Fence,
        status: DeliveryStatus,
        next: Next,
        attempt: Option<Attempt>,
    ) -> Result<bool, StoreError> {
        let counted = attempt.as_ref().is_some_and(|attempt| attempt.error.as_deref() != Some("crashed"));
        let patch = Patch { last: attempt, slot_at: None };
        let remove: &[&str] = if counted { &["slot_at"] } else { &[] };
        let record = Record { status: status.name(), next, counted, patch, remove };
        self.store.record::<Delivery, _>(fence, &record).await
    }

    fn expiry(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.kept_for).unwrap_or(Timestamp::MAX)
    }
}

/// While its endpoint is left alone, a delivery is not tried.
fn held_back(judgement: Judgement, health: &Health) -> Judgement {
    match (judgement, health.open_until) {
        (Judgement::Retry { at, why }, Some(until)) if until > at => Judgement::Retry { at: until, why },
        (judgement, _) => judgement,
    }
}

/// The attempt as it fits onto the delivery's own row.
fn inline(mut attempt: Attempt) -> Attempt {
    if let Some(response) = &mut attempt.response {
        let end = (0..=INLINE_RESPONSE.min(response.len())).rev().find(|end| response.is_char_boundary(*end));
        response.truncate(end.unwrap_or(0));
    }
    attempt
}
