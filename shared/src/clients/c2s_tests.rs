use serde_json::json;
use wiremock::matchers::{body_json, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::clients::rude_server::{self, SHORT, TOO_LATE};
use crate::clients::upstream_http;

const TOKEN: &str = "sandbox-c2s-token";

fn client_with(base: &str, change: impl FnOnce(&mut C2sConfig)) -> C2sClient {
    let mut config = C2sConfig {
        base_url: base.to_owned(),
        auth_header: "Authorization".to_owned(),
        subscribe_path: "/integration/leads/subscribe".to_owned(),
        token: Secret::new(TOKEN),
        timeout: SHORT,
    };
    change(&mut config);
    C2sClient::new(upstream_http().unwrap(), config).unwrap()
}

fn client(base: &str) -> C2sClient {
    client_with(base, |_| {})
}

fn lead() -> LeadId {
    "lead-1".parse().unwrap()
}

async fn posted(template: ResponseTemplate) -> Result<Option<String>, UpstreamErrorKind> {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/integration/leads/lead-1/create_message"))
        .and(header("authorization", format!("Bearer {TOKEN}")))
        .and(body_json(json!({"body": "Olá"})))
        .respond_with(template)
        .expect(1)
        .mount(&server)
        .await;
    client(&server.uri()).post_message(&lead(), "Olá").await.map_err(|error| error.kind)
}

#[tokio::test]
async fn a_message_is_posted_once_and_its_id_read_wherever_it_stands() {
    for (body, id) in [
        (json!({"data": {"id": "m-1"}}), Some("m-1")),
        (json!({"id": 17}), Some("17")),
        (json!({"message_id": "m-2"}), Some("m-2")),
        (json!({"data": []}), None),
        (json!([]), None),
        (json!({"id": "no id at all"}), None),
    ] {
        let result = posted(ResponseTemplate::new(201).set_body_json(&body)).await;
        assert_eq!(result, Ok(id.map(str::to_owned)), "{body}");
    }
    assert_eq!(posted(ResponseTemplate::new(200).set_body_string("<html>")).await, Ok(None));
}

#[tokio::test]
async fn a_status_says_what_became_of_a_message() {
    use UpstreamErrorKind::{Broken, CredentialsRefused, NotFound, RateLimited, Rejected};
    for (status, kind) in [
        (401, CredentialsRefused),
        (403, Rejected { status: 403 }),
        (404, NotFound),
        (422, Rejected { status: 422 }),
        (302, Rejected { status: 302 }),
        (429, RateLimited { retry_after: None }),
        (500, Broken { status: 500 }),
        (503, Broken { status: 503 }),
        (502, Broken { status: 502 }),
        (504, Broken { status: 504 }),
        (524, Broken { status: 524 }),
    ] {
        assert_eq!(posted(ResponseTemplate::new(status)).await, Err(kind), "{status}");
    }
}

#[tokio::test]
async fn a_wait_they_ask_for_is_passed_on() {
    let result = posted(ResponseTemplate::new(429).insert_header("retry-after", "90")).await;
    assert_eq!(result, Err(UpstreamErrorKind::RateLimited { retry_after: Some(Duration::from_secs(90)) }));
}

#[tokio::test]
async fn a_message_without_a_word_back_is_of_unknown_outcome() {
    assert_eq!(posted(ResponseTemplate::new(201).set_delay(TOO_LATE)).await, Err(UpstreamErrorKind::UnknownOutcome));
    let cut = rude_server::saying("").await;
    assert_eq!(client(&cut).post_message(&lead(), "x").await.unwrap_err().kind, UpstreamErrorKind::UnknownOutcome);
    let garbage = rude_server::saying("SMTP ready\r\n\r\n").await;
    assert_eq!(client(&garbage).post_message(&lead(), "x").await.unwrap_err().kind, UpstreamErrorKind::UnknownOutcome);
}

#[tokio::test]
async fn a_message_that_never_left_may_be_sent_again() {
    let nobody = rude_server::nobody().await;
    assert_eq!(client(&nobody).post_message(&lead(), "x").await.unwrap_err().kind, UpstreamErrorKind::Unreachable);
}

#[tokio::test]
async fn a_message_whose_confirmation_breaks_off_is_sent() {
    let server = rude_server::saying("HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{\"da").await;
    assert_eq!(client(&server).post_message(&lead(), "x").await, Ok(None));
}

#[tokio::test]
async fn a_read_that_breaks_off_may_be_repeated() {
    let cut = rude_server::saying("").await;
    assert_eq!(client(&cut).has_message(&lead(), "g-1").await.unwrap_err().kind, UpstreamErrorKind::Unreachable);
    let short = rude_server::saying("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"da").await;
    let kind = client(&short).has_message(&lead(), "g-1").await.unwrap_err().kind;
    assert_eq!(kind, UpstreamErrorKind::Broken { status: 200 });
}

async fn seen(body: Value) -> Result<Seen, UpstreamErrorKind> {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/integration/leads/lead-1"))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    client(&server.uri()).has_message(&lead(), "g-7f3a2c").await.map_err(|error| error.kind)
}

#[tokio::test]
async fn a_message_is_looked_for_in_the_thread_it_is_in() {
    let thread = |text: &str| json!([{"id": 1, "body": "oi"}, {"id": 2, "body": text}]);
    let ours = "Cadastro localizado\n[ref g-7f3a2c]";
    assert_eq!(seen(json!({"data": {"id": "lead-1", "attributes": {"messages": thread(ours)}}})).await, Ok(Seen::Yes));
    assert_eq!(seen(json!({"data": {"attributes": {"log": thread(ours)}}})).await, Ok(Seen::Yes));
    assert_eq!(seen(json!({"messages": thread(ours)})).await, Ok(Seen::Yes));
    assert_eq!(seen(json!({"data": {"attributes": {"messages": thread("[ref g-000000]")}}})).await, Ok(Seen::No));
    assert_eq!(seen(json!({"data": {"attributes": {"messages": []}}})).await, Ok(Seen::No));
}

#[tokio::test]
async fn a_thread_that_is_not_shown_proves_nothing() {
    for body in [
        json!({"data": {"attributes": {"description": "[ref g-7f3a2c]"}}}),
        json!({"data": {"attributes": {"messages": null}}}),
        json!({"data": {"attributes": {"log": []}}}),
        json!([]),
    ] {
        assert_eq!(seen(body.clone()).await, Ok(Seen::NotShown), "{body}");
    }
}

#[tokio::test]
async fn a_page_of_changed_leads_is_asked_for_without_milliseconds() {
    let server = MockServer::start().await;
    let full: Vec<_> = (0..50).map(|n| json!({"id": n})).collect();
    for (page, leads) in [("1", json!(full)), ("2", json!([{"id": "lead-1",  "x": 1.50}]))] {
        Mock::given(method("GET"))
            .and(path("/integration/leads"))
            .and(query_param("page", page))
            .and(query_param("perpage", "50"))
            .and(query_param("sort", "updated_at"))
            .and(query_param("updated_gte", "2025-01-20T10:00:00Z"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"data": leads, "meta": {}})))
            .mount(&server)
            .await;
    }
    let since = "2025-01-20T10:00:00.987Z".parse().unwrap();
    let client = client(&server.uri());
    let first = client.leads_updated_since(since, 1).await.unwrap();
    assert_eq!((first.items.len(), first.more), (50, true));
    let second = client.leads_updated_since(since, 2).await.unwrap();
    assert!(!second.more);
    assert_eq!(serde_json::from_slice::<Value>(&second.items[0]).unwrap(), json!({"id": "lead-1", "x": 1.5}));
}

#[tokio::test]
async fn a_page_that_is_none_or_too_large_is_their_failure() {
    let server = MockServer::start().await;
    let since = Timestamp::UNIX_EPOCH;
    for body in ["[]", "{}", "{\"data\":{}}", "<html>", &" ".repeat(MAX_ANSWER + 1)] {
        server.reset().await;
        Mock::given(method("GET")).respond_with(ResponseTemplate::new(200).set_body_string(body)).mount(&server).await;
        let kind = client(&server.uri()).leads_updated_since(since, 1).await.unwrap_err().kind;
        assert_eq!(kind, UpstreamErrorKind::Broken { status: 200 });
    }
}

#[tokio::test]
async fn a_hook_is_set_where_and_as_configured() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/base/integration/api/subscribe"))
        .and(header("authentication", format!("Bearer {TOKEN}")))
        .and(body_json(json!({"hook_url": "https://hooks.example.com/c2s/x", "hook_action": "on_update_lead"})))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(json!({"success": true, "message": "Subscribed successfully"})),
        )
        .expect(1)
        .mount(&server)
        .await;
    let client = client_with(&format!("{}/base/", server.uri()), |config| {
        config.auth_header = "Authentication".to_owned();
        config.subscribe_path = "/integration/api/subscribe".to_owned();
    });
    let url = Url::parse("https://hooks.example.com/c2s/x").unwrap();
    assert_eq!(client.subscribe(HookAction::OnUpdateLead, &url).await, Ok(()));
}

#[tokio::test]
async fn a_hook_refused_in_words_is_refused() {
    let url = Url::parse("https://hooks.example.com/c2s/s3cret").unwrap();
    for (status, body) in
        [(422, json!({"success": false, "msg": "hook_action not found"})), (200, json!({"success": false}))]
    {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(status).set_body_json(body))
            .mount(&server)
            .await;
        let kind = client(&server.uri()).subscribe(HookAction::OnCreateLead, &url).await.unwrap_err().kind;
        assert_eq!(kind, UpstreamErrorKind::Rejected { status });
    }
}

#[tokio::test]
async fn without_a_token_nobody_is_called() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(201)).expect(0).mount(&server).await;
    for token in ["", "  ", "a\nb"] {
        let client = client_with(&server.uri(), |config| config.token = Secret::new(token));
        assert_eq!(client.post_message(&lead(), "x").await.unwrap_err().kind, UpstreamErrorKind::Misconfigured);
    }
}

#[tokio::test]
async fn redirects_are_not_followed_with_our_token() {
    let elsewhere = MockServer::start().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&elsewhere).await;
    let server = MockServer::start().await;
    let away = ResponseTemplate::new(307).insert_header("location", elsewhere.uri());
    Mock::given(method("GET")).respond_with(away).mount(&server).await;
    let kind = client(&server.uri()).has_message(&lead(), "g-1").await.unwrap_err().kind;
    assert_eq!(kind, UpstreamErrorKind::Rejected { status: 307 });
}

#[tokio::test]
async fn neither_debug_nor_errors_show_token_or_address() {
    let nobody = rude_server::nobody().await;
    let client = client(&nobody);
    let error = client.post_message(&lead(), "Ana Souza").await.unwrap_err();
    let shown = format!("{client:?} {error} {error:?}");
    for secret in [TOKEN, "127.0.0.1", "lead-1", "Ana"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn settings_that_cannot_work_are_refused_by_name() {
    let with = |base: &str, header: &str, subscribe: &str| {
        let config = C2sConfig {
            base_url: base.to_owned(),
            auth_header: header.to_owned(),
            subscribe_path: subscribe.to_owned(),
            token: Secret::new(TOKEN),
            timeout: SHORT,
        };
        C2sClient::new(upstream_http().unwrap(), config).unwrap_err().to_string()
    };
    assert_eq!(with("http://api.example.com", "Authorization", "/x"), "C2S_BASE_URL must be https");
    assert_eq!(with("https://api.example.com", "Not A Header", "/x"), "C2S_AUTH_HEADER is not the name of a header");
    assert_eq!(with("https://api.example.com", "Authorization", "/"), "C2S_SUBSCRIBE_PATH is not a base address");
}
