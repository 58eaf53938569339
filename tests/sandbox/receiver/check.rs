//! What the official libraries of Standard Webhooks and of Svix say of a request. It is verified if both say so.

use axum::http::HeaderMap;
use serde::Serialize;

#[derive(Clone, Serialize)]
pub(super) struct Check {
    pub(super) signature: Verdict,
    verified: bool,
    error: Option<String>,
    secrets_matched: Vec<usize>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Verified,
    Failed,
    /// The receiver was given no secret.
    Unchecked,
}

/// `whsec_` is base64, any other secret its UTF-8 bytes.
fn verify(secret: &str, body: &[u8], headers: &HeaderMap) -> Result<(), String> {
    let webhook = if secret.starts_with("whsec_") {
        standardwebhooks::Webhook::new(secret)
    } else {
        standardwebhooks::Webhook::from_bytes(secret.as_bytes().to_vec())
    };
    webhook.and_then(|webhook| webhook.verify(body, headers)).map_err(|error| error.to_string())?;
    let webhook = if secret.starts_with("whsec_") {
        svix::webhooks::Webhook::new(secret)
    } else {
        svix::webhooks::Webhook::from_bytes(secret.as_bytes().to_vec())
    };
    webhook.and_then(|webhook| webhook.verify(body, headers)).map_err(|error| format!("svix: {error}"))
}

pub(super) fn check(secrets: &[String], body: &[u8], headers: &HeaderMap) -> Check {
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
