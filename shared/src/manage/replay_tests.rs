use jiff::SignedDuration;
use serde_json::json;

use super::*;
use crate::dispatch::Outbox;
use crate::model::delivery::Attempt;
use crate::model::event::Announcement;
use crate::model::subscription::{DisabledReason, SubscriptionState};
use crate::testing::{MemoryStore, samples};
use crate::work::{Bell, Claim, ClaimOutcome, Next, Record, Timing};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + second).unwrap()
}

fn tenant() -> TenantId {
    TenantId::default_tenant()
}

const NOW: i64 = 1_000;
const HORIZON: Horizon = Horizon {
    clock: || Timestamp::from_second(1_900_000_000 + NOW).unwrap_or(Timestamp::MAX),
    kept_for: SignedDuration::from_hours(24 * 90),
};

async fn store() -> MemoryStore {
    let store = MemoryStore::default();
    store.put_subscription(samples::subscription("sub_1", "*"));
    store
}

#[derive(serde::Serialize)]
struct Last {
    last: Attempt,
}

/// A delivery that was tried once, at `second`, and ended so.
async fn ended(store: &MemoryStore, name: &str, second: i64, status: DeliveryStatus) -> Delivery {
    let row = samples::delivery(name, &tenant(), at(second));
    let (id, event_type, data) = (row.event.clone(), row.event_type, json!({}));
    store.announce(&Announcement { id, tenant: tenant(), event_type, at: at(second), data }, at(second)).await.unwrap();
    assert!(store.insert(&row).await.unwrap());
    end(store, &row, 1, second, status).await;
    store.read(&row.key()).await.unwrap().unwrap()
}

async fn end(store: &MemoryStore, row: &Delivery, turn: u32, second: i64, status: DeliveryStatus) {
    let claim = Claim::new(row.key(), turn, &Timing::default(), at(second), at(second + 30));
    let ClaimOutcome::Claimed(claimed) = store.claim::<Delivery>(&claim).await.unwrap() else { panic!("it is free") };
    let failed = status != DeliveryStatus::Delivered;
    let last = Attempt {
        n: turn,
        at: at(second),
        http_status: Some(if failed { 500 } else { 200 }),
        duration_ms: 5,
        error: failed.then(|| "http_500".to_owned()),
        response: Some("ok".into()),
        next_retry_at: None,
    };
    let next = Next::End { now: at(second), expires_at: at(1_000_000), failed };
    let record = Record { status: status.name(), next, counted: true, patch: Last { last }, remove: &[] };
    assert!(store.record::<Delivery, _>(&claimed.fence, &record).await.unwrap());
}

async fn read(store: &MemoryStore, row: &Delivery) -> Delivery {
    store.read(&row.key()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_replay_begins_the_next_turn_and_rings_for_it() {
    let store = store().await;
    let row = ended(&store, "one", 0, DeliveryStatus::Exhausted).await;
    let answer = replay(&store, &tenant(), &row.id, &HORIZON).await.unwrap();
    insta::assert_json_snapshot!(answer);
    let after = read(&store, &row).await;
    assert_eq!((after.status, after.work.turn, after.work.attempts), (DeliveryStatus::Pending, 2, 1));
    assert_eq!((after.event.clone(), after.work.expires_at), (row.event.clone(), None), "the same webhook-id");
    let rung: Vec<Bell> = store.rung().into_iter().map(|ring| ring.bell).collect();
    assert_eq!(rung, [Bell::new(row.key(), 2)]);
}

#[tokio::test]
async fn a_replay_of_what_has_not_ended_is_refused() {
    let store = store().await;
    let row = ended(&store, "one", 0, DeliveryStatus::Delivered).await;
    replay(&store, &tenant(), &row.id, &HORIZON).await.unwrap();
    assert_eq!(replay(&store, &tenant(), &row.id, &HORIZON).await, Err(Conflict::NotEnded.into()));
    assert_eq!(read(&store, &row).await.work.turn, 2);
}

#[tokio::test]
async fn a_success_that_is_replayed_is_still_shown_afterwards() {
    let store = store().await;
    let row = ended(&store, "one", 0, DeliveryStatus::Delivered).await;
    replay(&store, &tenant(), &row.id, &HORIZON).await.unwrap();
    end(&store, &row, 2, NOW, DeliveryStatus::Delivered).await;
    let shown = crate::manage::delivery_list::get(&store, &tenant(), &row.id, at(NOW)).await.unwrap();
    let shown = serde_json::to_value(shown).unwrap();
    let numbers: Vec<u64> =
        shown["attempts"].as_array().unwrap().iter().map(|one| one["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [2, 1]);
}

#[tokio::test]
async fn what_could_not_arrive_is_not_replayed() {
    let store = store().await;
    let row = ended(&store, "one", 0, DeliveryStatus::Failed).await;
    store.disable(&tenant(), &row.subscription, DisabledReason::Gone, at(1)).await.unwrap();
    assert_eq!(replay(&store, &tenant(), &row.id, &HORIZON).await, Err(Conflict::SubscriptionInactive.into()));
    let mut gone = row.clone();
    gone.id = samples::delivery("gone", &tenant(), at(0)).id;
    gone.subscription = "sub_gone".parse().unwrap();
    assert!(store.insert(&gone).await.unwrap());
    assert_eq!(replay(&store, &tenant(), &gone.id, &HORIZON).await, Err(Conflict::SubscriptionGone.into()));
    let mut silent = row.clone();
    silent.id = samples::delivery("silent", &tenant(), at(0)).id;
    silent.event = crate::model::ids::EventId::derive(&["erased"]);
    store.put_subscription(samples::subscription("sub_1", "*"));
    assert!(store.insert(&silent).await.unwrap());
    assert_eq!(replay(&store, &tenant(), &silent.id, &HORIZON).await, Err(Conflict::Erased.into()));
    assert!(store.rung().is_empty());
}

#[tokio::test]
async fn another_tenants_delivery_cannot_be_replayed() {
    let store = store().await;
    let row = ended(&store, "one", 0, DeliveryStatus::Failed).await;
    let other: TenantId = "ten_other".parse().unwrap();
    assert_eq!(replay(&store, &other, &row.id, &HORIZON).await, Err(Refusal::NotFound));
    let recovered = recover(&store, &other, &row.subscription, br#"{"since":"2030-01-01T00:00:00Z"}"#, &HORIZON).await;
    assert_eq!(recovered, Err(Refusal::NotFound));
}

async fn recovered(store: &MemoryStore, body: &serde_json::Value) -> Recovered {
    let id = "sub_1".parse().unwrap();
    recover(store, &tenant(), &id, body.to_string().as_bytes(), &HORIZON).await.unwrap()
}

#[tokio::test]
async fn a_recovery_replays_what_failed_since_then_and_nothing_else() {
    let store = store().await;
    let old = ended(&store, "old", 0, DeliveryStatus::Failed).await;
    let failed = ended(&store, "failed", 10, DeliveryStatus::Failed).await;
    let exhausted = ended(&store, "exhausted", 11, DeliveryStatus::Exhausted).await;
    let delivered = ended(&store, "delivered", 12, DeliveryStatus::Delivered).await;
    let answer = recovered(&store, &json!({"since": at(10).to_string()})).await;
    assert_eq!(answer, Recovered { replayed: 2, next_cursor: None });
    let mut turns = Vec::new();
    for row in [&old, &failed, &exhausted, &delivered] {
        turns.push(read(&store, row).await.work.turn);
    }
    assert_eq!(turns, [1, 2, 2, 1]);
    assert_eq!(store.rung().len(), 2);
    assert_eq!(recovered(&store, &json!({"since": at(10).to_string()})).await.replayed, 0, "once is enough");
}

#[tokio::test]
async fn a_long_recovery_goes_on_where_it_stopped() {
    let store = store().await;
    for n in 0..250 {
        ended(&store, &n.to_string(), n, DeliveryStatus::Failed).await;
    }
    let mut counts = Vec::new();
    let mut body = json!({"since": at(0).to_string()});
    loop {
        let answer = recovered(&store, &body).await;
        counts.push(answer.replayed);
        let Some(cursor) = answer.next_cursor else { break };
        body["cursor"] = cursor.into();
    }
    assert_eq!(counts, [100, 100, 50]);
    assert_eq!(store.rung().len(), 250);
}

#[tokio::test]
async fn a_recovery_needs_to_know_since_when_and_somebody_to_send_to() {
    let store = store().await;
    let id: SubscriptionId = "sub_1".parse().unwrap();
    for (body, code) in [
        ("{}", "missing"),
        (r#"{"since":"yesterday"}"#, "invalid_time"),
        (r#"{"since":1}"#, "invalid_type"),
        (r#"{"since":"2030-01-01T00:00:00Z","cursor":"x"}"#, "invalid_cursor"),
        (r#"{"since":"2030-01-01T00:00:00Z","until":"x"}"#, "unknown_field"),
    ] {
        match recover(&store, &tenant(), &id, body.as_bytes(), &HORIZON).await {
            Err(Refusal::Input(BodyError::Fields(errors))) => assert_eq!(errors[0].code, code, "{body}"),
            other => panic!("{body}: {other:?}"),
        }
    }
    let mut off = samples::subscription("sub_1", "*");
    off.state = SubscriptionState::set_by_tenant(false);
    store.put_subscription(off);
    let answer = recover(&store, &tenant(), &id, br#"{"since":"2030-01-01T00:00:00Z"}"#, &HORIZON).await;
    assert_eq!(answer, Err(Conflict::SubscriptionInactive.into()));
}
