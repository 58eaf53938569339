//! From the bytes of a request to the events a tenant publishes: one, or `{"events":[…]}`.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::schema::check;
use crate::model::event_type::EventType;
use crate::model::field_error::FieldError;
pub use crate::providers::batch::{BodyError, MAX_BODY_BYTES, MAX_EVENT_BYTES};
use crate::providers::batch::{Elements, elements};
use crate::providers::canonical;

/// Most events in one request.
pub const MAX_EVENTS: usize = 100;
/// How far ahead of ours a tenant's clock may be. A wrong year would put an event where no list finds it.
const MOST_AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// An event as its tenant published it, found to be what its type's schema says.
#[derive(Clone, PartialEq, Eq)]
pub struct Published {
    /// What has happened.
    pub event_type: EventType,
    /// The tenant's own name of it.
    pub id: Option<String>,
    /// When it happened; now, if the tenant does not say.
    pub timestamp: Option<Timestamp>,
    /// The bytes of its `data`.
    pub data: Bytes,
    /// SHA-256 (hex) of the event's canonical form: the fingerprint two copies share.
    pub digest: String,
}

impl std::fmt::Debug for Published {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Published({}, {} bytes)", self.event_type, self.data.len())
    }
}

/// Why an event is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unpublished {
    /// Above [`MAX_EVENT_BYTES`], as it came or as it would be kept.
    TooLarge,
    /// Nested too deep to be read, or with a text that is none.
    Unreadable,
    /// Not what can be published; everything that is wrong.
    Wrong(Vec<FieldError>),
}

/// A request, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// One event.
    One(Result<Published, Unpublished>),
    /// Several, each for itself.
    Many(Vec<Result<Published, Unpublished>>),
}

/// A request in which no event could be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestError {
    /// As any provider's.
    Body(BodyError),
    /// JSON, but of another shape.
    Shape(FieldError),
}

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(borrow)]
    events: Option<&'a RawValue>,
}

/// Reads a request that came in at `now`.
///
/// # Errors
/// When there is nothing to look at event by event.
pub fn parse(body: &[u8], now: Timestamp) -> Result<Request, RequestError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(RequestError::Body(BodyError::BodyTooLarge));
    }
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let raw: &RawValue = serde_json::from_slice(body).map_err(|_| RequestError::Body(BodyError::InvalidJson))?;
    if !raw.get().starts_with('{') {
        let detail = "the body must be an object: one event, or {\"events\": […]}";
        return Err(RequestError::Shape(FieldError::new("", "invalid_type", detail)));
    }
    let Ok(Outer { events }) = serde_json::from_str(raw.get()) else {
        return Err(RequestError::Shape(FieldError::new("events", "invalid_value", "it stands there twice")));
    };
    let Some(events) = events else { return Ok(Request::One(read(raw, now))) };
    if !events.get().starts_with('[') {
        return Err(RequestError::Shape(FieldError::new("events", "invalid_type", "this must be an array")));
    }
    let Elements { raw, more } = elements(events.get().as_bytes(), MAX_EVENTS).map_err(RequestError::Body)?;
    match raw.len() {
        0 => Err(RequestError::Body(BodyError::EmptyBatch)),
        _ if more => Err(RequestError::Body(BodyError::TooManyEvents)),
        _ => Ok(Request::Many(raw.into_iter().map(|raw| read(raw, now)).collect())),
    }
}

fn read(raw: &RawValue, now: Timestamp) -> Result<Published, Unpublished> {
    if raw.get().len() > MAX_EVENT_BYTES {
        return Err(Unpublished::TooLarge);
    }
    let event: Value = serde_json::from_str(raw.get()).map_err(|_| Unpublished::Unreadable)?;
    let event_type = type_of(&event).map_err(|error| Unpublished::Wrong(vec![error]))?;
    let mut wrong = check(event_type, &event);
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    // What the schema has let through is a time, or absent.
    let timestamp = text("timestamp").and_then(|text| text.parse().ok());
    if timestamp.is_some_and(|at| !(Timestamp::UNIX_EPOCH..=latest(now)).contains(&at)) {
        wrong.push(FieldError::new("timestamp", "out_of_range", "this must be after 1970 and not in the future"));
    }
    if text("id") == Some("") {
        wrong.push(FieldError::new("id", "too_short", "an identifier has 1 to 200 characters"));
    }
    if !wrong.is_empty() {
        return Err(Unpublished::Wrong(wrong));
    }
    let data = event.get("data").map(Value::to_string).unwrap_or_default();
    // `1e15` is four times as long when we write it.
    if data.len() > MAX_EVENT_BYTES {
        return Err(Unpublished::TooLarge);
    }
    Ok(Published {
        event_type,
        id: text("id").map(str::to_owned),
        timestamp,
        data: data.into(),
        digest: canonical::digest(&event),
    })
}

fn latest(now: Timestamp) -> Timestamp {
    now.saturating_add(MOST_AHEAD).unwrap_or(Timestamp::MAX)
}

fn type_of(event: &Value) -> Result<EventType, FieldError> {
    if !event.is_object() {
        return Err(FieldError::new("", "invalid_type", "an event must be an object"));
    }
    match event.get("type") {
        None | Some(Value::Null) => Err(FieldError::new("type", "missing", "what has happened is needed")),
        Some(Value::String(name)) => name.parse().map_err(|_| {
            FieldError::new("type", "unknown_event_type", "there is no such event type; `event-types` lists them all")
        }),
        Some(_) => Err(FieldError::new("type", "invalid_type", "this must be a string")),
    }
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
