//! A tenant's endpoint: records every request, checks its signature with the official libraries,
//! and answers as it was told.

mod check;
mod script;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::hang;
use super::bounded::{BoundedMap, Ring};
use super::connection::Connection;
use super::requests::recorded_headers;
use super::state::Sandbox;
use check::{Check, Verdict, check};
pub(crate) use script::Orders;
use script::{Answer, Break};

const MAX_RECEIVERS: usize = 10_000;
const MAX_ENTRIES: usize = 50_000;
const MAX_BYTES: usize = 128 * 1024 * 1024;
/// What an entry takes beside its body, roughly.
const ENTRY_BYTES: usize = 1024;

/// Any method is taken: a client that follows a redirect with a GET must be seen, too.
pub(crate) fn router() -> Router<Arc<Sandbox>> {
    Router::new().route("/receiver/{name}", any(receive)).route("/receiver/{name}/{*rest}", any(receive))
}

#[derive(Default)]
struct Receiver {
    secrets: Vec<String>,
    script: VecDeque<Answer>,
    default: Answer,
    counts: Counts,
}

#[derive(Clone, Copy, Default, Serialize)]
struct Counts {
    total: u64,
    verified: u64,
    failed: u64,
    unchecked: u64,
}

#[derive(Clone, Serialize)]
struct Received {
    n: u64,
    #[serde(skip)]
    name: String,
    at: Timestamp,
    method: String,
    path: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: String,
    /// The raw bytes, where `body` cannot show them.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    body_bytes: usize,
    #[serde(flatten)]
    check: Check,
    /// The status sent; null as long as none was, and for ever if the connection was dropped or given up.
    answered: Option<u16>,
}

pub(crate) struct Receivers {
    by_name: BoundedMap<Receiver>,
    received: Ring<Received>,
}

impl Default for Receivers {
    fn default() -> Self {
        Self { by_name: BoundedMap::new(MAX_RECEIVERS), received: Ring::new(MAX_ENTRIES, MAX_BYTES) }
    }
}

impl Receivers {
    pub(crate) fn instruct(&mut self, name: &str, orders: Orders) {
        let receiver = self.by_name.get_or_insert_with(name, Receiver::default);
        if let Some(secrets) = orders.secrets.or(orders.secret.map(|secret| vec![secret])) {
            receiver.secrets = secrets;
        }
        if let Some(script) = orders.script {
            receiver.script = script;
        }
        if let Some(default) = orders.default {
            receiver.default = default;
        }
    }

    /// Forgets what it was told, its counts, and whose the kept requests were.
    pub(crate) fn forget(&mut self, name: &str) {
        self.by_name.remove(name);
        for received in self.received.iter_mut().filter(|received| received.name == name) {
            received.name.clear();
        }
    }

    pub(crate) fn report(&self, name: &str, after: u64, summary: bool) -> Value {
        let receiver = self.by_name.get(name);
        let counts = receiver.map(|receiver| receiver.counts).unwrap_or_default();
        let mut report = json!({
            "name": name,
            "total": counts.total,
            "verified": counts.verified,
            "failed": counts.failed,
            "unchecked": counts.unchecked,
            "script_left": receiver.map_or(0, |receiver| receiver.script.len()),
        });
        if !summary {
            let received: Vec<&Received> =
                self.received.after(after).filter(|received| received.name == name).collect();
            report["data"] = json!(received);
        }
        report
    }

    fn arrived(&mut self, name: &str, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> (u64, Answer) {
        let n = self.received.next_n();
        let receiver = self.by_name.get_or_insert_with(name, Receiver::default);
        let check = check(&receiver.secrets, body, headers);
        receiver.counts.total += 1;
        match check.signature {
            Verdict::Verified => receiver.counts.verified += 1,
            Verdict::Failed => receiver.counts.failed += 1,
            Verdict::Unchecked => receiver.counts.unchecked += 1,
        }
        let answer = receiver.script.pop_front().unwrap_or_else(|| receiver.default.clone());
        let is_text = std::str::from_utf8(body).is_ok();
        self.received.push(
            ENTRY_BYTES + body.len(),
            Received {
                n,
                name: name.to_owned(),
                at: Timestamp::now(),
                method: method.to_string(),
                path: uri.path().to_owned(),
                query: uri.query().unwrap_or_default().to_owned(),
                headers: recorded_headers(headers),
                body: String::from_utf8_lossy(body).into_owned(),
                body_base64: (!is_text).then(|| STANDARD.encode(body)),
                body_bytes: body.len(),
                check,
                answered: None,
            },
        );
        (n, answer)
    }

    fn answered(&mut self, n: u64, status: u16) {
        if let Some(received) = self.received.get_mut(n) {
            received.answered = Some(status);
        }
    }
}

async fn receive(
    State(sandbox): State<Arc<Sandbox>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let name = uri.path().split('/').nth(2).unwrap_or_default();
    let (n, answer) = sandbox.receivers.lock().arrived(name, &method, &uri, &headers, &body);
    tokio::time::sleep(Duration::from_millis(answer.delay_ms)).await;
    if answer.hang {
        hang().await;
    }
    if answer.hang || answer.drop == Some(Break::Before) {
        connection.cut();
        // Never seen: the connection is cut.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let response = answer.response();
    sandbox.receivers.lock().answered(n, response.status().as_u16());
    response
}
