//! What the operator says and hears, over a store in memory.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use gancho::auth::Credential;
use gancho::aws::SecretError;
use gancho::manage::defaults;
use gancho::testing::MemoryStore;
use gancho::work::Timing;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::admin::AdminTokens;
use super::routes;
use crate::testing::{now, state_at};

const ADMIN: &str = "the-operators-token";

/// A drawer with one token in it.
struct OneToken;

impl AdminTokens for OneToken {
    async fn tokens(&self) -> Result<Vec<Credential>, SecretError> {
        Ok(Credential::presented(ADMIN).into_iter().collect())
    }
}

/// A platform, and what its operator can do to it.
pub(super) struct Desk {
    pub(super) store: MemoryStore,
    router: axum::Router,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

impl Desk {
    pub(super) async fn new() -> Self {
        let store = MemoryStore::default();
        let token = Credential::presented("the-default-sources-token").unwrap();
        defaults::ensure(&store, &token, &Timing::default(), now()).await.unwrap();
        Self { router: routes(state_at(store.clone()), OneToken), store }
    }

    pub(super) async fn say_as(&self, token: Option<&str>, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/api/v1/admin{path}"));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Answer { status, body }
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        self.say_as(Some(ADMIN), "POST", path, body.to_string()).await
    }

    pub(super) async fn put(&self, path: &str, body: Value) -> Answer {
        self.say_as(Some(ADMIN), "PUT", path, body.to_string()).await
    }

    pub(super) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.say_as(Some(ADMIN), "PATCH", path, body.to_string()).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.say_as(Some(ADMIN), "GET", path, Body::empty()).await
    }

    pub(super) async fn delete(&self, path: &str) -> Answer {
        self.say_as(Some(ADMIN), "DELETE", path, Body::empty()).await
    }
}

#[tokio::test]
async fn only_the_operators_token_opens_the_operators_api() {
    let desk = Desk::new().await;
    let key = desk.post("/tenants/ten_default/keys", json!({})).await.body["key"].as_str().unwrap().to_owned();
    for (token, status, code) in [
        (None, 401, "unauthorized"),
        (Some("wrong"), 401, "unauthorized"),
        (Some(key.as_str()), 403, "wrong_credential"),
        (Some("the-default-sources-token"), 403, "wrong_credential"),
    ] {
        let answer = desk.say_as(token, "GET", "/tenants", Body::empty()).await;
        assert_eq!((answer.status.as_u16(), answer.body["code"].as_str().unwrap()), (status, code));
    }
    assert_eq!(desk.get("/tenants").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_tenant_is_made_listed_renamed_and_taken_away() {
    let desk = Desk::new().await;
    let made = desk.post("/tenants", json!({"name": "Imobiliária Sol"})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let path = format!("/tenants/{}", made.body["id"].as_str().unwrap());
    let listed = desk.get("/tenants?limit=1").await.body;
    let next = desk.get(&format!("/tenants?limit=1&cursor={}", listed["next_cursor"].as_str().unwrap())).await.body;
    let mut ids = [&listed, &next].map(|page| page["data"][0]["id"].as_str().unwrap());
    ids.sort_unstable();
    assert_eq!(ids, [made.body["id"].as_str().unwrap(), "ten_default"]);
    assert_eq!(next["next_cursor"], Value::Null);
    assert_eq!(desk.patch(&path, json!({"name": "Sol"})).await.body["name"], "Sol");
    assert_eq!(desk.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(desk.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(desk.delete("/tenants/ten_default").await.body["code"], "exists_from_the_start");
}

#[tokio::test]
async fn a_key_is_shown_when_it_is_made_and_never_again() {
    let desk = Desk::new().await;
    let made = desk.post("/tenants/ten_default/keys", json!({"name": "erp"})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let key = made.body["key"].as_str().unwrap();
    assert!(key.starts_with("gch_") && key.len() == 68, "{key}");
    let listed = desk.get("/tenants/ten_default/keys").await.body.to_string();
    assert!(listed.contains(r#""name":"erp""#) && !listed.contains(key));
    let path = format!("/tenants/ten_default/keys/{}", made.body["id"].as_str().unwrap());
    assert_eq!(desk.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(desk.delete(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_source_has_an_address_and_a_rotation_another() {
    let desk = Desk::new().await;
    let made = desk.post("/sources", json!({"provider": "c2s", "tenant_id": "ten_default", "name": "Leads"})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let (id, address) = (made.body["id"].as_str().unwrap(), made.body["address"].as_str().unwrap());
    let wanted = format!("https://api.example.com/api/v1/webhooks/c2s/{}", made.body["token"].as_str().unwrap());
    assert_eq!(address, wanted);
    let rotated = desk.post(&format!("/sources/{id}/rotate"), json!({"overlap_s": 60})).await;
    assert_eq!(rotated.status, StatusCode::OK);
    assert_ne!(rotated.body["token"], made.body["token"]);
    let read = desk.get(&format!("/sources/{id}")).await.body;
    assert!(read.get("token").is_none() && read.get("address").is_none());
    assert_eq!(read["previous_token_valid_until"], "2030-03-17T17:47:40Z");
}

#[tokio::test]
async fn an_unknown_provider_is_answered_with_the_known() {
    let answer = Desk::new().await.post("/sources", json!({"provider": "fax", "tenant_id": "ten_default"})).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.body["errors"][0]["code"], "unknown_provider");
    assert_eq!(answer.body["errors"][0]["detail"], "there are: c2s");
}

#[tokio::test]
async fn what_cannot_be_read_is_told_apart() {
    let desk = Desk::new().await;
    let say = async |body: String| {
        let answer = desk.say_as(Some(ADMIN), "POST", "/tenants", body).await;
        (answer.status.as_u16(), answer.body["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(say("{".into()).await, (400, "invalid_json".into()));
    assert_eq!(say("[]".into()).await, (422, "invalid_type".into()));
    assert_eq!(say(format!(r#"{{"name":"{}"}}"#, "x".repeat(70_000))).await, (413, "body_too_large".into()));
    for (query, code) in [("limit=0", "out_of_range"), ("limit=101", "out_of_range"), ("page=2", "unknown_parameter")] {
        let answer = desk.get(&format!("/tenants?{query}")).await;
        assert_eq!(answer.body["errors"][0]["code"], code, "{query}");
    }
}
