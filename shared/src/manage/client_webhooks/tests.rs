use std::sync::atomic::{AtomicU8, Ordering};

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::*;
use crate::dispatch::{Keep, fan_out};
use crate::manage::delivery_list::Horizon;
use crate::manage::refusal::Conflict;
use crate::model::delivery::{Attempt, Delivery, DeliveryStatus};
use crate::model::event::Announcement;
use crate::model::event_type::EventType;
use crate::model::ids::{DeliveryId, EventId};
use crate::model::row::{RowKey, WorkRow};
use crate::model::subscription::DisabledReason;
use crate::testing::MemoryStore;
use crate::testing::samples::{self, stack_keys};
use crate::work::{Claim, ClaimOutcome, Next, Record, Rows, Timing};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + second).unwrap()
}

fn tenant(name: &str) -> TenantId {
    format!("ten_{name}").parse().unwrap()
}

const HORIZON: Horizon = Horizon {
    clock: || Timestamp::from_second(1_900_001_000).unwrap_or(Timestamp::MAX),
    kept_for: SignedDuration::from_hours(24 * 90),
};

/// The client `ten_a` with two numbers, and `ten_b` with one.
struct Desk {
    store: MemoryStore,
    keys: crate::signing::seal::StackKeys,
    drawn: AtomicU8,
}

impl Desk {
    fn new() -> Self {
        let store = MemoryStore::default();
        for (id, of, number) in
            [("con_1", "a", "5511990000001"), ("con_2", "a", "5511990000002"), ("con_3", "b", "5511990000003")]
        {
            store.put_connection(samples::connection(id, &tenant(of), number));
        }
        Self { store, keys: stack_keys(), drawn: AtomicU8::new(0) }
    }

    async fn with<T>(&self, wish: impl AsyncFnOnce(&MemoryStore, &Chance<'_>) -> T) -> T {
        // Never the same twice, always the same again.
        let fill = |bytes: &mut [u8]| bytes.fill(self.drawn.fetch_add(1, Ordering::Relaxed));
        wish(&self.store, &Chance { keys: &self.keys, fill: &fill }).await
    }

    async fn register(&self, body: Value) -> Result<WebhookView, Refusal> {
        let (body, allowed) = (body.to_string(), AllowList::default());
        let answer = self
            .with(async |store, chance| register(store, &tenant("a"), body.as_bytes(), &allowed, chance, at(0)).await);
        Ok(answer.await?.webhook)
    }

    async fn change(&self, id: &SubscriptionId, body: Value) -> Result<WebhookView, Refusal> {
        let (body, allowed) = (body.to_string(), AllowList::default());
        let answer = self.with(async |store, chance| {
            change(store, &tenant("a"), id, body.as_bytes(), &allowed, chance, at(9)).await
        });
        Ok(answer.await?.webhook)
    }

    /// A message to `connection` that is fanned out and kept; its only delivery.
    async fn message(&self, n: i64, connection: &str) -> Delivery {
        self.fanned_out(n, connection, Keep::Always).await
    }

    async fn fanned_out(&self, n: i64, connection: &str, keep: Keep) -> Delivery {
        let data = json!({
            "connection_id": connection, "direction": "in", "type": "text", "text": "oi",
            "message_id": format!("wamid.{n}"), "from": "5511900000009", "to": "5511990000001",
        });
        let id = EventId::derive(&["message", &n.to_string()]);
        let (event_type, tenant) = (EventType::WhatsappMessage, tenant("a"));
        let said = Announcement { id, tenant, event_type, at: at(n), data };
        let told = fan_out(&self.store, &said, keep, &Timing::default(), at(n)).await;
        assert_eq!(told, Ok(1));
        let bell = self.store.rung().remove(0).bell;
        self.store.read(&bell.row).await.unwrap().unwrap()
    }

    /// The only attempt of a delivery is answered 500.
    async fn exhaust(&self, delivery: &Delivery) {
        let claim = Claim::new(delivery.key(), 1, &Timing::default(), at(60), at(90));
        let claimed = self.store.claim::<Delivery>(&claim).await.unwrap();
        let ClaimOutcome::Claimed(claimed) = claimed else { panic!("it is free") };
        let (error, response) = (Some("http_500".into()), Some("Database error".into()));
        let (http_status, next_retry_at) = (Some(500), None);
        let last = Attempt { n: 1, at: at(60), http_status, duration_ms: 12, error, response, next_retry_at };
        let next = Next::End { now: at(60), expires_at: at(1_000_000), failed: true };
        let status = DeliveryStatus::Exhausted.name();
        let record = Record { status, next, counted: true, patch: json!({"last": last}), remove: &[] };
        assert!(self.store.record::<Delivery, _>(&claimed.fence, &record).await.unwrap());
    }

    async fn rows(&self, id: &SubscriptionId, query: &str) -> Vec<Value> {
        let page = audit::list(&self.store, &tenant("a"), id, Some(query), &HORIZON).await.ok().unwrap();
        serde_json::to_value(page.data).unwrap().as_array().unwrap().clone()
    }
}

fn wish(number: &str) -> Value {
    json!({"phone_number": number, "webhook_url": "https://example.com/in"})
}

fn wrong<T>(answer: Result<T, Refusal>) -> String {
    match answer {
        Err(Refusal::Input(BodyError::Fields(errors))) => format!("{} {}", errors[0].path, errors[0].code),
        Err(other) => format!("{other:?}"),
        Ok(_) => "taken".to_owned(),
    }
}

#[tokio::test]
async fn a_webhook_is_shown_as_the_old_api_showed_it_and_its_secret_once() {
    let desk = Desk::new();
    let mut body = wish("+55 11 99000-0001");
    body["headers"] = json!({"X-Team": "support"});
    let (body, allowed) = (body.to_string(), AllowList::default());
    let made = desk.with(async |store, chance| {
        register(store, &tenant("a"), body.as_bytes(), &allowed, chance, at(0)).await.ok().unwrap()
    });
    let made = made.await;
    insta::assert_json_snapshot!("registered", made);
    let id = &made.webhook.id;
    let read = get(&desk.store, &tenant("a"), id, at(1)).await.ok().unwrap();
    let listed = list(&desk.store, &tenant("a"), None, at(1)).await.ok().unwrap();
    assert!(listed.data == [read.webhook.clone()] && listed.next_cursor.is_none());
    assert!(read.webhook.secret.starts_with('•') && made.webhook.secret.ends_with(&read.webhook.secret[9..]));
    let masked = WebhookView { secret: read.webhook.secret.clone(), ..made.webhook.clone() };
    assert!(masked == read.webhook, "all else is as it was");
}

#[tokio::test]
async fn a_number_is_known_in_every_spelling_and_only_to_whom_it_is_linked() {
    let desk = Desk::new();
    let made = desk.register(wish("551190000001")).await.ok().unwrap();
    assert_eq!(made.connection_id.as_str(), "con_1", "without its ninth digit it is the same line");
    assert_eq!(made.phone_number.as_deref(), Some("5511990000001"), "as it was linked");
    for foreign in ["5511990000003", "5511990000009"] {
        assert_eq!(wrong(desk.register(wish(foreign)).await), "phone_number number_not_linked");
    }
    assert!(list(&desk.store, &tenant("b"), None, at(1)).await.ok().unwrap().data.is_empty());
}

#[tokio::test]
async fn two_numbers_may_share_a_url_and_one_may_not_have_it_twice() {
    let desk = Desk::new();
    let first = desk.register(wish("5511990000001")).await.ok().unwrap();
    let second = desk.register(wish("5511990000002")).await.ok().unwrap();
    let again = desk.register(wish("5511990000001")).await;
    let Err(Refusal::Conflict(Conflict::SubscriptionExists { by })) = again else { panic!("it was taken") };
    assert_eq!(by, Some(first.id.clone()));
    let statuses =
        json!({"phone_number": "5511990000001", "webhook_url": "https://example.com/in", "events": ["status"]});
    assert!(desk.register(statuses).await.is_ok(), "of something else");
    let delivery = desk.message(1, "con_2").await;
    assert_eq!(delivery.subscription, second.id);
}

#[tokio::test]
async fn what_is_not_named_stays_as_it_is() {
    let desk = Desk::new();
    let before = desk.register(wish("5511990000001")).await.ok().unwrap();
    let after = desk.change(&before.id, json!({"max_retries": 5, "filter": {"groups": false}})).await.ok().unwrap();
    assert_eq!((after.max_retries, after.filter.as_ref().map(|filter| filter.groups)), (5, Some(false)));
    assert_eq!((&after.webhook_url, &after.events, after.is_active), (&before.webhook_url, &before.events, true));
    let standard = desk.change(&before.id, json!({"retry": "standard"})).await.ok().unwrap();
    assert_eq!((standard.retry, standard.max_retries, standard.retry_base_s), ("standard", 10, None));
    let back = desk.change(&before.id, json!({"retry": "exponential"})).await.ok().unwrap();
    assert_eq!((back.retry, back.max_retries, back.retry_base_s), ("exponential", 3, Some(5)));
    let both = desk.change(&before.id, json!({"events": ["message", "status"]})).await.ok().unwrap();
    assert_eq!(both.events, ["message", "status"]);
}

#[tokio::test]
async fn a_webhook_follows_a_number_that_is_linked_anew_and_goes_to_nobody_elses() {
    let desk = Desk::new();
    let id = desk.register(wish("5511990000001")).await.ok().unwrap().id;
    desk.store.put_connection(samples::connection("con_1", &tenant("b"), "5511990000001"));
    let orphan = get(&desk.store, &tenant("a"), &id, at(1)).await.ok().unwrap().webhook;
    assert_eq!(orphan.phone_number, None, "another client has linked it since");
    let to = async |number: &str| desk.change(&id, json!({"phone_number": number})).await;
    assert_eq!(wrong(to("5511990000001").await), "phone_number number_not_linked");
    let after = to("551190000002").await.ok().unwrap();
    assert_eq!((after.connection_id.as_str(), after.phone_number.as_deref()), ("con_2", Some("5511990000002")));
}

#[tokio::test]
async fn its_status_says_who_switched_it_off() {
    let desk = Desk::new();
    let id = desk.register(wish("5511990000001")).await.ok().unwrap().id;
    let status = async || get(&desk.store, &tenant("a"), &id, at(9)).await.ok().unwrap().webhook.status;
    assert_eq!(status().await, view::WebhookStatus::Active);
    desk.change(&id, json!({"is_active": false})).await.ok().unwrap();
    assert_eq!(status().await, view::WebhookStatus::Inactive);
    desk.change(&id, json!({"is_active": true})).await.ok().unwrap();
    desk.store.disable(&tenant("a"), &id, DisabledReason::Gone, at(10)).await.unwrap();
    assert_eq!(status().await, view::WebhookStatus::Failed);
    assert!(desk.change(&id, json!({"is_active": true})).await.ok().unwrap().disabled_reason.is_none());
}

#[tokio::test]
async fn a_subscription_of_no_connection_is_no_webhook() {
    let desk = Desk::new();
    desk.store.put_subscription(Subscription { tenant: tenant("a"), ..samples::subscription("sub_1", "*") });
    let id = "sub_1".parse().unwrap();
    assert!(list(&desk.store, &tenant("a"), None, at(1)).await.ok().unwrap().data.is_empty());
    assert!(get(&desk.store, &tenant("a"), &id, at(1)).await.err() == Some(Refusal::NotFound));
    assert_eq!(delete(&desk.store, &tenant("a"), &id).await, Err(Refusal::NotFound));
    assert!(audit::list(&desk.store, &tenant("a"), &id, None, &HORIZON).await.err() == Some(Refusal::NotFound));
}

#[tokio::test]
async fn a_webhook_of_a_number_that_is_linked_no_more_is_still_shown() {
    let desk = Desk::new();
    let mut orphan = samples::subscription("sub_1", "whatsapp.*");
    (orphan.tenant, orphan.connection) = (tenant("a"), "con_9".parse().ok());
    desk.store.put_subscription(orphan);
    let shown = get(&desk.store, &tenant("a"), &"sub_1".parse().unwrap(), at(1)).await.ok().unwrap().webhook;
    assert_eq!((shown.phone_number, shown.connection_id.as_str()), (None, "con_9"));
}

#[tokio::test]
async fn a_delivery_is_shown_with_who_wrote_to_whom() {
    let desk = Desk::new();
    let id = desk.register(wish("5511990000001")).await.ok().unwrap().id;
    let delivery = desk.message(1, "con_1").await;
    let [pending] = desk.rows(&id, "").await.try_into().unwrap();
    assert_eq!((&pending["status"], &pending["attempt_count"]), (&json!("pending"), &json!(0)));
    desk.exhaust(&delivery).await;
    let [exhausted] = desk.rows(&id, "status=exhausted").await.try_into().unwrap();
    insta::assert_json_snapshot!("exhausted", exhausted);
    let alone = audit::get(&desk.store, &tenant("a"), &id, &delivery.id, at(100)).await.ok().unwrap();
    let alone = serde_json::to_value(alone).unwrap();
    assert_eq!(
        alone["messages"],
        json!([{
            "event_id": delivery.event, "message_id": "wamid.1", "from": "5511900000009", "to": "5511990000001",
        }])
    );
    assert_eq!((&alone["attempts"][0]["n"], &alone["from"]), (&json!(1), &exhausted["from"]));
}

#[tokio::test]
async fn of_an_event_that_is_no_longer_kept_nobody_is_named() {
    let desk = Desk::new();
    let id = desk.register(wish("5511990000001")).await.ok().unwrap().id;
    let delivery = desk.fanned_out(1, "con_1", Keep::Already).await;
    desk.exhaust(&delivery).await;
    let [row] = desk.rows(&id, "").await.try_into().unwrap();
    assert_eq!([&row["message_id"], &row["from"], &row["to"]], [&Value::Null; 3]);
    assert_eq!(row["error"], "http_500", "what became of it is");
    let retried = audit::retry(&desk.store, &tenant("a"), &id, &delivery.id, &HORIZON).await;
    assert!(retried.err() == Some(Conflict::Erased.into()));
}

#[tokio::test]
async fn a_batch_is_one_row_and_names_every_message_alone() {
    let desk = Desk::new();
    let mut body = wish("5511990000001");
    body["batch"] = json!({"max_events": 3, "max_wait_s": 60});
    let id = desk.register(body).await.ok().unwrap().id;
    let first = desk.message(1, "con_1").await;
    for n in 2..=3 {
        let data =
            json!({"connection_id": "con_1", "direction": "in", "type": "text", "message_id": format!("wamid.{n}")});
        let (id, event_type) = (EventId::derive(&["message", &n.to_string()]), EventType::WhatsappMessage);
        let said = Announcement { id, tenant: tenant("a"), event_type, at: at(n), data };
        fan_out(&desk.store, &said, Keep::Always, &Timing::default(), at(n)).await.unwrap();
    }
    let [row] = desk.rows(&id, "").await.try_into().unwrap();
    assert_eq!((&row["message_id"], row["events"].as_array().map(Vec::len)), (&json!("wamid.1"), Some(3)));
    let alone = audit::get(&desk.store, &tenant("a"), &id, &first.id, at(100)).await.ok().unwrap();
    let messages = serde_json::to_value(alone).unwrap()["messages"].clone();
    let mut named: Vec<_> = messages.as_array().unwrap().iter().map(|one| one["message_id"].to_string()).collect();
    named.sort();
    assert_eq!(named, [r#""wamid.1""#, r#""wamid.2""#, r#""wamid.3""#]);
}

#[tokio::test]
async fn what_failed_is_sent_again_by_the_webhook_it_was_sent_to_only() {
    let desk = Desk::new();
    let mine = desk.register(wish("5511990000001")).await.ok().unwrap().id;
    let other = desk.register(wish("5511990000002")).await.ok().unwrap().id;
    let delivery = desk.message(1, "con_1").await;
    let retry = async |tenant: &TenantId, of: &SubscriptionId, event: &DeliveryId| {
        audit::retry(&desk.store, tenant, of, event, &HORIZON).await
    };
    let a = tenant("a");
    assert!(retry(&a, &mine, &delivery.id).await.err() == Some(Conflict::NotEnded.into()));
    desk.exhaust(&delivery).await;
    assert!(retry(&a, &other, &delivery.id).await.err() == Some(Refusal::NotFound));
    assert!(retry(&tenant("b"), &mine, &delivery.id).await.err() == Some(Refusal::NotFound));
    let row = retry(&a, &mine, &delivery.id).await.ok().unwrap();
    assert_eq!((row.status, row.attempt_count, row.next_retry_at), (DeliveryStatus::Pending, 1, None));
    assert_eq!(row.carried.message_id.as_deref(), Some("wamid.1"));
    let stored: Delivery = desk.store.read(&RowKey::Delivery(delivery.id)).await.unwrap().unwrap();
    assert_eq!((stored.work.turn, desk.store.rung().len()), (2, 1));
}
