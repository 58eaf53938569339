//! From the bytes of a request to lead events, whatever shape they have.

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use super::customer;
pub use super::customer::Given;
use super::shape::{Shape, kind};
use crate::model::contact::{Contact, LeadId};
pub use crate::providers::batch::{BodyError, MAX_BODY_BYTES, MAX_EVENT_BYTES};
use crate::providers::batch::{Elements, elements};
use crate::providers::canonical;

/// Most events in one request.
pub const MAX_EVENTS: usize = 500;

/// Why an event was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectionCode {
    /// JSON that cannot be read as a value: nested too deep, or a text or number that is none.
    InvalidJson,
    /// Something other than an object.
    NotAnObject,
    /// Above [`MAX_EVENT_BYTES`].
    EventTooLarge,
    /// No identifier, or none that can be one.
    MissingLeadId,
    /// No time of change, or none that can be read.
    InvalidUpdatedAt,
}

impl RejectionCode {
    /// A stable word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::NotAnObject => "not_an_object",
            Self::EventTooLarge => "event_too_large",
            Self::MissingLeadId => "missing_lead_id",
            Self::InvalidUpdatedAt => "invalid_updated_at",
        }
    }
}

/// An event that was not accepted. The detail says where we looked and what kind of thing stood there, never its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Its place in the request.
    pub index: usize,
    /// Why.
    pub code: RejectionCode,
    /// The same for a reader.
    pub detail: String,
}

/// A change of a lead, as C2S told it.
#[derive(Clone, PartialEq, Eq)]
pub struct LeadEvent {
    /// Which lead.
    pub lead_id: LeadId,
    /// When it changed; with the lead this is the event's identity.
    pub updated_at: Timestamp,
    /// What C2S calls the change, if it says.
    pub hook_action: Option<String>,
    /// The customer as given.
    pub given: Given,
    /// The customer in normal form.
    pub contact: Contact,
    /// SHA-256 (hex) of the event with its keys sorted: copies that differ in key order or spacing are the same.
    pub body_digest: String,
    /// The event exactly as received.
    pub raw: Bytes,
}

impl fmt::Debug for LeadEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeadEvent")
            .field("lead_id", &self.lead_id)
            .field("updated_at", &self.updated_at)
            .field("hook_action", &self.hook_action)
            .field("given", &self.given)
            .field("contact", &self.contact)
            .field("body_digest", &self.body_digest)
            .field("raw_bytes", &self.raw.len())
            .finish()
    }
}

/// The events of one request, in order; what became of each.
pub type Batch = Vec<Result<LeadEvent, Rejection>>;

/// Reads a request: one event, or an array of them. A bad event does not spoil its neighbours.
///
/// # Errors
/// When there is nothing to look at event by event.
pub fn parse_body(body: &[u8]) -> Result<Batch, BodyError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(BodyError::BodyTooLarge);
    }
    // Some senders put a byte order mark in front, which JSON forbids and nobody means.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let is_array = body.iter().find(|b| !b" \t\r\n".contains(b)) == Some(&b'[');
    let Elements { raw, more } = if is_array {
        elements(body, MAX_EVENTS)?
    } else {
        let one = serde_json::from_slice(body).map_err(|_| BodyError::InvalidJson)?;
        Elements { raw: vec![one], more: false }
    };
    match raw.len() {
        0 => Err(BodyError::EmptyBatch),
        _ if more => Err(BodyError::TooManyEvents),
        _ => Ok(raw.into_iter().enumerate().map(|(index, raw)| event_at(index, raw.get())).collect()),
    }
}

/// Reads one event: from a stored row, or from a page of leads.
///
/// # Errors
/// The rejection (at index 0) says why.
pub fn parse_event(raw: &[u8]) -> Result<LeadEvent, Rejection> {
    match std::str::from_utf8(raw) {
        Ok(text) => event_at(0, text),
        Err(_) => Err(rejection(0, RejectionCode::InvalidJson, "not UTF-8")),
    }
}

fn rejection(index: usize, code: RejectionCode, detail: impl Into<String>) -> Rejection {
    Rejection { index, code, detail: detail.into() }
}

fn event_at(index: usize, raw: &str) -> Result<LeadEvent, Rejection> {
    let reject = |code, detail: String| rejection(index, code, detail);
    if raw.len() > MAX_EVENT_BYTES {
        return Err(reject(RejectionCode::EventTooLarge, format!("{} bytes; at most {MAX_EVENT_BYTES}", raw.len())));
    }
    let value: Value = serde_json::from_str(raw).map_err(|error| {
        // serde's text never quotes the input for these; its category and place are all we pass on.
        let detail = format!("cannot be read at line {}, column {}", error.line(), error.column());
        reject(RejectionCode::InvalidJson, detail)
    })?;
    let Value::Object(root) = &value else {
        return Err(reject(RejectionCode::NotAnObject, format!("expected an object, found {}", kind(&value))));
    };
    let shape = Shape::of(root);
    let lead_id = shape.lead_id().map_err(|detail| reject(RejectionCode::MissingLeadId, detail))?;
    let updated_at = shape.updated_at().map_err(|detail| reject(RejectionCode::InvalidUpdatedAt, detail))?;
    let (given, contact) = customer::read(shape.attributes);
    Ok(LeadEvent {
        lead_id,
        updated_at,
        hook_action: root.get("hook_action").and_then(Value::as_str).and_then(hook_action),
        given,
        contact,
        body_digest: canonical::digest(&value),
        raw: Bytes::copy_from_slice(raw.as_bytes()),
    })
}

/// A word of the sender's, if it is one; anything else stays in the raw event only.
fn hook_action(text: &str) -> Option<String> {
    let sane =
        (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-:".contains(&b));
    sane.then(|| text.to_owned())
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
