//! The fields of a subscription's body, the same for a new one and for a change.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize as _;
use serde_json::Value;

use super::json_fields::JsonFields;
use crate::address::{AllowList, EndpointUrl};
use crate::model::custom_header::{CustomHeader, HeaderName, MAX_HEADERS, MAX_TOTAL_BYTES, check_value};
use crate::model::event_type::{EventPattern, EventType};
use crate::model::field_error::FieldError;
use crate::model::ids::ConnectionId;
use crate::model::retry_policy::{DEFAULT_BASE_S, MAX_RETRIES, RetryKind, WHATSAPP_BASE_S};
use crate::model::subscription::{
    BATCH_EVENTS, BATCH_WAIT_S, BatchRule, MAX_DESCRIPTION_CHARS, MAX_PATTERNS, RATE_LIMIT_PER_S, SignatureStyle,
    TIMEOUT_S,
};
use crate::model::whatsapp::{Direction, MAX_TYPES, MessageFilter, MessageType};
use crate::signing::secret::Secret;

/// What stands for a header's value that is not shown. Sent back, it leaves the value as it is.
pub const MASK: &str = "•••";

/// Where to send; `path` is what the field is called.
pub(super) fn url(fields: &mut JsonFields, path: &str, allowed: &AllowList) -> Option<String> {
    let text = fields.text(path)?;
    match EndpointUrl::parse(&text, allowed) {
        Ok(url) => Some(url.as_str().to_owned()),
        Err(error) => fields.refused(path, "url_not_allowed", error.to_string()),
    }
}

/// Whether the connection is the tenant's is asked later: no store is at hand here.
pub(super) fn connection(fields: &mut JsonFields) -> Option<ConnectionId> {
    let id = fields.text("connection_id")?;
    match id.parse() {
        Ok(id) => Some(id),
        Err(_) => fields.refused("connection_id", "invalid_value", "this is no connection's id"),
    }
}

/// Which messages; what it does not say is as in a filter that says nothing.
pub(super) fn filter(fields: &mut JsonFields) -> Option<MessageFilter> {
    let Value::Object(mut given) = fields.take("filter")? else {
        let what = "this must be an object with `directions`, `types` and `groups`";
        return fields.refused("filter", "invalid_type", what);
    };
    let mut filter = MessageFilter::default();
    if let Some(directions) = given.remove("directions").filter(|value| !value.is_null()) {
        if directions.as_array().is_some_and(Vec::is_empty) {
            fields.refuse("filter.directions", "out_of_range", "there must be one at least: `in` or `out`");
        }
        let read = |text: &Value| Direction::deserialize(text).ok();
        filter.directions = each(fields, "filter.directions", directions, 2, read, "this must be `in` or `out`");
    }
    if let Some(types) = given.remove("types").filter(|value| !value.is_null()) {
        let read = |text: &Value| text.as_str()?.parse::<MessageType>().ok();
        let what = "this must be a message type: lower-case letters, digits and underscores";
        filter.types = each(fields, "filter.types", types, MAX_TYPES, read, what);
    }
    match given.remove("groups") {
        Some(Value::Bool(groups)) => filter.groups = groups,
        None | Some(Value::Null) => {}
        Some(_) => fields.refuse("filter.groups", "invalid_type", "this must be true or false"),
    }
    for name in given.keys() {
        fields.refuse(format!("filter.{name}"), "unknown_field", "there is no such field here");
    }
    Some(filter)
}

/// A set of words in a list; each that is none is named by its place.
fn each<T: Ord>(
    fields: &mut JsonFields,
    path: &str,
    list: Value,
    most: usize,
    read: impl Fn(&Value) -> Option<T>,
    what: &str,
) -> BTreeSet<T> {
    let mut found = BTreeSet::new();
    let Value::Array(list) = list else {
        fields.refuse(path, "invalid_type", "this must be an array");
        return found;
    };
    if list.len() > most {
        fields.refuse(path, "too_many", format!("at most {most}"));
        return found;
    }
    for (index, one) in list.iter().enumerate() {
        match read(one) {
            Some(one) => drop(found.insert(one)),
            None => fields.refuse(format!("{path}[{index}]"), "invalid_value", what),
        }
    }
    found
}

/// `event` with one, `events` with several; together they are one set, in one order.
pub(super) fn events(fields: &mut JsonFields) -> Option<Vec<EventPattern>> {
    if !fields.has("event") && !fields.has("events") {
        return None;
    }
    let mut texts: Vec<(String, Value)> = Vec::new();
    texts.extend(fields.take("event").map(|one| ("event".to_owned(), one)));
    match fields.take("events") {
        Some(Value::Array(several)) => {
            texts.extend(several.into_iter().enumerate().map(|(index, one)| (format!("events[{index}]"), one)));
        }
        Some(_) => return fields.refused("events", "invalid_type", "this must be an array"),
        None => {}
    }
    if texts.is_empty() || texts.len() > MAX_PATTERNS {
        return fields.refused("events", "out_of_range", format!("there must be 1 to {MAX_PATTERNS} event types"));
    }
    let mut patterns = BTreeSet::new();
    for (path, text) in texts {
        match text.as_str().map(str::parse::<EventPattern>) {
            Some(Ok(pattern)) => drop(patterns.insert(pattern)),
            Some(Err(_)) => fields.refuse(path, "unknown_event_type", "no event type of the catalogue has this name"),
            None => fields.refuse(path, "invalid_type", "this must be a string"),
        }
    }
    Some(patterns.into_iter().collect())
}

pub(super) fn secret(fields: &mut JsonFields) -> Option<Secret> {
    match Secret::parse(&fields.text("secret")?) {
        Ok(secret) => Some(secret),
        Err(error) => fields.refused("secret", "invalid_secret", error.to_string()),
    }
}

pub(super) fn description(fields: &mut JsonFields) -> Option<String> {
    let text = fields.text("description")?;
    if text.chars().count() > MAX_DESCRIPTION_CHARS {
        return fields.refused("description", "too_long", format!("at most {MAX_DESCRIPTION_CHARS} characters"));
    }
    Some(text)
}

/// Of nothing that belongs to a connection, a scope makes nothing.
pub(super) fn scope_error(connection: Option<&ConnectionId>, events: &[EventPattern]) -> Option<FieldError> {
    let of_one = |event: &&EventType| event.is_of_a_connection();
    let heard = |pattern: &EventPattern| EventType::ALL.iter().filter(of_one).any(|event| pattern.matches(*event));
    (connection.is_some() && !events.iter().any(heard)).then(|| {
        let what = "nothing would ever be sent: of a connection are `whatsapp.message` and `whatsapp.status`";
        FieldError::new("events", "contradictory", what)
    })
}

/// A header with its value in the clear, or `None` where the mask stood for it.
pub(super) fn headers(fields: &mut JsonFields) -> Option<Vec<CustomHeader<Option<String>>>> {
    let Value::Object(given) = fields.take("headers")? else {
        return fields.refused("headers", "invalid_type", "this must be an object of strings");
    };
    if given.len() > MAX_HEADERS {
        return fields.refused("headers", "too_many", format!("at most {MAX_HEADERS} headers"));
    }
    let mut headers = BTreeMap::new();
    let mut n_bytes = 0;
    for (name, value) in given {
        let path = format!("headers.{name}");
        let name = match HeaderName::parse(&name) {
            Ok(name) => name,
            Err(error) => {
                fields.refuse(path, "header_not_allowed", error.to_string());
                continue;
            }
        };
        let Value::String(value) = value else {
            fields.refuse(path, "invalid_type", "this must be a string");
            continue;
        };
        let value = (value != MASK).then_some(value);
        if let Some(Err(error)) = value.as_deref().map(check_value) {
            fields.refuse(path, "header_not_allowed", error.to_string());
            continue;
        }
        n_bytes += name.as_str().len() + value.as_ref().map_or(0, String::len);
        if headers.insert(name, value).is_some() {
            fields.refuse(path, "duplicate", "this header is there twice: case does not tell names apart");
        }
    }
    if n_bytes > MAX_TOTAL_BYTES {
        return fields.refused("headers", "too_long", format!("at most {MAX_TOTAL_BYTES} bytes of names and values"));
    }
    Some(headers.into_iter().map(|(name, value)| CustomHeader { name, value }).collect())
}

pub(super) fn max_retries(fields: &mut JsonFields) -> Option<u32> {
    fields.number("max_retries", &(0..=MAX_RETRIES))
}

/// A rhythm as it is asked for: by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rhythm {
    Exponential,
    Standard,
}

impl Rhythm {
    /// The rhythm of a subscription in this scope: WhatsApp's receivers are given more time.
    pub(super) fn kind(self, connection: Option<&ConnectionId>) -> RetryKind {
        match self {
            Self::Exponential => {
                RetryKind::Exponential { base_s: connection.map_or(DEFAULT_BASE_S, |_| WHATSAPP_BASE_S) }
            }
            Self::Standard => RetryKind::Standard,
        }
    }

    pub(super) const fn is(self, kind: RetryKind) -> bool {
        matches!(
            (self, kind),
            (Self::Exponential, RetryKind::Exponential { .. }) | (Self::Standard, RetryKind::Standard)
        )
    }
}

pub(super) fn retry(fields: &mut JsonFields) -> Option<Rhythm> {
    match fields.text("retry")?.as_str() {
        "exponential" => Some(Rhythm::Exponential),
        "standard" => Some(Rhythm::Standard),
        _ => fields.refused("retry", "invalid_value", "this must be `exponential` or `standard`"),
    }
}

pub(super) fn signature(fields: &mut JsonFields) -> Option<SignatureStyle> {
    match fields.text("signature")?.as_str() {
        "standard" => Some(SignatureStyle::Standard),
        "sha256_hex" => Some(SignatureStyle::Sha256Hex),
        _ => fields.refused("signature", "invalid_value", "this must be `standard` or `sha256_hex`"),
    }
}

pub(super) fn rate_limit(fields: &mut JsonFields) -> Option<u32> {
    fields.number("rate_limit_per_s", &RATE_LIMIT_PER_S)
}

pub(super) fn timeout(fields: &mut JsonFields) -> Option<u32> {
    fields.number("timeout_s", &TIMEOUT_S)
}

pub(super) fn batch(fields: &mut JsonFields) -> Option<BatchRule> {
    let Value::Object(mut given) = fields.take("batch")? else {
        return fields.refused("batch", "invalid_type", "this must be an object with `max_events` and `max_wait_s`");
    };
    let max_events = fields.bounded("batch.max_events", &given.remove("max_events").unwrap_or_default(), &BATCH_EVENTS);
    let max_wait_s = fields.bounded("batch.max_wait_s", &given.remove("max_wait_s").unwrap_or_default(), &BATCH_WAIT_S);
    for name in given.keys() {
        fields.refuse(format!("batch.{name}"), "unknown_field", "there is no such field here");
    }
    Some(BatchRule { max_events: max_events?, max_wait_s: max_wait_s? })
}
