//! What a tenant's back office publishes, and what its subscribers get of it.

use std::collections::BTreeSet;

use gancho_tests::api::Api;
use gancho_tests::flow::{Flow, body_of};
use gancho_tests::waiting::until;
use serde_json::{Value, json};

const EVENTS: &str = "/api/v1/tenant/events";

/// A payment of that amount.
pub(crate) fn payment(amount: &str) -> Value {
    json!({"type": "payment.received", "data": {"payment_id": "pay_1", "amount": amount, "currency": "EUR"}})
}

#[tokio::test]
async fn each_business_event_is_published_as_its_example_says_and_received_verified() {
    let flow = Flow::beside_others().await;
    let (subscription, receiver) = flow.receiver_of("*", "all", json!({}), json!({})).await;
    let catalogue = flow.tenant.get("/api/v1/tenant/webhooks/event-types").await.with(200);
    let mut published = BTreeSet::new();
    for entry in catalogue["data"].as_array().unwrap() {
        let event_type = entry["type"].as_str().unwrap();
        let answer = flow.tenant.post(EVENTS, &entry["example"]).await;
        let own =
            ["payment.", "customer.", "sales_order.", "invoice."].iter().any(|family| event_type.starts_with(family));
        if own {
            published
                .insert((answer.with(202)["id"].as_str().unwrap().to_owned(), entry["example"].clone().to_string()));
        } else {
            assert_eq!(answer.with(422)["code"], "event_type_not_publishable", "{event_type}");
        }
    }
    assert_eq!(published.len(), 12);
    let received = until("all twelve", async || {
        let received = flow.stage.received(&receiver).await;
        (received.len() >= 12).then_some(received)
    })
    .await;
    assert_eq!(received.len(), 12);
    for one in &received {
        let (body, headers) = (body_of(one), &one["headers"]);
        assert_eq!((&one["signature"], &headers["webhook-id"]), (&json!("verified"), &body["id"]));
        let (_, example) = published.iter().find(|(id, _)| body["id"] == id.as_str()).expect("one of ours");
        let example: Value = serde_json::from_str(example).unwrap();
        assert_eq!((&body["type"], &body["data"]), (&example["type"], &example["data"]));
        assert_eq!(body["timestamp"], example["timestamp"]);
    }
    assert_eq!(flow.deliveries(&subscription).await.len(), 12);
}

#[tokio::test]
async fn what_is_sent_twice_is_delivered_once_and_a_contradiction_is_told() {
    let flow = Flow::beside_others().await;
    let (_, receiver) = flow.receiver_of("payment.*", "once", json!({}), json!({})).await;
    let send = async |amount: &str| {
        let request = flow.tenant.request(reqwest::Method::POST, EVENTS).header("Idempotency-Key", "order-7");
        let response = request.json(&payment(amount)).send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let copies = futures::future::join_all((0..10).map(|_| send("7.00"))).await;
    assert!(copies.iter().all(|(status, _)| *status == 202), "{copies:?}");
    let ids: BTreeSet<_> = copies.iter().map(|(_, body)| body["id"].to_string()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(copies.iter().filter(|(_, body)| body["duplicate"] == false).count(), 1);
    let (status, refused) = send("8.00").await;
    assert_eq!((status, &refused["code"]), (409, &json!("idempotency_conflict")));
    let last = flow.publish(&payment("9.00")).await;
    until("the last", async || {
        flow.stage.received(&receiver).await.iter().any(|one| body_of(one)["id"] == last.as_str()).then_some(())
    })
    .await;
    assert_eq!(flow.stage.received(&receiver).await.len(), 2, "the one, and the last");
}

#[tokio::test]
async fn a_batch_is_taken_event_by_event() {
    let flow = Flow::beside_others().await;
    let (_, receiver) = flow.receiver_of("payment.*", "batch", json!({}), json!({})).await;
    let mut events: Vec<Value> = (0..30).map(|n| payment(&format!("{n}.00"))).collect();
    events[7] = json!({"type": "payment.received", "data": {"amount": 7}});
    let answer = flow.tenant.post(EVENTS, &json!({"events": events})).await.with(202);
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), 30);
    assert_eq!((&results[7]["code"], &results[7]["errors"][0]["path"]), (&json!("missing"), &json!("data.payment_id")));
    until("all but the bad one", async || (flow.stage.received(&receiver).await.len() == 29).then_some(())).await;
}

#[tokio::test]
async fn what_a_tenant_published_is_in_the_operators_timeline_with_every_step() {
    let flow = Flow::beside_others().await;
    let (_, _) = flow.receiver_of("payment.*", "timeline", json!({}), json!({})).await;
    let id = flow.publish(&payment("5.00")).await;
    let event = flow.completed(&id).await;
    assert_eq!((&event["provider"], &event["result"]["deliveries"]), (&json!("tenant"), &json!(1)));
    let steps = until("the delivery in the timeline", async || {
        let event = flow.event(&id).await;
        let steps: Vec<String> = event["timeline"]
            .as_array()?
            .iter()
            .map(|moment| moment["step"].as_str().unwrap_or_default().to_owned())
            .collect();
        steps.iter().any(|step| step.contains("deliver")).then_some(steps)
    })
    .await;
    assert_eq!(steps[0], "received");
}

#[tokio::test]
async fn a_revoked_key_publishes_nothing_within_ten_seconds() {
    let flow = Flow::beside_others().await;
    let keys = format!("/api/v1/admin/tenants/{}/keys", flow.tenant_id);
    let key = flow.operator.post(&keys, &json!({"name": "short-lived"})).await.with(201);
    let other = Api::bearer(key["key"].as_str().unwrap());
    other.post(EVENTS, &payment("1.00")).await.with(202);
    flow.operator.delete(&format!("{keys}/{}", key["id"].as_str().unwrap())).await.with(204);
    gancho_tests::waiting::taken_effect().await;
    other.post(EVENTS, &payment("2.00")).await.with(401);
    flow.tenant.post(EVENTS, &payment("3.00")).await.with(202);
}

#[tokio::test]
async fn one_tenants_idempotency_keys_and_ids_mean_nothing_to_another() {
    let (one, other) = (Flow::beside_others().await, Flow::another().await);
    let mut event = payment("1.00");
    event["id"] = json!("shared-name");
    let first = one.publish(&event).await;
    event["data"]["amount"] = json!("2.00");
    let second = other.publish(&event).await;
    assert_ne!(first, second);
}

#[tokio::test]
async fn what_a_paused_tenant_publishes_waits_and_is_delivered_on_resume() {
    let flow = Flow::beside_others().await;
    let (_, receiver) = flow.receiver_of("payment.*", "paused", json!({}), json!({})).await;
    let switch = format!("/api/v1/admin/switches/tenant:{}", flow.tenant_id);
    flow.operator.put(&switch, &json!({"paused": true})).await.with(200);
    gancho_tests::waiting::taken_effect().await;
    let id = flow.publish(&payment("1.00")).await;
    until("the event to be parked", async || {
        let row = flow.row(&id).await;
        row["due_shard"].as_str()?.starts_with("parked#").then_some(())
    })
    .await;
    assert!(flow.stage.received(&receiver).await.is_empty());
    flow.operator.put(&switch, &json!({"paused": false})).await.with(200);
    gancho_tests::waiting::taken_effect().await;
    flow.cloud.sweep().await;
    until("the delivery", async || (flow.stage.received(&receiver).await.len() == 1).then_some(())).await;
}
