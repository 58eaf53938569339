use std::cell::Cell;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::delivery::health::Health;
use crate::delivery::prepare::Prepared;
use crate::dispatch::{Keep, fan_out};
use crate::model::event_type::EventType;
use crate::model::row::RowKey;
use crate::testing::MemoryStore;
use crate::testing::samples::{stack_keys, subscription};

fn t0() -> Timestamp {
    Timestamp::from_second(1_900_000_000).unwrap()
}

thread_local! {
    /// The courier's time. Each test is a thread of its own.
    static NOW: Cell<Option<Timestamp>> = const { Cell::new(None) };
}

fn now() -> Timestamp {
    NOW.get().unwrap_or_else(t0)
}

/// Lets time pass until then, if it is not past.
fn wait_until(then: Timestamp) {
    NOW.set(Some(now().max(then)));
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
        good: GoodAnswers::default(),
        clock: now,
        chance: || 0.5,
    };
    (courier, id)
}

async fn read(courier: &Courier<MemoryStore, Scripted>, id: &DeliveryId) -> Delivery {
    courier.store.read(&RowKey::Delivery(id.clone())).await.unwrap().unwrap()
}

/// Answers the newest bell when its time has come: one attempt, if one is made.
async fn attempt_once(courier: &Courier<MemoryStore, Scripted>) -> Option<Attempted> {
    let ring = courier.store.rung().pop()?;
    wait_until(ring.not_before);
    let claimed = take(courier, &ring.bell).await?;
    courier.deliver(claimed, None, deadline()).await.unwrap()
}

async fn take(courier: &Courier<MemoryStore, Scripted>, bell: &Bell) -> Option<Claimed<Delivery>> {
    match courier.take(bell, deadline()).await.unwrap() {
        Answered::Yours(claimed) => Some(*claimed),
        Answered::GivenUp(_) | Answered::Nothing => None,
    }
}

fn deadline() -> Timestamp {
    now() + SignedDuration::from_secs(60)
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
    let claimed = take(&courier, &bell).await.unwrap();
    let soon = t0() + SignedDuration::from_secs(11);
    assert!(courier.deliver(claimed, None, soon).await.unwrap().is_none());
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
    let claimed = take(&courier, &bell).await.unwrap();
    courier.deliver(claimed, Some(Hold::switch("all")), deadline()).await.unwrap();
    let row = read(&courier, &id).await;
    assert_eq!((row.work.attempts, row.work.ended()), (0, false));
    assert!(row.work.due_shard.unwrap().starts_with("parked#switch:all#"));
}

#[tokio::test]
async fn a_worker_that_died_before_its_record_is_followed_by_another() {
    let (courier, id) = courier(&[]).await;
    let bell = courier.store.rung().pop().unwrap().bell;
    let dead = take(&courier, &bell).await.unwrap();
    assert!(take(&courier, &bell).await.is_none(), "taken while the lease runs");
    courier.store.end_lease(&bell.row);
    let claimed = take(&courier, &bell).await.unwrap();
    courier.deliver(claimed, None, deadline()).await.unwrap();
    assert_eq!(read(&courier, &id).await.status, DeliveryStatus::Delivered);
    courier.deliver(dead, None, deadline()).await.unwrap();
    assert_eq!(read(&courier, &id).await.work.attempts, 1, "the dead worker's record changes nothing");
}

fn sub_a() -> SubscriptionId {
    "sub_a".parse().unwrap()
}

/// Fans a further event out; its name.
async fn another_event(courier: &Courier<MemoryStore, Scripted>, name: &str) -> EventId {
    let announcement = Announcement {
        id: EventId::derive(&[name]),
        tenant: TenantId::default_tenant(),
        event_type: EventType::InvoiceSent,
        at: now(),
        data: serde_json::json!({"invoice_id": name}),
    };
    fan_out(&courier.store, &announcement, Keep::Always, &Timing::default(), now()).await.unwrap();
    announcement.id
}

/// Fans a further event out, to `sub_a` only; its delivery and the bell for it.
async fn another(courier: &Courier<MemoryStore, Scripted>, name: &str) -> (DeliveryId, Bell) {
    let earlier = courier.store.rung();
    let event = another_event(courier, name).await;
    let bell = courier.store.rung().pop().unwrap().bell;
    courier.store.ring(&earlier, now()).await;
    (DeliveryId::derive(&event, now(), &sub_a()), bell)
}

async fn answer(courier: &Courier<MemoryStore, Scripted>, bell: &Bell) -> Option<Attempted> {
    let claimed = take(courier, bell).await?;
    courier.deliver(claimed, None, deadline()).await.unwrap()
}

fn sent_so_far(courier: &Courier<MemoryStore, Scripted>) -> usize {
    courier.sender.seen.lock().unwrap().len()
}

#[tokio::test]
async fn while_an_endpoint_is_left_alone_nothing_is_attempted_and_nothing_counted() {
    let (courier, _) = courier(&[500, 500, 500]).await;
    for _ in 0..3 {
        attempt_once(&courier).await.unwrap();
    }
    let (id, bell) = another(&courier, "later").await;
    assert!(answer(&courier, &bell).await.is_none());
    let row = read(&courier, &id).await;
    assert_eq!((row.status, row.work.attempts), (DeliveryStatus::Pending, 0));
    assert!(row.work.due_shard.unwrap().starts_with("parked#breaker:endpoint:sub_a#"));
    assert_eq!(sent_so_far(&courier), 3);
}

#[tokio::test]
async fn one_delivery_finds_out_at_the_end_of_the_wait_and_what_waited_comes_back() {
    let (courier, id) = courier(&[500, 500, 500]).await;
    for _ in 0..3 {
        attempt_once(&courier).await.unwrap();
    }
    let opened = now();
    let (waiting, bell) = another(&courier, "later").await;
    assert!(answer(&courier, &bell).await.is_none());
    let probe = attempt_once(&courier).await.unwrap();
    assert_eq!((probe.delivery.id, now()), (id, opened + SignedDuration::from_secs(5)));
    assert_eq!(courier.store.health(&sub_a()).await.unwrap(), Health::default(), "all is forgotten");
    let back = attempt_once(&courier).await.unwrap();
    assert_eq!((back.delivery.id, back.judgement), (waiting, Judgement::Delivered));
}

#[tokio::test]
async fn when_the_one_that_found_out_has_ended_the_oldest_that_waits_is_next() {
    let (courier, _) = courier(&[500, 500, 500, 500]).await;
    for _ in 0..3 {
        attempt_once(&courier).await.unwrap();
    }
    let (older, bell) = another(&courier, "older").await;
    assert!(answer(&courier, &bell).await.is_none());
    wait_until(now() + SignedDuration::from_secs(1));
    let (_, bell) = another(&courier, "younger").await;
    assert!(answer(&courier, &bell).await.is_none());
    let last = attempt_once(&courier).await.unwrap();
    assert_eq!(last.judgement.status(), DeliveryStatus::Exhausted);
    let reopened = now();
    let rung = courier.store.rung().into_iter().find(|ring| ring.bell.row == RowKey::Delivery(older.clone())).unwrap();
    assert_eq!(rung.not_before, reopened + SignedDuration::from_secs(10));
    wait_until(rung.not_before);
    assert!(answer(&courier, &rung.bell).await.is_some());
}

#[tokio::test]
async fn a_delivery_whose_tries_are_used_up_is_told_of_once() {
    let (courier, id) = courier(&[500; 9]).await;
    for _ in 0..4 {
        attempt_once(&courier).await.unwrap();
    }
    let told: Vec<_> = courier
        .store
        .announcements()
        .into_iter()
        .filter(|said| said.event_type == EventType::DeliveryExhausted)
        .collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].data["delivery_id"], serde_json::json!(id));
    // That one is delivered to `*`, too, and fails in its turn: of that nothing is told.
    while attempt_once(&courier).await.is_some() {}
    assert_eq!(courier.store.announcements().len(), 2, "the event and what was told of it");
}

#[tokio::test]
async fn five_days_of_failure_switch_a_subscription_off_and_the_others_hear_of_it() {
    let (courier, _) = courier(&[500, 500]).await;
    courier.store.put_subscription(subscription("sub_b", "endpoint.disabled"));
    let failing =
        Health { failing_since: Some(t0() - SignedDuration::from_hours(5 * 24)), version: 1, ..Health::default() };
    courier.store.set_health(&sub_a(), &Health::default(), &failing).await.unwrap();
    attempt_once(&courier).await.unwrap();
    let sub = courier.store.subscription_of(&TenantId::default_tenant(), &sub_a()).await.unwrap().unwrap();
    assert_eq!(sub.state.disabled_reason, Some(DisabledReason::KeptFailing));
    let heard: Vec<_> =
        courier.store.all_deliveries().into_iter().filter(|one| one.subscription.as_str() == "sub_b").collect();
    assert_eq!(heard.iter().map(|one| one.event_type).collect::<Vec<_>>(), [EventType::EndpointDisabled]);
}

#[tokio::test]
async fn only_so_many_a_second_are_sent_and_the_rest_keep_their_turn() {
    let (courier, id) = courier(&[]).await;
    let mut limited = subscription("sub_a", "*");
    limited.rate_limit_per_s = Some(1);
    courier.store.put_subscription(limited);
    let first = courier.store.rung().pop().unwrap().bell;
    assert!(answer(&courier, &first).await.is_some());
    // The next five have the next five seconds; those within two are waited for on the spot.
    courier.store.take_slot("subscription:sub_a", SignedDuration::from_secs(1), now()).await.unwrap();
    courier.store.take_slot("subscription:sub_a", SignedDuration::from_secs(1), now()).await.unwrap();
    let (later, bell) = another(&courier, "later").await;
    assert!(answer(&courier, &bell).await.is_none());
    let row = read(&courier, &later).await;
    assert_eq!((row.slot_at, row.work.attempts), (Some(t0() + SignedDuration::from_secs(3)), 0));
    let sent = attempt_once(&courier).await.unwrap();
    assert_eq!((sent.delivery.id, now()), (later.clone(), t0() + SignedDuration::from_secs(3)));
    assert_eq!(read(&courier, &later).await.slot_at, None, "its turn is used up");
    assert_eq!(read(&courier, &id).await.status, DeliveryStatus::Delivered);
}

#[tokio::test]
async fn a_batch_is_one_body_with_all_its_events_under_its_own_name() {
    let (courier, _) = courier(&[500]).await;
    let mut gathering = subscription("sub_a", "invoice.*");
    gathering.batch = Some(crate::model::subscription::BatchRule { max_events: 3, max_wait_s: 30 });
    courier.store.put_subscription(gathering);
    let _ = courier.store.rung();
    for name in ["a", "b", "c"] {
        wait_until(now() + SignedDuration::from_secs(1));
        another_event(&courier, name).await;
    }
    let first = attempt_once(&courier).await.unwrap();
    assert_eq!(first.judgement.status(), DeliveryStatus::Retrying);
    attempt_once(&courier).await.unwrap();
    let seen = courier.sender.seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].headers()["webhook-id"].to_str().unwrap(), first.delivery.id.as_str());
    assert_eq!(seen[0].body(), seen[1].body(), "the same bytes at every attempt");
    let body: serde_json::Value = serde_json::from_slice(seen[0].body()).unwrap();
    let names: Vec<_> =
        body["events"].as_array().unwrap().iter().map(|event| event["data"]["invoice_id"].clone()).collect();
    assert_eq!((body["type"].as_str(), names), (Some("batch"), vec!["a".into(), "b".into(), "c".into()]));
}

#[tokio::test]
async fn a_slow_endpoint_is_tried_again_on_the_queue_of_the_slow() {
    let (courier, id) = courier(&[500]).await;
    let slow = Health { slow: true, version: 1, ..Health::default() };
    courier.store.set_health(&sub_a(), &Health::default(), &slow).await.unwrap();
    // Its answer comes fast this time, and it is slow no more.
    attempt_once(&courier).await.unwrap();
    assert_eq!(read(&courier, &id).await.work.queue.name(), "delivery");
}
