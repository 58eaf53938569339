//! The attribute names that update expressions are made of, and the way between rows and items.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::work::StoreError;

/// An item as the SDK knows it.
pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) const PK: &str = "pk";
pub(super) const SK: &str = "sk";
pub(super) const STATUS: &str = "status";
pub(super) const QUEUE: &str = "queue";
pub(super) const TENANT: &str = "tenant";
pub(super) const TURN: &str = "turn";
pub(super) const ATTEMPTS: &str = "attempts";
pub(super) const DEATHS: &str = "deaths";
pub(super) const NOT_BEFORE: &str = "not_before";
/// When work was last parked behind a hold.
pub(super) const NOTED_AT: &str = "noted_at";
pub(super) const LEASE_UNTIL: &str = "lease_until";
pub(super) const DUE_AT: &str = "due_at";
pub(super) const DUE_SHARD: &str = "due_shard";
pub(super) const EXPIRES_AT: &str = "expires_at";
pub(super) const ERASED: &str = "erased";
pub(super) const LIST_PK: &str = "list_pk";
pub(super) const LIST_SK: &str = "list_sk";
pub(super) const FAILED_PK: &str = "failed_pk";
pub(super) const FAILED_SK: &str = "failed_sk";

pub(super) const KIND_PK: &str = "kind_pk";
pub(super) const KIND_SK: &str = "kind_sk";
pub(super) const REV: &str = "rev";

/// The index of what is due.
pub(super) const DUE_INDEX: &str = "due";
/// The index of a tenant's rows by day.
pub(super) const LIST_INDEX: &str = "list";
/// The index of a tenant's rows that failed.
pub(super) const FAILED_INDEX: &str = "failed";

/// The index that lists all entries of a kind.
pub(super) const KIND_INDEX: &str = "kind";

pub(super) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(super) fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(super) fn millis(at: Timestamp) -> AttributeValue {
    n(at.as_millisecond())
}

pub(super) fn seconds(at: Timestamp) -> AttributeValue {
    n(at.as_second())
}

pub(super) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
}

pub(super) fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name).and_then(|value| value.as_n().ok()).and_then(|n| n.parse().ok())
}

pub(super) fn time(item: &Item, name: &str) -> Option<Timestamp> {
    number(item, name).and_then(|ms| Timestamp::from_millisecond(ms).ok())
}

pub(super) fn to_item(row: &impl Serialize) -> Result<Item, StoreError> {
    serde_dynamo::to_item(row).map_err(|e| StoreError::Refused(e.to_string()))
}

pub(super) fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(|e| StoreError::Corrupt(e.to_string()))
}

/// About how many bytes an item has as the store counts them; never fewer.
pub(super) fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + size_of(value)).sum()
}

fn size_of(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        AttributeValue::B(blob) => blob.as_ref().len(),
        AttributeValue::L(values) => 3 + values.iter().map(|value| 1 + size_of(value)).sum::<usize>(),
        AttributeValue::M(fields) => 4 + fields.len() + size(fields),
        AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => 3 + texts.iter().map(String::len).sum::<usize>(),
        _ => 1,
    }
}

/// Whether the store may have forgotten the item already: TTL deletes late, and what has expired is gone for us at once.
pub(super) fn expired(item: &Item, now: Timestamp) -> bool {
    number(item, EXPIRES_AT).is_some_and(|at| at <= now.as_second())
}
