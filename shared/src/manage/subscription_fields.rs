//! The fields of a subscription's body, the same for a new one and for a change.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::json_fields::JsonFields;
use crate::address::{AllowList, EndpointUrl};
use crate::model::custom_header::{CustomHeader, HeaderName, MAX_HEADERS, MAX_TOTAL_BYTES, check_value};
use crate::model::event_type::EventPattern;
use crate::model::retry_policy::{DEFAULT_BASE_S, MAX_RETRIES, RetryKind};
use crate::model::subscription::{
    BATCH_EVENTS, BATCH_WAIT_S, BatchRule, MAX_DESCRIPTION_CHARS, MAX_PATTERNS, RATE_LIMIT_PER_S, SignatureStyle,
    TIMEOUT_S,
};
use crate::signing::secret::Secret;

/// What stands for a header's value that is not shown. Sent back, it leaves the value as it is.
pub const MASK: &str = "•••";

pub(super) fn url(fields: &mut JsonFields, allowed: &AllowList) -> Option<String> {
    let text = fields.text("url")?;
    match EndpointUrl::parse(&text, allowed) {
        Ok(url) => Some(url.as_str().to_owned()),
        Err(error) => fields.refused("url", "url_not_allowed", error.to_string()),
    }
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

pub(super) fn retry(fields: &mut JsonFields) -> Option<RetryKind> {
    match fields.text("retry")?.as_str() {
        "exponential" => Some(RetryKind::Exponential { base_s: DEFAULT_BASE_S }),
        "standard" => Some(RetryKind::Standard),
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
