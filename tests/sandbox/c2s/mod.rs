//! C2S (Contact2Sale): leads, their messages, and the subscription to its hooks.
//!
//! - [`leads`]: what it remembers of leads
//! - [`listing`]: `GET /integration/leads` with its filters
//! - [`hooks`]: subscriptions, and hooks fired at them
//! - [`modes`]: where integrators disagree or a test needs the other behaviour

mod hooks;
mod leads;
mod listing;
mod modes;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

use super::answer::{Refusal, json_answer, text_answer};
use super::state::Sandbox;
use hooks::{HookAction, Hooks};
use leads::Leads;
use modes::Modes;

pub(crate) use hooks::{FireOrder, fire, hook_client};
pub(crate) use leads::NewLead;
pub(crate) use modes::ModesOrder;

/// All that the played C2S remembers.
#[derive(Default)]
pub(crate) struct C2s {
    pub(crate) leads: Leads,
    pub(crate) hooks: Hooks,
    pub(crate) modes: Modes,
}

pub(crate) fn router() -> Router<Arc<Sandbox>> {
    Router::new()
        .route("/integration/leads", get(listing::list).post(create))
        .route("/integration/leads/{id}", get(read))
        .route("/integration/leads/{id}/create_message", post(create_message))
        .route("/integration/leads/subscribe", post(hooks::subscribe))
        .route("/integration/leads/unsubscribe", post(hooks::unsubscribe))
        // One integrator quotes these paths for the same.
        .route("/integration/api/subscribe", post(hooks::subscribe))
        .route("/integration/api/unsubscribe", post(hooks::unsubscribe))
        .route("/integration/me", get(me))
        .route("/integration/company", get(company))
}

/// `Authorization: Bearer <token>`, or what some integrators send: `Authentication: [Bearer ]<token>`.
/// A wrong one is a 401 with the text `Invalid authentication token`. `<token>+<anything>` is another company's token.
/// Returns the token; over the rate of the mode it is a 429.
fn authorize(sandbox: &Sandbox, headers: &HeaderMap) -> Result<String, Refusal> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let given = text(AUTHORIZATION.as_str())
        .and_then(|value| value.strip_prefix("Bearer "))
        .or_else(|| text("authentication").map(|value| value.strip_prefix("Bearer ").unwrap_or(value)))
        .unwrap_or_default();
    let base = given.split('+').next().unwrap_or_default();
    if base != sandbox.credentials.c2s_token {
        return Err(text_answer(StatusCode::UNAUTHORIZED, "Invalid authentication token").into());
    }
    if !sandbox.c2s.lock().modes.admit(given) {
        return Err(refused(StatusCode::TOO_MANY_REQUESTS, "Too many requests"));
    }
    Ok(given.to_owned())
}

/// Refusals in the one shape that was recorded: `{"success":false,"msg"}`.
fn refused(status: StatusCode, msg: &str) -> Refusal {
    json_answer(status, json!({"success": false, "msg": msg})).into()
}

fn json_object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) | Err(_) => Err(refused(StatusCode::UNPROCESSABLE_ENTITY, "a JSON object is expected")),
    }
}

fn unknown_lead() -> Refusal {
    refused(StatusCode::NOT_FOUND, "lead not found")
}

async fn read(
    State(sandbox): State<Arc<Sandbox>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    authorize(&sandbox, &headers)?;
    let C2s { leads, modes, .. } = &mut *sandbox.c2s.lock();
    let mode = modes.of(&id);
    let lead = leads.find(&id, mode.strict).ok_or_else(unknown_lead)?;
    let data = lead.as_json(mode.messages_visible);
    Ok(json_answer(StatusCode::OK, json!({"data": data})))
}

/// JSON:API, as two integrators send it, or flat, as a third.
async fn create(State(sandbox): State<Arc<Sandbox>>, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    authorize(&sandbox, &headers)?;
    let mut body = json_object(&body)?;
    let given = match body.get_mut("data").and_then(|data| data.get_mut("attributes")) {
        Some(Value::Object(attributes)) => std::mem::take(attributes),
        Some(_) | None => body,
    };
    if given.is_empty() {
        return Err(refused(StatusCode::UNPROCESSABLE_ENTITY, "attributes are missing"));
    }
    let C2s { leads, .. } = &mut *sandbox.c2s.lock();
    let data = leads.create(given).as_json(true);
    Ok(json_answer(StatusCode::CREATED, json!({"data": data})))
}

/// `{"body"}` (not `message`) is answered 201 and bumps `updated_at`; there is no idempotency key, so a second
/// call is a second message that brokers see.
async fn create_message(
    State(sandbox): State<Arc<Sandbox>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    authorize(&sandbox, &headers)?;
    let body = json_object(&body)?;
    let text = match body.get("body") {
        Some(Value::String(text)) if !text.trim().is_empty() => text,
        Some(_) | None => {
            return Err(refused(StatusCode::UNPROCESSABLE_ENTITY, "body can't be blank"));
        }
    };
    let (message, fires) = {
        let C2s { leads, modes, .. } = &mut *sandbox.c2s.lock();
        let mode = modes.of(&id);
        let lead = leads.find(&id, mode.strict).ok_or_else(unknown_lead)?;
        (lead.add_message(text), mode.fires_updates)
    };
    if fires {
        tokio::spawn(async move { fire(&sandbox, HookAction::OnUpdateLead, &id, None).await });
    }
    Ok(json_answer(
        StatusCode::CREATED,
        json!({"data": {
            "id": message.id, "type": "message",
            "attributes": {"body": message.body, "created_at": message.created_at}
        }}),
    ))
}

/// Useful as a check of the token.
async fn me(State(sandbox): State<Arc<Sandbox>>, headers: HeaderMap) -> Result<Response, Refusal> {
    authorize(&sandbox, &headers)?;
    Ok(json_answer(
        StatusCode::OK,
        json!({"data": {"id": "sandbox-user", "type": "user", "attributes": {"name": "Sandbox", "email": "sandbox@example.com"}}}),
    ))
}

async fn company(State(sandbox): State<Arc<Sandbox>>, headers: HeaderMap) -> Result<Response, Refusal> {
    authorize(&sandbox, &headers)?;
    Ok(json_answer(
        StatusCode::OK,
        json!({"data": {"id": "sandbox-company", "type": "company", "attributes": {"name": "Imobiliária Sandbox", "sub_companies": []}}}),
    ))
}
