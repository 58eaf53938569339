//! A delivery's way from its bell to its record: claim, prepare, send, judge, record, and schedule before acknowledging.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::judge::{Judgement, judge};
use super::message::Message;
use super::prepare::{Endpoint, EndpointError, prepare};
use super::send::{Answer, Sender, Sent, TransportFailure};
use crate::address::AllowList;
use crate::model::delivery::{Attempt, Delivery, DeliveryStatus, INLINE_RESPONSE};
use crate::model::event::Announcement;
use crate::model::ids::{DeliveryId, EventId, SubscriptionId, TenantId};
use crate::model::subscription::{DisabledReason, Subscription};
use crate::signing::seal::StackKeys;
use crate::work::{Bell, Bells, Claimed, Fence, Hold, Next, Record, Ring, Rows, StoreError, Taken, Timing, take};

/// The subscription is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriptionGone;

/// What a courier needs of the store beside the rows.
pub trait Couriers: Send + Sync {
    /// The subscription a delivery goes to.
    fn subscription_of(
        &self,
        tenant: &TenantId,
        id: &SubscriptionId,
    ) -> impl Future<Output = Result<Result<Subscription, SubscriptionGone>, StoreError>> + Send;

    /// What is to be said; nothing where it was erased or forgotten.
    fn announcement(&self, id: &EventId) -> impl Future<Output = Result<Option<Announcement>, StoreError>> + Send;

    /// Keeps an attempt in a row of its own until `expires_at`.
    fn put_attempt(
        &self,
        id: &DeliveryId,
        attempt: &Attempt,
        expires_at: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Switches a subscription off.
    fn disable(
        &self,
        tenant: &TenantId,
        id: &SubscriptionId,
        reason: DisabledReason,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// What deliveries are made with.
pub struct Courier<S, T> {
    /// Rows, subscriptions, bells.
    pub store: S,
    /// The way out.
    pub sender: T,
    /// What opens a subscription's secrets.
    pub keys: StackKeys,
    /// Where may be sent to beyond public addresses.
    pub allowed: AllowList,
    /// How rows are timed.
    pub timing: Timing,
    /// How long a delivery is kept after its end.
    pub kept_for: SignedDuration,
    /// The time.
    pub clock: fn() -> Timestamp,
    /// Chance between 0 and 1.
    pub chance: fn() -> f64,
}

/// Time an attempt needs beside its own time-out: to read, to record, to ring.
const BOOKKEEPING: SignedDuration = SignedDuration::from_secs(2);
/// When to try a delivery that did not fit into the time that was left.
const NEXT_INVOCATION: SignedDuration = SignedDuration::from_secs(1);
/// When to look again at a delivery whose subscription we cannot read: ours to mend.
const OURS_TO_MEND: SignedDuration = SignedDuration::from_secs(300);

/// What came of an attempt: the one wide line of the log, and the metrics.
#[derive(Debug, Clone)]
pub struct Attempted {
    /// The delivery.
    pub delivery: Delivery,
    /// The attempt.
    pub attempt: Attempt,
    /// What follows.
    pub judgement: Judgement,
}

#[derive(Debug, Default, Serialize)]
struct Patch {
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Attempt>,
}

impl<S: Rows + Bells + Couriers, T: Sender + Sync> Courier<S, T> {
    /// Answers a bell.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn take(&self, bell: &Bell, deadline: Timestamp) -> Result<Option<Claimed<Delivery>>, StoreError> {
        let now = (self.clock)();
        match take::<Delivery>(&self.store, bell, &self.timing, now, deadline).await? {
            Taken::Yes(claimed) => Ok(Some(*claimed)),
            Taken::Crashed(claimed) => {
                tracing::error!(row = %bell.row, "a delivery killed its workers and is given up");
                let attempt = Attempt {
                    n: claimed.row.work.attempts + 1,
                    at: now,
                    http_status: None,
                    duration_ms: 0,
                    error: Some("crashed".to_owned()),
                    response: None,
                    next_retry_at: None,
                };
                self.end(&claimed.fence, DeliveryStatus::Failed, Some(attempt), now).await?;
                Ok(None)
            }
            Taken::Left(left) => {
                tracing::debug!(row = %bell.row, refusal = ?left.0, "a bell for nothing");
                Ok(None)
            }
        }
    }

    /// Makes one attempt at a claimed delivery and records it; what came of it, if one was made. `held` is what the
    /// work waits behind, if anything.
    ///
    /// # Errors
    /// When the record could not be written.
    pub async fn deliver(
        &self,
        claimed: Claimed<Delivery>,
        held: Option<Hold>,
        deadline: Timestamp,
    ) -> Result<Option<Attempted>, StoreError> {
        let Claimed { row: delivery, fence } = claimed;
        let now = (self.clock)();
        if let Some(hold) = held {
            let next = Next::Park { hold, now };
            self.record(&fence, DeliveryStatus::Retrying, next, false, None).await?;
            return Ok(None);
        }
        let subscription = self.store.subscription_of(&delivery.tenant, &delivery.subscription).await?;
        let subscription = match subscription {
            Ok(subscription) if subscription.state.active => subscription,
            Ok(_) | Err(SubscriptionGone) => {
                self.end(&fence, DeliveryStatus::Cancelled, None, now).await?;
                return Ok(None);
            }
        };
        let Some(announcement) = self.store.announcement(&delivery.event).await? else {
            self.end(&fence, DeliveryStatus::Cancelled, None, now).await?;
            return Ok(None);
        };
        let timeout = SignedDuration::try_from(subscription.timeout()).unwrap_or(SignedDuration::ZERO);
        if deadline.duration_since(now) < timeout + BOOKKEEPING {
            // What is left of this invocation does not cover the time-out: the next one begins with a full hour glass.
            // Not at once: where no invocation is ever long enough, this must not spin.
            let later = now.saturating_add(NEXT_INVOCATION).unwrap_or(now);
            return self.again(&delivery, &fence, later).await.map(|()| None);
        }
        let endpoint = match Endpoint::open(&subscription, &self.keys, &self.allowed, now) {
            Ok(endpoint) => endpoint,
            Err(EndpointError::Url(error)) => {
                let attempt = Judgement::refused(error);
                return self.conclude(delivery, &fence, &subscription, attempt, &never_sent(now)).await.map(Some);
            }
            Err(EndpointError::Sealed(error)) => {
                tracing::error!(delivery.id = %delivery.id, %error, "a subscription's secret cannot be opened");
                let later = now.saturating_add(OURS_TO_MEND).unwrap_or(now);
                return self.again(&delivery, &fence, later).await.map(|()| None);
            }
        };
        let prepared = prepare(&Message::of(&announcement), &endpoint, now);
        let sent = self.sender.send(&prepared).await;
        let n = delivery.work.attempts + 1;
        let judgement = judge(&sent, subscription.retry, n, (self.clock)(), (self.chance)());
        self.conclude(delivery, &fence, &subscription, judgement, &sent).await.map(Some)
    }

    async fn conclude(
        &self,
        delivery: Delivery,
        fence: &Fence,
        subscription: &Subscription,
        judgement: Judgement,
        sent: &Sent,
    ) -> Result<Attempted, StoreError> {
        let now = (self.clock)();
        let attempt = judgement.attempt(delivery.work.attempts + 1, sent);
        let said_more = attempt.response.as_ref().is_some_and(|response| response.len() > INLINE_RESPONSE);
        if judgement != Judgement::Delivered || said_more {
            // Before the record: an attempt that is counted is an attempt that can be shown.
            self.store.put_attempt(&delivery.id, &attempt, self.expiry(now)).await?;
        }
        if judgement == Judgement::Gone {
            self.store.disable(&subscription.tenant, &subscription.id, DisabledReason::Gone, now).await?;
        }
        let inline = Some(inline(attempt.clone()));
        match judgement.next_retry_at() {
            Some(at) => {
                let next = Next::Again { not_before: at, queue: None };
                if self.record(fence, judgement.status(), next, true, inline).await? {
                    self.ring(&delivery, at).await;
                }
            }
            None => self.end_with(fence, judgement.status(), true, inline, now).await?,
        }
        Ok(Attempted { delivery, attempt, judgement })
    }

    async fn again(&self, delivery: &Delivery, fence: &Fence, at: Timestamp) -> Result<(), StoreError> {
        let status = if delivery.work.attempts == 0 { DeliveryStatus::Pending } else { DeliveryStatus::Retrying };
        if self.record(fence, status, Next::Again { not_before: at, queue: None }, false, None).await? {
            self.ring(delivery, at).await;
        }
        Ok(())
    }

    /// Scheduled before acknowledged: the row is due already, the bell only makes it sooner.
    async fn ring(&self, delivery: &Delivery, at: Timestamp) {
        let mut ring = Ring::of(delivery);
        ring.not_before = at;
        for bell in self.store.ring(&[ring], (self.clock)()).await {
            tracing::warn!(row = %bell.row, why = %bell.why, "a bell could not be rung; the sweep will");
        }
    }

    async fn end(
        &self,
        fence: &Fence,
        status: DeliveryStatus,
        attempt: Option<Attempt>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.end_with(fence, status, false, attempt, now).await
    }

    async fn end_with(
        &self,
        fence: &Fence,
        status: DeliveryStatus,
        counted: bool,
        attempt: Option<Attempt>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let failed = matches!(status, DeliveryStatus::Failed | DeliveryStatus::Exhausted);
        let next = Next::End { now, expires_at: self.expiry(now), failed };
        self.record(fence, status, next, counted, attempt).await.map(|_| ())
    }

    async fn record(
        &self,
        fence: &Fence,
        status: DeliveryStatus,
        next: Next,
        counted: bool,
        last: Option<Attempt>,
    ) -> Result<bool, StoreError> {
        let record = Record { status: status.name(), next, counted, patch: Patch { last }, remove: &[] };
        self.store.record::<Delivery, _>(fence, &record).await
    }

    fn expiry(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.kept_for).unwrap_or(Timestamp::MAX)
    }
}

/// An attempt whose URL was refused before anything left the house.
fn never_sent(now: Timestamp) -> Sent {
    // What was wrong is said by the judgement; here only that there is no status.
    Sent { at: now, duration: std::time::Duration::ZERO, answer: Answer::Failed(TransportFailure::Connect) }
}

/// The attempt as it fits onto the delivery's own row.
fn inline(mut attempt: Attempt) -> Attempt {
    if let Some(response) = &mut attempt.response {
        let end = (0..=INLINE_RESPONSE.min(response.len())).rev().find(|end| response.is_char_boundary(*end));
        response.truncate(end.unwrap_or(0));
    }
    attempt
}

#[cfg(test)]
#[path = "courier_tests.rs"]
mod tests;
