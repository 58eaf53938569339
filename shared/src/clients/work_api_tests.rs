use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::clients::rude_server::{self, SHORT, TOO_LATE};
use crate::clients::upstream_http;

const TOKEN: &str = "sandbox-work-token";

fn client_with_token(base: &str, token: &str) -> WorkApiClient {
    let config = WorkApiConfig { base_url: base.to_owned(), token: Secret::new(token), timeout: SHORT };
    WorkApiClient::new(upstream_http().unwrap(), config).unwrap()
}

fn client(base: &str) -> WorkApiClient {
    client_with_token(base, TOKEN)
}

fn cpf() -> Cpf {
    Cpf::parse("00000000191").unwrap()
}

async fn answered(template: ResponseTemplate) -> Result<Option<PersonRecord>, UpstreamErrorKind> {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/api"))
        .and(query_param("token", TOKEN))
        .and(query_param("modulo", "cpf"))
        .and(query_param("consulta", "00000000191"))
        .respond_with(template)
        .expect(1)
        .mount(&server)
        .await;
    client(&server.uri()).by_cpf(&cpf()).await.map_err(|error| error.kind)
}

async fn said(body: Value) -> Result<Option<PersonRecord>, UpstreamErrorKind> {
    answered(ResponseTemplate::new(200).set_body_json(body)).await
}

#[tokio::test]
async fn a_record_gives_up_only_what_is_wanted() {
    let record = said(json!({
        "status": 200,
        "DadosBasicos": {"nome": "ANA MARIA DE SOUZA", "cpf": "00000000191", "cns": "SAUDE", "nomeMae": "FAMILIA"},
        "DadosEconomicos": {"renda": "6089,28", "score": {"scoreCSB": "512,00"}},
        "telefones": [{"telefone": "11900000001", "tipo": "MOVEL"}, {"telefone": 11_900_000_002_u64}, {"telefone": "0"}],
        "emails": [{"email": "ANA@EXAMPLE.COM"}, {"email": null}],
        "imunoBiologicos": [{"vacina": "SAUDE"}],
        "DadosImposto": [{"valor": "1,00"}],
    }))
    .await
    .unwrap()
    .unwrap();
    insta::assert_json_snapshot!(record, @r#"
    {
      "name": "ANA MARIA DE SOUZA",
      "income": "6089.28",
      "phones": [
        "5511900000001",
        "5511900000002"
      ],
      "emails": [
        "ana@example.com"
      ]
    }
    "#);
}

#[tokio::test]
async fn absent_null_and_empty_blocks_are_borne() {
    let basics = json!({"nome": "ANA SOUZA", "cpf": null});
    for body in [
        json!({"status": 200, "DadosBasicos": basics}),
        json!({"DadosBasicos": basics, "DadosEconomicos": [], "telefones": {}, "emails": null}),
        json!({"status": "200", "DadosBasicos": basics, "DadosEconomicos": null, "telefones": [], "emails": [[]]}),
        json!({"status": 200, "DadosBasicos": basics, "DadosEconomicos": {"renda": "0,00"}, "telefones": [null, 1]}),
    ] {
        let record = said(body.clone()).await.unwrap().unwrap();
        assert_eq!((record.income, record.phones.len(), record.emails.len()), (None, 0, 0), "{body}");
    }
}

#[tokio::test]
async fn a_presumed_income_stands_in_for_a_stated_one() {
    let body = json!({"DadosBasicos": {"nome": "ANA"}, "DadosEconomicos": {"renda": "SEM INFORMACAO", "rendaPresumida": 1500.5}});
    assert_eq!(said(body).await.unwrap().unwrap().income.unwrap().decimal(), "1500.50");
}

#[tokio::test]
async fn nobody_is_an_answer_in_all_its_spellings() {
    for body in [
        json!({"status": 404, "reason": "Nenhum registro encontrado"}),
        json!({"code": "404", "message": "not found"}),
        json!({"erro": "CPF não encontrado"}),
        json!({"status": 200, "DadosBasicos": []}),
        json!({"status": 200, "DadosBasicos": {"nome": null}}),
    ] {
        assert_eq!(said(body.clone()).await, Ok(None), "{body}");
    }
    let in_status = ResponseTemplate::new(404).set_body_json(json!({"status": 404}));
    assert_eq!(answered(in_status).await, Ok(None));
}

#[tokio::test]
async fn errors_inside_a_200_are_told_apart() {
    use UpstreamErrorKind::{Broken, CredentialsRefused, Misconfigured, OutOfCredits, RateLimited, Rejected};
    for (body, kind) in [
        (json!({"status": 403, "statusMsg": "Forbidden", "reason": "Token vencido ou inválido"}), CredentialsRefused),
        (json!({"status": 401}), CredentialsRefused),
        (json!({"erro": "Token inválido"}), CredentialsRefused),
        (json!({"code": 429, "message": "not enough credits", "required": 1, "remaining": 0}), OutOfCredits),
        (json!({"erro": "Créditos insuficientes"}), OutOfCredits),
        (json!({"status": 429, "reason": "too many requests"}), RateLimited { retry_after: None }),
        (json!({"status": 403, "reason": "Módulo solicitado inexistente para a rota"}), Misconfigured),
        (json!({"status": 400, "reason": "CPF inválido"}), Rejected { status: 400 }),
        (json!({"status": 500}), Broken { status: 500 }),
        (json!({"erro": "Falha na consulta"}), Broken { status: 200 }),
        (json!({}), Broken { status: 200 }),
        (json!({"status": 200}), Broken { status: 200 }),
        (json!([]), Broken { status: 200 }),
    ] {
        assert_eq!(said(body.clone()).await, Err(kind), "{body}");
    }
}

#[tokio::test]
async fn failures_of_the_exchange_are_told_apart() {
    use UpstreamErrorKind::{Broken, CredentialsRefused, RateLimited, Rejected, Timeout, Unreachable};
    let wait = Some(Duration::from_secs(30));
    for (template, kind) in [
        (ResponseTemplate::new(401), CredentialsRefused),
        (ResponseTemplate::new(404).set_body_string("<html>"), Rejected { status: 404 }),
        (ResponseTemplate::new(429).insert_header("retry-after", "30"), RateLimited { retry_after: wait }),
        (ResponseTemplate::new(502).set_body_string("<html>"), Broken { status: 502 }),
        (ResponseTemplate::new(200).set_body_string("{\"status\":200,"), Broken { status: 200 }),
        (ResponseTemplate::new(200).set_body_string(" ".repeat(MAX_ANSWER + 1)), Broken { status: 200 }),
        (ResponseTemplate::new(200).set_delay(TOO_LATE), Timeout),
    ] {
        assert_eq!(answered(template).await, Err(kind));
    }
    for base in [rude_server::nobody().await, rude_server::saying("").await] {
        assert_eq!(client(&base).by_cpf(&cpf()).await.unwrap_err().kind, Unreachable);
    }
}

#[tokio::test]
async fn somebody_elses_record_is_never_told() {
    let other = json!({"status": 200, "DadosBasicos": {"nome": "BETO LIMA", "cpf": "12345678909"}});
    assert_eq!(said(other).await, Err(UpstreamErrorKind::Broken { status: 200 }));
    for same in [json!("000.000.001-91"), json!(191), json!("00000000000191")] {
        let body = json!({"status": 200, "DadosBasicos": {"nome": "ANA SOUZA", "cpf": same}});
        assert!(said(body).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn without_a_token_nobody_is_called() {
    let client = client_with_token("http://127.0.0.1:9", "");
    assert_eq!(client.by_cpf(&cpf()).await.unwrap_err().kind, UpstreamErrorKind::Misconfigured);
}

#[tokio::test]
async fn neither_debug_nor_errors_show_token_or_people() {
    let client = client(&rude_server::nobody().await);
    let error = client.by_cpf(&cpf()).await.unwrap_err();
    let shown = format!("{client:?} {error} {error:?}");
    for secret in [TOKEN, "127.0.0.1", "191"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn plain_http_to_another_machine_is_refused() {
    let config =
        WorkApiConfig { base_url: "http://work.example.com".to_owned(), token: Secret::new(TOKEN), timeout: SHORT };
    let error = WorkApiClient::new(upstream_http().unwrap(), config).unwrap_err();
    assert_eq!(error.to_string(), "WORK_API_BASE_URL must be https");
}
