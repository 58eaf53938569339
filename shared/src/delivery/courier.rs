//! A delivery's way from its bell to its record: claim, prepare, send, judge, record, and schedule before acknowledging.

mod concluding;
mod passage;
mod telling;

use std::future::Future;

use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};

use super::health::{GoodAnswers, Healths};
use super::judge::{Judgement, judge};
use super::message::Message;
use super::prepare::{Endpoint, EndpointError, prepare};
use super::send::{Answer, Sender, Sent, TransportFailure};
use crate::address::AllowList;
use crate::dispatch::{Batches, Outbox, Subscribers};
use crate::limits::Slots;
use crate::model::delivery::{Attempt, Delivery, DeliveryStatus};
use crate::model::event::Announcement;
use crate::model::ids::{DeliveryId, EventId, SubscriptionId, TenantId};
use crate::model::subscription::{DisabledReason, Subscription};
use crate::signing::seal::StackKeys;
use crate::work::{Bell, Bells, Claimed, DueIndex, Fence, Hold, Next, Rows, StoreError, Taken, Timing, take};
use passage::Passage;

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

    /// Switches a subscription off; `false` if it was off, or gone.
    fn disable(
        &self,
        tenant: &TenantId,
        id: &SubscriptionId,
        reason: DisabledReason,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// All that deliveries are made with, of a store.
pub trait Post: Rows + Bells + Couriers + Healths + Slots + DueIndex + Subscribers + Outbox + Batches {}
impl<S: Rows + Bells + Couriers + Healths + Slots + DueIndex + Subscribers + Outbox + Batches> Post for S {}

/// What deliveries are made with.
pub struct Courier<S, T> {
    /// Rows, subscriptions, bells, endpoints.
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
    /// Which endpoints have done well lately.
    pub good: GoodAnswers,
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

/// What came of a bell.
#[derive(Debug)]
pub enum Answered {
    /// The delivery is ours: deliver it.
    Yours(Box<Claimed<Delivery>>),
    /// It killed too many workers and was given up.
    GivenUp(Box<Delivery>),
    /// There is nothing to do.
    Nothing,
}

/// What came of an attempt: the one wide line of the log, and the metrics.
#[derive(Debug, Clone)]
pub struct Attempted {
    /// The delivery, as it was before.
    pub delivery: Delivery,
    /// The attempt.
    pub attempt: Attempt,
    /// What follows.
    pub judgement: Judgement,
}

impl<S: Post, T: Sender + Sync> Courier<S, T> {
    /// Answers a bell.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn take(&self, bell: &Bell, deadline: Timestamp) -> Result<Answered, StoreError> {
        let now = (self.clock)();
        match take::<Delivery>(&self.store, bell, &self.timing, now, deadline).await? {
            Taken::Yes(claimed) => Ok(Answered::Yours(claimed)),
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
                Ok(Answered::GivenUp(Box::new(claimed.row)))
            }
            Taken::Left(left) => {
                tracing::debug!(row = %bell.row, refusal = ?left.0, "a bell for nothing");
                Ok(Answered::Nothing)
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
        if let Some(hold) = held {
            return self.park(&delivery, &fence, hold).await.map(|()| None);
        }
        let (subscription, words, health) = tokio::try_join!(
            self.store.subscription_of(&delivery.tenant, &delivery.subscription),
            self.words(&delivery),
            self.store.health(&delivery.subscription),
        )?;
        let now = (self.clock)();
        let subscription = match subscription {
            Ok(subscription) if subscription.state.active && !words.is_empty() => subscription,
            Ok(_) | Err(SubscriptionGone) => {
                self.end(&fence, DeliveryStatus::Cancelled, None, now).await?;
                return Ok(None);
            }
        };
        let timeout = SignedDuration::try_from(subscription.timeout()).unwrap_or(SignedDuration::ZERO);
        let needs = timeout + BOOKKEEPING;
        if deadline.duration_since(now) < needs {
            // What is left of this invocation does not cover the time-out: the next one begins with a full hour glass.
            // Not at once: where no invocation is ever long enough, this must not spin.
            let later = now.saturating_add(NEXT_INVOCATION).unwrap_or(now);
            return self.again(&delivery, &fence, later).await.map(|()| None);
        }
        let latest = deadline.saturating_sub(needs).unwrap_or(now);
        let health = match self.passage(&delivery, &subscription, health, latest).await? {
            Passage::Open(health) => health,
            Passage::Later { at, slot } => {
                return self.wait_for(&delivery, &fence, at, slot).await.map(|()| None);
            }
            Passage::Behind(hold) => return self.park(&delivery, &fence, hold).await.map(|()| None),
        };
        let now = (self.clock)();
        let endpoint = match Endpoint::open(&subscription, &self.keys, &self.allowed, now) {
            Ok(endpoint) => endpoint,
            Err(EndpointError::Url(error)) => {
                let refused = Judgement::refused(error);
                return self.conclude(delivery, &fence, &subscription, refused, &never_sent(now), None).await.map(Some);
            }
            Err(EndpointError::Sealed(error)) => {
                tracing::error!(delivery.id = %delivery.id, %error, "a subscription's secret cannot be opened");
                let later = now.saturating_add(OURS_TO_MEND).unwrap_or(now);
                return self.again(&delivery, &fence, later).await.map(|()| None);
            }
        };
        let message = if delivery.is_batch() {
            Message::batch(&delivery.id, delivery.created_at, &words)
        } else {
            Message::of(&words[0])
        };
        let sent = self.sender.send(&prepare(&message, &endpoint, now)).await;
        let n = delivery.work.attempts + 1;
        let judgement = judge(&sent, subscription.retry, n, (self.clock)(), (self.chance)());
        self.conclude(delivery, &fence, &subscription, judgement, &sent, Some(health)).await.map(Some)
    }

    /// What a delivery says: its event, or those gathered into it, the oldest first. What was erased is left out.
    async fn words(&self, delivery: &Delivery) -> Result<Vec<Announcement>, StoreError> {
        if !delivery.is_batch() {
            return Ok(self.store.announcement(&delivery.event).await?.into_iter().collect());
        }
        let asked = delivery.batch_events.iter().map(|id| self.store.announcement(id));
        let mut words: Vec<Announcement> = try_join_all(asked).await?.into_iter().flatten().collect();
        words.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        Ok(words)
    }

    async fn park(&self, delivery: &Delivery, fence: &Fence, hold: Hold) -> Result<(), StoreError> {
        let next = Next::Park { hold, now: (self.clock)() };
        self.record(fence, waiting(delivery), next, None).await.map(|_| ())
    }
}

/// The status of a delivery that waits.
const fn waiting(delivery: &Delivery) -> DeliveryStatus {
    if delivery.work.attempts == 0 { DeliveryStatus::Pending } else { DeliveryStatus::Retrying }
}

/// An attempt whose URL was refused before anything left the house.
fn never_sent(now: Timestamp) -> Sent {
    // What was wrong is said by the judgement; here only that there is no status.
    Sent { at: now, duration: std::time::Duration::ZERO, answer: Answer::Failed(TransportFailure::Connect) }
}

#[cfg(test)]
mod tests;
