//! Events gathered into one request, and requests spaced out.

use gancho_tests::flow::{Flow, body_of};
use gancho_tests::waiting::until;
use serde_json::{Value, json};

use crate::tenants_publish::payment;

#[tokio::test]
async fn a_full_batch_is_one_request_with_every_event_under_one_signature() {
    let flow = Flow::beside_others().await;
    let fields = json!({"batch": {"max_events": 5, "max_wait_s": 300}});
    let (subscription, receiver) = flow.receiver_of("payment.*", "gathers", fields, json!({})).await;
    let events: Vec<Value> = (0..5).map(|n| payment(&format!("{n}.00"))).collect();
    flow.tenant.post("/api/v1/tenant/events", &json!({"events": events})).await.with(202);
    let received = until("the batch", async || {
        let received = flow.stage.received(&receiver).await;
        (!received.is_empty()).then_some(received)
    })
    .await;
    let [one] = received.as_slice() else { panic!("one request: {received:#?}") };
    let body = body_of(one);
    assert_eq!((&one["signature"], &body["type"]), (&json!("verified"), &json!("batch")));
    assert_eq!(one["headers"]["webhook-id"], body["id"]);
    assert!(body["id"].as_str().unwrap().starts_with("dlv_"));
    let told = body["events"].as_array().unwrap();
    let mut all: Vec<_> = told.iter().map(|event| event["data"]["amount"].to_string()).collect();
    all.sort();
    assert_eq!(all, ["\"0.00\"", "\"1.00\"", "\"2.00\"", "\"3.00\"", "\"4.00\""]);
    let delivered = flow.delivery_that_is("delivered", &subscription).await;
    assert_eq!(delivered["events"].as_array().map(Vec::len), Some(5));
}

#[tokio::test]
async fn a_batch_that_does_not_fill_goes_out_when_its_first_event_has_waited_long_enough() {
    let flow = Flow::beside_others().await;
    let fields = json!({"batch": {"max_events": 100, "max_wait_s": 8}});
    let (_, receiver) = flow.receiver_of("payment.*", "waits", fields, json!({})).await;
    flow.publish(&payment("1.00")).await;
    flow.publish(&payment("2.00")).await;
    let received = until("the batch", async || {
        let received = flow.stage.received(&receiver).await;
        (!received.is_empty()).then_some(received)
    })
    .await;
    let body = body_of(&received[0]);
    assert_eq!(body["events"].as_array().unwrap().len(), 2, "{body:#}");
}

#[tokio::test]
async fn a_batch_that_failed_is_tried_again_byte_for_byte() {
    let flow = Flow::beside_others().await;
    let fields = json!({"batch": {"max_events": 2, "max_wait_s": 300}});
    let (_, receiver) = flow.receiver_of("payment.*", "again", fields, json!({"script": [{"status": 500}]})).await;
    flow.publish(&payment("1.00")).await;
    flow.publish(&payment("2.00")).await;
    let received = until("both attempts", async || {
        let received = flow.stage.received(&receiver).await;
        (received.len() == 2).then_some(received)
    })
    .await;
    assert_eq!(received[0]["body"], received[1]["body"]);
    assert_eq!(received[0]["headers"]["webhook-id"], received[1]["headers"]["webhook-id"]);
}

#[tokio::test]
async fn a_subscription_with_a_rate_is_sent_no_more_than_that() {
    let flow = Flow::beside_others().await;
    let (subscription, receiver) =
        flow.receiver_of("payment.*", "paced", json!({"rate_limit_per_s": 2}), json!({})).await;
    let events: Vec<Value> = (0..12).map(|n| payment(&format!("{n}.00"))).collect();
    flow.tenant.post("/api/v1/tenant/events", &json!({"events": events})).await.with(202);
    let received = until("all twelve", async || {
        let received = flow.stage.received(&receiver).await;
        (received.len() == 12).then_some(received)
    })
    .await;
    let time = |one: &Value| one["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let took = time(&received[11]).duration_since(time(&received[0]));
    assert!(took >= jiff::SignedDuration::from_millis(4_500), "twelve at two a second take five and a half: {took}");
    assert!(flow.deliveries(&subscription).await.iter().all(|one| one["attempt_count"] == 1));
}
