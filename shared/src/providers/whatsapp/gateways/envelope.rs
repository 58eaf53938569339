//! The few members around an event that are looked at, unread; all others are passed over without being kept.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::left_out::is_left_out;
use crate::providers::batch::{BodyError, Elements, MAX_BODY_BYTES, elements};
use crate::providers::whatsapp::MAX_EVENTS;
use crate::providers::whatsapp::bounded;
use crate::providers::whatsapp::reading::{RefusalCode, RequestError};

/// Longest of the small texts around an event.
const LONGEST_TEXT: usize = 512;

/// What stands at the top of a gateway's request.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) data: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) messages: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) payload: Option<&'a RawValue>,
    #[serde(borrow)]
    sender: Option<&'a RawValue>,
    #[serde(borrow)]
    device_id: Option<&'a RawValue>,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    state: Option<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    /// Reads the top of a request.
    pub(super) fn of(body: &'a [u8]) -> Result<Self, RequestError> {
        if body.len() > MAX_BODY_BYTES {
            return Err(BodyError::BodyTooLarge.into());
        }
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let whole: &RawValue = serde_json::from_slice(body).map_err(|_| BodyError::InvalidJson)?;
        Self::inside(whole, "")
    }

    /// Reads an object that stands inside another.
    pub(super) fn inside(raw: &'a RawValue, path: &str) -> Result<Self, RequestError> {
        serde_json::from_str(raw.get()).map_err(|_| RequestError::shape(path, "an object"))
    }

    /// The event's name: `messages.upsert`, in lower case and with points, as it may also stand in capitals.
    pub(super) fn event_name(&self) -> String {
        small_text(self.event).unwrap_or_default().to_ascii_lowercase().replace(['_', '-'], ".")
    }

    /// The event itself, where the member that elsewhere names it holds it.
    pub(super) const fn event_itself(&self) -> Option<&'a RawValue> {
        self.event
    }

    pub(super) fn kind_name(&self) -> String {
        small_text(self.kind).unwrap_or_default()
    }

    pub(super) fn sender(&self) -> Option<String> {
        small_text(self.sender)
    }

    pub(super) fn device_id(&self) -> Option<String> {
        small_text(self.device_id)
    }

    pub(super) fn timestamp(&self) -> Option<String> {
        small_text(self.timestamp)
    }

    pub(super) fn state(&self) -> Option<String> {
        small_text(self.state)
    }
}

fn small_text(raw: Option<&RawValue>) -> Option<String> {
    let raw = raw?.get();
    (raw.len() <= LONGEST_TEXT).then(|| serde_json::from_str(raw).ok()).flatten()
}

/// An object of a gateway's, cleaned while it is read.
pub(super) fn cleaned(raw: &RawValue) -> Result<Value, RefusalCode> {
    let value = bounded::read(raw.get(), is_left_out)?;
    if value.is_object() { Ok(value) } else { Err(RefusalCode::NotAnObject) }
}

/// One or several: some gateways put a single event where others put an array.
pub(super) fn one_or_many(raw: &RawValue) -> Result<Vec<&RawValue>, RequestError> {
    if !raw.get().starts_with('[') {
        return Ok(vec![raw]);
    }
    let Elements { raw, more } = elements(raw.get().as_bytes(), MAX_EVENTS)?;
    if more { Err(BodyError::TooManyEvents.into()) } else { Ok(raw) }
}
