//! Hooks: one endpoint per token and action; C2S signs nothing and sends no header of its own choosing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{C2s, authorize, json_object, refused};
use crate::sandbox::answer::{Refusal, json_answer};
use crate::sandbox::state::Sandbox;

/// C2S's own time-out is not known.
const TIME_OUT: Duration = Duration::from_secs(10);
const MAX_SUBSCRIPTIONS: usize = 10_000;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "the names are C2S's, word for word")]
pub(crate) enum HookAction {
    OnCreateLead,
    OnUpdateLead,
    OnCloseLead,
}

/// A test makes C2S send a hook.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FireOrder {
    pub(crate) hook_action: HookAction,
    /// Instead of the subscribed ones.
    #[serde(default)]
    pub(crate) hook_url: Option<String>,
}

/// The URL of each (token, action).
#[derive(Default)]
pub(crate) struct Hooks(BTreeMap<(String, HookAction), String>);

impl Hooks {
    pub(crate) fn as_json(&self) -> Value {
        let all =
            self.0.iter().map(|((token, action), url)| json!({"token": token, "hook_action": action, "hook_url": url}));
        all.collect()
    }

    fn urls(&self, action: HookAction) -> Vec<String> {
        let of_action = self.0.iter().filter(|((_, own), _)| *own == action);
        of_action.map(|(_, url)| url.clone()).collect()
    }
}

fn action_in(body: &Map<String, Value>) -> Result<HookAction, Refusal> {
    let given = body.get("hook_action").cloned().unwrap_or_default();
    serde_json::from_value(given).map_err(|_| refused(StatusCode::UNPROCESSABLE_ENTITY, "hook_action not found"))
}

/// A second endpoint for one token and action replaces the first. An unknown action is a 422 with
/// `{"success":false,"msg":"hook_action not found"}`.
pub(crate) async fn subscribe(
    State(sandbox): State<Arc<Sandbox>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let token = authorize(&sandbox, &headers)?;
    let body = json_object(&body)?;
    let action = action_in(&body)?;
    let url = match body.get("hook_url").and_then(Value::as_str) {
        Some(url) if url.starts_with("http") => url.to_owned(),
        _ => {
            return Err(refused(StatusCode::UNPROCESSABLE_ENTITY, "hook_url is invalid"));
        }
    };
    let hooks = &mut sandbox.c2s.lock().hooks.0;
    if hooks.len() >= MAX_SUBSCRIPTIONS {
        hooks.clear();
    }
    hooks.insert((token, action), url);
    Ok(json_answer(StatusCode::OK, json!({"success": true, "message": "Subscribed successfully"})))
}

pub(crate) async fn unsubscribe(
    State(sandbox): State<Arc<Sandbox>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let token = authorize(&sandbox, &headers)?;
    let action = action_in(&json_object(&body)?)?;
    sandbox.c2s.lock().hooks.0.remove(&(token, action));
    Ok(json_answer(StatusCode::OK, json!({"success": true, "message": "Unsubscribed successfully"})))
}

/// Without redirects: whether C2S follows them is not known, and a test must see its own answer.
pub(crate) fn hook_client() -> reqwest::Client {
    // An error says that a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(TIME_OUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("a client without roots or proxies has nothing to fail on")
}

/// Posts the lead to the given URL, or to each that is subscribed to the action, once; the statuses, null for none.
pub(crate) async fn fire(
    sandbox: &Sandbox,
    action: HookAction,
    lead_id: &str,
    url: Option<String>,
) -> Vec<Option<u16>> {
    let (body, urls) = {
        let C2s { leads, hooks, .. } = &mut *sandbox.c2s.lock();
        let Some(lead) = leads.find(lead_id, false) else {
            return Vec::new();
        };
        let mut body = lead.as_json(true);
        body["hook_action"] = json!(action);
        let urls = url.map_or_else(|| hooks.urls(action), |url| vec![url]);
        (body, urls)
    };
    let mut statuses = Vec::new();
    for url in urls {
        let answer = sandbox.http.post(url).json(&body).send().await;
        statuses.push(answer.ok().map(|answer| answer.status().as_u16()));
    }
    statuses
}
