//! Events gathered into one delivery. The first opens it, the next join it while nobody has tried to send it and it has
//! room; it goes out when it is full, or when the first has waited long enough.

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::model::delivery::Delivery;
use crate::model::event::Announcement;
use crate::model::ids::{DeliveryId, EventId, SubscriptionId};
use crate::model::subscription::BatchRule;
use crate::work::{Ring, Rows, StoreError, Timing};

/// Most bytes of the bodies in a batch: what a receiver must take in one request. A single event may have more.
pub(super) const MAX_BYTES: u64 = 1024 * 1024;
/// What an event's envelope adds to its data in the body, about.
const ENVELOPE_BYTES: u64 = 160;

/// One event of a subscription is gathered at a time in a process: events come in bursts, and each of a burst would
/// otherwise try to begin the batch that only one can.
static ONE_AT_A_TIME: [Mutex<()>; 32] = [const { Mutex::const_new(()) }; 32];

/// What came of joining a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// The event is in it, and it waits for more.
    Waiting,
    /// The event is in it, and it is full.
    Full,
    /// It takes no more, or not this one.
    Closed,
}

/// What came of beginning a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It is there, and events are gathered in it from now on.
    New,
    /// The delivery was there before. Nothing was changed.
    There,
    /// Events are gathered in another one by now. Nothing was changed.
    Outrun,
}

/// How often an event that finds no open batch and cannot begin one looks again, before its bell is left to come again.
const LOOKS: u32 = 10;

/// Where open batches are known.
pub trait Batches: Send + Sync {
    /// The batch a subscription's events were last gathered in.
    fn open_batch(
        &self,
        subscription: &SubscriptionId,
    ) -> impl Future<Output = Result<Option<DeliveryId>, StoreError>> + Send;

    /// Puts a new delivery that gathers, and has it take the place of the batch that was seen open: both or neither, so
    /// that of two workers only one begins a batch and the other finds it.
    fn begin_batch(
        &self,
        batch: &Delivery,
        seen: Option<&DeliveryId>,
    ) -> impl Future<Output = Result<Begun, StoreError>> + Send;

    /// Adds an event to a batch that gathers (`Delivery::gathers`) and has room for it. One that is in it is in it.
    fn join_batch(
        &self,
        batch: &DeliveryId,
        event: &EventId,
        bytes: u64,
        room: Room,
    ) -> impl Future<Output = Result<Joined, StoreError>> + Send;

    /// Lets a batch that still gathers and waits go out at once; the bell to ring for it.
    fn close_batch(
        &self,
        batch: &DeliveryId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Ring>, StoreError>> + Send;

    /// The batch an event was gathered in for a subscription, if it was.
    fn gathered_in(
        &self,
        event: &EventId,
        subscription: &SubscriptionId,
    ) -> impl Future<Output = Result<Option<DeliveryId>, StoreError>> + Send;

    /// Notes that an event was gathered, until `expires_at`.
    fn note_gathered(
        &self,
        event: &EventId,
        subscription: &SubscriptionId,
        batch: &DeliveryId,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// How much goes into a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Events.
    pub events: u32,
    /// Bytes of their bodies.
    pub bytes: u64,
}

/// Gathers an event; the bells to ring, if it opened a batch or filled one. `delivery` is what the event would be alone.
///
/// An event whose worker dies between joining and noting it may be gathered twice: it keeps its id, and its receiver
/// tells copies by that.
pub(super) async fn gather(
    store: &(impl Batches + Rows),
    announcement: &Announcement,
    delivery: Delivery,
    rule: BatchRule,
    timing: &Timing,
    now: Timestamp,
) -> Result<Vec<Ring>, StoreError> {
    let subscription = delivery.subscription.clone();
    let _turn = ONE_AT_A_TIME[place(&subscription)].lock().await;
    if store.gathered_in(&announcement.id, &subscription).await?.is_some() {
        return Ok(Vec::new());
    }
    let bytes = announcement.data.to_string().len() as u64 + ENVELOPE_BYTES;
    let room = Room { events: rule.max_events, bytes: MAX_BYTES };
    let mut rings = Vec::new();
    let batch = opening(delivery, &announcement.id, bytes, rule, timing, now);
    for _ in 0..LOOKS {
        let open = store.open_batch(&subscription).await?;
        if let Some(open) = &open {
            let joined = store.join_batch(open, &announcement.id, bytes, room).await?;
            if joined != Joined::Waiting {
                // Full, by its events or by its bytes: it need not wait any longer.
                rings.extend(store.close_batch(open, now).await?);
            }
            if joined != Joined::Closed {
                store.note_gathered(&announcement.id, &subscription, open, now).await?;
                return Ok(rings);
            }
        }
        let begun = store.begin_batch(&batch, open.as_ref()).await?;
        if begun != Begun::Outrun {
            store.note_gathered(&announcement.id, &subscription, &batch.id, now).await?;
            rings.extend((begun == Begun::New).then(|| Ring::of(&batch)));
            return Ok(rings);
        }
    }
    Err(StoreError::Unavailable("others began batch after batch of this subscription".into()))
}

/// The batch an event begins: the delivery it would be alone, open until its time.
fn opening(
    mut delivery: Delivery,
    event: &EventId,
    bytes: u64,
    rule: BatchRule,
    timing: &Timing,
    now: Timestamp,
) -> Delivery {
    delivery.batch_events.insert(event.clone());
    delivery.batch_bytes = bytes;
    if rule.max_events > 1 {
        let until = now.saturating_add(SignedDuration::from_secs(rule.max_wait_s.into())).unwrap_or(now);
        delivery.work.not_before = until;
        delivery.work.due_at = Some(timing.due_at(until));
    }
    delivery
}

fn place(subscription: &SubscriptionId) -> usize {
    let mut hasher = DefaultHasher::new();
    subscription.hash(&mut hasher);
    usize::try_from(hasher.finish() % ONE_AT_A_TIME.len() as u64).unwrap_or_default()
}

#[cfg(test)]
#[path = "gather_tests.rs"]
mod tests;
