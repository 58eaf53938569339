//! Diretrix: Basic auth; people by phone, e-mail and CPF; 404 or 400 when there is nothing.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::answer::{Refusal, json_answer, text_answer};
use super::people::Person;
use super::state::Sandbox;

pub(crate) fn router() -> Router<Arc<Sandbox>> {
    Router::new()
        .route("/Consultas/Pessoa/Telefone/{phone}", get(by_phone))
        .route("/Consultas/Pessoa/Email/{email}", get(by_email))
        .route("/Consultas/Pessoa/{cpf}", get(by_cpf))
}

fn authorize(sandbox: &Sandbox, headers: &HeaderMap) -> Result<(), Refusal> {
    let credentials = &sandbox.credentials;
    let pair = format!("{}:{}", credentials.diretrix_user, credentials.diretrix_password);
    let expected = format!("Basic {}", STANDARD.encode(pair));
    match headers.get(AUTHORIZATION) {
        Some(given) if given.as_bytes() == expected.as_bytes() => Ok(()),
        _ => Err(text_answer(StatusCode::UNAUTHORIZED, "Unauthorized").into()),
    }
}

fn is_digits(text: &str, lengths: &[usize]) -> bool {
    lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn invalid() -> Refusal {
    text_answer(StatusCode::BAD_REQUEST, "Parâmetro inválido").into()
}

/// The phone is asked for without 55; with it, or with anything but digits, it is invalid: 400.
async fn by_phone(
    State(sandbox): State<Arc<Sandbox>>,
    Path(phone): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    authorize(&sandbox, &headers)?;
    if !is_digits(&phone, &[10, 11]) {
        return Err(invalid());
    }
    Ok(names(sandbox.people.lock().by_phone(&phone)))
}

async fn by_email(
    State(sandbox): State<Arc<Sandbox>>,
    Path(email): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    authorize(&sandbox, &headers)?;
    if !email.contains('@') {
        return Err(invalid());
    }
    Ok(names(sandbox.people.lock().by_email(&email)))
}

/// `[{"nome","cpf"}]`, or 404 for nobody.
fn names<'a>(people: impl Iterator<Item = &'a Person>) -> Response {
    let found: Vec<Value> = people
        .filter(|person| person.diretrix && !person.is_company())
        .map(|person| json!({"nome": person.name, "cpf": person.cpf}))
        .collect();
    if found.is_empty() {
        return nobody();
    }
    json_answer(StatusCode::OK, Value::Array(found))
}

fn nobody() -> Response {
    text_answer(StatusCode::NOT_FOUND, "Pessoa não encontrada")
}

async fn by_cpf(
    State(sandbox): State<Arc<Sandbox>>,
    Path(cpf): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    authorize(&sandbox, &headers)?;
    if !is_digits(&cpf, &[11]) {
        return Err(invalid());
    }
    let people = sandbox.people.lock();
    let person = people.by_cpf(&cpf).filter(|person| person.diretrix);
    Ok(person.map_or_else(nobody, |person| json_answer(StatusCode::OK, full(person))))
}

/// `logadouro` is the API's own spelling.
fn full(person: &Person) -> Value {
    let phones: Vec<Value> = (1..)
        .zip(&person.phones)
        .map(|(rank, phone)| {
            let local = phone.strip_prefix("55").unwrap_or(phone);
            let (ddd, number) = local.split_at_checked(2).unwrap_or(("", local));
            json!({"numero": number, "ddd": ddd, "operadora": "SANDBOX", "tipo": "MOVEL", "ranking": rank})
        })
        .collect();
    let emails: Vec<Value> =
        (1..).zip(&person.emails).map(|(rank, email)| json!({"endereco": email, "ranking": rank})).collect();
    json!({
        "nome": person.name,
        "cpf": person.cpf,
        "rg": "000000000",
        "rgOrgaoEmissor": "SSP",
        "dataNascimento": "01/01/1980",
        "idade": 46,
        "signo": "Capricórnio",
        "sexo": "F",
        "mae": "SANDBOX-FAMILY Maria",
        "telefones": phones,
        "emails": emails,
        "enderecos": [{
            "logadouro": "DOS TESTES", "logadouroTipo": "RUA", "numero": "100", "bairro": "CENTRO",
            "cidade": "SAO PAULO", "uf": "SP", "cep": "00000000", "complemento": "", "ranking": 1
        }]
    })
}
