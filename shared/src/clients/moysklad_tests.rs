use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use wiremock::matchers::{any, body_json, method, path, path_regex, query_param};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::gunzip::gzip;
use super::*;
use crate::clients::rude_server::{self, SHORT, TOO_LATE};
use crate::clients::upstream_http;
use crate::model::moysklad::{Action, EntityId, EntityKind};
use crate::sync::ports::{Audit, Condition, Dictionaries, Entities, Hooks, Query, Rows};

const TOKEN: &str = "sandbox-moysklad-token";
const PREFIX: &str = "https://hooks.example.com/api/webhooks/moysklad/";
const BASE: &str = "/api/remap/1.2";

fn client(base: &str) -> MoyskladClient {
    patient(base, MoyskladClient::TIMEOUT)
}

fn patient(base: &str, timeout: Duration) -> MoyskladClient {
    let config =
        MoyskladConfig { base_url: format!("{base}{BASE}"), token: Secret::new(TOKEN), timeout, clock: Timestamp::now };
    MoyskladClient::new(upstream_http().unwrap(), config, HookPrefix::new(PREFIX).unwrap()).unwrap()
}

fn id(n: u32) -> EntityId {
    format!("00000000-0000-0000-0000-{n:012}").parse().unwrap()
}

fn packed(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status)
        .insert_header("content-encoding", "gzip")
        .set_body_raw(gzip(body.to_string().as_bytes()), "application/json")
}

async fn answering(template: ResponseTemplate) -> (MockServer, MoyskladClient) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(template).mount(&server).await;
    let client = client(&server.uri());
    (server, client)
}

fn product(n: u32) -> String {
    format!("{BASE}/entity/product/{}", id(n))
}

#[tokio::test]
async fn every_call_of_every_kind_carries_the_header_against_loops() {
    let (server, client) = answering(packed(200, &json!({"rows": [], "meta": {"size": 0}}))).await;
    let kind = EntityKind::Product;
    let _ = client.get(kind, id(1)).await;
    let _ = client.list(kind, &Query::default()).await;
    let _ = client.create(kind, &json!({})).await;
    let _ = client.update(kind, id(1), &json!({})).await;
    let _ = client.save_many(kind, &[json!({})]).await;
    let _ = client.delete(kind, id(1)).await;
    let _ = client.make_hooks(&format!("{PREFIX}tok"), &[(kind, Action::Create)]).await;
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 7);
    for request in requests {
        let header = |name: &str| request.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("x-lognex-webhook-disablebyprefix").as_deref(), Some(PREFIX), "{}", request.url);
        assert_eq!(header("accept-encoding").as_deref(), Some("gzip"));
        assert_eq!(header("authorization"), Some(format!("Bearer {TOKEN}")));
    }
}

#[tokio::test]
async fn an_entity_is_asked_for_at_our_own_address_and_unpacked() {
    let server = MockServer::start().await;
    let order = json!({"id": id(1), "positions": {"rows": []}});
    Mock::given(method("GET"))
        .and(path(format!("{BASE}/entity/customerorder/{}", id(1))))
        .and(query_param("expand", "positions"))
        .respond_with(packed(200, &order))
        .mount(&server)
        .await;
    assert_eq!(client(&server.uri()).get(EntityKind::CustomerOrder, id(1)).await, Ok(order));
}

#[tokio::test]
async fn an_order_of_many_positions_is_read_to_its_last() {
    let server = MockServer::start().await;
    let rows = |from: usize, to: usize| (from..to).map(|n| json!({"quantity": n})).collect::<Vec<_>>();
    let order = json!({"id": id(1), "positions": {"meta": {"size": 1_150, "limit": 100}, "rows": rows(0, 100)}});
    let at = format!("{BASE}/entity/customerorder/{}", id(1));
    Mock::given(path(&*at))
        .and(query_param("expand", "positions"))
        .respond_with(packed(200, &order))
        .mount(&server)
        .await;
    for (offset, until) in [(100, 1_100), (1_100, 1_150)] {
        let page = json!({"meta": {"size": 1_150, "offset": offset}, "rows": rows(offset, until)});
        Mock::given(path(format!("{at}/positions")))
            .and(query_param("offset", offset.to_string()))
            .respond_with(packed(200, &page))
            .mount(&server)
            .await;
    }
    let read = client(&server.uri()).get(EntityKind::CustomerOrder, id(1)).await.unwrap();
    assert_eq!(read["positions"]["rows"], json!(rows(0, 1_150)));
}

#[tokio::test]
async fn a_hundred_entities_can_be_asked_for_at_once() {
    let (server, client) = answering(packed(200, &json!({"rows": [], "meta": {"size": 0}}))).await;
    let mut filter: Vec<Condition> = (0..100).map(|n| Condition::is("id", id(n).to_string())).collect();
    filter.extend(["false", "true"].map(|archived| Condition::is("archived", archived)));
    let query = Query { filter, offset: 0, limit: 100, order: "" };
    for kind in EntityKind::ALL {
        assert_eq!(client.list(kind, &query).await, Ok(Rows::default()));
    }
    for request in server.received_requests().await.unwrap() {
        let headers: usize = request.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        assert!(request.url.as_str().len() + headers < 8 * 1024, "MoySklad takes no more");
    }
}

#[tokio::test]
async fn failures_are_told_apart() {
    let errors = |code: u32| json!({"errors": [{"error": "Иван Иванов", "code": code}]});
    for (template, error) in [
        (packed(404, &errors(1_021)), MoyskladError::NotFound),
        (ResponseTemplate::new(404), MoyskladError::NotFound),
        (packed(401, &errors(1_056)), MoyskladError::CredentialsRefused),
        (packed(403, &errors(1_016)), MoyskladError::RightsMissing),
        (packed(400, &errors(1_017)), MoyskladError::RightsMissing),
        (packed(409, &errors(3_006)), MoyskladError::Conflict { code: Some(3_006) }),
        (packed(412, &errors(1_047)), MoyskladError::Conflict { code: Some(1_047) }),
        (packed(412, &json!({"errors": []})), MoyskladError::Conflict { code: None }),
        (packed(400, &errors(3_000)), MoyskladError::Refused { status: 400, code: Some(3_000) }),
        (ResponseTemplate::new(415), MoyskladError::Refused { status: 415, code: None }),
        (ResponseTemplate::new(413), MoyskladError::Refused { status: 413, code: None }),
        (ResponseTemplate::new(302), MoyskladError::Refused { status: 302, code: None }),
        (ResponseTemplate::new(502).set_body_string("<html>"), MoyskladError::Broken { status: 502 }),
        (packed(503, &json!([])), MoyskladError::Broken { status: 503 }),
        (ResponseTemplate::new(200).set_body_string("<html>"), MoyskladError::Unreadable { status: 200 }),
        (ResponseTemplate::new(200), MoyskladError::Unreadable { status: 200 }),
    ] {
        let (_server, client) = answering(template).await;
        let failed = client.update(EntityKind::Product, id(1), &json!({"name": "x"})).await;
        assert_eq!(failed, Err(error));
        assert!(!format!("{failed:?}").contains("Иван"));
    }
}

#[tokio::test]
async fn silence_after_a_write_is_of_unknown_outcome_and_after_a_question_is_not() {
    let late = ResponseTemplate::new(200).set_delay(TOO_LATE);
    let (server, _) = answering(late).await;
    let slow = patient(&server.uri(), SHORT);
    let cut = client(&rude_server::saying("HTTP/1.1 ").await);
    let nobody = client(&rude_server::nobody().await);
    let kind = EntityKind::Product;
    assert_eq!(slow.create(kind, &json!({})).await, Err(MoyskladError::UnknownOutcome));
    assert_eq!(cut.create(kind, &json!({})).await, Err(MoyskladError::UnknownOutcome));
    assert_eq!(cut.delete(kind, id(1)).await, Err(MoyskladError::UnknownOutcome));
    assert_eq!(nobody.create(kind, &json!({})).await, Err(MoyskladError::Unreachable));
    assert_eq!(slow.get(kind, id(1)).await, Err(MoyskladError::Timeout));
    assert_eq!(cut.get(kind, id(1)).await, Err(MoyskladError::Unreachable));
}

#[tokio::test]
async fn an_answer_that_is_a_bomb_or_breaks_off_is_unreadable() {
    let whole = gzip(&vec![b' '; MAX_UNPACKED + 1]);
    for body in [whole, gzip(b"{}")[..10].to_vec(), b"{}".to_vec()] {
        let template = ResponseTemplate::new(200).insert_header("content-encoding", "gzip").set_body_bytes(body);
        let (_server, client) = answering(template).await;
        let read = client.get(EntityKind::Product, id(1)).await;
        assert_eq!(read, Err(MoyskladError::Unreadable { status: 200 }));
    }
}

/// Refuses the first requests, with these headers.
struct Refusing {
    refused: AtomicUsize,
    times: usize,
    after_ms: u32,
}

impl Respond for Refusing {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        if self.refused.fetch_add(1, Ordering::SeqCst) < self.times {
            packed(429, &json!({"errors": [{"code": 1_049}]}))
                .insert_header("x-lognex-retry-after", self.after_ms.to_string())
        } else {
            packed(200, &json!({"id": 1}))
        }
    }
}

async fn refusing(times: usize, after_ms: u32) -> (MockServer, MoyskladClient) {
    let server = MockServer::start().await;
    let refusing = Refusing { refused: AtomicUsize::new(0), times, after_ms };
    Mock::given(any()).respond_with(refusing).mount(&server).await;
    let client = client(&server.uri());
    (server, client)
}

#[tokio::test]
async fn a_call_refused_for_the_rate_goes_out_again_after_its_milliseconds() {
    let (server, client) = refusing(2, 150).await;
    let begun = std::time::Instant::now();
    assert_eq!(client.create(EntityKind::Product, &json!({})).await, Ok(json!({"id": 1})));
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_call_that_is_refused_for_long_is_handed_back_and_no_other_goes_out() {
    let (server, client) = refusing(usize::MAX, 20_000).await;
    let refused = client.get(EntityKind::Product, id(1)).await;
    assert_eq!(refused, Err(MoyskladError::RateLimited { after: SignedDuration::from_secs(20) }));
    let next = client.get(EntityKind::Product, id(2)).await;
    assert!(matches!(next, Err(MoyskladError::RateLimited { .. })));
    assert_eq!(server.received_requests().await.unwrap().len(), 1, "the second was not sent");
}

#[tokio::test]
async fn calls_that_are_refused_again_and_again_are_bounded() {
    let (server, client) = refusing(usize::MAX, 100).await;
    let refused = client.get(EntityKind::Product, id(1)).await;
    assert!(matches!(refused, Err(MoyskladError::RateLimited { .. })));
    assert_eq!(server.received_requests().await.unwrap().len(), TRIES);
}

#[tokio::test]
async fn it_learns_from_the_headers_how_many_calls_there_are() {
    let told = packed(200, &json!({}))
        .insert_header("x-ratelimit-limit", "3")
        .insert_header("x-ratelimit-remaining", "1")
        .insert_header("x-lognex-retry-timeinterval", "400");
    let (_server, client) = answering(told).await;
    let begun = std::time::Instant::now();
    for _ in 0..3 {
        client.get(EntityKind::Product, id(1)).await.unwrap();
    }
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
}

/// Counts how many requests are under way at once.
#[tokio::test]
async fn five_calls_at_most_are_under_way() {
    let (server, client) = answering(packed(200, &json!({})).set_delay(Duration::from_millis(200))).await;
    let begun = std::time::Instant::now();
    let calls = (0..6).map(|n| {
        let client = client.clone();
        async move { client.get(EntityKind::Product, id(n)).await }
    });
    assert!(futures::future::join_all(calls).await.iter().all(Result::is_ok));
    assert!(begun.elapsed() >= Duration::from_millis(400), "the sixth waits for a place");
    assert_eq!(server.received_requests().await.unwrap().len(), 6);
}

#[tokio::test]
async fn a_list_saved_in_part_is_told_item_by_item_in_its_order() {
    let answer = json!([
        {"id": id(1)}, {"errors": [{"code": 3_000}]}, {"id": id(3)}, {"errors": [{"code": 1_021}]},
    ]);
    let bodies = vec![json!({"name": "x"}); 4];
    for status in [200, 400, 412] {
        let (_server, client) = answering(packed(status, &answer)).await;
        let saved = client.save_many(EntityKind::Product, &bodies).await.unwrap();
        assert_eq!(
            saved,
            [
                Ok(json!({"id": id(1)})),
                Err(MoyskladError::Refused { status: 200, code: Some(3_000) }),
                Ok(json!({"id": id(3)})),
                Err(MoyskladError::NotFound)
            ],
            "{status}"
        );
    }
    let (_server, client) = answering(packed(200, &answer)).await;
    let three = client.save_many(EntityKind::Product, &bodies[..3]).await;
    assert_eq!(three, Err(MoyskladError::Unreadable { status: 200 }), "which is which?");
    assert_eq!(client.save_many(EntityKind::Product, &[]).await, Ok(vec![]));
}

#[tokio::test]
async fn a_page_says_whether_there_is_more() {
    let server = MockServer::start().await;
    Mock::given(path(format!("{BASE}/entity/product")))
        .and(query_param("filter", "externalCode=a b"))
        .and(query_param("limit", "2"))
        .and(query_param("offset", "2"))
        .respond_with(packed(200, &json!({"meta": {"size": 5, "offset": 2}, "rows": [{"id": 1}, {"id": 2}]})))
        .mount(&server)
        .await;
    let query = Query { filter: vec![Condition::is("externalCode", "a b")], offset: 2, limit: 2, order: "" };
    let page = client(&server.uri()).list(EntityKind::Product, &query).await.unwrap();
    assert_eq!((page.rows.len(), page.more), (2, true));
}

#[tokio::test]
async fn a_deletion_without_a_body_is_one() {
    let (_server, client) = answering(ResponseTemplate::new(200)).await;
    assert_eq!(client.delete(EntityKind::Product, id(1)).await, Ok(()));
    let (_server, client) = answering(ResponseTemplate::new(404)).await;
    assert_eq!(client.delete(EntityKind::Product, id(1)).await, Err(MoyskladError::NotFound));
}

#[tokio::test]
async fn hooks_are_made_for_our_own_address_only_and_updates_name_their_fields() {
    let url = format!("{PREFIX}tok_1");
    let server = MockServer::start().await;
    let made = |n: u32, action: &str| json!({"id": id(n), "entityType": "product", "action": action, "url": url, "enabled": true});
    Mock::given(method("POST"))
        .and(path(format!("{BASE}/entity/webhook")))
        .and(body_json(json!([
            {"entityType": "product", "action": "CREATE", "url": url},
            {"entityType": "product", "action": "UPDATE", "url": url, "diffType": "FIELDS"},
        ])))
        .respond_with(packed(200, &json!([made(1, "CREATE"), {"errors": [{"code": 30_003}]}])))
        .mount(&server)
        .await;
    let client = client(&server.uri());
    let wanted = [(EntityKind::Product, Action::Create), (EntityKind::Product, Action::Update)];
    let hooks = client.make_hooks(&url, &wanted).await.unwrap();
    assert_eq!(hooks[0].as_ref().map(|hook| hook.id), Ok(id(1)));
    assert_eq!(hooks[1], Err(MoyskladError::Refused { status: 200, code: Some(30_003) }));
    for elsewhere in ["https://hooks.example.com/other/tok_1".to_owned(), format!("{PREFIX}{}", "x".repeat(255))] {
        assert_eq!(client.make_hooks(&elsewhere, &wanted).await, Err(MoyskladError::Misconfigured));
    }
}

#[tokio::test]
async fn a_dictionary_is_put_together_from_what_the_account_has() {
    let server = MockServer::start().await;
    let rows = |rows: Value| packed(200, &json!({"meta": {"size": 1, "offset": 0}, "rows": rows}));
    for (at, template) in [
        ("context/companysettings", packed(200, &json!({"priceTypes": [{"id": id(1), "name": "Retail"}]}))),
        ("entity/currency", rows(json!([{"id": id(2), "isoCode": "RUB"}]))),
        ("entity/uom", rows(json!([{"id": id(3), "name": "pc"}, {"name": "no id"}]))),
        ("entity/product/metadata/attributes", rows(json!([{"id": id(4), "name": "Colour", "type": "string"}]))),
        ("entity/variant/metadata", packed(200, &json!({"characteristics": [{"id": id(5), "name": "Size"}]}))),
        ("entity/retaildemand/metadata", packed(200, &json!({"states": [{"id": id(6), "name": "Sold"}]}))),
        ("entity/retaildemand/metadata/attributes", rows(json!([]))),
        ("entity/customerorder/metadata", packed(200, &json!({"states": [{"id": id(7), "name": "New"}]}))),
    ] {
        Mock::given(path(format!("{BASE}/{at}"))).respond_with(template).mount(&server).await;
    }
    let kinds = [EntityKind::Product, EntityKind::Service, EntityKind::Variant, EntityKind::RetailDemand];
    let dictionary = client(&server.uri()).dictionary(&kinds).await.unwrap();
    assert_eq!(dictionary.price_types[0].name, "Retail");
    assert_eq!((dictionary.currencies[0].id, dictionary.units.len()), (id(2), 1));
    assert_eq!(dictionary.attributes[&EntityKind::Service][0].value_type, "string");
    assert_eq!(dictionary.characteristics[0].name, "Size");
    assert_eq!(dictionary.states[&EntityKind::RetailDemand][0].name, "Sold");
    assert_eq!(dictionary.states[&EntityKind::CustomerOrder][0].id, id(7), "it arrives as one");
}

#[tokio::test]
async fn deletions_are_read_from_the_audit_in_universal_time() {
    let server = MockServer::start().await;
    let page = |rows: Value| packed(200, &json!({"meta": {"size": 2, "offset": 0}, "rows": rows}));
    Mock::given(path(format!("{BASE}/audit")))
        .and(query_param("filter", "entityType=product;moment>=2026-03-02 12:00:00.000"))
        .respond_with(page(
            json!([{"id": id(1), "eventType": "update"}, {"id": id(2), "eventType": "puttorecyclebin"}]),
        ))
        .mount(&server)
        .await;
    let href = format!("https://api.moysklad.ru{}", product(7));
    Mock::given(path(format!("{BASE}/audit/{}/events", id(2))))
        .respond_with(page(json!([
            {"eventType": "puttorecyclebin", "moment": "2026-03-02 12:30:00", "entity": {"meta": {"href": href}}, "uid": "a@b"},
            {"eventType": "puttorecyclebin", "moment": "2026-03-02 12:30:00"},
        ])))
        .mount(&server)
        .await;
    let since = "2026-03-02T09:00:00Z".parse().unwrap();
    let page = client(&server.uri()).deletions(EntityKind::Product, since, 0).await.unwrap();
    assert_eq!(
        page.gone.iter().map(|one| (one.id, one.at.to_string())).collect::<Vec<_>>(),
        [(id(7), "2026-03-02T09:30:00Z".to_owned())]
    );
    assert_eq!((page.n_contexts, page.more), (2, false));
}

#[tokio::test]
async fn a_long_audit_is_looked_into_a_few_contexts_at_a_time() {
    let server = MockServer::start().await;
    let contexts: Vec<Value> =
        (0..30).map(|n| json!({"id": id(n), "eventType": if n < 5 { "update" } else { "delete" }})).collect();
    let rows = |rows: Value| packed(200, &json!({"meta": {"size": 30, "offset": 0}, "rows": rows}));
    Mock::given(path(format!("{BASE}/audit"))).respond_with(rows(contexts.into())).mount(&server).await;
    let none = packed(200, &json!({"meta": {"size": 0}, "rows": []}));
    Mock::given(path_regex(format!("{BASE}/audit/.*/events"))).respond_with(none).expect(10).mount(&server).await;
    let page = client(&server.uri()).deletions(EntityKind::Product, Timestamp::UNIX_EPOCH, 0).await.unwrap();
    assert_eq!((page.n_contexts, page.more), (15, true));
}

#[test]
fn nothing_shows_the_token() {
    let shown = format!("{:?}", client("http://127.0.0.1:1"));
    assert!(!shown.contains(TOKEN), "{shown}");
}
