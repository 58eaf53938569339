//! From the platform to a tenant's endpoint.

use gancho_tests::flow::Flow;
use gancho_tests::lead::Person;
use gancho_tests::waiting::until;
use serde_json::{Value, json};

/// A lead of somebody nobody knows comes in for this flow.
async fn something_happens(flow: &Flow) -> String {
    let (_, id) = flow.new_lead(Person::new().by_phone()).await;
    id
}

/// The only delivery of a subscription, once it has this status.
async fn delivery_with(flow: &Flow, subscription: &str, status: &str) -> Value {
    until(&format!("a delivery that is {status}"), async || {
        let found = flow.deliveries(subscription).await.into_iter().next()?;
        (found["status"] == status).then_some(found)
    })
    .await
}

/// A subscription to `lead.received` alone, at a receiver of its own; its id and the receiver.
async fn received_only(flow: &Flow, name: &str, script: Value) -> (String, String) {
    let receiver = format!("{}-{name}", flow.receiver);
    flow.stage.instruct(&receiver, script).await;
    let made = flow.subscribe(&receiver, json!({"event": "lead.received"})).await;
    (made["id"].as_str().unwrap().to_owned(), receiver)
}

fn id(delivery: &Value) -> &str {
    delivery["id"].as_str().unwrap()
}

#[tokio::test]
async fn an_endpoint_that_fails_is_tried_again_under_the_same_webhook_id() {
    let flow = Flow::beside_others().await;
    let (subscription, receiver) = received_only(&flow, "fails", json!({"script": [{"status": 500}]})).await;
    let event = something_happens(&flow).await;
    let delivery = delivery_with(&flow, &subscription, "delivered").await;
    let attempts = flow.delivery(id(&delivery)).await["attempts"].clone();
    let statuses: Vec<_> = attempts.as_array().unwrap().iter().map(|attempt| &attempt["http_status"]).collect();
    assert_eq!(statuses, [200, 500], "newest first");
    assert_eq!((&attempts[0]["next_retry_at"], attempts[1]["next_retry_at"].is_string()), (&Value::Null, true));

    let received = flow.stage.received(&receiver).await;
    assert_eq!(received.len(), 2);
    for one in &received {
        assert_eq!((&one["signature"], &one["headers"]["webhook-id"]), (&json!("verified"), &json!(event)));
    }
    assert_eq!(received[0]["body"], received[1]["body"]);
}

#[tokio::test]
async fn an_answer_that_will_not_change_ends_a_delivery_and_a_replay_begins_it_again() {
    let flow = Flow::beside_others().await;
    let (subscription, receiver) = received_only(&flow, "refuses", json!({"script": [{"status": 422}]})).await;
    something_happens(&flow).await;
    let failed = delivery_with(&flow, &subscription, "failed").await;
    assert_eq!(flow.stage.received(&receiver).await.len(), 1, "no second try");

    let path = format!("/api/v1/tenant/webhooks/deliveries/{}/replay", id(&failed));
    flow.tenant.post(&path, &json!({})).await.with(202);
    let delivered = delivery_with(&flow, &subscription, "delivered").await;
    assert_eq!((id(&delivered), &delivered["turn"], &delivered["attempt_count"]), (id(&failed), &json!(2), &json!(2)));
    let received = flow.stage.received(&receiver).await;
    assert_eq!(received[0]["headers"]["webhook-id"], received[1]["headers"]["webhook-id"]);

    flow.tenant.post(&path, &json!({})).await.with(202);
    until("the replay of what was delivered", async || (flow.stage.received(&receiver).await.len() == 3).then_some(()))
        .await;
}

#[tokio::test]
async fn an_endpoint_that_never_answers_well_uses_its_tries_up() {
    let flow = Flow::beside_others().await;
    let receiver = format!("{}-down", flow.receiver);
    flow.stage.instruct(&receiver, json!({"default": {"status": 503}})).await;
    let made = flow.subscribe(&receiver, json!({"event": "lead.received", "max_retries": 1})).await;
    something_happens(&flow).await;
    let exhausted = delivery_with(&flow, made["id"].as_str().unwrap(), "exhausted").await;
    assert_eq!(exhausted["attempt_count"], 2);
    assert_eq!(flow.delivery(id(&exhausted)).await["attempts"][0]["next_retry_at"], Value::Null);
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_sent_nothing_more() {
    let flow = Flow::beside_others().await;
    let (subscription, receiver) = received_only(&flow, "gone", json!({"default": {"status": 410}})).await;
    something_happens(&flow).await;
    delivery_with(&flow, &subscription, "failed").await;
    let shown = flow.tenant.get(&format!("/api/v1/tenant/webhooks/subscriptions/{subscription}")).await.with(200);
    assert_eq!((&shown["active"], &shown["disabled_reason"]), (&json!(false), &json!("gone")), "{shown:#}");

    flow.ended(&something_happens(&flow).await).await;
    flow.hears("lead.received").await;
    assert_eq!(flow.stage.received(&receiver).await.len(), 1);
}

#[tokio::test]
async fn an_endpoint_that_breaks_off_is_tried_again() {
    let flow = Flow::beside_others().await;
    let script = json!({"script": [{"drop": "before"}, {"status": 429, "headers": {"retry-after": "2"}}]});
    let (subscription, receiver) = received_only(&flow, "breaks", script).await;
    something_happens(&flow).await;
    delivery_with(&flow, &subscription, "delivered").await;
    assert_eq!(flow.stage.received(&receiver).await.len(), 3);
}

#[tokio::test]
async fn deliveries_can_be_recovered_after_a_bad_day() {
    let flow = Flow::beside_others().await;
    let orders = json!({"script": [{"status": 400}, {"status": 400}]});
    let (subscription, receiver) = received_only(&flow, "bad-day", orders).await;
    for _ in 0..2 {
        something_happens(&flow).await;
    }
    let count = async |status: &str| {
        flow.deliveries(&subscription).await.iter().filter(|delivery| delivery["status"] == status).count()
    };
    until("both to have failed", async || (count("failed").await == 2).then_some(())).await;
    let path = format!("/api/v1/tenant/webhooks/subscriptions/{subscription}/recover");
    let since = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    let answer = flow.tenant.post(&path, &json!({"since": since})).await.with(202);
    assert_eq!(answer["replayed"], 2, "{answer}");
    until("both to be delivered", async || (count("delivered").await == 2).then_some(())).await;
    assert_eq!(flow.stage.received(&receiver).await.len(), 4);
}

#[tokio::test]
async fn an_address_inside_the_house_is_refused_in_every_spelling() {
    let flow = Flow::beside_others().await;
    for url in [
        "http://example.com/hook",
        "https://127.0.0.1/hook",
        "https://0x7f000001/hook",
        "https://[::ffff:169.254.169.254]/latest",
        "https://user@example.com/hook",
    ] {
        let order = json!({"url": url, "event": "lead.*"});
        let answer = flow.tenant.post("/api/v1/tenant/webhooks/subscriptions", &order).await;
        assert_eq!(answer.status, 422, "{url}: {}", answer.body);
        assert!(answer.body.to_string().contains("url_not_allowed"), "{url}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_secret_that_is_rotated_signs_beside_the_new_one_for_a_while() {
    let flow = Flow::beside_others().await;
    let path = format!("/api/v1/tenant/webhooks/subscriptions/{}/rotate-secret", flow.subscription);
    let rotated = flow.tenant.post(&path, &json!({"overlap_s": 3600})).await.with(200);
    assert_ne!(rotated["secret"], json!(flow.secret));
    flow.stage.instruct(&flow.receiver, json!({"secrets": [rotated["secret"], flow.secret]})).await;
    something_happens(&flow).await;
    let delivery = flow.hears("lead.received").await;
    assert_eq!(delivery["secrets_matched"], json!([0, 1]), "{delivery:#}");
}
