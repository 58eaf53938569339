use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;

use super::super::prepare::Prepared;
use super::*;
use crate::dispatch::{Keep, fan_out};
use crate::model::event_type::EventType;
use crate::model::row::RowKey;
use crate::testing::MemoryStore;
use crate::testing::samples::{stack_keys, subscription};

fn t0() -> Timestamp {
    Timestamp::from_second(1_900_000_000).unwrap()
}

/// A receiver that answers from a list, then 200.
#[derive(Default)]
struct Scripted {
    statuses: Mutex<Vec<u16>>,
    seen: Mutex<Vec<Prepared>>,
}

impl Sender for Scripted {
    async fn send(&self, prepared: &Prepared) -> Sent {
        self.seen.lock().unwrap().push(prepared.clone());
        let mut statuses = self.statuses.lock().unwrap();
        let code = if statuses.is_empty() { 200 } else { statuses.remove(0) };
        let answer = Answer::Status { code, retry_after: None, head: Bytes::from_static(b"ok") };
        Sent { at: prepared.at(), duration: Duration::from_millis(5), answer }
    }
}

async fn courier(statuses: &[u16]) -> (Courier<MemoryStore, Scripted>, DeliveryId) {
    let store = MemoryStore::default();
    store.put_subscription(subscription("sub_a", "*"));
    let announcement = Announcement {
        id: EventId::derive(&["x"]),
        tenant: TenantId::default_tenant(),
        event_type: EventType::LeadEnriched,
        at: t0(),
        data: serde_json::json!({"lead_id": "1"}),
    };
    fan_out(&store, &announcement, Keep::Always, &Timing::default(), t0()).await.unwrap();
    let id = DeliveryId::derive(&announcement.id, t0(), &"sub_a".parse().unwrap());
    let courier = Courier {
        store,
        sender: Scripted { statuses: Mutex::new(statuses.to_vec()), seen: Mutex::default() },
        keys: stack_keys(),
        allowed: AllowList::default(),
        timing: Timing::default(),
        kept_for: SignedDuration::from_hours(24 * 90),
        clock: t0,
        chance: || 0.5,
    };
    (courier, id)
}

async fn read(courier: &Courier<MemoryStore, Scripted>, id: &DeliveryId) -> Delivery {
    courier.store.read(&RowKey::Delivery(id.clone())).await.unwrap().unwrap()
}

/// Answers the bells that were rung, oldest first, until none is left: one attempt each.
async fn attempt_once(courier: &Courier<MemoryStore, Scripted>) -> Option<Attempted> {
    let ring = courier.store.rung().pop()?;
    let deadline = t0() + SignedDuration::from_secs(60);
    // The clock stands still, so a row that is due later is brought back by hand.
    courier.store.make_ready(&ring.bell.row, t0());
    let claimed = courier.take(&ring.bell, deadline).await.unwrap()?;
    courier.deliver(claimed, None, deadline).await.unwrap()
}

#[tokio::test]
async fn a_delivery_that_is_taken_ends_delivered_with_its_attempt_on_its_row() {
    let (courier, id) = courier(&[]).await;
    attempt_once(&courier).await.unwrap();
    let row = read(&courier, &id).await;
    assert_eq!((row.status, row.work.attempts, row.work.ended()), (DeliveryStatus::Delivered, 1, true));
    assert_eq!(row.last.unwrap().http_status, Some(200));
    assert_eq!(courier.store.attempts_of(&id), [], "a short answer needs no row of its own");
}

#[tokio::test]
async fn a_failing_endpoint_is_tried_again_with_the_same_id_until_its_tries_are_used_up() {
    let (courier, id) = courier(&[500, 503, 500, 500]).await;
    for n in 1..=3 {
        let attempted = attempt_once(&courier).await.unwrap();
        assert_eq!((attempted.attempt.n, attempted.judgement.status()), (n, DeliveryStatus::Retrying));
    }
    assert_eq!(attempt_once(&courier).await.unwrap().judgement.status(), DeliveryStatus::Exhausted);
    assert!(attempt_once(&courier).await.is_none(), "no bell after the end");
    let row = read(&courier, &id).await;
    assert_eq!((row.status, row.work.attempts), (DeliveryStatus::Exhausted, 4));
    assert_eq!(courier.store.attempts_of(&id).len(), 4);
    let seen = courier.sender.seen.lock().unwrap();
    assert!(seen.iter().all(|p| p.headers()["webhook-id"] == seen[0].headers()["webhook-id"]));
    assert!(seen.iter().all(|p| p.body() == seen[0].body()), "the same bytes at every attempt");
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_switched_off_and_its_other_deliveries_cancelled() {
    let (courier, id) = courier(&[410]).await;
    attempt_once(&courier).await.unwrap();
    assert_eq!(read(&courier, &id).await.status, DeliveryStatus::Failed);
    let sub = courier.store.subscription_of(&TenantId::default_tenant(), &"sub_a".parse().unwrap()).await;
    assert_eq!(sub.unwrap().unwrap().state.disabled_reason, Some(DisabledReason::Gone));
}

#[tokio::test]
async fn a_delivery_whose_subscription_went_is_cancelled_without_a_word() {
    let (courier, id) = courier(&[]).await;
    let mut off = subscription("sub_a", "*");
    off.state.active = false;
    courier.store.put_subscription(off);
    assert!(attempt_once(&courier).await.is_none());
    assert_eq!(read(&courier, &id).await.status, DeliveryStatus::Cancelled);
    assert!(courier.sender.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_attempt_that_does_not_fit_into_the_time_left_is_not_begun() {
    let (courier, id) = courier(&[]).await;
    let bell = courier.store.rung().pop().unwrap().bell;
    let deadline = t0() + SignedDuration::from_secs(11);
    let claimed = courier.take(&bell, deadline).await.unwrap().unwrap();
    assert!(courier.deliver(claimed, None, deadline).await.unwrap().is_none());
    let row = read(&courier, &id).await;
    assert_eq!((row.status, row.work.attempts, row.work.ended()), (DeliveryStatus::Pending, 0, false));
    assert_eq!(courier.store.rung().len(), 1, "and rung for again");
}

#[tokio::test]
async fn a_url_that_is_no_longer_allowed_fails_with_its_reason_and_is_not_sent_to() {
    let (courier, id) = courier(&[]).await;
    let mut inside = subscription("sub_a", "*");
    inside.url = "https://10.0.0.1/".into();
    courier.store.put_subscription(inside);
    let attempted = attempt_once(&courier).await.unwrap();
    assert!(attempted.attempt.error.unwrap().starts_with("url_not_allowed"), "the tenant can see why");
    assert_eq!(read(&courier, &id).await.status, DeliveryStatus::Failed);
    assert!(courier.sender.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn held_work_is_parked_and_not_counted() {
    let (courier, id) = courier(&[]).await;
    let bell = courier.store.rung().pop().unwrap().bell;
    let deadline = t0() + SignedDuration::from_secs(60);
    let claimed = courier.take(&bell, deadline).await.unwrap().unwrap();
    courier.deliver(claimed, Some(Hold::switch("all")), deadline).await.unwrap();
    let row = read(&courier, &id).await;
    assert_eq!((row.work.attempts, row.work.ended()), (0, false));
    assert!(row.work.due_shard.unwrap().starts_with("parked#switch:all#"));
}

#[tokio::test]
async fn a_worker_that_died_before_its_record_is_followed_by_another() {
    let (courier, id) = courier(&[]).await;
    let bell = courier.store.rung().pop().unwrap().bell;
    let deadline = t0() + SignedDuration::from_secs(60);
    let dead = courier.take(&bell, deadline).await.unwrap().unwrap();
    assert!(courier.take(&bell, deadline).await.unwrap().is_none(), "taken while the lease runs");
    courier.store.end_lease(&bell.row);
    let claimed = courier.take(&bell, deadline).await.unwrap().unwrap();
    courier.deliver(claimed, None, deadline).await.unwrap();
    assert_eq!(read(&courier, &id).await.status, DeliveryStatus::Delivered);
    courier.deliver(dead, None, deadline).await.unwrap();
    assert_eq!(read(&courier, &id).await.work.attempts, 1, "the dead worker's record changes nothing");
}
