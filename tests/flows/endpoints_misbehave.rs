//! Endpoints that are slow, broken, hostile or dead, and what becomes of their deliveries and of everybody else's.

use std::time::Duration;

use gancho_tests::flow::{Flow, body_of};
use gancho_tests::processes;
use gancho_tests::waiting::{until, until_within};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::tenants_publish::payment;

fn id(delivery: &Value) -> &str {
    delivery["id"].as_str().unwrap()
}

/// The attempts of a delivery, oldest first.
async fn attempts(flow: &Flow, delivery: &Value) -> Vec<Value> {
    let mut attempts = flow.delivery(id(delivery)).await["attempts"].as_array().unwrap().clone();
    attempts.reverse();
    attempts
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn an_endpoint_that_fails_twice_gets_its_third_attempt_on_schedule_under_one_webhook_id() {
    let flow = Flow::beside_others().await;
    let orders = json!({"script": [{"status": 500}, {"status": 500}]});
    let (subscription, receiver) = flow.receiver_of("payment.*", "twice", json!({}), orders).await;
    let event = flow.publish(&payment("1.00")).await;
    let delivered = flow.delivery_that_is("delivered", &subscription).await;
    let attempts = attempts(&flow, &delivered).await;
    assert_eq!(attempts.iter().map(|one| &one["http_status"]).collect::<Vec<_>>(), [500, 500, 200]);
    for (one, next) in attempts.iter().zip(&attempts[1..]) {
        assert!(time(&next["at"]) >= time(&one["next_retry_at"]), "{attempts:#?}");
    }
    let wait = |n: usize| time(&attempts[n]["next_retry_at"]).duration_since(time(&attempts[n]["at"])).as_secs_f64();
    assert!((0.79..2.0).contains(&wait(0)) && (1.59..3.5).contains(&wait(1)), "{attempts:#?}");
    for one in flow.stage.received(&receiver).await {
        assert_eq!((&one["signature"], &one["headers"]["webhook-id"]), (&json!("verified"), &json!(event)));
    }
}

#[tokio::test]
async fn a_wish_to_be_left_alone_until_a_date_is_honoured() {
    let flow = Flow::beside_others().await;
    let then = jiff::fmt::rfc2822::to_string(
        &(Timestamp::now() + jiff::SignedDuration::from_secs(8)).to_zoned(jiff::tz::TimeZone::UTC),
    )
    .unwrap();
    let then = then.replace("+0000", "GMT");
    let orders = json!({"script": [{"status": 429, "headers": {"retry-after": then}}]});
    let (subscription, _) = flow.receiver_of("payment.*", "date", json!({}), orders).await;
    flow.publish(&payment("1.00")).await;
    let delivered = flow.delivery_that_is("delivered", &subscription).await;
    let attempts = attempts(&flow, &delivered).await;
    let asked = jiff::fmt::rfc2822::parse(&then).unwrap().timestamp();
    assert!(time(&attempts[1]["at"]) >= asked, "{attempts:#?}");
}

#[tokio::test]
async fn an_endpoint_that_hangs_or_drips_costs_its_time_out_and_no_more() {
    let flow = Flow::beside_others().await;
    let orders = json!({"script": [{"hang": true}, {"body_bytes": 100_000, "drip_ms": 100}]});
    let fields = json!({"timeout_s": 1});
    let (subscription, _) = flow.receiver_of("payment.*", "hangs", fields, orders).await;
    flow.publish(&payment("1.00")).await;
    let delivered = flow.delivery_that_is("delivered", &subscription).await;
    let attempts = attempts(&flow, &delivered).await;
    assert_eq!((&attempts[0]["http_status"], &attempts[0]["error"]), (&Value::Null, &json!("timeout")));
    assert!(attempts[0]["duration_ms"].as_u64().unwrap() < 3_000, "{attempts:#?}");
    // A status that has come is an answer, however slowly its body drips.
    assert!(attempts[1]["duration_ms"].as_u64().unwrap() < 3_000, "{attempts:#?}");
    let row = flow.cloud.item("signals", &format!("BREAKER#endpoint:{subscription}"), "BREAKER").await;
    assert!(row.is_none_or(|row| row.get("open_until").is_none()), "it is not left alone");
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let flow = Flow::beside_others().await;
    let (_, elsewhere) = flow.receiver_of("customer.created", "elsewhere", json!({}), json!({})).await;
    let location = gancho_tests::stage::Stage::address(&elsewhere);
    let orders = json!({"script": [{"status": 302, "headers": {"location": location}}]});
    let (subscription, _) = flow.receiver_of("payment.*", "redirects", json!({}), orders).await;
    flow.publish(&payment("1.00")).await;
    let delivered = flow.delivery_that_is("delivered", &subscription).await;
    assert_eq!(attempts(&flow, &delivered).await[0]["http_status"], 302);
    assert!(flow.stage.received(&elsewhere).await.is_empty());
}

#[tokio::test]
async fn of_an_answer_of_ten_megabytes_a_kilobyte_is_kept() {
    let flow = Flow::beside_others().await;
    let orders = json!({"script": [{"status": 200, "body_bytes": 10_000_000}]});
    let (subscription, _) = flow.receiver_of("payment.*", "talks", json!({}), orders).await;
    flow.publish(&payment("1.00")).await;
    let delivered = flow.delivery_that_is("delivered", &subscription).await;
    let attempts = attempts(&flow, &delivered).await;
    let kept = attempts[0]["response"].as_str().unwrap().len();
    assert!((1..=1_024).contains(&kept), "{kept} bytes");
}

#[tokio::test]
async fn connections_that_break_off_are_tried_again() {
    let flow = Flow::beside_others().await;
    let orders = json!({"script": [{"drop": "before"}, {"drop": "mid"}]});
    let (subscription, receiver) = flow.receiver_of("payment.*", "breaks", json!({}), orders).await;
    flow.publish(&payment("1.00")).await;
    let delivered = flow.delivery_that_is("delivered", &subscription).await;
    let seen = flow.stage.received(&receiver).await.len();
    assert_eq!(attempts(&flow, &delivered).await.len(), seen, "nothing is sent that is not shown");
}

#[tokio::test]
async fn the_tries_of_a_dead_endpoint_end_and_the_tenant_is_told() {
    let flow = Flow::beside_others().await;
    let (_, told) = flow.receiver_of("delivery.exhausted", "told", json!({}), json!({})).await;
    let (subscription, _) =
        flow.receiver_of("payment.*", "dead", json!({"max_retries": 1}), json!({"default": {"status": 503}})).await;
    flow.publish(&payment("1.00")).await;
    let exhausted = flow.delivery_that_is("exhausted", &subscription).await;
    let heard =
        until("delivery.exhausted", async || flow.heard_at(&told, "delivery.exhausted").await.into_iter().next()).await;
    let body = body_of(&heard);
    assert_eq!((&body["data"]["delivery_id"], &body["data"]["attempts"]), (&exhausted["id"], &json!(2)));
    assert_eq!((&body["data"]["event"], &heard["signature"]), (&json!("payment.received"), &json!("verified")));
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_switched_off_and_the_tenant_is_told() {
    let flow = Flow::beside_others().await;
    let (_, told) = flow.receiver_of("endpoint.disabled", "told", json!({}), json!({})).await;
    let (subscription, _) = flow.receiver_of("payment.*", "gone", json!({}), json!({"default": {"status": 410}})).await;
    flow.publish(&payment("1.00")).await;
    let heard =
        until("endpoint.disabled", async || flow.heard_at(&told, "endpoint.disabled").await.into_iter().next()).await;
    let body = body_of(&heard);
    assert_eq!((&body["data"]["subscription_id"], &body["data"]["reason"]), (&json!(subscription), &json!("gone")));
}

#[tokio::test]
async fn a_broken_endpoint_is_left_alone_and_everything_that_waited_arrives_when_it_is_back() {
    let flow = Flow::beside_others().await;
    let broken = vec![json!({"status": 500}); 3];
    let (subscription, receiver) =
        flow.receiver_of("payment.*", "breaker", json!({"max_retries": 10}), json!({"script": broken})).await;
    flow.publish(&payment("1.00")).await;
    until("three answers", async || (flow.stage.received(&receiver).await.len() == 3).then_some(())).await;
    let breaker = format!("BREAKER#endpoint:{subscription}");
    let health = until("the breaker", async || flow.cloud.item("signals", &breaker, "BREAKER").await).await;
    assert!(health["open_until"].is_i64(), "{health}");
    for n in 2..8 {
        flow.publish(&payment(&format!("{n}.00"))).await;
    }
    let waiting = until("six that wait", async || {
        let waiting = flow
            .deliveries(&subscription)
            .await
            .into_iter()
            .filter(|one| one["status"] == "pending")
            .collect::<Vec<_>>();
        (waiting.len() == 6).then_some(waiting)
    })
    .await;
    assert!(waiting.iter().all(|one| one["attempt_count"] == 0), "nothing was attempted: {waiting:#?}");
    until_within("all seven", Duration::from_secs(90), async || {
        let delivered = flow.deliveries(&subscription).await.iter().filter(|one| one["status"] == "delivered").count();
        (delivered == 7).then_some(())
    })
    .await;
    let received = flow.stage.received(&receiver).await;
    assert_eq!(received.len(), 10, "three failures and seven deliveries");
    assert!(flow.cloud.item("signals", &breaker, "BREAKER").await.is_none(), "all is forgotten");
}

#[tokio::test]
async fn a_dead_endpoint_with_a_thousand_deliveries_holds_up_no_other_tenant() {
    let (flow, other) = (Flow::alone().await, Flow::another().await);
    let (dead, _) = flow
        .receiver_of("payment.*", "dead", json!({"max_retries": 0, "timeout_s": 1}), json!({"default": {"hang": true}}))
        .await;
    let (_, lively) = other.receiver_of("payment.*", "lively", json!({}), json!({})).await;
    for _ in 0..10 {
        let events: Vec<Value> = (0..100).map(|n| payment(&format!("{n}.00"))).collect();
        flow.tenant.post("/api/v1/tenant/events", &json!({"events": events})).await.with(202);
    }
    until("the breaker", async || {
        let row = flow.cloud.item("signals", &format!("BREAKER#endpoint:{dead}"), "BREAKER").await?;
        row.get("open_until").cloned()
    })
    .await;
    let published = Timestamp::now();
    for n in 0..10 {
        other.publish(&payment(&format!("{n}.00"))).await;
    }
    until_within("the other tenant's ten", Duration::from_secs(60), async || {
        (other.stage.received(&lively).await.len() == 10).then_some(())
    })
    .await;
    println!("ten deliveries of another tenant after {:.1}", Timestamp::now().duration_since(published));
    let attempted = flow.deliveries(&dead).await.iter().filter(|one| one["attempt_count"] != 0).count();
    assert!(attempted < 50, "of the newest hundred, {attempted} were attempted");
    flow.tenant.delete(&format!("/api/v1/tenant/webhooks/subscriptions/{dead}")).await.with(204);
    // What is left of the thousand is cancelled one by one; the next flow is not to wait behind it.
    until_within("the end of the thousand", Duration::from_secs(300), async || {
        let depths = flow.operator.get("/api/v1/admin/dlq").await.with(200);
        let queues = depths["data"].as_array()?;
        let idle = |queue: &Value| queue["main"]["waiting"] == 0 && queue["main"]["in_flight"] == 0;
        queues.iter().all(idle).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_delivery_whose_worker_died_after_sending_is_sent_again_under_the_same_webhook_id() {
    let flow = Flow::alone().await;
    let orders = json!({"script": [{"hang": true}]});
    let (subscription, receiver) = flow.receiver_of("payment.*", "killed", json!({"timeout_s": 10}), orders).await;
    let event = flow.publish(&payment("1.00")).await;
    until("the first attempt", async || (flow.stage.received(&receiver).await.len() == 1).then_some(())).await;
    assert!(processes::kill("deliver") > 0, "there was a worker to kill");
    let delivery = flow.deliveries(&subscription).await.remove(0);
    flow.sweep_after_the_lease_of(&event, id(&delivery)).await;
    let delivered = flow.delivery_that_is("delivered", &subscription).await;
    assert_eq!(delivered["attempt_count"], 1, "what was not recorded is not counted");
    let received = flow.stage.received(&receiver).await;
    assert_eq!(received[0]["headers"]["webhook-id"], received[1]["headers"]["webhook-id"]);
}
