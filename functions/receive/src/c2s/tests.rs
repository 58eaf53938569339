use axum::body::Body;
use axum::http::{Request, StatusCode};
use gancho::counters::{Arrivals, Counters};
use serde_json::{Value, json};

use crate::testing::{Bell, token};

impl Bell {
    async fn post(&self, body: impl Into<Body>) -> (StatusCode, Value) {
        let request = Request::post("/api/v1/webhooks/c2s").header("X-Webhook-Token", token(1).expose());
        self.send(request.body(body.into()).unwrap()).await
    }
}

fn lead(id: &str, updated_at: &str) -> Value {
    json!({"id": id, "hook_action": "on_create_lead", "attributes": {"updated_at": updated_at, "customer": {"name": "Ana"}}})
}

const WHEN: &str = "2025-01-20T10:00:00Z";

#[tokio::test]
async fn what_comes_in_is_counted_by_what_became_of_it() {
    let bell = Bell::new();
    let mixed = json!([lead("a", WHEN), lead("a", WHEN), lead("b", "yesterday")]).to_string();
    assert_eq!(bell.post(mixed).await.0, StatusCode::OK);
    let counted = bell.store.arrivals().await.unwrap()["c2s"].clone();
    assert_eq!(
        counted,
        Arrivals { received: 1, duplicate: 1, rejected: 1, ..Arrivals::default() },
        "the first request is counted at once"
    );

    assert_eq!(bell.post("not JSON").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(bell.store.arrivals().await.unwrap()["c2s"], counted, "the next ones wait");
    let many: Vec<_> = (0..50).map(|n| lead(&format!("c{n}"), WHEN)).collect();
    assert_eq!(bell.post(json!(many).to_string()).await.0, StatusCode::OK);
    let counted = bell.store.arrivals().await.unwrap()["c2s"].clone();
    assert_eq!(
        counted,
        Arrivals { received: 51, duplicate: 1, rejected: 2, ..Arrivals::default() },
        "but not in any number"
    );
}

#[tokio::test]
async fn whoever_has_no_token_is_not_counted() {
    let bell = Bell::new();
    let request = Request::post("/api/v1/webhooks/c2s").body(Body::from("[]")).unwrap();
    assert_eq!(bell.send(request).await.0, StatusCode::UNAUTHORIZED);
    assert!(bell.store.arrivals().await.unwrap().is_empty());
}

#[tokio::test]
async fn without_its_token_nothing_is_taken() {
    let bell = Bell::new();
    for request in [
        Request::post("/api/v1/webhooks/c2s").body(Body::empty()),
        Request::post("/api/v1/webhooks/c2s").header("x-webhook-token", "wrong").body(Body::empty()),
        Request::post("/api/v1/webhooks/c2s").header("x-webhook-token", token(2).expose()).body(Body::empty()),
        Request::post("/api/v1/webhooks/c2s/wrong").body(Body::empty()),
        Request::post("/api/v1/webhooks/c2s/%FF").body(Body::empty()),
    ] {
        let (status, body) = bell.send(request.unwrap()).await;
        assert_eq!((status, body["code"].as_str()), (StatusCode::UNAUTHORIZED, Some("unauthorized")));
    }
}

#[tokio::test]
async fn any_source_is_reached_by_its_own_address() {
    let bell = Bell::new();
    let request = Request::post(format!("/api/v1/webhooks/c2s/{}", token(2).expose()));
    let (status, body) = bell.send(request.body(Body::from(lead("1", WHEN).to_string())).unwrap()).await;
    assert_eq!((status, &body["processed"]), (StatusCode::OK, &json!(1)));
}

#[tokio::test]
async fn an_event_is_processed_once_and_a_duplicate_afterwards() {
    let bell = Bell::new();
    let send = async || {
        let request = Request::post("/api/v1/webhooks/c2s").header("X-Webhook-Token", token(1).expose());
        bell.send_for_text(request.body(Body::from(lead("1", WHEN).to_string())).unwrap()).await
    };
    let (status, first) = send().await;
    assert_eq!(status, StatusCode::OK);
    insta::assert_snapshot!(first, @r#"{"status":"received","received":1,"processed":1,"duplicates":0,"rejected":0,"errors":[]}"#);
    let (_, second) = send().await;
    insta::assert_snapshot!(second, @r#"{"status":"received","received":1,"processed":0,"duplicates":1,"rejected":0,"errors":[]}"#);
}

#[tokio::test]
async fn a_mixed_batch_says_what_became_of_each() {
    let bell = Bell::new();
    let batch = json!([lead("1", WHEN), lead("1", "2025-01-20 07:00:00 -0300"), {"attributes": {}}, lead("2", "soon")]);
    let (status, body) = bell.post(batch.to_string()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        [&body["received"], &body["processed"], &body["duplicates"], &body["rejected"]].map(|n| n.as_u64().unwrap()),
        [4, 1, 1, 2]
    );
    let codes: Vec<_> = body["errors"].as_array().unwrap().iter().map(|e| (&e["index"], &e["code"])).collect();
    assert_eq!(codes, [(&json!(2), &json!("missing_lead_id")), (&json!(3), &json!("invalid_updated_at"))]);
}

#[tokio::test]
async fn a_request_of_bad_events_only_is_a_400_with_the_counts() {
    let (status, body) = Bell::new().post(lead("1", "soon").to_string()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!((body["code"].as_str(), body["rejected"].as_u64()), (Some("invalid_updated_at"), Some(1)));
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_refused_whole() {
    let bell = Bell::new();
    for (body, status, code) in [
        ("{".to_owned(), 400, "invalid_json"),
        ("[]".to_owned(), 400, "empty_batch"),
        (format!("[{}]", vec!["{}"; 501].join(",")), 413, "too_many_events"),
        (" ".repeat(4 * 1024 * 1024 + 1), 413, "body_too_large"),
        (format!(r#"{{"id":1,"x":"{}"}}"#, "x".repeat(256 * 1024)), 413, "event_too_large"),
    ] {
        let (got, answer) = bell.post(body).await;
        assert_eq!((got.as_u16(), answer["code"].as_str()), (status, Some(code)));
    }
}

#[tokio::test]
async fn a_store_that_is_down_makes_a_503_and_the_retry_is_taken() {
    let bell = Bell::new();
    bell.post(lead("0", WHEN).to_string()).await;
    bell.store.set_down(true);
    let (status, body) = bell.post(lead("1", WHEN).to_string()).await;
    assert_eq!((status, body["code"].as_str()), (StatusCode::SERVICE_UNAVAILABLE, Some("unavailable")));
    let (status, health) = bell.send(Request::get("/health").body(Body::empty()).unwrap()).await;
    assert_eq!((status, health["database"].as_str()), (StatusCode::SERVICE_UNAVAILABLE, Some("disconnected")));
    bell.store.set_down(false);
    assert_eq!(bell.post(lead("1", WHEN).to_string()).await.1["processed"], 1);
}

#[tokio::test]
async fn a_bell_that_cannot_be_rung_is_no_reason_to_refuse_an_event() {
    let bell = Bell::new();
    bell.store.set_deaf(true);
    assert_eq!(bell.post(lead("1", WHEN).to_string()).await.1["processed"], 1);
}
