use serde_json::{Value, json};
use wiremock::matchers::{basic_auth, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::clients::rude_server::{self, SHORT, TOO_LATE};
use crate::clients::upstream_http;

fn config(base: &str) -> DiretrixConfig {
    DiretrixConfig {
        base_url: base.to_owned(),
        allow_http: true,
        user: Secret::new("sandbox-user"),
        password: Secret::new("sandbox-password"),
        timeout: SHORT,
    }
}

fn client(base: &str) -> DiretrixClient {
    DiretrixClient::new(upstream_http().unwrap(), config(base)).unwrap()
}

fn phone() -> Phone {
    Phone::parse("5511900000001").unwrap()
}

async fn answered(template: ResponseTemplate) -> Result<Vec<FoundPerson>, UpstreamErrorKind> {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/Consultas/Pessoa/Telefone/11900000001"))
        .and(basic_auth("sandbox-user", "sandbox-password"))
        .respond_with(template)
        .expect(1)
        .mount(&server)
        .await;
    client(&server.uri()).by_phone(&phone()).await.map_err(|error| error.kind)
}

async fn found(body: Value) -> Vec<String> {
    let persons = answered(ResponseTemplate::new(200).set_body_json(body)).await.unwrap();
    persons.iter().map(|p| format!("{} {}", p.name.as_given(), p.cpf.digits())).collect()
}

#[tokio::test]
async fn everybody_behind_a_number_is_found() {
    let two =
        json!([{"nome": "ANA SOUZA", "cpf": "00000000191"}, {"nome": "BETO LIMA", "cpf": "123.456.789-09", "rg": "x"}]);
    assert_eq!(found(two).await, ["ANA SOUZA 00000000191", "BETO LIMA 12345678909"]);
}

#[tokio::test]
async fn odd_entries_are_read_as_far_as_they_go() {
    assert_eq!(found(json!([{"nome": "ANA", "cpf": 191}])).await, ["ANA 00000000191"]);
    assert_eq!(found(json!({"nome": "ANA", "cpf": "00000000191"})).await, ["ANA 00000000191"]);
    let partly =
        json!([null, [], {"nome": null, "cpf": "00000000191"}, {"nome": "ANA", "cpf": "00000000192"}, {"nome": "ANA"}]);
    assert!(found(partly).await.is_empty());
    assert!(found(json!([])).await.is_empty());
    assert!(found(json!(null)).await.is_empty());
}

#[tokio::test]
async fn nobody_comes_as_400_or_404() {
    for status in [400, 404] {
        assert_eq!(answered(ResponseTemplate::new(status).set_body_string("x")).await, Ok(vec![]));
    }
}

#[tokio::test]
async fn every_failure_is_told_apart() {
    use UpstreamErrorKind::{Broken, CredentialsRefused, OutOfCredits, RateLimited, Rejected, Timeout};
    let wait = Some(Duration::from_secs(7));
    for (template, kind) in [
        (ResponseTemplate::new(401), CredentialsRefused),
        (ResponseTemplate::new(403), CredentialsRefused),
        (ResponseTemplate::new(402), OutOfCredits),
        (ResponseTemplate::new(429).insert_header("retry-after", "7"), RateLimited { retry_after: wait }),
        (ResponseTemplate::new(418), Rejected { status: 418 }),
        (ResponseTemplate::new(500), Broken { status: 500 }),
        (ResponseTemplate::new(200).set_body_string("<html>"), Broken { status: 200 }),
        (ResponseTemplate::new(200).set_body_string(""), Broken { status: 200 }),
        (ResponseTemplate::new(200).set_body_json(json!({"erro": "x"})), Broken { status: 200 }),
        (ResponseTemplate::new(200).set_body_string(" ".repeat(MAX_ANSWER + 1)), Broken { status: 200 }),
        (ResponseTemplate::new(200).set_delay(TOO_LATE), Timeout),
    ] {
        assert_eq!(answered(template).await, Err(kind));
    }
    for base in [rude_server::nobody().await, rude_server::saying("").await] {
        assert_eq!(client(&base).by_phone(&phone()).await.unwrap_err().kind, UpstreamErrorKind::Unreachable);
    }
}

#[tokio::test]
async fn an_address_is_encoded_into_one_segment() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/api/Consultas/Pessoa/Email/ana%2Bx%2Fy%40example.com"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!([])))
        .expect(1)
        .mount(&server)
        .await;
    let email = Email::parse("ana+x/y@example.com").unwrap();
    assert_eq!(client(&format!("{}/api", server.uri())).by_email(&email).await, Ok(vec![]));
}

#[test]
fn plain_http_needs_the_operators_word() {
    let refused = DiretrixConfig { allow_http: false, ..config("http://api.diretrix.example") };
    let error = DiretrixClient::new(upstream_http().unwrap(), refused).unwrap_err();
    assert_eq!(error.to_string(), "DIRETRIX_BASE_URL must be https");
    assert!(DiretrixClient::new(upstream_http().unwrap(), config("http://api.diretrix.example")).is_ok());
}

#[tokio::test]
async fn without_credentials_nobody_is_called() {
    let empty = DiretrixConfig { password: Secret::new(""), ..config("http://127.0.0.1:9") };
    let client = DiretrixClient::new(upstream_http().unwrap(), empty).unwrap();
    assert_eq!(client.by_phone(&phone()).await.unwrap_err().kind, UpstreamErrorKind::Misconfigured);
}

#[tokio::test]
async fn neither_debug_nor_errors_show_credentials_or_people() {
    let client = client(&rude_server::nobody().await);
    let error = client.by_phone(&phone()).await.unwrap_err();
    let shown = format!("{client:?} {error} {error:?}");
    for secret in ["sandbox", "127.0.0.1", "900000001"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
