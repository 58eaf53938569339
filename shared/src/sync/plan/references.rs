//! What an entity refers to, and what that is in the other account.

use std::collections::BTreeMap;

use serde_json::Value;

use super::meta::entity_of;
use crate::model::moysklad::{AccountId, EntityId, EntityKind, EntityRef, FieldGroup, Groups, Settings};

/// What entities of the origin's account are in the target, as far as it was looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References(BTreeMap<EntityRef, Option<EntityId>>);

impl References {
    /// Notes what an entity is in the target, or that it is nothing there.
    pub fn note(&mut self, entity: EntityRef, there: Option<EntityId>) {
        self.0.insert(entity, there);
    }

    pub(super) fn is_known(&self, entity: EntityRef) -> bool {
        self.0.contains_key(&entity)
    }

    pub(super) fn get(&self, entity: EntityRef) -> Option<EntityId> {
        self.0.get(&entity).copied().flatten()
    }
}

/// The parts of a list that was asked for with its rows.
pub(super) fn rows<'a>(entity: &'a Value, list: &str) -> &'a [Value] {
    let list = entity.get(list);
    let rows = list.and_then(|list| list.get("rows")).or(list);
    rows.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The entities that must be known in the target before this one can be written there.
pub(super) fn needed(
    account: AccountId,
    kind: EntityKind,
    entity: &Value,
    groups: &Groups,
    settings: &Settings,
) -> Vec<EntityRef> {
    let of = |name: &str| entity.get(name).and_then(|reference| entity_of(account, reference));
    let mut needed = Vec::new();
    match kind {
        EntityKind::Product | EntityKind::Service | EntityKind::Bundle | EntityKind::ProductFolder => {
            // A folder is known by where it lies.
            let lies = groups.contains(FieldGroup::Folder) || kind == EntityKind::ProductFolder;
            if settings.folders && lies {
                needed.extend(of("productFolder"));
            }
        }
        EntityKind::Variant => needed.extend(of("product")),
        EntityKind::CustomerOrder | EntityKind::Demand | EntityKind::RetailDemand => {}
    }
    for (list, group) in [("components", FieldGroup::Components), ("positions", FieldGroup::Positions)] {
        if groups.contains(group) {
            let assortments = rows(entity, list).iter().filter_map(|row| row.get("assortment"));
            needed.extend(assortments.filter_map(|assortment| entity_of(account, assortment)));
        }
    }
    needed.sort_unstable();
    needed.dedup();
    needed
}
