//! What the operator says and hears, over a store in memory.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use gancho::auth::Credential;
use gancho::aws::SecretError;
use gancho::counters::{Arrivals, Counters, Tally, Tried};
use gancho::enrichment::ports::{HookAction, Upstream, UpstreamError, UpstreamErrorKind};
use gancho::manage::defaults;
use gancho::manage::subscribe::Hooks;
use gancho::manage::subscription_book::SubscriptionBook;
use gancho::model::delivery::DeliveryStatus;
use gancho::model::event::Event;
use gancho::model::event_type::EventType;
use gancho::model::row::Queue;
use gancho::signing::seal::StackKeys;
use gancho::testing::MemoryStore;
use gancho::testing::memory_hooks::MemoryHooks;
use gancho::testing::operations;
use gancho::testing::samples::{lead_event, subscription};
use gancho::work::{Rows, Timing};
use serde_json::{Value, json};
use tower::ServiceExt;
use url::Url;

use super::admin::AdminTokens;
use super::routes;
use crate::state::Shared;
use crate::testing::{now, state_at};

const ADMIN: &str = "the-operators-token";

/// A drawer with one token in it.
struct OneToken;

impl AdminTokens for OneToken {
    async fn tokens(&self) -> Result<Vec<Credential>, SecretError> {
        Ok(Credential::presented(ADMIN).into_iter().collect())
    }
}

/// A C2S that refuses our token.
struct DeafC2s;

impl Hooks for DeafC2s {
    async fn hook(&self, _: HookAction, _: &Url) -> Result<(), UpstreamError> {
        Err(UpstreamError::new(Upstream::C2s, UpstreamErrorKind::CredentialsRefused))
    }
}

/// A platform, and what its operator can do to it.
pub(super) struct Desk {
    pub(super) store: MemoryStore,
    pub(super) moysklad: MemoryHooks,
    router: axum::Router,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

impl Desk {
    pub(super) async fn new() -> Self {
        let store = MemoryStore::default();
        let state = state_at(store.clone());
        Self::over(store, state).await
    }

    /// One whose stack has these keys.
    async fn with_keys(text: &str) -> Self {
        let store = MemoryStore::default();
        let mut state = Arc::into_inner(state_at(store.clone())).unwrap();
        state.keys = StackKeys::parse(text).unwrap();
        Self::over(store, Arc::new(state)).await
    }

    async fn over(store: MemoryStore, state: Shared<MemoryStore>) -> Self {
        let token = Credential::presented("the-default-sources-token").unwrap();
        defaults::ensure(&store, &token, &Timing::default(), now()).await.unwrap();
        let moysklad = MemoryHooks::default();
        Self { router: routes(state, OneToken, DeafC2s, moysklad.clone()), store, moysklad }
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

    /// What a scraper gets: status, content type, text.
    async fn metrics(&self, token: Option<&str>) -> (StatusCode, String, String) {
        let mut request = Request::get("/metrics");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (status, kind) = (response.status(), response.headers()["content-type"].to_str().unwrap().to_owned());
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, kind, String::from_utf8(bytes.to_vec()).unwrap())
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
    assert_eq!(answer.body["errors"][0]["detail"], "there are: c2s, whatsapp_cloud, baileys, moysklad");
}

#[tokio::test]
async fn a_source_of_moysklads_shows_its_account() {
    let desk = Desk::new().await;
    let config = json!({"account_id": "9171a53c-1b2c-4f7d-9c1a-000000000001"});
    let body = json!({"provider": "moysklad", "tenant_id": "ten_default", "config": config});
    let made = desk.post("/sources", body).await;
    let (id, token) = (made.body["id"].as_str().unwrap(), made.body["token"].as_str().unwrap());
    assert_eq!((made.status, &made.body["config"]), (StatusCode::CREATED, &config));
    assert_eq!(made.body["address"], json!(format!("https://api.example.com/api/webhooks/moysklad/{token}")));
    assert_eq!(desk.get(&format!("/sources/{id}")).await.body["config"], config);
    let unnamed = json!({"provider": "moysklad", "tenant_id": "ten_default"});
    assert_eq!(desk.post("/sources", unnamed).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(desk.get("/sources/src_default").await.body["config"], Value::Null);
}

#[tokio::test]
async fn a_source_of_metas_is_known_by_its_name_and_shows_no_secret_twice() {
    let desk = Desk::new().await;
    let config = json!({
        "app_secret": "an-app-secret", "verify_token": "a-verify-token",
        "numbers": [{"phone_number": "5511900000001", "phone_number_id": "100000000000001"}],
    });
    let body = json!({"provider": "whatsapp_cloud", "tenant_id": "ten_default", "config": config});
    let made = desk.post("/sources", body.clone()).await;
    let id = made.body["id"].as_str().unwrap();
    assert_eq!((made.status, &made.body["verify_token"]), (StatusCode::CREATED, &json!("a-verify-token")));
    assert_eq!(made.body["address"], json!(format!("https://api.example.com/api/v1/webhooks/whatsapp/{id}")));
    assert_eq!(made.body.get("token"), None);
    let shown = &made.body["config"];
    assert_eq!((&shown["has_secret"], &shown["dialect"]), (&json!(true), &Value::Null));
    assert_eq!(shown["numbers"][0]["phone_number"], "5511900000001");
    let again = desk.post("/sources", body).await;
    assert_eq!((again.status, &again.body["code"]), (StatusCode::CONFLICT, &json!("number_linked")));

    let path = format!("/sources/{id}");
    let rotated = desk.post(&format!("{path}/rotate"), json!({})).await.body;
    assert_eq!((&rotated["address"], rotated.get("token")), (&made.body["address"], None));
    assert_ne!(rotated["verify_token"], "a-verify-token");
    let patched = desk.patch(&path, json!({"config": {"dialect": "gowa"}})).await;
    assert_eq!(patched.body["errors"][0]["path"], "config.dialect");
    let patched = desk.patch(&path, json!({"config": {"app_secret": "another-app-secret"}})).await.body;
    for answer in [&patched, &desk.get(&path).await.body, &desk.get("/sources").await.body] {
        let text = answer.to_string();
        assert!(["app-secret", "verify_token", "s1."].iter().all(|secret| !text.contains(secret)), "{text}");
    }

    let held = desk.get("/whatsapp/connections").await.body;
    assert_eq!((&held["data"][0]["source_id"], &held["data"][0]["tenant_id"]), (&json!(id), &json!("ten_default")));
    let released = desk.post("/whatsapp/connections/release", json!({"phone_number": "+55 11 90000-0001"})).await;
    assert_eq!((released.status, &released.body["id"]), (StatusCode::OK, &held["data"][0]["id"]));
    assert_eq!(desk.get(&path).await.body["config"]["numbers"], json!([]), "the operator's source stays");
    let nobodys = desk.post("/whatsapp/connections/release", json!({"phone_number": "5511900000001"})).await;
    assert_eq!(nobodys.status, StatusCode::NOT_FOUND);
    let wrong = desk.post("/whatsapp/connections/release", json!({"phone_number": "x"})).await;
    assert_eq!(wrong.body["errors"][0]["code"], "invalid_number");
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

#[tokio::test]
async fn an_event_shows_its_story_and_is_worked_on_again_only_after_its_end() {
    let desk = Desk::new().await;
    let mut event = lead_event("a", now(), &Timing::default());
    desk.store.insert(&event).await.unwrap();
    let path = format!("/events/{}", event.id);
    let told = desk.get(&path).await.body;
    assert_eq!((told["status"].as_str(), told["lead_id"].as_str()), (Some("received"), Some("a")));
    assert_eq!(told["timeline"][0]["step"], "received");
    let refused = desk.post(&format!("{path}/reprocess"), json!({})).await;
    assert_eq!((refused.status, refused.body["code"].as_str()), (StatusCode::CONFLICT, Some("not_ended")));

    event = Event { erased: true, ..lead_event("b", now(), &Timing::default()) };
    event.work.due_shard = None;
    desk.store.insert(&event).await.unwrap();
    let refused = desk.post(&format!("/events/{}/reprocess", event.id), json!({})).await;
    assert_eq!((refused.status, refused.body["code"].as_str()), (StatusCode::CONFLICT, Some("erased")));

    event = lead_event("c", now(), &Timing::default());
    event.work.due_shard = None;
    desk.store.insert(&event).await.unwrap();
    let again = desk.post(&format!("/events/{}/reprocess", event.id), json!({})).await;
    assert_eq!((again.status, again.body["turn"].as_u64()), (StatusCode::ACCEPTED, Some(2)));
    assert_eq!(desk.get("/events/evt_none").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_switch_is_turned_off_and_on_and_a_mistyped_one_is_refused() {
    let desk = Desk::new().await;
    let off = desk.put("/switches/source:src_default", json!({"paused": true, "reason": "C2S is down"})).await;
    assert_eq!((off.status, off.body["paused"].as_bool()), (StatusCode::OK, Some(true)));
    assert_eq!(desk.get("/switches").await.body["data"][0]["reason"], "C2S is down");
    let on = desk.put("/switches/source:src_default", json!({"paused": false})).await;
    assert_eq!(on.body["paused"], false);
    for what in ["everything", "source:src_none", "tenant:ten_none", "provider:fax"] {
        let refused = desk.put(&format!("/switches/{what}"), json!({"paused": true})).await;
        assert_eq!(refused.body["errors"][0]["code"], "unknown_switch", "{what}");
    }
    assert_eq!(desk.put("/switches/all", json!({})).await.body["errors"][0]["code"], "missing");
    assert_eq!(desk.put("/switches/%FF", json!({"paused": true})).await.body["code"], "not_found");
}

#[tokio::test]
async fn dead_letters_are_counted_and_sent_again() {
    let desk = Desk::new().await;
    desk.store.put_dead_letter(Queue::DeliverySlow, r#"{"v":1,"row":"event/evt_1","turn":1}"#);
    desk.store.put_dead_letter(Queue::DeliverySlow, "garbage");
    let depths = desk.get("/dlq").await.body;
    assert_eq!(
        (&depths["data"][3]["queue"], &depths["data"][3]["dead_letters"]["waiting"]),
        (&json!("delivery-slow"), &json!(2))
    );
    let done = desk.post("/dlq/delivery-slow/redrive", json!({})).await.body;
    assert_eq!((done["moved"].as_u64(), done["unreadable"].as_u64()), (Some(1), Some(1)));
    assert_eq!(desk.post("/dlq/none/redrive", json!({})).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_an_older_stack_key_sealed_is_sealed_anew_page_by_page() {
    let desk = Desk::with_keys(&format!("{},{}", "n".repeat(64), "k".repeat(64))).await;
    desk.store.add(&subscription("sub_a", "lead.*")).await.unwrap();
    let done = desk.post("/stack-key/reseal", json!({})).await;
    assert_eq!(done.status, StatusCode::OK);
    assert_eq!(done.body, json!({"resealed": 1, "looked_at": 1, "left": 0, "next_cursor": null}));
    let again = desk.say_as(Some(ADMIN), "POST", "/stack-key/reseal", Body::empty()).await;
    assert_eq!(again.body, json!({"resealed": 0, "looked_at": 1, "left": 0, "next_cursor": null}));
    let behind = desk.post("/stack-key/reseal", json!({"cursor": "ten_default"})).await;
    assert_eq!(behind.body["looked_at"], 0, "it goes on behind the cursor");

    let key_gone = Desk::with_keys(&"n".repeat(64)).await;
    key_gone.store.add(&subscription("sub_a", "lead.*")).await.unwrap();
    assert_eq!(key_gone.post("/stack-key/reseal", json!({})).await.body["left"], 1);
    for (body, code) in [(json!({"cursor": "???"}), "invalid_cursor"), (json!({"page": 2}), "unknown_field")] {
        let refused = desk.post("/stack-key/reseal", body).await;
        assert_eq!((refused.status, &refused.body["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(code)));
    }
}

#[tokio::test]
async fn events_are_listed_filtered_and_counted() {
    let desk = Desk::new().await;
    for name in ["a", "b", "c"] {
        desk.store.insert(&lead_event(name, now(), &Timing::default())).await.unwrap();
    }
    let page = desk.get("/events?limit=2&provider=c2s&source=src_default&status=received").await.body;
    assert_eq!(page["data"].as_array().unwrap().len(), 2);
    let next = desk.get(&format!("/events?limit=2&cursor={}", page["next_cursor"].as_str().unwrap())).await.body;
    assert_eq!((next["data"].as_array().unwrap().len(), &next["next_cursor"]), (1, &Value::Null));
    assert_eq!(desk.get("/events?lead_id=b").await.body["data"][0]["lead_id"], "b");
    assert_eq!(desk.get("/events?state=received").await.body["errors"][0]["code"], "unknown_parameter");
    let stats = desk.get("/stats").await.body;
    assert_eq!(stats["today"]["by_status"], json!({"received": 3}));
    assert_eq!((&stats["today"]["complete"], &stats["failed"]["count"]), (&json!(true), &json!(0)));
}

#[tokio::test]
async fn the_operator_is_told_of_all_tenants_deliveries() {
    let desk = Desk::new().await;
    let sol = desk.post("/tenants", json!({"name": "Sol"})).await.body["id"].as_str().unwrap().to_owned();
    let mut tally = Tally::default();
    for (tenant, status) in [
        (&sol, DeliveryStatus::Delivered),
        (&sol, DeliveryStatus::Failed),
        (&"ten_default".to_owned(), DeliveryStatus::Delivered),
    ] {
        tally.note(&Tried {
            tenant: &tenant.parse().unwrap(),
            subscription: &"sub_1".parse().unwrap(),
            event_type: EventType::LeadEnriched,
            status,
            http_status: Some(if status == DeliveryStatus::Delivered { 200 } else { 404 }),
            why: None,
            duration_ms: Some(12),
        });
    }
    desk.store.count(&tally, now()).await.unwrap();
    desk.store
        .count_arrivals(&[("c2s", Arrivals { received: 3, duplicate: 2, rejected: 1, ..Arrivals::default() })].into())
        .await
        .unwrap();
    let stats = desk.get("/stats?window=1h").await.body;
    let deliveries = &stats["deliveries"];
    assert_eq!((&deliveries["totals"]["attempts"], &deliveries["totals"]["failed"]), (&json!(3), &json!(1)));
    let by_tenant: Vec<_> =
        deliveries["by_tenant"].as_array().unwrap().iter().map(|one| (&one["tenant_id"], &one["attempts"])).collect();
    assert_eq!(by_tenant, [(&json!(sol), &json!(2)), (&json!("ten_default"), &json!(1))]);
    assert_eq!(deliveries["top_errors"], json!([{"error": "http_404", "count": 1}]));
    assert_eq!(stats["received"]["c2s"], json!({"received": 3, "duplicate": 2, "rejected": 1}));
    let refused = desk.get("/stats?window=2h").await;
    assert_eq!(
        (refused.status, &refused.body["errors"][0]["path"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("window"))
    );

    let (status, kind, text) = desk.metrics(Some(ADMIN)).await;
    assert_eq!((status, kind.as_str()), (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8"));
    let line = format!(r#"webhook_deliveries_total{{status="failed",event="lead.enriched",tenant="{sol}"}} 1"#);
    assert!(text.lines().any(|one| one == line), "{text}");
    for (token, status) in [(None, 401), (Some("wrong"), 401), (Some("the-default-sources-token"), 403)] {
        let (refused, kind, _) = desk.metrics(token).await;
        assert_eq!((refused.as_u16(), kind.as_str()), (status, "application/problem+json"));
    }
}

#[tokio::test]
async fn a_data_subjects_request_is_taken_in_and_has_a_receipt() {
    let desk = Desk::new().await;
    let taken = desk.post("/data-subjects/erase", json!({"phone": "(11) 98765-0001"})).await;
    assert_eq!((taken.status, taken.body["status"].as_str()), (StatusCode::ACCEPTED, Some("waiting")));
    let id = taken.body["id"].as_str().unwrap();
    let receipt = desk.get(&format!("/data-subjects/{id}")).await.body;
    assert_eq!((&receipt["request"], &receipt["known_by"]), (&json!("erase"), &json!("phone")));
    assert!(!receipt.to_string().contains("98765"));
    assert_eq!(desk.post("/data-subjects/report", json!({"phone": "12"})).await.body["errors"][0]["path"], "phone");
    assert_eq!(desk.get("/data-subjects/job_none").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_registration_that_c2s_refuses_is_said_to_have_changed_nothing() {
    let desk = Desk::new().await;
    let refused = desk.post("/sources/src_default/subscribe", json!({})).await;
    assert_eq!((refused.status, refused.body["code"].as_str()), (StatusCode::BAD_GATEWAY, Some("upstream_failed")));
    assert_eq!((&refused.body["registered"], &refused.body["unchanged"]), (&json!([]), &json!(true)));
    assert_eq!(desk.get("/sources/src_default").await.body["previous_token_valid_until"], Value::Null);
    assert_eq!(desk.post("/sources/src_none/subscribe", json!({})).await.status, StatusCode::NOT_FOUND);
}

#[test]
fn every_route_is_described_under_its_own_name() {
    let of_moysklad = format!("{}{}", super::UNDER, super::moysklad::UNDER);
    let tables = [
        (super::UNDER, super::Admin::ROUTES),
        (super::UNDER, super::Upstream::ROUTES),
        (&of_moysklad, super::moysklad::ROUTES),
        ("", super::Monitoring::ROUTES),
    ];
    let routes = tables.into_iter().flat_map(|(under, routes)| operations::table(under, routes));
    assert_eq!(operations::of(&super::describe()), routes.collect());
}
