use std::sync::Mutex;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use gancho::auth::{Card, Credential, Opens};
use gancho::counters::{Counters, Tally, Tried};
use gancho::delivery::prepare::Prepared;
use gancho::delivery::send::{Answer, Sent};
use gancho::manage::tenants::{self, TenantFields};
use gancho::model::delivery::{Delivery, DeliveryStatus};
use gancho::model::event::{Announcement, Provider};
use gancho::model::event_type::EventType;
use gancho::model::ids::TenantId;
use gancho::testing::{MemoryStore, samples};
use gancho::work::Rows;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::testing::{now, state_at};

mod client_webhooks;

/// An endpoint that answers 503.
#[derive(Default)]
struct Busy(Mutex<Vec<String>>);

impl Sender for Busy {
    async fn send(&self, prepared: &Prepared) -> Sent {
        self.0.lock().unwrap().push(prepared.url().as_str().to_owned());
        let answer = Answer::Status { code: 503, retry_after: None, head: "busy".into() };
        Sent { at: prepared.at(), duration: Duration::from_millis(7), answer }
    }
}

fn key(n: u8) -> Credential {
    Credential::generate("gch_", [n; 32])
}

fn tenant(n: u8) -> TenantId {
    format!("ten_{n}").parse().unwrap()
}

fn card(n: u8, opens: Opens) -> Card {
    let (hash, allowed_cidrs) = (key(n).hash(), Vec::new());
    Card { hash, tenant: tenant(n), opens, enabled: true, allowed_cidrs, valid_until: None }
}

/// The portal with the tenants 1 and 2, and a source's token, 3.
struct Desk {
    router: Router,
    store: MemoryStore,
}

impl Desk {
    fn new() -> Self {
        let store = MemoryStore::default();
        for n in [1, 2] {
            store.put_card(card(n, Opens::Tenant { key: format!("key_{n}").parse().unwrap() }));
        }
        let source =
            Opens::Source { source: "src_1".parse().unwrap(), provider: Provider::C2s, whatsapp: None, moysklad: None };
        store.put_card(card(3, source));
        Self { router: router(Portal::new(state_at(store.clone()), Busy::default(), AllowList::default())), store }
    }

    async fn ask(&self, n: u8, method: Method, path: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        let path = if path.starts_with("/api/") { path.to_owned() } else { format!("/api/v1/tenant/webhooks{path}") };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", key(n).expose()))
            .body(body.into())
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn subscribe(&self, n: u8) -> String {
        let body = json!({"url": "https://example.com/in", "event": "invoice.*"}).to_string();
        let (status, made) = self.ask(n, Method::POST, "/subscriptions", body).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    /// A delivery of a tenant's that failed.
    async fn failed_delivery(&self, n: u8, subscription: &str) -> Delivery {
        let mut row = samples::delivery(&format!("of {n}"), &tenant(n), now());
        row.subscription = subscription.parse().unwrap();
        row.status = DeliveryStatus::Failed;
        (row.work.due_at, row.work.due_shard) = (None, None);
        let (id, event_type, data) = (row.event.clone(), row.event_type, json!({}));
        let said = Announcement { id, tenant: tenant(n), event_type, at: now(), data };
        gancho::dispatch::Outbox::announce(&self.store, &said, now()).await.unwrap();
        assert!(self.store.insert(&row).await.unwrap());
        row
    }
}

const CONNECTIONS: &str = "/api/whatsapp/connections";

#[tokio::test]
async fn a_client_links_numbers_of_its_own_and_sees_no_others() {
    let desk = Desk::new();
    for n in [1, 2] {
        let fields = TenantFields { name: None, enabled: None };
        tenants::create(&desk.store, tenant(n), fields, now()).await.unwrap();
    }
    let cloud = json!({"phone_number": "+55 11 90000-0001", "provider": "cloud_api", "app_secret": "an-app-secret"});
    let (status, linked) = desk.ask(1, Method::POST, CONNECTIONS, cloud.to_string()).await;
    let source = linked["source_id"].as_str().unwrap();
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(linked["address"], json!(format!("https://api.example.com/api/v1/webhooks/whatsapp/{source}")));
    assert_eq!((&linked["phone_number"], &linked["provider"]), (&json!("5511900000001"), &json!("cloud_api")));
    assert_eq!(linked["verify_token"].as_str().map(str::len), Some(32));
    let gateway = json!({"phone_number": "5511900000002", "provider": "baileys"});
    let (_, second) = desk.ask(1, Method::POST, CONNECTIONS, gateway.to_string()).await;
    assert!(second["address"].as_str().unwrap().starts_with("https://api.example.com/api/v1/webhooks/baileys/"));
    assert_eq!(second.get("verify_token"), None);

    let own_again = desk.ask(1, Method::POST, CONNECTIONS, cloud.to_string()).await;
    let anothers = desk.ask(2, Method::POST, CONNECTIONS, cloud.to_string()).await;
    assert_eq!((own_again.0, &own_again.1["code"]), (StatusCode::CONFLICT, &json!("number_linked")));
    assert_eq!(own_again, anothers, "nobody learns whose it is");

    let (_, page) = desk.ask(1, Method::GET, &format!("{CONNECTIONS}?limit=1"), "").await;
    assert_eq!((page["data"].as_array().unwrap().len(), page["next_cursor"].is_string()), (1, true));
    assert_eq!(desk.ask(2, Method::GET, CONNECTIONS, "").await.1, json!({"data": [], "next_cursor": null}));
    let one = format!("{CONNECTIONS}/{}", linked["id"].as_str().unwrap());
    let shown = desk.ask(1, Method::GET, &one, "").await.1;
    assert_eq!(
        (shown["id"].clone(), shown.get("address"), shown.get("verify_token")),
        (linked["id"].clone(), None, None)
    );
    for method in [Method::GET, Method::DELETE] {
        let theirs = desk.ask(2, method.clone(), &one, "").await;
        assert_eq!(theirs, desk.ask(2, method, &format!("{CONNECTIONS}/con_x"), "").await);
        assert_eq!(theirs.0, StatusCode::NOT_FOUND);
    }
    for n in [3, 4] {
        assert!(desk.ask(n, Method::POST, CONNECTIONS, cloud.to_string()).await.0.is_client_error());
    }
    assert_eq!(desk.ask(1, Method::DELETE, &one, "").await.0, StatusCode::NO_CONTENT);
    assert_eq!(desk.ask(2, Method::POST, CONNECTIONS, cloud.to_string()).await.0, StatusCode::CREATED);
}

/// Every route, with a body that it would take.
fn routes(subscription: &str, delivery: &str) -> Vec<(Method, String, &'static str)> {
    let on = |method: Method, path: String, body| (method, path, body);
    vec![
        on(Method::POST, "/subscriptions".into(), r#"{"url":"https://example.com/b","event":"*"}"#),
        on(Method::GET, "/subscriptions".into(), ""),
        on(Method::GET, "/deliveries".into(), ""),
        on(Method::GET, "/event-types".into(), ""),
        on(Method::GET, "/stats?window=7d".into(), ""),
        on(Method::GET, format!("/subscriptions/{subscription}"), ""),
        on(Method::PATCH, format!("/subscriptions/{subscription}"), r#"{"description":"mine"}"#),
        on(Method::POST, format!("/subscriptions/{subscription}/rotate-secret"), "{}"),
        on(Method::POST, format!("/subscriptions/{subscription}/test"), ""),
        on(Method::POST, format!("/subscriptions/{subscription}/recover"), r#"{"since":"2030-01-01T00:00:00Z"}"#),
        on(Method::GET, format!("/deliveries/{delivery}"), ""),
        on(Method::POST, format!("/deliveries/{delivery}/replay"), ""),
        on(Method::POST, format!("/deliveries/{delivery}/retry"), ""),
        on(Method::DELETE, format!("/subscriptions/{subscription}"), ""),
    ]
}

#[tokio::test]
async fn another_tenants_ids_look_like_ids_of_nothing() {
    let desk = Desk::new();
    let theirs = desk.subscribe(1).await;
    let delivery = desk.failed_delivery(1, &theirs).await;
    let before =
        serde_json::to_value(desk.ask(1, Method::GET, &format!("/subscriptions/{theirs}"), "").await.1).unwrap();
    for ((method, path, body), (_, made_up, _)) in
        routes(&theirs, delivery.id.as_str()).into_iter().zip(routes("sub_x", "dlv_1_2_3"))
    {
        let answer = desk.ask(2, method.clone(), &path, body).await;
        let nothing = desk.ask(2, method.clone(), &made_up, body).await;
        if path == made_up {
            assert!(!answer.1.to_string().contains(&theirs), "{method} {path}");
            continue;
        }
        assert_eq!(answer.0, StatusCode::NOT_FOUND, "{method} {path}");
        assert_eq!(answer, nothing, "{method} {path}");
    }
    let listed = desk.ask(2, Method::GET, &format!("/deliveries?subscription_id={theirs}"), "").await;
    assert_eq!(listed.1["data"], json!([]));
    assert_eq!(desk.ask(1, Method::GET, &format!("/subscriptions/{theirs}"), "").await.1, before);
    let kept: Delivery =
        desk.store.read(&gancho::model::row::RowKey::Delivery(delivery.id.clone())).await.unwrap().unwrap();
    assert_eq!(kept, delivery);
}

#[tokio::test]
async fn every_route_opens_for_its_tenant_and_for_nobody_else() {
    let desk = Desk::new();
    let mine = desk.subscribe(1).await;
    let delivery = desk.failed_delivery(1, &mine).await;
    let mut answers = Vec::new();
    for (method, path, body) in routes(&mine, delivery.id.as_str()) {
        let (wrong_kind, problem) = desk.ask(3, method.clone(), &path, body).await;
        assert_eq!(
            (wrong_kind, &problem["code"]),
            (StatusCode::FORBIDDEN, &json!("wrong_credential")),
            "{method} {path}"
        );
        let (unknown, problem) = desk.ask(4, method.clone(), &path, body).await;
        assert_eq!((unknown, &problem["code"]), (StatusCode::UNAUTHORIZED, &json!("unauthorized")), "{method} {path}");
        let (status, _) = desk.ask(1, method.clone(), &path, body).await;
        let path = path.replace(&mine, "{id}").replace(delivery.id.as_str(), "{id}");
        answers.push(format!("{method} {path}: {}", status.as_u16()));
    }
    insta::assert_snapshot!(answers.join("\n"));
}

#[tokio::test]
async fn a_test_answers_also_when_the_receiver_failed() {
    let desk = Desk::new();
    let mine = desk.subscribe(1).await;
    let (status, answer) = desk.ask(1, Method::POST, &format!("/subscriptions/{mine}/test"), "").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&answer["delivered"], &answer["http_status"]), (&json!(false), &json!(503)));
    assert_eq!((&answer["duration_ms"], &answer["response"]), (&json!(7), &json!("busy")));
}

#[tokio::test]
async fn what_is_refused_is_refused_in_one_form() {
    let desk = Desk::new();
    let mine = desk.subscribe(1).await;
    let long = format!(r#"{{"description":"{}"}}"#, "a".repeat(64 * 1024));
    let one = format!("/subscriptions/{mine}");
    let mut answers = Vec::new();
    for (method, path, body) in [
        (Method::POST, "/subscriptions", "{"),
        (Method::POST, "/subscriptions", r#"{"url":"https://10.0.0.1/","event":"*","colour":"red"}"#),
        (Method::POST, "/subscriptions", r#"{"url":"https://example.com/in","event":"invoice.*"}"#),
        (Method::POST, "/subscriptions", &long),
        (Method::PATCH, &one, r#"{"secret":"a new secret"}"#),
        (Method::GET, "/subscriptions/no-id", ""),
        (Method::GET, "/subscriptions/%ff", ""),
        (Method::GET, "/deliveries?status=lost&limit=0", ""),
        (Method::GET, "/deliveries/dlv_x", ""),
        (Method::GET, "/stats?window=2h", ""),
    ] {
        let (status, problem) = desk.ask(1, method.clone(), path, body.to_owned()).await;
        assert_eq!(problem["status"], json!(status.as_u16()), "{method} {path}");
        let problem = problem.to_string().replace(&mine, "{id}");
        answers.push(format!("{method} {}\n  {problem}", path.replace(&mine, "{id}")));
    }
    insta::assert_snapshot!(answers.join("\n"));
}

#[tokio::test]
async fn a_failed_delivery_is_found_and_replayed() {
    let desk = Desk::new();
    let mine = desk.subscribe(1).await;
    let delivery = desk.failed_delivery(1, &mine).await;
    let (_, listed) =
        desk.ask(1, Method::GET, &format!("/deliveries?event=invoice.*&subscription_id={mine}"), "").await;
    assert_eq!(listed["data"][0]["id"], json!(delivery.id));
    let path = format!("/deliveries/{}/replay", delivery.id);
    let (status, replayed) = desk.ask(1, Method::POST, &path, "").await;
    assert_eq!((status, &replayed["status"]), (StatusCode::ACCEPTED, &json!("pending")));
    let (status, problem) = desk.ask(1, Method::POST, &path, "").await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("not_ended")));
    assert_eq!(desk.store.rung().len(), 1);
}

#[tokio::test]
async fn a_tenant_is_told_of_its_own_deliveries_only() {
    let desk = Desk::new();
    let mut tally = Tally::default();
    for (n, attempts) in [(1, 3), (2, 5)] {
        for _ in 0..attempts {
            tally.note(&Tried {
                tenant: &tenant(n),
                subscription: &format!("sub_{n}").parse().unwrap(),
                event_type: EventType::InvoiceSent,
                status: DeliveryStatus::Delivered,
                http_status: Some(200),
                why: None,
                duration_ms: Some(12),
            });
        }
    }
    desk.store.count(&tally, now()).await.unwrap();
    let (status, told) = desk.ask(1, Method::GET, "/stats?window=1h", "").await;
    assert_eq!((status, &told["totals"]["delivered"]), (StatusCode::OK, &json!(3)));
    assert_eq!(told["by_subscription"][0]["subscription_id"], json!("sub_1"));
    assert!(!told.to_string().contains("sub_2"));
}

#[tokio::test]
async fn when_the_store_is_down_the_answer_says_to_come_again() {
    let desk = Desk::new();
    let mine = desk.subscribe(1).await;
    desk.store.set_down(true);
    let (status, problem) = desk.ask(1, Method::GET, &format!("/subscriptions/{mine}"), "").await;
    assert_eq!((status, &problem["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
}

#[test]
fn every_route_is_described_under_its_own_name() {
    let described = gancho::testing::operations::of(&describe());
    let mut tables = gancho::testing::operations::table(UNDER, Webhooks::ROUTES);
    tables.extend(gancho::testing::operations::table(WHATSAPP_UNDER, Whatsapp::ROUTES));
    tables.extend(gancho::testing::operations::table(WEBHOOKS_UNDER, Registered::ROUTES));
    assert_eq!(described, tables);
}
