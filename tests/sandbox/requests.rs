//! What the third parties were asked, in order.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, Method, Uri};
use jiff::Timestamp;
use serde::Serialize;

use super::bounded::Ring;
use super::faults::Upstream;

const MAX_ENTRIES: usize = 50_000;
const MAX_BYTES: usize = 128 * 1024 * 1024;
/// More of a body than this is not kept; `body_bytes` tells its true length.
const MAX_BODY: usize = 64 * 1024;
/// What an entry takes beside its texts, roughly.
const ENTRY_BYTES: usize = 512;
/// Of the connection, not of the request.
const UNRECORDED: [&str; 3] = ["host", "connection", "content-length"];

pub(crate) struct Requests(Ring<RequestRecord>);

impl Default for Requests {
    fn default() -> Self {
        Self(Ring::new(MAX_ENTRIES, MAX_BYTES))
    }
}

#[derive(Clone, Serialize)]
pub(crate) struct RequestRecord {
    pub(crate) n: u64,
    at: Timestamp,
    upstream: Upstream,
    method: String,
    path: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: String,
    body_bytes: usize,
    /// The status sent; null as long as none was, and for ever if the connection was cut or given up.
    answered: Option<u16>,
    /// The kind of the fault it met.
    fault: Option<&'static str>,
}

impl Requests {
    /// Records a request as it arrives and returns its number.
    pub(crate) fn arrived(
        &mut self,
        upstream: Upstream,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
        fault: Option<&'static str>,
    ) -> u64 {
        let n = self.0.next_n();
        let record = RequestRecord {
            n,
            at: Timestamp::now(),
            upstream,
            method: method.to_string(),
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            headers: recorded_headers(headers),
            body: String::from_utf8_lossy(&body[..body.len().min(MAX_BODY)]).into_owned(),
            body_bytes: body.len(),
            answered: None,
            fault,
        };
        let bytes = ENTRY_BYTES + record.path.len() + record.query.len() + record.body.len();
        self.0.push(bytes, record);
        n
    }

    pub(crate) fn answered(&mut self, n: u64, status: u16) {
        if let Some(record) = self.0.get_mut(n) {
            record.answered = Some(status);
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.total()
    }

    /// Oldest first; `contains` is looked for in path, query and body, as sent and percent-decoded, `token` in
    /// `Authorization`.
    pub(crate) fn matching(
        &self,
        upstream: Option<Upstream>,
        contains: &str,
        token: &str,
        after: u64,
        limit: usize,
    ) -> Vec<RequestRecord> {
        self.0
            .after(after)
            .filter(|record| upstream.is_none_or(|upstream| record.upstream == upstream))
            .filter(|record| token.is_empty() || record.has_credential(token))
            .filter(|record| is_in_request(contains, &record.path, &record.query, &record.body))
            .take(limit)
            .cloned()
            .collect()
    }
}

impl RequestRecord {
    fn has_credential(&self, token: &str) -> bool {
        self.headers.get("authorization").is_some_and(|credential| credential.contains(token))
    }
}

/// Whether a key (a lead id, a phone, an e-mail, a CPF) occurs anywhere in a request.
pub(crate) fn is_in_request(key: &str, path: &str, query: &str, body: &str) -> bool {
    path.contains(key)
        || query.contains(key)
        || body.contains(key)
        || percent_decoded(path).contains(key)
        || percent_decoded(query).contains(key)
}

/// All headers but those of the connection; a repeated one is joined by commas.
pub(crate) fn recorded_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut recorded = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        if UNRECORDED.contains(&name.as_str()) {
            continue;
        }
        let value = String::from_utf8_lossy(value.as_bytes());
        recorded
            .entry(name.to_string())
            .and_modify(|joined| {
                joined.push_str(", ");
                joined.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    recorded
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let escape = (bytes[i] == b'%').then(|| text.get(i + 1..i + 3)).flatten();
        match escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                i += 3;
            }
            None => {
                decoded.push(bytes[i]);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
