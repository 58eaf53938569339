//! What an answer means.

use jiff::SignedDuration;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use serde::Deserialize;
use serde_json::Value;

use super::gunzip::gunzip;
use crate::clients::exchange::Answer;
use crate::limits::Told;
use crate::sync::ports::MoyskladError;

/// MoySklad's numbers for what is told apart.
const NOT_FOUND: u32 = 1_021;
const RIGHTS: [u32; 2] = [1_016, 1_017];
const CREDENTIALS: u32 = 1_056;

#[derive(Deserialize)]
struct Errors {
    errors: Vec<OneError>,
}

#[derive(Deserialize)]
struct OneError {
    #[serde(default)]
    code: Option<u32>,
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

fn millis(headers: &HeaderMap, name: &str) -> Option<SignedDuration> {
    let millis = i64::try_from(number(headers, name)?).ok()?;
    (millis > 0).then(|| SignedDuration::from_millis(millis))
}

/// What the headers say of the limit.
pub(super) fn told(headers: &HeaderMap) -> Told {
    let small = |name| number(headers, name).and_then(|n| u32::try_from(n).ok());
    Told {
        limit: small("x-ratelimit-limit"),
        remaining: small("x-ratelimit-remaining"),
        interval: millis(headers, "x-lognex-retry-timeinterval"),
    }
}

/// For how long a call that was refused is to wait, in its own milliseconds; a proxy's answer has seconds.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<SignedDuration> {
    let seconds = || {
        let seconds = i64::try_from(number(headers, "retry-after")?).ok()?;
        seconds.checked_mul(1_000).map(SignedDuration::from_millis)
    };
    millis(headers, "x-lognex-retry-after").or_else(|| millis(headers, "x-lognex-reset")).or_else(seconds)
}

/// The JSON of a success, if it has any; else what went wrong.
pub(super) fn read(answer: &Answer, most: usize) -> Result<Option<Value>, MoyskladError> {
    let body = unpacked(answer, most);
    if !(200..300).contains(&answer.status) {
        // A list of which a part has failed is a list, whatever status stands above it.
        let list = body.as_deref().filter(|_| answer.status < 500).and_then(list);
        return list.map(Some).ok_or_else(|| failure(answer.status, body.as_deref().and_then(code)));
    }
    let unreadable = MoyskladError::Unreadable { status: answer.status };
    match body {
        Some(body) if body.is_empty() => Ok(None),
        Some(body) => serde_json::from_slice(&body).map(Some).map_err(|_| unreadable),
        None => Err(unreadable),
    }
}

fn unpacked(answer: &Answer, most: usize) -> Option<Vec<u8>> {
    let body = answer.body.as_ref()?;
    match answer.headers.get(CONTENT_ENCODING).map(|coding| coding.as_bytes()) {
        None | Some(b"identity") => (body.len() <= most).then(|| body.clone()),
        Some(b"gzip") if body.is_empty() => Some(Vec::new()),
        Some(b"gzip") => gunzip(body, most),
        Some(_) => None,
    }
}

fn list(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok().filter(Value::is_array)
}

fn code(body: &[u8]) -> Option<u32> {
    serde_json::from_slice::<Errors>(body).ok()?.errors.first()?.code
}

fn failure(status: u16, code: Option<u32>) -> MoyskladError {
    match (status, code) {
        (404 | 410, _) => MoyskladError::NotFound,
        (_, Some(CREDENTIALS)) | (401, _) => MoyskladError::CredentialsRefused,
        (_, Some(code)) if RIGHTS.contains(&code) => MoyskladError::RightsMissing,
        (403, _) => MoyskladError::RightsMissing,
        (409 | 412, code) => MoyskladError::Conflict { code },
        (500.., _) => MoyskladError::Broken { status },
        (status, code) => MoyskladError::Refused { status, code },
    }
}

/// An item of the answer to a list: what was saved, or why not.
pub(super) fn item(value: Value) -> Result<Value, MoyskladError> {
    let Some(errors) = value.get("errors").and_then(Value::as_array) else {
        return Ok(value);
    };
    let code = errors.first().and_then(|error| error.get("code")).and_then(Value::as_u64);
    Err(match code.and_then(|code| u32::try_from(code).ok()) {
        Some(NOT_FOUND) => MoyskladError::NotFound,
        code => match failure(400, code) {
            MoyskladError::Refused { code, .. } => MoyskladError::Refused { status: 200, code },
            other => other,
        },
    })
}
