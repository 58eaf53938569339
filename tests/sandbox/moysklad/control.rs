//! How a test opens accounts, acts in them as a person at the web interface would, and reads what they told.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::account::{Account, Asked};
use super::accounts::NewAccount;
use super::author::Author;
use super::kinds::Kind;
use super::outbox::Outcome;
use super::silence::Silence;
use crate::sandbox::answer::{Refusal, json_answer, parse, unacceptable};
use crate::sandbox::state::Sandbox;

type Shared = State<Arc<Sandbox>>;

pub(crate) fn router() -> Router<Arc<Sandbox>> {
    Router::new()
        .route("/control/moysklad/accounts", get(list).post(open))
        .route("/control/moysklad/accounts/{id}", get(report).put(set).delete(close))
        .route("/control/moysklad/accounts/{id}/act", post(act))
        .route("/control/moysklad/accounts/{id}/forgive", post(forgive))
        .route("/control/moysklad/accounts/{id}/notifications", get(notifications))
        .route("/control/moysklad/accounts/{id}/notifications/release", post(release))
}

fn account(sandbox: &Sandbox, id: &str) -> Result<Arc<Account>, Refusal> {
    let found = sandbox.moysklad.lock().get(id);
    found.ok_or_else(|| json_answer(StatusCode::NOT_FOUND, json!({"error": "no such account"})).into())
}

fn done() -> Response {
    json_answer(StatusCode::OK, json!({"ok": true}))
}

async fn list(State(sandbox): Shared) -> Json<Value> {
    let accounts: Vec<_> = sandbox.moysklad.lock().all().cloned().collect();
    let data: Vec<_> = accounts.iter().map(|account| account.report()).collect();
    Json(json!({"data": data}))
}

/// Answers what the account was furnished with, by kind, and its price type.
async fn open(State(sandbox): Shared, body: Bytes) -> Result<Response, Refusal> {
    let new: NewAccount = parse(&body)?;
    let base = format!("{}/moysklad/api/remap/1.2", sandbox.url);
    let opened = sandbox.moysklad.lock().open(new, &base, sandbox.http.clone());
    let account = opened.map_err(unacceptable)?;
    let books = &account.inside().books;
    let furnished = [Kind::Currency, Kind::Uom, Kind::Organization, Kind::Counterparty, Kind::Store, Kind::Employee];
    let mut answer = json!({"id": account.id, "base": account.base, "price_type": books.price_types.first()});
    for kind in furnished {
        answer[kind.name()] = json!(books.first(kind).map(|entity| &entity.row));
    }
    Ok(json_answer(StatusCode::CREATED, answer))
}

async fn report(State(sandbox): Shared, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    Ok(Json(account(&sandbox, &id)?.report()))
}

async fn set(State(sandbox): Shared, Path(id): Path<String>, body: Bytes) -> Result<Response, Refusal> {
    let order: Map<String, Value> = parse(&body)?;
    account(&sandbox, &id)?.set(order).map_err(unacceptable)?;
    Ok(done())
}

async fn close(State(sandbox): Shared, Path(id): Path<String>) -> Response {
    sandbox.moysklad.lock().close(&id);
    done()
}

async fn forgive(State(sandbox): Shared, Path(id): Path<String>) -> Result<Response, Refusal> {
    account(&sandbox, &id)?.forgive();
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Act {
    method: String,
    /// Below the base: `entity/product`.
    path: String,
    #[serde(default)]
    query: String,
    #[serde(default)]
    body: Option<Value>,
    /// Nobody is told.
    #[serde(default)]
    quiet: bool,
}

/// The owner at the web interface: no limits, no headers, and webhooks fire.
async fn act(State(sandbox): Shared, Path(id): Path<String>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let act: Act = parse(&body)?;
    let account = account(&sandbox, &id)?;
    let method = Method::from_bytes(act.method.as_bytes()).map_err(|error| unacceptable(error.to_string()))?;
    let uid = format!("admin@{}", account.name);
    let author = Author { uid, is_admin: true, is_paid: true, application: None, source: "app" };
    let asked = Asked {
        method: &method,
        path: act.path.trim_matches('/'),
        query: &act.query,
        body: act.body,
        silence: Silence::default(),
    };
    Ok(Json(match account.act(&author, asked, act.quiet, Timestamp::now()) {
        Ok(answer) => json!({"status": 200, "body": answer.body}),
        Err(failure) => json!({"status": failure.status.as_u16(), "body": failure.body()}),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NotificationsQuery {
    #[serde(default)]
    after: u64,
    outcome: Option<Outcome>,
}

async fn notifications(
    State(sandbox): Shared,
    Path(id): Path<String>,
    Query(query): Query<NotificationsQuery>,
) -> Result<Json<Value>, Refusal> {
    Ok(Json(account(&sandbox, &id)?.notifications(query.after, query.outcome)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    #[serde(default)]
    reversed: bool,
}

async fn release(State(sandbox): Shared, Path(id): Path<String>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let release: Release = parse(&body)?;
    let n_released = account(&sandbox, &id)?.release(release.reversed);
    Ok(Json(json!({"released": n_released})))
}
