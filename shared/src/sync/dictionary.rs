//! Price types, currencies, units and additional fields: each account has its own, and what is called alike in two of
//! them is the same.

use std::collections::BTreeMap;

use crate::model::moysklad::{EntityId, EntityKind, Matching, Settings};

/// Something that an account has given a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its identifier there.
    pub id: EntityId,
    /// What it is called: a name, a currency's code.
    pub name: String,
}

/// An additional field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its identifier.
    pub id: EntityId,
    /// What it is called.
    pub name: String,
    /// What its values are: `string`, `long`, `boolean`, `customentity`, …
    pub value_type: String,
}

impl Attribute {
    /// Whether its values mean the same in every account. Others are files, or refer to what an account has of its own.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        matches!(self.value_type.as_str(), "string" | "text" | "link" | "long" | "double" | "boolean" | "time")
    }
}

/// What an account has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dictionary {
    /// Price types, by name.
    pub price_types: Vec<Named>,
    /// Currencies, by ISO code.
    pub currencies: Vec<Named>,
    /// Units of measure, by name.
    pub units: Vec<Named>,
    /// Characteristics of variants, by name.
    pub characteristics: Vec<Named>,
    /// States of each kind of order, by name.
    pub states: BTreeMap<EntityKind, Vec<Named>>,
    /// Additional fields of each kind.
    pub attributes: BTreeMap<EntityKind, Vec<Attribute>>,
}

/// From one account's words to another's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Translation {
    price_types: BTreeMap<EntityId, EntityId>,
    currencies: BTreeMap<EntityId, EntityId>,
    units: BTreeMap<EntityId, EntityId>,
    states: BTreeMap<EntityKind, BTreeMap<EntityId, EntityId>>,
    attributes: BTreeMap<EntityKind, BTreeMap<EntityId, EntityId>>,
}

impl Translation {
    /// What of `from` is what of `to`, as far as the settings let it be carried.
    #[must_use]
    pub fn new(from: &Dictionary, to: &Dictionary, settings: &Settings) -> Self {
        let attributes = from.attributes.iter().map(|(kind, attributes)| {
            let theirs = to.attributes.get(kind).map(Vec::as_slice).unwrap_or_default();
            (*kind, of_attributes(attributes, theirs, &settings.attributes))
        });
        let states = from.states.iter().map(|(kind, states)| {
            let theirs = to.states.get(&kind.arrives_as()).map(Vec::as_slice).unwrap_or_default();
            (*kind, by_name(states, theirs))
        });
        Self {
            price_types: match &settings.price_types {
                Matching::ByName => by_name(&from.price_types, &to.price_types),
                Matching::Only(pairs) => pairs.clone(),
                Matching::None => BTreeMap::new(),
            },
            currencies: by_name(&from.currencies, &to.currencies),
            units: by_name(&from.units, &to.units),
            states: states.collect(),
            attributes: attributes.collect(),
        }
    }

    /// The other account's price type.
    #[must_use]
    pub fn price_type(&self, id: EntityId) -> Option<EntityId> {
        self.price_types.get(&id).copied()
    }

    /// The other account's currency.
    #[must_use]
    pub fn currency(&self, id: EntityId) -> Option<EntityId> {
        self.currencies.get(&id).copied()
    }

    /// The other account's unit of measure.
    #[must_use]
    pub fn unit(&self, id: EntityId) -> Option<EntityId> {
        self.units.get(&id).copied()
    }

    /// The other account's state for an order of this kind.
    #[must_use]
    pub fn state(&self, kind: EntityKind, id: EntityId) -> Option<EntityId> {
        self.states.get(&kind)?.get(&id).copied()
    }

    /// The other account's additional field.
    #[must_use]
    pub fn attribute(&self, kind: EntityKind, id: EntityId) -> Option<EntityId> {
        self.attributes.get(&kind)?.get(&id).copied()
    }

    /// The additional fields of a kind that are carried: ours and theirs.
    pub fn attributes(&self, kind: EntityKind) -> impl Iterator<Item = (EntityId, EntityId)> + '_ {
        self.attributes.get(&kind).into_iter().flatten().map(|(from, to)| (*from, *to))
    }
}

/// Two of one name in one account cannot be told apart by it, and are not carried.
fn by_name(from: &[Named], to: &[Named]) -> BTreeMap<EntityId, EntityId> {
    let only = |named: &[Named], name: &str| {
        let mut of_name = named.iter().filter(|one| one.name == name);
        of_name.next().filter(|_| of_name.next().is_none()).map(|one| one.id)
    };
    from.iter().filter_map(|ours| Some((only(from, &ours.name)?, only(to, &ours.name)?))).collect()
}

fn of_attributes(from: &[Attribute], to: &[Attribute], matching: &Matching) -> BTreeMap<EntityId, EntityId> {
    let of = |attributes: &[Attribute], id| attributes.iter().find(|one| one.id == id).cloned();
    let pairs = match matching {
        Matching::None => return BTreeMap::new(),
        Matching::Only(pairs) => pairs.clone(),
        Matching::ByName => {
            let named = |attributes: &[Attribute]| -> Vec<Named> {
                attributes.iter().map(|one| Named { id: one.id, name: one.name.clone() }).collect()
            };
            by_name(&named(from), &named(to))
        }
    };
    let same = |(ours, theirs): &(EntityId, EntityId)| matches!((of(from, *ours), of(to, *theirs)), (Some(a), Some(b)) if a.is_plain() && a.value_type == b.value_type);
    pairs.into_iter().filter(same).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(n: u32) -> EntityId {
        format!("00000000-0000-0000-0000-{n:012}").parse().unwrap()
    }

    fn named(n: u32, name: &str) -> Named {
        Named { id: id(n), name: name.to_owned() }
    }

    fn attribute(n: u32, name: &str, value_type: &str) -> Attribute {
        Attribute { id: id(n), name: name.to_owned(), value_type: value_type.to_owned() }
    }

    fn settings(price_types: serde_json::Value) -> Settings {
        serde_json::from_value(json!({"entities": [], "match_field": "code", "price_types": price_types})).unwrap()
    }

    fn main() -> Dictionary {
        Dictionary {
            price_types: vec![named(1, "Retail"), named(2, "Whole"), named(3, "Twice"), named(4, "Twice")],
            currencies: vec![named(5, "RUB")],
            attributes: [(
                EntityKind::Product,
                vec![
                    attribute(6, "Colour", "string"),
                    attribute(7, "Maker", "customentity"),
                    attribute(8, "Size", "long"),
                ],
            )]
            .into(),
            ..Dictionary::default()
        }
    }

    fn child() -> Dictionary {
        Dictionary {
            price_types: vec![named(11, "Retail"), named(13, "Twice")],
            currencies: vec![named(15, "RUB")],
            attributes: [(
                EntityKind::Product,
                vec![
                    attribute(16, "Colour", "string"),
                    attribute(17, "Maker", "customentity"),
                    attribute(18, "Size", "text"),
                ],
            )]
            .into(),
            ..Dictionary::default()
        }
    }

    #[test]
    fn what_is_called_alike_once_in_both_is_the_same() {
        let translation = Translation::new(&main(), &child(), &settings(json!("by_name")));
        let found: Vec<_> = (1..=4).map(|n| translation.price_type(id(n))).collect();
        assert_eq!(found, [Some(id(11)), None, None, None]);
        assert_eq!(translation.currency(id(5)), Some(id(15)));
    }

    #[test]
    fn a_field_of_another_type_or_with_values_of_its_own_account_is_not_carried() {
        let translation = Translation::new(&main(), &child(), &settings(json!("by_name")));
        assert_eq!(translation.attributes(EntityKind::Product).collect::<Vec<_>>(), [(id(6), id(16))]);
    }

    #[test]
    fn settings_may_name_the_pairs_or_none() {
        let pairs = Translation::new(&main(), &child(), &settings(json!({"only": {id(2).to_string(): id(11)}})));
        assert_eq!((pairs.price_type(id(1)), pairs.price_type(id(2))), (None, Some(id(11))));
        let none = Translation::new(&main(), &child(), &settings(json!("none")));
        assert_eq!(none.price_type(id(1)), None);
    }
}
