//! C2S: the leads, their threads, and where it sends its hooks.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use url::Url;

use super::exchange::{Answer, Silence, send, under};
use super::setup::{PlainHttp, Secret, SetupError, base_url};
use super::tolerant::{Scalar, Tolerant};
use crate::enrichment::ports::{HookAction, LeadPage, LeadThread, Seen, Upstream, UpstreamError, UpstreamErrorKind};
use crate::model::contact::LeadId;

/// How to reach C2S.
#[derive(Clone)]
pub struct C2sConfig {
    /// Base address, without `/integration`.
    pub base_url: String,
    /// The header that carries `Bearer <token>`: `Authorization`, or `Authentication` for some accounts.
    pub auth_header: String,
    /// Path of the call that sets where hooks go; integrators disagree on it.
    pub subscribe_path: String,
    /// The company's token.
    pub token: Secret,
    /// Time for a whole exchange; [`C2sClient::TIMEOUT`] in production.
    pub timeout: Duration,
}

/// A client of C2S.
#[derive(Clone)]
pub struct C2sClient {
    http: reqwest::Client,
    base: Url,
    subscribe: Url,
    auth_header: HeaderName,
    token: Secret,
    timeout: Duration,
}

/// Most leads C2S puts on a page; a full page may have a successor.
const PER_PAGE: usize = 50;

/// A page of leads comes with their threads.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

impl C2sClient {
    /// Most answers take well below a second; creating a message may take a few.
    pub const TIMEOUT: Duration = Duration::from_secs(15);

    /// A client with these settings.
    ///
    /// # Errors
    /// When an address or the header's name is none.
    pub fn new(http: reqwest::Client, config: C2sConfig) -> Result<Self, SetupError> {
        let base = base_url("C2S_BASE_URL", &config.base_url, PlainHttp::ToThisMachine)?;
        let segments: Vec<&str> = config.subscribe_path.split('/').filter(|segment| !segment.is_empty()).collect();
        if segments.is_empty() {
            return Err(SetupError::BadUrl { setting: "C2S_SUBSCRIBE_PATH" });
        }
        let subscribe = under(&base, &segments);
        let auth_header = HeaderName::try_from(config.auth_header.trim())
            .map_err(|_| SetupError::BadHeader { setting: "C2S_AUTH_HEADER" })?;
        Ok(Self { http, base, subscribe, auth_header, token: config.token, timeout: config.timeout })
    }

    fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, UpstreamErrorKind> {
        let token = self.token.get().ok_or(UpstreamErrorKind::Misconfigured)?;
        let bearer = format!("Bearer {token}");
        let mut value = HeaderValue::try_from(bearer).map_err(|_| UpstreamErrorKind::Misconfigured)?;
        value.set_sensitive(true);
        Ok(self.http.request(method, url).header(&self.auth_header, value).header("accept", "application/json"))
    }

    fn lead_url(&self, lead: &LeadId, rest: &[&str]) -> Url {
        under(&self.base, &[&["integration", "leads", lead.as_str()], rest].concat())
    }

    async fn get(&self, url: Url) -> Result<Answer, UpstreamErrorKind> {
        send(self.request(Method::GET, url)?, self.timeout, MAX_ANSWER).await.map_err(Silence::kind)
    }

    async fn post(&self, lead: &LeadId, text: &str) -> Result<Option<String>, UpstreamErrorKind> {
        let url = self.lead_url(lead, &["create_message"]);
        let request = self.request(Method::POST, url)?.json(&json!({"body": text}));
        let answer = send(request, self.timeout, MAX_ANSWER).await.map_err(|silence| match silence {
            Silence::NotSent => UpstreamErrorKind::Unreachable,
            Silence::Cut | Silence::Late => UpstreamErrorKind::UnknownOutcome,
        })?;
        match of_one_lead(&answer) {
            Some(failure) => Err(failure),
            // It stands in the thread, also if what they say about it cannot be read.
            None => Ok(answer.body.as_deref().and_then(message_id)),
        }
    }

    async fn seen(&self, lead: &LeadId, reference: &str) -> Result<Seen, UpstreamErrorKind> {
        let answer = self.get(self.lead_url(lead, &[])).await?;
        if let Some(failure) = of_one_lead(&answer) {
            return Err(failure);
        }
        let body = answer.body.as_deref().ok_or(answer.broken())?;
        let body: Value = serde_json::from_slice(body).map_err(|_| answer.broken())?;
        let lead = body.get("data").unwrap_or(&body);
        let attributes = lead.get("attributes").unwrap_or(lead);
        let of = |name: &str| [lead, attributes].into_iter().find_map(|o| o.get(name)).filter(|v| v.is_array());
        let (messages, log) = (of("messages"), of("log"));
        Ok(if messages.into_iter().chain(log).any(|thread| mentions(thread, reference)) {
            Seen::Yes
        } else if messages.is_some() {
            Seen::No
        } else {
            Seen::NotShown
        })
    }

    async fn page(&self, since: Timestamp, page: u32) -> Result<LeadPage, UpstreamErrorKind> {
        let mut url = under(&self.base, &["integration", "leads"]);
        // Milliseconds are refused there, so the second is the one before.
        let since = format!("{}", since.strftime("%Y-%m-%dT%H:%M:%SZ"));
        url.query_pairs_mut()
            .append_pair("page", &page.to_string())
            .append_pair("perpage", &PER_PAGE.to_string())
            .append_pair("sort", "updated_at")
            .append_pair("updated_gte", &since);
        let answer = self.get(url).await?;
        if let Some(failure) = answer.failure() {
            return Err(failure);
        }
        let body = answer.body.as_deref().ok_or(answer.broken())?;
        let PageBody { data } = serde_json::from_slice(body).map_err(|_| answer.broken())?;
        let more = data.len() >= PER_PAGE;
        let items = data.into_iter().map(|lead| Bytes::copy_from_slice(lead.get().as_bytes())).collect();
        Ok(LeadPage { items, more })
    }

    async fn set_hook(&self, action: HookAction, url: &Url) -> Result<(), UpstreamErrorKind> {
        let body = json!({"hook_url": url.as_str(), "hook_action": action.as_str()});
        let request = self.request(Method::POST, self.subscribe.clone())?.json(&body);
        let answer = send(request, self.timeout, MAX_ANSWER).await.map_err(Silence::kind)?;
        if let Some(failure) = answer.failure() {
            return Err(failure);
        }
        let body = answer.body.as_deref().and_then(|body| serde_json::from_slice(body).ok());
        match body.and_then(|Tolerant(body): Tolerant<Outcome>| body).and_then(|body| body.success.0).as_deref() {
            Some("false") => Err(UpstreamErrorKind::Rejected { status: answer.status }),
            _ => Ok(()),
        }
    }
}

#[derive(Deserialize)]
struct PageBody<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(default)]
    success: Scalar,
}

#[derive(Deserialize)]
struct Identified {
    #[serde(default)]
    id: Scalar,
    #[serde(default)]
    message_id: Scalar,
    #[serde(default)]
    data: Tolerant<IdentifiedData>,
}

#[derive(Deserialize)]
struct IdentifiedData {
    #[serde(default)]
    id: Scalar,
}

/// The id of a message just made, wherever it stands. One that is no id is not kept.
fn message_id(body: &[u8]) -> Option<String> {
    let Tolerant(Some(body)) = serde_json::from_slice::<Tolerant<Identified>>(body).ok()? else {
        return None;
    };
    let inner = body.data.0.map(|data| data.id).unwrap_or_default();
    let id = [&inner, &body.message_id, &body.id].into_iter().find_map(Scalar::text)?;
    let sane = id.len() <= 128 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
    sane.then(|| id.to_owned())
}

/// A 403 about one lead is about that lead; our token's fate is told by a 401.
fn of_one_lead(answer: &Answer) -> Option<UpstreamErrorKind> {
    match answer.status {
        403 => Some(UpstreamErrorKind::Rejected { status: 403 }),
        _ => answer.failure(),
    }
}

fn mentions(value: &Value, reference: &str) -> bool {
    match value {
        Value::String(text) => text.contains(reference),
        Value::Array(values) => values.iter().any(|value| mentions(value, reference)),
        Value::Object(fields) => fields.values().any(|value| mentions(value, reference)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn error(kind: UpstreamErrorKind) -> UpstreamError {
    UpstreamError::new(Upstream::C2s, kind)
}

impl LeadThread for C2sClient {
    async fn post_message(&self, lead: &LeadId, text: &str) -> Result<Option<String>, UpstreamError> {
        self.post(lead, text).await.map_err(error)
    }

    async fn has_message(&self, lead: &LeadId, reference: &str) -> Result<Seen, UpstreamError> {
        self.seen(lead, reference).await.map_err(error)
    }

    async fn leads_updated_since(&self, since: Timestamp, page: u32) -> Result<LeadPage, UpstreamError> {
        self.page(since, page).await.map_err(error)
    }

    async fn subscribe(&self, action: HookAction, url: &Url) -> Result<(), UpstreamError> {
        self.set_hook(action, url).await.map_err(error)
    }
}

impl fmt::Debug for C2sClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("C2sClient").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "c2s_tests.rs"]
mod tests;
