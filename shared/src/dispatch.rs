//! One event, to every subscription that wants it. All names are derived, so doing it twice does it once.

use std::future::Future;

use futures::stream::{self, StreamExt};
use jiff::Timestamp;

use crate::model::delivery::{Delivery, DeliveryStatus};
use crate::model::event::Announcement;
use crate::model::ids::{DeliveryId, TenantId};
use crate::model::row::{Queue, RowKey, WorkState};
use crate::model::subscription::Subscription;
use crate::work::{Bells, Ring, Rows, StoreError, Timing, home_shard};

/// Rows written at a time for one event.
const PARALLEL: usize = 16;

/// Who wants to hear.
pub trait Subscribers: Send + Sync {
    /// A tenant's subscriptions, active or not.
    fn subscribers(&self, tenant: &TenantId) -> impl Future<Output = Result<Vec<Subscription>, StoreError>> + Send;
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

/// Whether an announcement is kept though nobody listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It ends a workflow: it belongs to the event's story.
    Always,
    /// It does not.
    IfHeard,
}

/// Writes a delivery for each subscription that wants the event, and rings for it; how many want it.
///
/// # Errors
/// When something could not be written. Doing it again completes it.
pub async fn fan_out(
    store: &(impl Subscribers + Outbox + Rows + Bells),
    announcement: &Announcement,
    keep: Keep,
    timing: &Timing,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let subscriptions = store.subscribers(&announcement.tenant).await?;
    let wanting: Vec<_> = subscriptions.iter().filter(|sub| sub.wants(announcement.event_type)).collect();
    if wanting.is_empty() && keep == Keep::IfHeard {
        return Ok(0);
    }
    // What is said is kept before anybody is told to say it.
    store.announce(announcement, now).await?;
    let deliveries: Vec<_> = wanting.iter().map(|sub| delivery(announcement, sub, timing, now)).collect();
    let writes: Vec<_> = deliveries.iter().map(|delivery| store.insert(delivery)).collect();
    let written: Vec<_> = stream::iter(writes).buffered(PARALLEL).collect().await;
    let mut rings = Vec::new();
    for (delivery, new) in deliveries.iter().zip(written) {
        if new? {
            rings.push(Ring::of(delivery));
        }
    }
    for bell in store.ring(&rings, now).await {
        tracing::warn!(row = %bell.row, why = %bell.why, "a bell could not be rung; the sweep will");
    }
    Ok(deliveries.len())
}

fn delivery(announcement: &Announcement, sub: &Subscription, timing: &Timing, now: Timestamp) -> Delivery {
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
        last: None,
        work: WorkState::starting(Queue::Delivery, now, timing.due_at(now), home),
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
    async fn a_subscription_of_another_tenant_hears_nothing() {
        let store = MemoryStore::default();
        let mut other = subscription("sub_a", "*");
        other.tenant = "ten_other".parse().unwrap();
        store.put_subscription(other);
        assert_eq!(fan(&store, Keep::Always, at(0)).await, 0);
    }

    #[tokio::test]
    async fn what_nobody_hears_is_kept_only_if_it_ends_a_workflow() {
        let store = MemoryStore::default();
        fan(&store, Keep::IfHeard, at(0)).await;
        assert_eq!(store.announced(), 0);
        fan(&store, Keep::Always, at(0)).await;
        assert_eq!(store.announced(), 1);
    }
}
