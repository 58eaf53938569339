//! How a test arranges the third parties and reads what happened. It is no part of what is played.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Refusal, json_answer, parse, unacceptable};
use super::c2s::{self, FireOrder, ModesOrder, NewLead};
use super::faults::{FaultOrder, Upstream};
use super::people::Person;
use super::receiver::Orders;
use super::state::Sandbox;

type Shared = State<Arc<Sandbox>>;

pub(crate) fn router() -> Router<Arc<Sandbox>> {
    Router::new()
        .route("/", get(index))
        .route("/health", get(health))
        .route("/control/reset", post(reset))
        .route("/control/faults", get(faults).post(order_fault))
        .route("/control/faults/{id}", delete(take_fault_back))
        .route("/control/requests", get(requests))
        .route("/control/receivers/{name}", get(receiver).put(instruct_receiver).delete(forget_receiver))
        .route("/control/c2s", get(c2s_modes).put(order_c2s_modes))
        .route("/control/c2s/subscriptions", get(c2s_subscriptions))
        .route("/control/c2s/leads", post(put_lead))
        .route("/control/c2s/leads/{id}", get(lead))
        .route("/control/c2s/leads/{id}/fire", post(fire_hook))
        .route("/control/people", get(people).post(put_people))
}

async fn index() -> Json<Value> {
    Json(json!({
        "what": "the sandbox plays the third parties; see tests/sandbox/README.md",
        "third_parties": ["/c2s", "/diretrix", "/moysklad", "/work"],
        "receiver": "/receiver/{name}",
        "control": [
            "/control/reset", "/control/faults", "/control/requests", "/control/receivers/{name}", "/control/c2s",
            "/control/c2s/subscriptions", "/control/c2s/leads", "/control/people", "/control/moysklad/accounts"
        ],
        "health": "/health"
    }))
}

async fn health() -> Json<Value> {
    Json(json!({"status": "healthy"}))
}

fn done() -> Response {
    json_answer(StatusCode::OK, json!({"ok": true}))
}

async fn reset(State(sandbox): Shared) -> Response {
    sandbox.reset();
    done()
}

async fn faults(State(sandbox): Shared) -> Json<Value> {
    Json(json!({"data": sandbox.faults.lock().standing()}))
}

async fn order_fault(State(sandbox): Shared, body: Bytes) -> Result<Response, Refusal> {
    let order: FaultOrder = parse(&body)?;
    let ordered = sandbox.faults.lock().order(order);
    let id = ordered.map_err(unacceptable)?;
    Ok(json_answer(StatusCode::CREATED, json!({"id": id})))
}

async fn take_fault_back(State(sandbox): Shared, Path(id): Path<u64>) -> Response {
    sandbox.faults.lock().take_back(id);
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestsQuery {
    upstream: Option<Upstream>,
    #[serde(default)]
    contains: String,
    #[serde(default)]
    token: String,
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

async fn requests(State(sandbox): Shared, Query(query): Query<RequestsQuery>) -> Json<Value> {
    let requests = sandbox.requests.lock();
    let limit = query.limit.unwrap_or(usize::MAX);
    let data = requests.matching(query.upstream, &query.contains, &query.token, query.after, limit);
    Json(json!({"data": data, "total": requests.total()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReceiverQuery {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    summary: bool,
}

async fn receiver(State(sandbox): Shared, Path(name): Path<String>, Query(query): Query<ReceiverQuery>) -> Json<Value> {
    let receivers = sandbox.receivers.lock();
    Json(receivers.report(&name, query.after, query.summary))
}

async fn instruct_receiver(State(sandbox): Shared, Path(name): Path<String>, body: Bytes) -> Result<Response, Refusal> {
    let orders: Orders = parse(&body)?;
    sandbox.receivers.lock().instruct(&name, orders);
    Ok(done())
}

async fn forget_receiver(State(sandbox): Shared, Path(name): Path<String>) -> Response {
    sandbox.receivers.lock().forget(&name);
    done()
}

async fn c2s_modes(State(sandbox): Shared) -> Json<Value> {
    Json(json!(sandbox.c2s.lock().modes.of_all()))
}

async fn order_c2s_modes(State(sandbox): Shared, body: Bytes) -> Result<Response, Refusal> {
    let order: ModesOrder = parse(&body)?;
    sandbox.c2s.lock().modes.order(order);
    Ok(done())
}

async fn c2s_subscriptions(State(sandbox): Shared) -> Json<Value> {
    Json(json!({"data": sandbox.c2s.lock().hooks.as_json()}))
}

async fn put_lead(State(sandbox): Shared, body: Bytes) -> Result<Response, Refusal> {
    let new: NewLead = parse(&body)?;
    let mut c2s = sandbox.c2s.lock();
    let lead = c2s.leads.put(new).map_err(unacceptable)?;
    let body = json!({"data": lead.as_json(true)});
    Ok(json_answer(StatusCode::CREATED, body))
}

/// A lead nobody has asked about is 404 here in every mode: this only looks.
async fn lead(State(sandbox): Shared, Path(id): Path<String>) -> Response {
    let c2s = sandbox.c2s.lock();
    let Some(lead) = c2s.leads.get(&id) else {
        return json_answer(StatusCode::NOT_FOUND, json!({"error": "no such lead"}));
    };
    let messages: Vec<_> = lead.messages().collect();
    json_answer(
        StatusCode::OK,
        json!({
            "data": lead.as_json(false),
            "messages": messages,
            "n_messages": lead.n_messages(),
            "made_up": lead.is_made_up(),
        }),
    )
}

async fn fire_hook(State(sandbox): Shared, Path(id): Path<String>, body: Bytes) -> Result<Response, Refusal> {
    let order: FireOrder = parse(&body)?;
    let statuses = c2s::fire(&sandbox, order.hook_action, &id, order.hook_url).await;
    Ok(json_answer(StatusCode::OK, json!({"statuses": statuses})))
}

async fn people(State(sandbox): Shared) -> Json<Value> {
    let people = sandbox.people.lock();
    let all: Vec<&Person> = people.all().collect();
    Json(json!({"data": all}))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    More(Vec<Person>),
    One(Box<Person>),
}

async fn put_people(State(sandbox): Shared, body: Bytes) -> Result<Response, Refusal> {
    let given = match parse(&body)? {
        OneOrMore::More(people) => people,
        OneOrMore::One(person) => vec![*person],
    };
    let mut people = sandbox.people.lock();
    let n = given.len();
    given.into_iter().for_each(|person| people.put(person));
    Ok(json_answer(StatusCode::CREATED, json!({"put": n})))
}
