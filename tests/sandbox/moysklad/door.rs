//! The door to every account: what a request must be before anybody looks at what it asks.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::{Account, Asked};
use super::dispatch::Answer;
use super::errors::{self, Failure};
use super::limits::Standing;
use super::silence::Silence;
use crate::sandbox::state::Sandbox;

/// Of all headers, the address included.
const MAX_HEAD: usize = 8 * 1024;
const MAX_BODY: usize = 20 * 1024 * 1024;
const JSON: &str = "application/json;charset=utf-8";
/// What the router leaves of the base.
const VERSION: &str = "/api/remap/1.2";

pub(super) async fn enter(
    State(sandbox): State<Arc<Sandbox>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let now = Timestamp::now();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !text(ACCEPT_ENCODING).split(',').any(|coding| coding.trim().split(';').next() == Some("gzip")) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let path = uri.path().strip_prefix(VERSION).unwrap_or_default().trim_matches('/').to_owned();
    let query = uri.query().unwrap_or_default();
    let entrance = sandbox.moysklad.lock().by_credential(text(AUTHORIZATION));
    let Some((account, user)) = entrance else {
        return written(Err(errors::unauthenticated("неверные учетные данные")), None, None);
    };
    let (permit, standing) = match account.admit(user, now) {
        Ok(admitted) => admitted,
        Err((failure, standing)) => return written(Err(failure), standing, Some(&account)),
    };
    let latency = account.inside().settings.latency_ms;
    tokio::time::sleep(Duration::from_millis(latency)).await;
    let outcome = match path.as_str() {
        "security/token" => token(&sandbox, &account, user, &method, text(AUTHORIZATION)),
        path => checked(&uri, &method, &headers, &body).and_then(|(silence, given)| {
            let asked = Asked { method: &method, path, query, body: given, silence };
            account.serve(user, asked, Timestamp::now())
        }),
    };
    drop(permit);
    if outcome.is_err() {
        account.failed(user, (method.as_str(), &uri.to_string(), &body), now);
    }
    written(outcome, standing, Some(&account))
}

/// What is wrong with a request whatever it asks; else its prefixes and its body.
fn checked(uri: &Uri, method: &Method, headers: &HeaderMap, body: &[u8]) -> Result<(Silence, Option<Value>), Failure> {
    let head: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if head + uri.to_string().len() > MAX_HEAD {
        return Err(Failure::without_code(StatusCode::URI_TOO_LONG, "Превышена допустимая длина URL"));
    }
    let plain = |name| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.map(|value| value.to_lowercase().replace(' ', ""))
    };
    if plain(ACCEPT).is_some_and(|accept| accept != "*/*" && accept != JSON) {
        return Err(errors::wrong_accept());
    }
    let silence = Silence::read(headers)?;
    if body.len() > MAX_BODY {
        return Err(errors::too_large());
    }
    if body.is_empty() || *method == Method::GET || *method == Method::DELETE {
        return Ok((silence, None));
    }
    if plain(CONTENT_TYPE).is_none_or(|given| given.split(';').next() != Some("application/json")) {
        return Err(errors::wrong_content_type());
    }
    let given = serde_json::from_slice(body).map_err(|_| errors::not_json())?;
    Ok((silence, Some(given)))
}

/// Only with login and password.
fn token(
    sandbox: &Sandbox,
    account: &Account,
    user: usize,
    method: &Method,
    credential: &str,
) -> Result<Answer, Failure> {
    if *method != Method::POST {
        return Err(errors::not_allowed(method.as_str()));
    }
    if !credential.starts_with("Basic ") {
        return Err(errors::unauthenticated("нужны логин и пароль"));
    }
    let token = sandbox.moysklad.lock().new_token(account, user);
    Ok(json!({"access_token": token}).into())
}

fn written(outcome: Result<Answer, Failure>, standing: Option<Standing>, account: Option<&Arc<Account>>) -> Response {
    let (compressed, bulk_failure_status) = account.map_or((true, 200), |account| {
        let inside = account.inside();
        (inside.settings.compressed, inside.settings.bulk_failure_status)
    });
    let (status, body) = match outcome {
        Ok(answer) if answer.n_failed > 0 => {
            (StatusCode::from_u16(bulk_failure_status).unwrap_or(StatusCode::OK), answer.body)
        }
        Ok(answer) => (StatusCode::OK, answer.body),
        Err(failure) => (failure.status, Some(failure.body())),
    };
    let mut response = match body {
        None => status.into_response(),
        Some(body) => json_response(status, &body, compressed),
    };
    if let Some(standing) = standing {
        standing.write(response.headers_mut());
    }
    response
}

fn json_response(status: StatusCode, body: &Value, compressed: bool) -> Response {
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    let mut response = status.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    match compressed.then(|| gzipped(&bytes)).flatten() {
        Some(gzipped) => {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            *response.body_mut() = Body::from(gzipped);
        }
        None => *response.body_mut() = Body::from(bytes),
    }
    response
}

fn gzipped(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// As when a limit is hit, by order of a test.
pub(crate) fn rate_limited(retry_after_ms: i64, parallel: bool) -> Response {
    let (failure, standing) = match parallel {
        true => (errors::over_the_parallel(), None),
        false => (errors::over_the_rate(), Some(Standing::refused(retry_after_ms))),
    };
    written(Err(failure), standing, None)
}
