use std::collections::BTreeMap;
use std::path::Path;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use gancho::counters::{Arrivals, Counters};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::testing::{Bell, token};

impl Bell {
    async fn publish(&self, body: &Value) -> (StatusCode, Value) {
        self.publish_as(3, None, body).await
    }

    async fn publish_as(&self, key: u8, idempotency_key: Option<&str>, body: &Value) -> (StatusCode, Value) {
        let mut request = Request::post("/api/v1/tenant/events")
            .header("authorization", format!("Bearer {}", token(key).expose()))
            .header("content-type", "application/json");
        if let Some(name) = idempotency_key {
            request = request.header("Idempotency-Key", name);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }
}

fn payment(amount: &str) -> Value {
    json!({"type": "payment.received", "data": {"payment_id": "pay_1", "amount": amount, "currency": "EUR"}})
}

#[tokio::test]
async fn a_published_event_is_accepted_recorded_and_rung_for() {
    let bell = Bell::new();
    let (status, answer) = bell.publish(&payment("1.00")).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!((&answer["type"], &answer["duplicate"]), (&json!("payment.received"), &json!(false)));
    assert!(answer["id"].as_str().unwrap().starts_with("evt_"));
    let rung = bell.store.rung();
    assert_eq!(rung.len(), 1);
    assert_eq!(rung[0].queue.name(), "dispatch");
}

#[tokio::test]
async fn the_same_request_twice_is_one_event_and_a_contradiction_is_a_conflict() {
    let bell = Bell::new();
    let (_, first) = bell.publish_as(3, Some("k-1"), &payment("1.00")).await;
    let (status, again) = bell.publish_as(3, Some("k-1"), &payment("1.00")).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!((&again["id"], &again["duplicate"]), (&first["id"], &json!(true)));
    let (status, other) = bell.publish_as(3, Some("k-1"), &payment("2.00")).await;
    assert_eq!((status, &other["code"]), (StatusCode::CONFLICT, &json!("idempotency_conflict")));
    let (status, own) = bell.publish_as(4, Some("k-1"), &payment("2.00")).await;
    assert_eq!((status, &own["duplicate"]), (StatusCode::ACCEPTED, &json!(false)), "another tenant's key");
    assert_eq!(bell.store.rung().len(), 2);
}

#[tokio::test]
async fn what_tenants_publish_is_counted_by_what_became_of_it() {
    let bell = Bell::new();
    let counted = async || bell.store.arrivals().await.unwrap()["tenant"].clone();
    bell.publish(&json!({"type": "no.such", "data": {}})).await;
    assert_eq!(counted().await, Arrivals { rejected: 1, ..Arrivals::default() });
    bell.publish_as(3, Some("k-1"), &payment("1.00")).await;
    bell.publish_as(3, Some("k-1"), &payment("1.00")).await;
    bell.publish_as(3, Some("k-1"), &payment("2.00")).await;
    let many: Vec<_> = (0..60).map(|n| payment(&format!("{n}.00"))).collect();
    let many = [many, vec![json!({"type": "payment.received"})]].concat();
    assert_eq!(bell.publish(&json!({"events": many})).await.0, StatusCode::ACCEPTED);
    assert_eq!(counted().await, Arrivals { received: 61, duplicate: 1, rejected: 3, ..Arrivals::default() });
}

#[tokio::test]
async fn an_event_without_any_name_is_new_each_time() {
    let bell = Bell::new();
    let (_, first) = bell.publish(&payment("1.00")).await;
    let (_, second) = bell.publish(&payment("1.00")).await;
    assert_ne!(first["id"], second["id"]);
}

#[tokio::test]
async fn a_batch_says_of_each_event_what_became_of_it() {
    let bell = Bell::new();
    let named = |amount: &str| {
        let mut event = payment(amount);
        event["id"] = json!("pay-7");
        event
    };
    bell.publish(&named("1.00")).await;
    let batch = json!({"events": [payment("5.00"), {"type": "payment.received", "data": {"amount": 5}}, named("1.00"), named("9.00")]});
    let (status, answer) = bell.publish(&batch).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    insta::assert_json_snapshot!(answer, {".results[0].id" => "evt_…"});
}

#[tokio::test]
async fn what_cannot_be_published_is_refused_with_every_reason_and_its_path() {
    let bell = Bell::new();
    let (status, answer) = bell.publish(&json!({"type": "invoice.sent", "data": {"amount": "1,00"}})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    insta::assert_json_snapshot!(answer);
    let (status, answer) = bell.publish(&json!({"type": "no.such", "data": {}})).await;
    assert_eq!((status, &answer["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("unknown_event_type")));
    assert!(bell.store.rung().is_empty());
}

#[tokio::test]
async fn sizes_are_bounded_and_named() {
    let bell = Bell::new();
    let mut big = payment("1.00");
    big["data"]["note"] = json!("x".repeat(256 * 1024));
    let (status, answer) = bell.publish(&big).await;
    assert_eq!((status, &answer["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("event_too_large")));
    let (status, answer) = bell.publish(&json!({"events": [big, payment("1.00")]})).await;
    assert_eq!((status, &answer["results"][0]["code"]), (StatusCode::ACCEPTED, &json!("event_too_large")));
    let (status, answer) = bell.publish(&json!({"events": vec![payment("1.00"); 101]})).await;
    assert_eq!((status, &answer["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_many_events")));
    let (status, answer) = bell.publish(&json!({"events": []})).await;
    assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!("empty_batch")));
    let (status, answer) = bell.publish(&json!({"events": ["x".repeat(4 * 1024 * 1024)]})).await;
    assert_eq!((status, &answer["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("body_too_large")));
}

#[tokio::test]
async fn only_a_tenants_key_publishes() {
    let bell = Bell::new();
    let (status, _) = bell.publish_as(9, None, &payment("1.00")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (status, answer) = bell.publish_as(1, None, &payment("1.00")).await;
    assert_eq!((status, &answer["code"]), (StatusCode::FORBIDDEN, &json!("wrong_credential")));
    let (status, _) = bell.publish_as(3, Some("schlüssel"), &payment("1.00")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn what_could_not_be_stored_is_a_503_and_the_retry_is_taken() {
    let bell = Bell::new();
    bell.publish(&payment("0.00")).await;
    bell.store.die_after(0);
    let (status, _) = bell.publish_as(3, Some("k"), &payment("1.00")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    bell.store.revive();
    let (status, answer) = bell.publish_as(3, Some("k"), &payment("1.00")).await;
    assert_eq!((status, &answer["duplicate"]), (StatusCode::ACCEPTED, &json!(false)));
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    description: String,
    request: Recording,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recording {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Option<Value>,
    body_text: Option<String>,
}

/// What is answered to a recorded request: the code of a refusal, or of each event of several.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    status: u16,
    code: Option<String>,
    results: Option<Vec<Option<String>>>,
}

fn told(status: StatusCode, answer: &Value) -> Expect {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let results = answer["results"].as_array().map(|results| results.iter().map(|one| text(&one["code"])).collect());
    Expect { status: status.as_u16(), code: text(&answer["code"]), results }
}

#[tokio::test]
async fn every_recorded_request_is_answered_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/tenant");
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap().replace("{{tenant_key}}", token(3).expose());
        let Recorded { description, request, expect } =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let body = request.body.map(|json| json.to_string()).or(request.body_text).unwrap_or_default();
        let mut asked = Request::builder().method(request.method.as_str()).uri(request.path);
        for (name, value) in request.headers {
            asked = asked.header(name, value);
        }
        let (status, answer) = Bell::new().send(asked.body(Body::from(body)).unwrap()).await;
        assert_eq!(told(status, &answer), expect, "{}: {description}: {answer}", path.display());
        files += 1;
    }
    assert!(files >= 30, "{files}");
}
