//! A tenant's endpoint: records every request, checks its signature with the official Standard Webhooks library,
//! and answers as it was told.

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
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::answer::{broken_off, filler, hang, scripted};
use super::bounded::{BoundedMap, Ring};
use super::connection::Connection;
use super::requests::recorded_headers;
use super::state::Sandbox;

const MAX_RECEIVERS: usize = 10_000;
const MAX_ENTRIES: usize = 50_000;
const MAX_BYTES: usize = 128 * 1024 * 1024;
/// What an entry takes beside its body, roughly.
const ENTRY_BYTES: usize = 1024;

/// Any method is taken: a client that follows a redirect with a GET must be seen, too.
pub(crate) fn router() -> Router<Arc<Sandbox>> {
    Router::new().route("/receiver/{name}", any(receive)).route("/receiver/{name}/{*rest}", any(receive))
}

/// One answer. Nothing given is a 200 with `{"ok":true}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    /// A text goes out as it is, anything else as JSON.
    body: Option<Value>,
    /// So many bytes of filler instead of `body`.
    body_bytes: Option<usize>,
    /// The filler comes byte by byte, with this pause before each.
    drip_ms: u64,
    delay_ms: u64,
    hang: bool,
    drop: Option<Break>,
}

/// Where the connection breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Break {
    /// Before the status line.
    Before,
    /// After status and headers, in the body.
    Mid,
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            status: 200,
            headers: BTreeMap::new(),
            body: Some(json!({"ok": true})),
            body_bytes: None,
            drip_ms: 0,
            delay_ms: 0,
            hang: false,
            drop: None,
        }
    }
}

impl Answer {
    fn response(&self) -> Response {
        let mut response = scripted(self.status, &self.headers, self.body.as_ref());
        if let Some(bytes) = self.body_bytes {
            response.headers_mut().remove("content-length");
            *response.body_mut() = filler(bytes, Duration::from_millis(self.drip_ms));
        }
        match self.drop {
            Some(Break::Mid) => broken_off(response),
            Some(Break::Before) | None => response,
        }
    }
}

/// What a test tells a receiver; what is absent stays as it was.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Orders {
    #[serde(default)]
    secret: Option<String>,
    /// Several, as during a rotation: each that verifies is named in `secrets_matched`.
    #[serde(default)]
    secrets: Option<Vec<String>>,
    /// Used up one by one, before the default.
    #[serde(default)]
    script: Option<VecDeque<Answer>>,
    #[serde(default)]
    default: Option<Answer>,
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

/// What the official library says of a request.
#[derive(Clone, Serialize)]
struct Check {
    signature: Verdict,
    verified: bool,
    error: Option<String>,
    secrets_matched: Vec<usize>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Verified,
    Failed,
    /// The receiver was given no secret.
    Unchecked,
}

/// `whsec_` is base64, any other secret its UTF-8 bytes.
fn verify(secret: &str, body: &[u8], headers: &HeaderMap) -> Result<(), String> {
    let webhook = if secret.starts_with("whsec_") {
        Webhook::new(secret)
    } else {
        Webhook::from_bytes(secret.as_bytes().to_vec())
    };
    webhook.and_then(|webhook| webhook.verify(body, headers)).map_err(|error| error.to_string())
}

fn check(secrets: &[String], body: &[u8], headers: &HeaderMap) -> Check {
    let mut error = None;
    let mut secrets_matched = Vec::new();
    for (index, secret) in secrets.iter().enumerate() {
        match verify(secret, body, headers) {
            Ok(()) => secrets_matched.push(index),
            Err(text) => error = Some(text),
        }
    }
    let verified = !secrets_matched.is_empty();
    let signature = match (secrets.is_empty(), verified) {
        (true, _) => Verdict::Unchecked,
        (false, true) => Verdict::Verified,
        (false, false) => Verdict::Failed,
    };
    Check { signature, verified, error: error.filter(|_| !verified), secrets_matched }
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
