//! Answers, straight and odd.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A hung request is held this long, then let go: longer than any client waits.
const HANG: Duration = Duration::from_secs(600);
/// Lets the first part of an answer leave before the connection breaks.
const BEFORE_BREAK: Duration = Duration::from_millis(50);
const CHUNK: usize = 16 * 1024;

pub(crate) fn json_answer(status: StatusCode, body: Value) -> Response {
    (status, Json(body)).into_response()
}

pub(crate) fn text_answer(status: StatusCode, text: &'static str) -> Response {
    (status, text).into_response()
}

pub(crate) async fn no_such_route() -> Response {
    json_answer(StatusCode::NOT_FOUND, json!({"error": "the sandbox plays no such route"}))
}

pub(crate) async fn hang() {
    tokio::time::sleep(HANG).await;
}

/// What a handler answers instead; boxed, so that a `Result` stays small.
pub(crate) struct Refusal(Box<Response>);

impl From<Response> for Refusal {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// JSON whatever the content type says; the control API answers 422 with the reason to anything it does not know.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| unacceptable(error.to_string()))
}

pub(crate) fn unacceptable(reason: String) -> Refusal {
    Refusal::from(json_answer(StatusCode::UNPROCESSABLE_ENTITY, json!({"error": reason})))
}

/// An answer given as data: a string body goes out as it is, any other value as JSON.
pub(crate) fn scripted(status: u16, headers: &BTreeMap<String, String>, body: Option<&Value>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match body {
        None => status.into_response(),
        Some(Value::String(text)) => (status, text.clone()).into_response(),
        Some(value) => json_answer(status, value.clone()),
    };
    set_headers(response.headers_mut(), headers);
    response
}

pub(crate) fn set_headers(target: &mut HeaderMap, headers: &BTreeMap<String, String>) {
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str())) {
            target.insert(name, value);
        }
    }
}

/// `bytes` of filler in chunks, with a pause before each: a huge body, or one that drips.
pub(crate) fn filler(bytes: usize, pause: Duration) -> Body {
    let chunk = if pause.is_zero() { CHUNK } else { 1 };
    Body::from_stream(stream::unfold(bytes, move |left| async move {
        if left == 0 {
            return None;
        }
        tokio::time::sleep(pause).await;
        let n = left.min(chunk);
        Some((Ok::<_, io::Error>(Bytes::from(vec![b'x'; n])), left - n))
    }))
}

/// The head and the beginning of an answer; then the connection breaks.
pub(crate) fn broken_off(response: Response) -> Response {
    let (mut parts, _) = response.into_parts();
    parts.headers.remove("content-length");
    parts.headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    let body = Body::from_stream(stream::unfold(0, |step| async move {
        match step {
            0 => Some((Ok(Bytes::from_static(b"{\"cut\":")), 1)),
            1 => {
                tokio::time::sleep(BEFORE_BREAK).await;
                Some((Err(io::Error::from(io::ErrorKind::ConnectionAborted)), 2))
            }
            _ => None,
        }
    }));
    Response::from_parts(parts, body)
}
