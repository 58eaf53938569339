use std::collections::BTreeMap;
use std::path::Path;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use gancho::auth::{Card, Opens};
use gancho::counters::{Arrivals, Counters};
use gancho::model::event::{Event, Provider};
use gancho::model::ids::TenantId;
use gancho::model::row::{Queue, RowKey};
use gancho::providers::moysklad::payload::Notice;
use gancho::sync::store::Notices;
use gancho::work::Rows;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::testing::{Bell, token};

const OURS: &str = "9171a53c-1b2c-4f7d-9c1a-000000000001";
const THEIRS: &str = "9171a53c-1b2c-4f7d-9c1a-000000000002";
const REQUEST: &str = "640569eb-522d-427a-b07e-fa757c5d4217";

fn put(bell: &Bell, n: u8, change: impl FnOnce(&mut Card)) {
    let mut card = Card {
        hash: token(n).hash(),
        tenant: TenantId::default_tenant(),
        opens: Opens::Source {
            source: "src_shop".parse().unwrap(),
            provider: Provider::Moysklad,
            whatsapp: None,
            moysklad: Some(OURS.parse().unwrap()),
        },
        enabled: true,
        allowed_cidrs: Vec::new(),
        valid_until: None,
    };
    change(&mut card);
    bell.store.put_card(card);
}

/// The doorbell of our account, at token 9.
fn bell() -> Bell {
    let bell = Bell::new();
    put(&bell, 9, |_| {});
    bell
}

impl Bell {
    async fn moysklad_sends(&self, query: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        self.sends_to(token(9).expose(), query, body).await
    }

    async fn sends_to(&self, token: &str, query: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        let request = Request::post(format!("/api/webhooks/moysklad/{token}{query}"));
        self.send(request.body(body.into()).unwrap()).await
    }
}

fn change_of(n: u16, account: &str) -> Value {
    json!({
        "meta": {"type": "product", "href": format!("https://api.moysklad.ru/api/remap/1.2/entity/product/75c896d0-0a3d-11ec-0a80-00000000{n:04x}")},
        "updatedFields": ["salePrices"], "action": "UPDATE", "accountId": account,
    })
}

fn body(events: &[Value]) -> String {
    json!({"auditContext": {"uid": "somebody@shop", "moment": "2030-03-17 20:46:30"}, "events": events}).to_string()
}

fn request_id(id: &str) -> String {
    format!("?requestId={id}")
}

#[tokio::test]
async fn each_object_is_an_event_of_its_own_and_a_request_that_is_tried_again_brings_no_new_one() {
    let bell = bell();
    let told = body(&[change_of(1, OURS), change_of(2, OURS), json!({"action": "UPDATE", "accountId": OURS})]);
    let (status, first) = bell.moysklad_sends(&request_id(REQUEST), told.clone()).await;
    assert_eq!(status, StatusCode::OK);
    let error = json!({"index": 2, "code": "missing_entity", "detail": "Its `meta` does not name an entity."});
    assert_eq!(
        first,
        json!({"status": "received", "received": 3, "processed": 2, "duplicates": 0, "rejected": 1, "errors": [error]})
    );
    let rung = bell.store.rung();
    assert!(rung.iter().all(|ring| ring.queue == Queue::Sync && ring.tenant == TenantId::default_tenant()));
    assert_eq!(rung.len(), 2);

    let (status, again) = bell.moysklad_sends(&request_id(REQUEST), told).await;
    assert_eq!((status, &again["processed"], &again["duplicates"]), (StatusCode::OK, &json!(0), &json!(2)));
    assert!(bell.store.rung().is_empty());
    let counted = bell.store.arrivals().await.unwrap()["moysklad"].clone();
    let reasons = [("missing_entity".to_owned(), 1)].into();
    assert_eq!(
        counted,
        Arrivals { received: 2, duplicate: 0, rejected: 1, reasons },
        "the next request is not yet written"
    );
}

#[tokio::test]
async fn a_request_of_a_thousand_changes_is_taken_whole_and_one_of_more_is_refused() {
    let bell = bell();
    let told = |n| body(&(0..n).map(|n| change_of(n, OURS)).collect::<Vec<_>>());
    let (status, answer) = bell.moysklad_sends(&request_id(REQUEST), told(1_000)).await;
    assert_eq!((status, &answer["processed"]), (StatusCode::OK, &json!(1_000)));
    assert_eq!(bell.store.rung().len(), 1_000);
    let (status, again) = bell.moysklad_sends(&request_id(REQUEST), told(1_000)).await;
    assert_eq!((status, &again["duplicates"]), (StatusCode::OK, &json!(1_000)));
    let (status, refused) = bell.moysklad_sends(&request_id("another"), told(1_001)).await;
    assert_eq!((status, &refused["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_many_events")));
}

#[tokio::test]
async fn what_is_stored_is_the_change_and_not_who_made_it_nor_its_address() {
    let bell = bell();
    let (status, _) = bell.moysklad_sends(&request_id(REQUEST), body(&[change_of(1, OURS)])).await;
    assert_eq!(status, StatusCode::OK);
    let RowKey::Event(id) = bell.store.rung().remove(0).bell.row else { panic!("an event is rung for") };
    let event: Event = bell.store.read(&RowKey::Event(id)).await.unwrap().unwrap();
    let stored = bell.store.notice_of(&event).await.unwrap().unwrap();
    let notice = Notice::read(&stored.bytes).unwrap();
    assert_eq!((notice.account_id.to_string().as_str(), notice.entity_type.as_str()), (OURS, "product"));
    assert_eq!(notice.at.to_string(), "2030-03-17T17:46:30Z", "Moscow's time");
    let text = String::from_utf8(stored.bytes.to_vec()).unwrap();
    assert!(!text.contains("somebody") && !text.contains("http"), "{text}");
}

#[tokio::test]
async fn a_request_without_an_identifier_is_known_by_what_it_says() {
    let bell = bell();
    for (query, change, processed) in
        [("", 1, 1), ("", 1, 0), ("?requestId=", 1, 0), ("?requestId=%FF&%FF", 1, 0), ("?other=1", 2, 1)]
    {
        let (status, answer) = bell.moysklad_sends(query, body(&[change_of(change, OURS)])).await;
        assert_eq!((status, &answer["processed"]), (StatusCode::OK, &json!(processed)), "{query}");
    }
    let both = format!("?a=b&requestId={REQUEST}&requestId=another");
    for (query, processed) in [(request_id(REQUEST), 1), (both, 0), (request_id("another"), 1)] {
        let (_, answer) = bell.moysklad_sends(&query, body(&[change_of(1, OURS)])).await;
        assert_eq!(answer["processed"], json!(processed), "{query}");
    }
}

#[tokio::test]
async fn another_accounts_change_refuses_the_request() {
    let bell = bell();
    let mixed = body(&[change_of(1, OURS), change_of(2, THEIRS)]);
    let (status, problem) = bell.moysklad_sends(&request_id(REQUEST), mixed).await;
    assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("foreign_account")));
    assert!(!problem.to_string().contains(THEIRS));
    assert!(bell.store.rung().is_empty());
    let counted = bell.store.arrivals().await.unwrap()["moysklad"].clone();
    let reasons = [("foreign_account".to_owned(), 1)].into();
    assert_eq!(counted, Arrivals { rejected: 1, reasons, ..Arrivals::default() });
}

#[tokio::test]
async fn whoever_is_let_in_is_answered_200_though_nothing_is_taken() {
    let bell = bell();
    let (status, answer) = bell.moysklad_sends("", body(&[json!(1), json!({"accountId": OURS})])).await;
    assert_eq!((status, &answer["received"], &answer["rejected"]), (StatusCode::OK, &json!(2), &json!(2)));
    let codes: Vec<&Value> = answer["errors"].as_array().unwrap().iter().map(|error| &error["code"]).collect();
    assert_eq!(codes, ["invalid_event", "missing_entity"]);
}

#[tokio::test]
async fn a_request_in_which_no_event_can_be_looked_at_is_refused_whole() {
    let bell = bell();
    let too_large = format!("\"{}\"", "x".repeat(2 * 1024 * 1024));
    for (body, status, code) in [
        ("{".to_owned(), 400, "invalid_json"),
        (body(&[]), 400, "empty_batch"),
        ("[]".to_owned(), 422, "invalid_body"),
        (r#"{"events":{}}"#.to_owned(), 422, "invalid_body"),
        (body(&vec![json!({"accountId": OURS}); 1_001]), 413, "too_many_events"),
        (too_large, 413, "body_too_large"),
    ] {
        let (answered, problem) = bell.moysklad_sends("", body).await;
        assert_eq!((answered.as_u16(), problem["code"].as_str()), (status, Some(code)));
        assert_eq!(problem["errors"].is_array(), status == 422, "{problem}");
    }
}

#[tokio::test]
async fn whoever_has_no_token_is_told_one_thing_and_is_not_counted() {
    let bell = bell();
    put(&bell, 7, |card| card.enabled = false);
    put(&bell, 8, |card| {
        card.opens = Opens::Source {
            source: "src_shop".parse().unwrap(),
            provider: Provider::Moysklad,
            whatsapp: None,
            moysklad: None,
        };
    });
    let told = || body(&[change_of(1, OURS)]);
    let nobody = bell.sends_to("wrong", "", told()).await;
    assert_eq!((nobody.0, &nobody.1["code"]), (StatusCode::UNAUTHORIZED, &json!("unauthorized")));
    for other in [token(7).expose(), token(8).expose(), "%FF", "src_shop"] {
        assert_eq!(bell.sends_to(other, "", told()).await, nobody, "{other}");
    }
    for other in [1, 3] {
        let (status, problem) = bell.sends_to(token(other).expose(), "", told()).await;
        assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("wrong_credential")), "{other}");
    }
    put(&bell, 6, |card| card.allowed_cidrs = vec!["192.0.2.0/24".parse().unwrap()]);
    let (status, problem) = bell.sends_to(token(6).expose(), "", told()).await;
    assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("address_not_allowed")));
    assert!(bell.store.arrivals().await.unwrap().is_empty() && bell.store.rung().is_empty());
}

#[tokio::test]
async fn what_could_not_be_stored_is_asked_for_again_and_what_could_not_be_rung_for_is_not() {
    let bell = bell();
    let told = || body(&[change_of(1, OURS), change_of(2, OURS)]);
    bell.moysklad_sends("", "{}").await;
    bell.store.set_down(true);
    let (status, problem) = bell.moysklad_sends(&request_id(REQUEST), told()).await;
    assert_eq!((status, &problem["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
    bell.store.set_down(false);
    bell.store.set_deaf(true);
    let (status, answer) = bell.moysklad_sends(&request_id(REQUEST), told()).await;
    assert_eq!((status, &answer["processed"]), (StatusCode::OK, &json!(2)), "the sweep will ring");
}

#[derive(Deserialize)]
struct Recorded {
    description: String,
    request: Recording,
    expect: Told,
}

#[derive(Deserialize)]
struct Recording {
    path: String,
    headers: BTreeMap<String, String>,
    body: Option<Value>,
    body_text: Option<String>,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Told {
    status: u16,
    received: u64,
    processed: u64,
    duplicates: u64,
    rejected: u64,
    codes: Vec<String>,
}

fn told(status: StatusCode, answer: &Value) -> Told {
    let count = |name: &str| answer[name].as_u64().unwrap_or_default();
    let code = |of: &Value| of["code"].as_str().unwrap_or_default().to_owned();
    let codes = match answer["errors"].as_array() {
        Some(errors) => errors.iter().map(code).collect(),
        None => vec![code(answer)],
    };
    let [received, processed, duplicates, rejected] = ["received", "processed", "duplicates", "rejected"].map(count);
    Told { status: status.as_u16(), received, processed, duplicates, rejected, codes }
}

#[tokio::test]
async fn every_recorded_request_is_answered_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/moysklad");
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let mut text = std::fs::read_to_string(&path).unwrap().replace("{{token}}", token(9).expose());
        while let Some((before, rest)) = text.split_once("{{filler:") {
            let (n, after) = rest.split_once("}}").unwrap();
            text = format!("{before}{}{after}", "x".repeat(n.parse().unwrap()));
        }
        let Recorded { description, request, expect } =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // What is no text is read in the room of the provider.
        let Some(body) = request.body.map(|json| json.to_string()).or(request.body_text) else { continue };
        let mut asked = Request::post(request.path);
        for (name, value) in request.headers {
            asked = asked.header(name, value);
        }
        let (status, answer) = bell().send(asked.body(Body::from(body)).unwrap()).await;
        assert_eq!(told(status, &answer), expect, "{}: {description}: {answer}", path.display());
        files += 1;
    }
    assert!(files >= 30, "{files}");
}
