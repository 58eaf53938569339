//! Which entity of the target is the same, where no mapping says so.

use std::collections::BTreeSet;

use serde_json::Value;

use super::fields::{barcodes, characteristics, text};
use super::meta::id_of;
use super::references::References;
use crate::model::moysklad::{AccountId, EntityId, EntityKind, EntityRef, MatchField, Settings};
use crate::sync::ports::Condition;

/// What to look for in the target. What is found is looked at once more: only what matches exactly counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// Of which kind.
    pub kind: EntityKind,
    /// What must hold.
    pub filter: Vec<Condition>,
    /// What it is known by: two entities that are looked for, and share one of these, are taken for the same.
    pub known_by: BTreeSet<String>,
}

/// What makes an entity of the target the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Likeness {
    Field(MatchField, BTreeSet<String>),
    /// A folder: its name, and where it lies.
    Folder {
        name: String,
        parent: Option<EntityId>,
    },
    /// A variant: of which product, and what it differs by.
    Variant {
        product: EntityId,
        characteristics: BTreeSet<(String, String)>,
    },
}

impl Likeness {
    /// By what this entity is known again; nothing if it has nothing of the kind.
    pub(super) fn of(
        account: AccountId,
        kind: EntityKind,
        entity: &Value,
        settings: &Settings,
        references: &References,
    ) -> Option<Self> {
        let there = |name: &str, kind| {
            let id = entity.get(name).and_then(id_of)?;
            references.get(EntityRef { account, kind, id })
        };
        match kind {
            EntityKind::CustomerOrder | EntityKind::Demand | EntityKind::RetailDemand => None,
            EntityKind::ProductFolder => {
                let name = text(entity, "name")?.to_owned();
                Some(Self::Folder { name, parent: there("productFolder", EntityKind::ProductFolder) })
            }
            EntityKind::Variant => {
                let product = there("product", EntityKind::Product)?;
                Some(Self::Variant { product, characteristics: characteristics(entity) })
            }
            EntityKind::Product | EntityKind::Service | EntityKind::Bundle => {
                let values = values(entity, settings.match_field);
                (!values.is_empty()).then_some(Self::Field(settings.match_field, values))
            }
        }
    }

    pub(super) fn search(&self, kind: EntityKind) -> Search {
        let mut filter = match self {
            Self::Field(field, values) => {
                values.iter().map(|value| Condition::is(field.filter_name(), value)).collect()
            }
            Self::Folder { name, .. } => vec![Condition::is("name", name)],
            Self::Variant { product, .. } => vec![Condition::is("productid", product.to_string())],
        };
        // What is archived is told of only if it is asked for, and is the same all the same.
        filter.extend(["false", "true"].map(|archived| Condition::is("archived", archived)));
        Search { kind, filter, known_by: self.known_by() }
    }

    fn known_by(&self) -> BTreeSet<String> {
        match self {
            Self::Field(_, values) => values.clone(),
            Self::Folder { name, parent } => [format!("{parent:?} {name}")].into(),
            Self::Variant { product, characteristics } => [format!("{product} {characteristics:?}")].into(),
        }
    }

    /// The identifiers of those that are the same.
    pub(super) fn among(&self, candidates: &[Value]) -> Vec<EntityId> {
        let same = |candidate: &&Value| match self {
            Self::Field(field, wanted) => !values(candidate, *field).is_disjoint(wanted),
            Self::Folder { name, parent } => {
                text(candidate, "name") == Some(name) && candidate.get("productFolder").and_then(id_of) == *parent
            }
            Self::Variant { product, characteristics: wanted } => {
                candidate.get("product").and_then(id_of) == Some(*product) && characteristics(candidate) == *wanted
            }
        };
        let id = |candidate: &Value| candidate.get("id")?.as_str()?.parse().ok();
        let found: BTreeSet<EntityId> = candidates.iter().filter(same).filter_map(id).collect();
        found.into_iter().collect()
    }
}

fn values(entity: &Value, field: MatchField) -> BTreeSet<String> {
    match field {
        MatchField::Barcode => barcodes(entity).into_iter().map(|(_, code)| code).collect(),
        field => text(entity, field.filter_name()).map(str::to_owned).into_iter().collect(),
    }
}
