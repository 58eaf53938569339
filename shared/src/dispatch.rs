//! One event, to every subscription that wants it. All names are derived, so doing it twice does it once.

mod gather;

use std::collections::{BTreeSet, HashSet};
use std::future::Future;

use futures::stream::{self, StreamExt};
use jiff::Timestamp;

pub use gather::{Batches, Begun, Joined, Room};

use crate::model::delivery::{Delivery, DeliveryStatus};
use crate::model::event::Announcement;
use crate::model::ids::{DeliveryId, SubscriptionId, TenantId};
use crate::model::row::{Queue, RowKey, WorkState};
use crate::model::subscription::Subscription;
use crate::work::{Bells, Ring, Rows, StoreError, Timing, home_shard};

/// Rows written at a time for one event.
const PARALLEL: usize = 16;
/// Writes made ready at a time: each takes 8 KB of memory before it has begun.
const READY: usize = 10 * PARALLEL;

/// Who wants to hear.
pub trait Subscribers: Send + Sync {
    /// A tenant's subscriptions, active or not.
    fn subscribers(&self, tenant: &TenantId) -> impl Future<Output = Result<Vec<Subscription>, StoreError>> + Send;

    /// Which of these subscriptions have an endpoint that answers slowly. May be a few milliseconds old.
    fn slow(&self, ids: &[SubscriptionId]) -> impl Future<Output = Result<HashSet<SubscriptionId>, StoreError>> + Send;
}

/// Where what goes out is kept, so that every attempt and every replay says the same.
pub trait Outbox: Send + Sync {
    /// Keeps an announcement made `now`; a second one of the same id changes nothing.
    fn announce(
        &self,
        announcement: &Announcement,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Whether an announcement is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Though nobody listens: it ends a workflow and belongs to the event's story.
    Always,
    /// If anybody listens.
    IfHeard,
    /// It is kept already: its event speaks for itself.
    Already,
}

/// Writes a delivery for each subscription that wants the event, and rings for it; how many want it. Where a
/// subscription gathers events, the event joins its open batch.
///
/// # Errors
/// When something could not be written. Doing it again completes it.
pub async fn fan_out(
    store: &(impl Subscribers + Outbox + Batches + Rows + Bells),
    announcement: &Announcement,
    keep: Keep,
    timing: &Timing,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let subscriptions = store.subscribers(&announcement.tenant).await?;
    let wanting: Vec<_> = subscriptions.iter().filter(|sub| sub.wants(announcement)).collect();
    if wanting.is_empty() && keep != Keep::Always {
        return Ok(0);
    }
    if keep != Keep::Already {
        // What is said is kept before anybody is told to say it.
        store.announce(announcement, now).await?;
    }
    let slow = slow_among(store, &wanting).await;
    let mut written = Vec::with_capacity(wanting.len());
    for some in wanting.chunks(READY) {
        let writes: Vec<_> = some.iter().map(|sub| deliver_to(store, announcement, sub, &slow, timing, now)).collect();
        written.extend(stream::iter(writes).buffered(PARALLEL).collect::<Vec<_>>().await);
    }
    // What is written is rung for, though something else could not be: done again, it is there already and nobody rings
    // but the sweep.
    let (mut rings, mut failed) = (Vec::new(), None);
    for one in written {
        match one {
            Ok(more) => rings.extend(more),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    for bell in store.ring(&rings, now).await {
        tracing::warn!(row = %bell.row, why = %bell.why, "a bell could not be rung; the sweep will");
    }
    failed.map_or(Ok(wanting.len()), Err)
}

/// A bell on the wrong queue does no harm, so not knowing holds nobody up.
async fn slow_among(store: &impl Subscribers, wanting: &[&Subscription]) -> HashSet<SubscriptionId> {
    if wanting.is_empty() {
        return HashSet::new();
    }
    let ids: Vec<SubscriptionId> = wanting.iter().map(|sub| sub.id.clone()).collect();
    store.slow(&ids).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "which endpoints are slow could not be read");
        HashSet::new()
    })
}

/// Writes what the subscription is to get; the bells to ring for it, if it is new.
async fn deliver_to(
    store: &(impl Batches + Rows),
    announcement: &Announcement,
    sub: &Subscription,
    slow: &HashSet<SubscriptionId>,
    timing: &Timing,
    now: Timestamp,
) -> Result<Vec<Ring>, StoreError> {
    let queue = if slow.contains(&sub.id) { Queue::DeliverySlow } else { Queue::Delivery };
    let delivery = delivery(announcement, sub, queue, timing, now);
    match sub.batch {
        Some(rule) => gather::gather(store, announcement, delivery, rule, timing, now).await,
        None => Ok(store.insert(&delivery).await?.then(|| Ring::of(&delivery)).into_iter().collect()),
    }
}

fn delivery(
    announcement: &Announcement,
    sub: &Subscription,
    queue: Queue,
    timing: &Timing,
    now: Timestamp,
) -> Delivery {
    // The announcement's own time, not now: fanned out again, the delivery has the same name.
    let id = DeliveryId::derive(&announcement.id, announcement.at, &sub.id);
    let home = home_shard(&RowKey::Delivery(id.clone()));
    Delivery {
        id,
        event: announcement.id.clone(),
        tenant: announcement.tenant.clone(),
        subscription: sub.id.clone(),
        event_type: announcement.event_type,
        created_at: now,
        status: DeliveryStatus::Pending,
        batch_events: BTreeSet::new(),
        batch_bytes: 0,
        slot_at: None,
        last: None,
        work: WorkState::starting(queue, now, timing.due_at(now), home),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event_type::EventType;
    use crate::model::ids::EventId;
    use crate::testing::MemoryStore;
    use crate::testing::samples::subscription;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + seconds).unwrap()
    }

    fn announcement(event_type: EventType) -> Announcement {
        Announcement {
            id: EventId::derive(&["x"]).child(1),
            tenant: TenantId::default_tenant(),
            event_type,
            at: at(0),
            data: serde_json::json!({"lead_id": "1"}),
        }
    }

    async fn fan(store: &MemoryStore, keep: Keep, now: Timestamp) -> usize {
        fan_out(store, &announcement(EventType::LeadEnriched), keep, &Timing::default(), now).await.unwrap()
    }

    #[tokio::test]
    async fn every_subscription_that_wants_the_event_gets_one_delivery() {
        let store = MemoryStore::default();
        store.put_subscription(subscription("sub_a", "lead.*"));
        store.put_subscription(subscription("sub_b", "*"));
        store.put_subscription(subscription("sub_c", "payment.received"));
        let mut off = subscription("sub_d", "*");
        off.state.active = false;
        store.put_subscription(off);
        assert_eq!(fan(&store, Keep::Always, at(0)).await, 2);
        assert_eq!(store.rung().len(), 2);
    }

    #[tokio::test]
    async fn fanning_out_again_later_adds_nothing_and_rings_for_nothing() {
        let store = MemoryStore::default();
        store.put_subscription(subscription("sub_a", "lead.*"));
        fan(&store, Keep::Always, at(0)).await;
        let _ = store.rung();
        assert_eq!(fan(&store, Keep::Always, at(100)).await, 1);
        assert_eq!(store.rung(), []);
    }

    #[tokio::test]
    async fn what_was_written_is_rung_for_though_another_write_failed() {
        let store = MemoryStore::default();
        store.put_subscription(subscription("sub_a", "*"));
        store.put_subscription(subscription("sub_b", "*"));
        store.die_after(1);
        let said = announcement(EventType::LeadEnriched);
        let fan = async || fan_out(&store, &said, Keep::Already, &Timing::default(), at(0)).await;
        assert!(fan().await.is_err());
        assert_eq!(store.rung().len(), 1);
        store.revive();
        assert_eq!(fan().await, Ok(2));
        assert_eq!(store.rung().len(), 1, "the other, and nobody twice");
    }

    #[tokio::test]
    async fn a_subscription_of_another_tenant_hears_nothing() {
        let store = MemoryStore::default();
        let mut other = subscription("sub_a", "*");
        other.tenant = "ten_other".parse().unwrap();
        store.put_subscription(other);
        assert_eq!(fan(&store, Keep::Always, at(0)).await, 0);
    }

    #[tokio::test]
    async fn two_webhooks_of_two_numbers_are_each_told_of_their_own() {
        let store = MemoryStore::default();
        for (id, connection) in [("sub_1", "con_1"), ("sub_2", "con_2")] {
            let connection = connection.parse().ok();
            store.put_subscription(Subscription { connection, ..subscription(id, "whatsapp.*") });
        }
        let data = serde_json::json!({"connection_id": "con_2", "direction": "in", "type": "text"});
        let message = Announcement { data, ..announcement(EventType::WhatsappMessage) };
        let told = fan_out(&store, &message, Keep::Already, &Timing::default(), at(0)).await;
        assert_eq!(told, Ok(1));
        let rung = store.rung();
        let expected = DeliveryId::derive(&message.id, message.at, &"sub_2".parse().unwrap());
        assert_eq!(rung.iter().map(|ring| ring.bell.row.clone()).collect::<Vec<_>>(), [RowKey::Delivery(expected)]);
    }

    #[tokio::test]
    async fn what_nobody_hears_is_kept_only_if_it_ends_a_workflow() {
        let store = MemoryStore::default();
        fan(&store, Keep::IfHeard, at(0)).await;
        assert_eq!(store.announced(), 0);
        fan(&store, Keep::Always, at(0)).await;
        assert_eq!(store.announced(), 1);
    }

    #[tokio::test]
    async fn what_its_event_says_for_itself_is_not_kept_a_second_time() {
        let store = MemoryStore::default();
        store.put_subscription(subscription("sub_a", "*"));
        assert_eq!(fan(&store, Keep::Already, at(0)).await, 1);
        assert_eq!(store.announced(), 0);
    }

    #[tokio::test]
    async fn the_bell_for_a_slow_endpoint_is_rung_apart() {
        use crate::delivery::health::{Health, Healths};
        let store = MemoryStore::default();
        store.put_subscription(subscription("sub_a", "*"));
        store.put_subscription(subscription("sub_b", "*"));
        let slow = Health { slow: true, version: 1, ..Health::default() };
        store.set_health(&"sub_b".parse().unwrap(), &Health::default(), &slow).await.unwrap();
        fan(&store, Keep::Always, at(0)).await;
        let mut queues: Vec<_> = store.rung().iter().map(|ring| ring.queue).collect();
        queues.sort();
        assert_eq!(queues, [Queue::Delivery, Queue::DeliverySlow]);
    }
}
