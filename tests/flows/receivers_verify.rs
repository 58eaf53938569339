//! What the platform sends is what the receivers of docs/receivers.md accept with the official Standard Webhooks
//! libraries, in three languages, and those of Svix accept as well; a changed byte is what they refuse. tests/guide.rs shows the rest of them.

use std::collections::BTreeSet;

use gancho_tests::flow::{Flow, body_of};
use gancho_tests::lead::Person;
use gancho_tests::receivers::{Receiver, Sent, genuine_by_svix, genuine_by_the_body_alone};
use gancho_tests::waiting::until;
use jiff::Timestamp;
use serde_json::{Value, json};

const BUILT: &str = env!("CARGO_BIN_EXE_receiver");

async fn verdicts(receivers: &[Receiver], sent: &Sent) -> Vec<u16> {
    let mut verdicts = Vec::new();
    for receiver in receivers {
        verdicts.push(receiver.take(sent).await);
    }
    verdicts
}

async fn a_delivery(flow: &Flow) -> (String, Value) {
    let (_, id) = flow.new_lead(Person::named("Ângela Fictícia Conceição").by_phone()).await;
    let received = flow.hears("lead.received").await;
    assert_eq!(received["headers"]["webhook-id"], json!(id));
    (id, received)
}

#[tokio::test]
async fn the_official_libraries_accept_a_delivery_and_refuse_it_with_a_byte_changed() {
    let flow = Flow::beside_others().await;
    let receivers = Receiver::all(BUILT, &flow.secret);
    let (id, received) = a_delivery(&flow).await;
    let genuine = Sent::recorded(&received);
    assert_eq!(verdicts(&receivers, &genuine.altered()).await, [401; 3], "another body");
    for header in ["webhook-id", "webhook-signature"] {
        assert_eq!(verdicts(&receivers, &genuine.altered_in(header)).await, [401; 3], "another {header}");
    }
    let sent_at: i64 = genuine.headers["webhook-timestamp"].parse().unwrap();
    let late = genuine.with("webhook-timestamp", &(sent_at + 1).to_string());
    assert_eq!(verdicts(&receivers, &late).await, [401; 3], "another time");
    assert!(receivers.iter().all(|receiver| receiver.kept().is_empty()), "what is refused is not kept");

    assert_eq!(genuine_by_svix(&flow.secret, &late), [false; 2]);
    assert_eq!(genuine_by_svix(&flow.secret, &genuine.altered()), [false; 2]);

    assert_eq!(genuine_by_svix(&flow.secret, &genuine), [true; 2]);
    assert_eq!(verdicts(&receivers, &genuine).await, [204; 3]);
    assert_eq!(verdicts(&receivers, &genuine).await, [204; 3], "a copy");
    for receiver in &receivers {
        let kept = receiver.kept();
        assert_eq!(kept.len(), 1, "{:?}", receiver.language);
        assert_eq!(kept[&id]["type"], "lead.received", "{:?}", receiver.language);
    }
}

#[tokio::test]
async fn a_delivery_caught_on_its_way_is_refused_after_five_minutes() {
    let flow = Flow::beside_others().await;
    let receivers = Receiver::all(BUILT, &flow.secret);
    let (_, received) = a_delivery(&flow).await;
    let genuine = Sent::recorded(&received);
    // Signed as the platform would have, with the official library: a time that is not signed proves nothing.
    let old = Timestamp::now().as_second() - 301;
    let webhook = standardwebhooks::Webhook::new(&flow.secret).unwrap();
    let signature = webhook.sign(&genuine.headers["webhook-id"], old, &genuine.body).unwrap();
    let caught = genuine.with("webhook-timestamp", &old.to_string()).with("webhook-signature", &signature);
    assert_eq!(verdicts(&receivers, &caught).await, [401; 3]);
}

#[tokio::test]
async fn receivers_with_the_old_or_the_new_secret_accept_a_delivery_during_a_rotation() {
    let flow = Flow::beside_others().await;
    let path = format!("/api/v1/tenant/webhooks/subscriptions/{}/rotate-secret", flow.subscription);
    let rotated = flow.tenant.post(&path, &json!({"overlap_s": 3600})).await.with(200);
    let new = rotated["secret"].as_str().unwrap();
    flow.stage.instruct(&flow.receiver, json!({"secrets": [new, flow.secret]})).await;
    let (_, received) = a_delivery(&flow).await;
    let genuine = Sent::recorded(&received);
    assert_eq!(genuine.headers["webhook-signature"].split(' ').count(), 2);
    for secret in [flow.secret.as_str(), new] {
        let receivers = Receiver::all(BUILT, secret);
        assert_eq!(verdicts(&receivers, &genuine.altered()).await, [401; 3]);
        assert_eq!(verdicts(&receivers, &genuine).await, [204; 3]);
        assert_eq!(genuine_by_svix(secret, &genuine), [true; 2]);
    }
}

#[tokio::test]
async fn the_signature_of_the_body_alone_is_sent_beside_the_standard_ones_where_it_is_asked_for() {
    let flow = Flow::beside_others().await;
    let path = format!("/api/v1/tenant/webhooks/subscriptions/{}", flow.subscription);
    flow.tenant.patch(&path, &json!({"signature": "sha256_hex"})).await.with(200);
    let (_, received) = a_delivery(&flow).await;
    let genuine = Sent::recorded(&received);
    assert_eq!(verdicts(&Receiver::all(BUILT, &flow.secret), &genuine).await, [204; 3]);
    let signature = &genuine.headers["x-webhook-signature"];
    assert!(genuine_by_the_body_alone(&flow.secret, &genuine.body, signature));
    assert!(!genuine_by_the_body_alone(&flow.secret, &genuine.altered().body, signature));
}

#[tokio::test]
async fn the_official_libraries_accept_a_batch_and_its_events_are_kept_one_by_one() {
    let flow = Flow::beside_others().await;
    let receiver = format!("{}-batch", flow.receiver);
    let order = json!({"event": "lead.received", "batch": {"max_events": 2, "max_wait_s": 5}});
    let made = flow.subscribe(&receiver, order).await;
    let mut ids = BTreeSet::new();
    for _ in 0..2 {
        ids.insert(flow.new_lead(Person::new().by_phone()).await.1);
    }
    // One of two, or two of one where the second came when the first's time was over.
    let batches = until("batches with both events", async || {
        let batches = flow.heard_at(&receiver, "batch").await;
        let events = batches.iter().flat_map(|batch| body_of(batch)["events"].as_array().cloned().unwrap_or_default());
        (events.count() >= 2).then_some(batches)
    })
    .await;
    let secret = made["secret"].as_str().unwrap();
    let receivers = Receiver::all(BUILT, secret);
    for batch in batches.iter().map(Sent::recorded) {
        assert_eq!(genuine_by_svix(secret, &batch), [true; 2]);
        assert_eq!(verdicts(&receivers, &batch.altered()).await, [401; 3], "another byte");
        assert_eq!(verdicts(&receivers, &batch).await, [204; 3]);
        assert_eq!(verdicts(&receivers, &batch).await, [204; 3], "a copy");
    }
    for receiver in &receivers {
        assert_eq!(receiver.kept().into_keys().collect::<BTreeSet<_>>(), ids, "{:?}", receiver.language);
    }
}
