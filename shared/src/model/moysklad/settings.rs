//! What is carried between a child and its main account, and how.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::EntityId;
use super::kind::{Direction, EntityKind};

/// Most conditions of one child.
pub const MOST_FILTERS: usize = 50;
/// Most pairs of one table of price types or additional fields.
const MOST_PAIRS: usize = 500;
/// Longest path or value of a condition.
const LONGEST_TEXT: usize = 1_000;

/// By what an entity that has no mapping yet is found in the other account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MoyskladMatchField)]
#[serde(rename_all = "snake_case")]
pub enum MatchField {
    /// `article`.
    Article,
    /// `code`.
    Code,
    /// `externalCode`.
    ExternalCode,
    /// `name`.
    Name,
    /// Any of the barcodes.
    Barcode,
}

impl MatchField {
    /// Its name in MoySklad's filters.
    #[must_use]
    pub const fn filter_name(self) -> &'static str {
        match self {
            Self::Article => "article",
            Self::Code => "code",
            Self::ExternalCode => "externalCode",
            Self::Name => "name",
            Self::Barcode => "barcode",
        }
    }
}

/// Which of the main account's price types or additional fields are carried, and to which of the child's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MoyskladMatching)]
#[serde(rename_all = "snake_case")]
pub enum Matching {
    /// Those that are called alike.
    #[default]
    ByName,
    /// These: from the main account's to the child's.
    #[schema(value_type = BTreeMap<String, EntityId>)]
    Only(BTreeMap<EntityId, EntityId>),
    /// None.
    None,
}

/// A condition on what reaches a child.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MoyskladFilter)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Filter {
    /// It lies in this folder (its path, parts joined by `/`), or in one below.
    InFolder(String),
    /// The main account's additional field has this value.
    Attribute {
        /// Which field.
        id: EntityId,
        /// The value, as MoySklad writes it in JSON; of an entity chosen from a list, its name.
        equals: serde_json::Value,
    },
}

/// What is done in a child when an entity was deleted in the main account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MoyskladOnDelete)]
#[serde(rename_all = "snake_case")]
pub enum OnDelete {
    /// It is deleted there as well.
    #[default]
    Delete,
    /// It is archived there.
    Archive,
    /// Nothing.
    Keep,
}

/// How a child's orders arrive in the main account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MoyskladOrderSettings)]
#[serde(deny_unknown_fields)]
pub struct OrderSettings {
    /// Which kinds.
    #[schema(value_type = Vec<EntityKind>)]
    pub kinds: BTreeSet<EntityKind>,
    /// The main account's own legal entity they are made out to.
    pub organization: EntityId,
    /// The main account's counterparty that stands for the child. The child's own customers stay in the child.
    pub agent: EntityId,
    /// The main account's store; needed for what leaves one.
    #[serde(default)]
    pub store: Option<EntityId>,
    /// Whether those that are not posted yet wait until they are.
    #[serde(default = "yes")]
    pub only_posted: bool,
    /// Whether a change of an order's state is carried, to the state of the same name.
    #[serde(default = "yes")]
    pub states: bool,
}

/// What is carried between a child and its main account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MoyskladSettings)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Which kinds of the catalogue come down.
    #[schema(value_type = Vec<EntityKind>)]
    pub entities: BTreeSet<EntityKind>,
    /// By what an entity without a mapping is found in the child.
    pub match_field: MatchField,
    /// Which prices.
    #[serde(default)]
    pub price_types: Matching,
    /// Which additional fields.
    #[serde(default)]
    pub attributes: Matching,
    /// Whether folders are made in the child. Where not, what comes lies where the child has put it.
    #[serde(default = "yes")]
    pub folders: bool,
    /// What must all hold of an entity for it to come down; everything comes where there is nothing here.
    #[serde(default)]
    pub filters: Vec<Filter>,
    /// What a deletion in the main account does.
    #[serde(default)]
    pub on_delete: OnDelete,
    /// Whether orders go up, and how.
    #[serde(default)]
    pub orders: Option<OrderSettings>,
}

const fn yes() -> bool {
    true
}

/// Settings that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A kind that does not go that way.
    #[error("{0} is not carried that way")]
    Direction(EntityKind),
    /// Goods that leave a store need one.
    #[error("demands need a store in the main account")]
    NoStore,
    /// Too many of something, or too long.
    #[error("more than is taken: {0}")]
    TooMuch(Bound),
}

/// What there is too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Conditions.
    Filters,
    /// Pairs of price types or of additional fields.
    Pairs,
    /// A condition's text.
    Text,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filters => write!(f, "at most {MOST_FILTERS} filters"),
            Self::Pairs => write!(f, "at most {MOST_PAIRS} pairs"),
            Self::Text => write!(f, "at most {LONGEST_TEXT} letters in a filter"),
        }
    }
}

impl Settings {
    /// Looks at what the types do not say.
    ///
    /// # Errors
    /// With the first thing that cannot be meant.
    pub fn check(&self) -> Result<(), SettingsError> {
        let wrong_way = |kinds: &BTreeSet<EntityKind>, way| kinds.iter().copied().find(|kind| kind.direction() != way);
        if let Some(kind) = wrong_way(&self.entities, Direction::Down) {
            return Err(SettingsError::Direction(kind));
        }
        if let Some(orders) = &self.orders {
            if let Some(kind) = wrong_way(&orders.kinds, Direction::Up) {
                return Err(SettingsError::Direction(kind));
            }
            if orders.kinds.contains(&EntityKind::Demand) && orders.store.is_none() {
                return Err(SettingsError::NoStore);
            }
        }
        if self.filters.len() > MOST_FILTERS {
            return Err(SettingsError::TooMuch(Bound::Filters));
        }
        let long = |filter: &Filter| match filter {
            Filter::InFolder(path) => path.len() > LONGEST_TEXT,
            Filter::Attribute { equals, .. } => equals.to_string().len() > LONGEST_TEXT,
        };
        if self.filters.iter().any(long) {
            return Err(SettingsError::TooMuch(Bound::Text));
        }
        let many = |matching: &Matching| matches!(matching, Matching::Only(pairs) if pairs.len() > MOST_PAIRS);
        if many(&self.price_types) || many(&self.attributes) {
            return Err(SettingsError::TooMuch(Bound::Pairs));
        }
        Ok(())
    }

    /// Whether entities of this kind are carried, the way they go.
    #[must_use]
    pub fn carries(&self, kind: EntityKind) -> bool {
        match kind.direction() {
            Direction::Down => self.entities.contains(&kind),
            Direction::Up => self.orders.as_ref().is_some_and(|orders| orders.kinds.contains(&kind)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(change: serde_json::Value) -> Result<Settings, serde_json::Error> {
        let mut base = json!({"entities": ["product", "productfolder"], "match_field": "external_code"});
        base.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        serde_json::from_value(base)
    }

    const ID: &str = "00000000-0000-0000-0000-000000000001";

    #[test]
    fn what_is_not_said_is_the_usual() {
        let usual = settings(json!({})).unwrap();
        assert_eq!(usual.check(), Ok(()));
        assert!(usual.folders && usual.orders.is_none() && usual.filters.is_empty());
        assert_eq!((usual.price_types, usual.on_delete), (Matching::ByName, OnDelete::Delete));
    }

    #[test]
    fn a_kind_that_does_not_go_that_way_is_refused() {
        let up = settings(json!({"entities": ["customerorder"]})).unwrap();
        assert_eq!(up.check(), Err(SettingsError::Direction(EntityKind::CustomerOrder)));
        let down = json!({"orders": {"kinds": ["product"], "organization": ID, "agent": ID}});
        assert_eq!(settings(down).unwrap().check(), Err(SettingsError::Direction(EntityKind::Product)));
    }

    #[test]
    fn a_demand_needs_a_store() {
        let without = json!({"orders": {"kinds": ["demand"], "organization": ID, "agent": ID}});
        assert_eq!(settings(without).unwrap().check(), Err(SettingsError::NoStore));
        let with = json!({"orders": {"kinds": ["demand"], "organization": ID, "agent": ID, "store": ID}});
        assert_eq!(settings(with).unwrap().check(), Ok(()));
    }

    #[test]
    fn misspelt_settings_are_refused_and_large_ones_bounded() {
        assert!(settings(json!({"match_feild": "code"})).is_err());
        assert!(settings(json!({"match_field": "sku"})).is_err());
        let many = vec![json!({"in_folder": "Goods"}); MOST_FILTERS + 1];
        let many = settings(json!({"filters": many})).unwrap();
        assert_eq!(many.check(), Err(SettingsError::TooMuch(Bound::Filters)));
        let long = settings(json!({"filters": [{"in_folder": "x".repeat(2_000)}]})).unwrap();
        assert_eq!(long.check(), Err(SettingsError::TooMuch(Bound::Text)));
    }
}
