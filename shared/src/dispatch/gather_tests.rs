use crate::dispatch::{Keep, fan_out};
use crate::model::delivery::DeliveryStatus;
use crate::model::event_type::EventType;
use crate::model::ids::TenantId;
use crate::model::row::RowKey;
use crate::testing::MemoryStore;
use crate::testing::samples::subscription;
use crate::work::Claim;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + seconds).unwrap()
}

fn gathering(max_events: u32) -> MemoryStore {
    let store = MemoryStore::default();
    let mut sub = subscription("sub_a", "*");
    sub.batch = Some(BatchRule { max_events, max_wait_s: 30 });
    store.put_subscription(sub);
    store
}

async fn say(store: &MemoryStore, name: &str, data: &str, now: i64) -> EventId {
    let announcement = Announcement {
        id: EventId::derive(&[name]),
        tenant: TenantId::default_tenant(),
        event_type: EventType::InvoiceSent,
        at: at(0),
        data: serde_json::json!({"invoice_id": data}),
    };
    fan_out(store, &announcement, Keep::Always, &Timing::default(), at(now)).await.unwrap();
    announcement.id
}

async fn batches(store: &MemoryStore) -> Vec<Delivery> {
    let mut found: Vec<Delivery> = store.all_deliveries();
    found.sort_by_key(|delivery| delivery.created_at);
    found
}

#[tokio::test]
async fn events_join_the_open_batch_and_wait_no_longer_than_the_first_may() {
    let store = gathering(10);
    let first = say(&store, "a", "1", 0).await;
    let second = say(&store, "b", "2", 20).await;
    let found = batches(&store).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].batch_events, [first, second].into());
    assert_eq!(found[0].work.not_before, at(30));
    let rings = store.rung();
    assert_eq!(rings.iter().map(|ring| ring.not_before).collect::<Vec<_>>(), [at(30)], "one bell, for its time");
}

#[tokio::test]
async fn a_full_batch_goes_out_at_once_and_the_next_event_opens_another() {
    let store = gathering(2);
    for (n, name) in ["a", "b", "c"].into_iter().enumerate() {
        say(&store, name, "1", i64::try_from(n).unwrap()).await;
    }
    let found = batches(&store).await;
    assert_eq!(found.iter().map(|batch| batch.batch_events.len()).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(found[0].work.not_before, at(1));
    assert_eq!(store.rung().len(), 3, "for its time, when it was full, and for the next");
}

#[tokio::test]
async fn a_batch_of_one_does_not_wait() {
    let store = gathering(1);
    say(&store, "a", "1", 0).await;
    assert_eq!(batches(&store).await[0].work.not_before, at(0));
}

#[tokio::test]
async fn a_batch_that_would_grow_too_large_goes_out_without_the_event() {
    let store = gathering(100);
    let large = "x".repeat(300 * 1024);
    for name in ["a", "b", "c", "d"] {
        say(&store, name, &large, 0).await;
    }
    let found = batches(&store).await;
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|batch| batch.batch_bytes <= MAX_BYTES));
}

#[tokio::test]
async fn a_claim_closes_a_batch() {
    let store = gathering(10);
    say(&store, "a", "1", 0).await;
    let key = RowKey::Delivery(batches(&store).await[0].id.clone());
    store.make_ready(&key, at(0));
    store.claim::<Delivery>(&Claim::new(key, 1, &Timing::default(), at(0), at(60))).await.unwrap();
    say(&store, "b", "2", 1).await;
    let found = batches(&store).await;
    assert_eq!(found.iter().map(|batch| batch.batch_events.len()).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(found[0].status, DeliveryStatus::Delivering);
}

#[tokio::test]
async fn fanning_out_again_gathers_nothing_twice() {
    let store = gathering(10);
    say(&store, "a", "1", 0).await;
    say(&store, "b", "1", 1).await;
    say(&store, "a", "1", 2).await;
    let found = batches(&store).await;
    assert_eq!((found.len(), found[0].batch_events.len()), (1, 2));
}

#[tokio::test]
async fn a_burst_is_gathered_together() {
    let store = gathering(100);
    let names: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    futures::future::join_all(names.iter().map(|name| say(&store, name, "1", 0))).await;
    assert_eq!(batches(&store).await.len(), 1);
}

#[tokio::test]
async fn a_worker_that_looked_before_another_began_a_batch_joins_it() {
    let store = gathering(10);
    let first = say(&store, "a", "1", 0).await;
    assert_eq!(store.rung().len(), 1);
    store.look_too_early();
    let second = say(&store, "b", "2", 1).await;
    let found = batches(&store).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].batch_events, [first, second].into());
    assert!(store.rung().is_empty(), "it has its bell");
}
