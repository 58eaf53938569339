//! How entities refer to each other: by an address, of which kind and identifier count.

use serde_json::{Value, json};

use crate::model::moysklad::{AccountId, EntityId, EntityKind, EntityRef};

/// The identifier that a reference ends in.
#[must_use]
pub fn id_of(reference: &Value) -> Option<EntityId> {
    let href = reference.pointer("/meta/href")?.as_str()?;
    href.split(['?', '#']).next()?.rsplit('/').next()?.parse().ok()
}

/// The entity that a reference of this account leads to, if it is of a kind that is carried.
#[must_use]
pub fn entity_of(account: AccountId, reference: &Value) -> Option<EntityRef> {
    let href = reference.pointer("/meta/href")?.as_str()?;
    let mut segments = href.split(['?', '#']).next()?.rsplit('/');
    let (id, kind) = (segments.next()?.parse().ok()?, segments.next()?.to_ascii_lowercase().parse().ok()?);
    Some(EntityRef { account, kind, id })
}

/// A reference to something below the base address of an account's API.
fn to(base: &str, path: &str, id: EntityId, of_type: &str) -> Value {
    let href = format!("{}/{path}/{id}", base.trim_end_matches('/'));
    json!({"meta": {"href": href, "type": of_type, "mediaType": "application/json"}})
}

/// A reference to an entity of an account whose API has this base address.
#[must_use]
pub fn to_entity(base: &str, kind: EntityKind, id: EntityId) -> Value {
    to_named(base, kind.name(), id)
}

/// A reference to an entity of a kind that is not carried: `currency`, `uom`, `organization`.
pub(super) fn to_named(base: &str, kind: &str, id: EntityId) -> Value {
    to(base, &format!("entity/{kind}"), id, kind)
}

pub(super) fn to_price_type(base: &str, id: EntityId) -> Value {
    to(base, "context/companysettings/pricetype", id, "pricetype")
}

pub(super) fn to_state(base: &str, kind: EntityKind, id: EntityId) -> Value {
    to(base, &format!("entity/{kind}/metadata/states"), id, "state")
}

/// A service's and a bundle's additional fields are the product's.
pub(super) fn to_attribute(base: &str, kind: EntityKind, id: EntityId) -> Value {
    let owner = match kind {
        EntityKind::Service | EntityKind::Bundle => EntityKind::Product,
        other => other,
    };
    to(base, &format!("entity/{owner}/metadata/attributes"), id, "attributemetadata")
}
