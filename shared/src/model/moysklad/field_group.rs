//! Which part of an entity a change is about. A write touches the groups that changed, and no others.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Fields that are carried together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldGroup {
    /// Names, codes and description.
    Names,
    /// Sale prices, purchase price, minimum price.
    Prices,
    /// Additional fields.
    Attributes,
    /// Barcodes: replaced whole.
    Barcodes,
    /// Packages: replaced whole.
    Packs,
    /// The folder it lies in.
    Folder,
    /// Whether it is archived.
    Archived,
    /// Units, VAT, weight, volume.
    Units,
    /// What a variant differs by.
    Characteristics,
    /// What a bundle is made of.
    Components,
    /// The head of an order: its moment, whether it is posted.
    Order,
    /// The state an order is in. The main account moves its orders on by itself, so only a change in the child is carried.
    State,
    /// The positions of an order: replaced whole.
    Positions,
}

impl FieldGroup {
    /// Every group.
    pub const ALL: [Self; 13] = [
        Self::Names,
        Self::Prices,
        Self::Attributes,
        Self::Barcodes,
        Self::Packs,
        Self::Folder,
        Self::Archived,
        Self::Units,
        Self::Characteristics,
        Self::Components,
        Self::Order,
        Self::State,
        Self::Positions,
    ];
}

/// A set of groups.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Groups(BTreeSet<FieldGroup>);

impl Groups {
    /// Every group.
    #[must_use]
    pub fn all() -> Self {
        Self(FieldGroup::ALL.into())
    }

    /// The groups of these fields of a webhook's `updatedFields`. One that nobody knows adds none: additional fields and
    /// prices go by names that people gave them, and what else has changed is seen when the entity is compared with what
    /// it was when it was carried last. No field at all means that it was not said which.
    #[must_use]
    pub fn of_fields<'a>(fields: impl IntoIterator<Item = &'a str>) -> Self {
        let mut fields = fields.into_iter().peekable();
        if fields.peek().is_none() {
            return Self::all();
        }
        fields.filter_map(group_of).collect()
    }

    /// Whether a group is among them.
    #[must_use]
    pub fn contains(&self, group: FieldGroup) -> bool {
        self.0.contains(&group)
    }

    /// These and those.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        Self(self.0.union(&others.0).copied().collect())
    }

    /// These without that one.
    #[must_use]
    pub fn without(&self, group: FieldGroup) -> Self {
        Self(self.0.iter().copied().filter(|other| *other != group).collect())
    }

    /// The groups, in order.
    pub fn iter(&self) -> impl Iterator<Item = FieldGroup> + '_ {
        self.0.iter().copied()
    }
}

/// What an entity says, by groups of its fields: a digest of each, none of one that says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Essence(BTreeMap<FieldGroup, String>);

impl Essence {
    /// The groups that are not as they were.
    #[must_use]
    pub fn changed_since(&self, before: &Self) -> Groups {
        FieldGroup::ALL.into_iter().filter(|group| self.0.get(group) != before.0.get(group)).collect()
    }
}

impl FromIterator<(FieldGroup, String)> for Essence {
    fn from_iter<I: IntoIterator<Item = (FieldGroup, String)>>(digests: I) -> Self {
        Self(digests.into_iter().collect())
    }
}

impl From<FieldGroup> for Groups {
    fn from(group: FieldGroup) -> Self {
        Self([group].into())
    }
}

impl FromIterator<FieldGroup> for Groups {
    fn from_iter<I: IntoIterator<Item = FieldGroup>>(groups: I) -> Self {
        Self(groups.into_iter().collect())
    }
}

fn group_of(field: &str) -> Option<FieldGroup> {
    Some(match field {
        "name" | "code" | "externalCode" | "article" | "description" => FieldGroup::Names,
        "salePrices" | "buyPrice" | "minPrice" => FieldGroup::Prices,
        "attributes" => FieldGroup::Attributes,
        "barcodes" => FieldGroup::Barcodes,
        "packs" => FieldGroup::Packs,
        "productFolder" | "pathName" => FieldGroup::Folder,
        "archived" => FieldGroup::Archived,
        "uom" | "vat" | "vatEnabled" | "useParentVat" | "weight" | "volume" => FieldGroup::Units,
        "characteristics" => FieldGroup::Characteristics,
        "components" => FieldGroup::Components,
        "moment" | "applicable" | "deliveryPlannedMoment" | "vatIncluded" => FieldGroup::Order,
        "state" => FieldGroup::State,
        "positions" => FieldGroup::Positions,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_name_their_groups_and_no_others() {
        assert_eq!(Groups::of_fields(["salePrices", "minPrice"]), FieldGroup::Prices.into());
        let two = Groups::of_fields(["description", "barcodes"]);
        assert_eq!(two, [FieldGroup::Names, FieldGroup::Barcodes].into_iter().collect());
        assert!(!two.contains(FieldGroup::Prices));
    }

    #[test]
    fn an_unknown_field_adds_no_group_and_none_at_all_means_everything() {
        assert_eq!(Groups::of_fields(["salePrices", "Colour"]), FieldGroup::Prices.into());
        assert_eq!(Groups::of_fields(["Colour"]).iter().count(), 0);
        assert_eq!(Groups::of_fields([]), Groups::all());
    }

    #[test]
    fn what_differs_is_of_the_groups_whose_digests_do() {
        let of = |digests: &[(FieldGroup, &str)]| -> Essence {
            digests.iter().map(|(group, digest)| (*group, (*digest).to_owned())).collect()
        };
        let before = of(&[(FieldGroup::Names, "a"), (FieldGroup::Prices, "b"), (FieldGroup::Barcodes, "c")]);
        let now = of(&[(FieldGroup::Names, "a"), (FieldGroup::Prices, "x"), (FieldGroup::Packs, "d")]);
        let changed: Vec<FieldGroup> = now.changed_since(&before).iter().collect();
        assert_eq!(changed, [FieldGroup::Prices, FieldGroup::Barcodes, FieldGroup::Packs]);
        assert_eq!(now.changed_since(&now).iter().count(), 0);
    }

    #[test]
    fn joining_loses_no_group() {
        let joined = Groups::from(FieldGroup::Prices).and(&FieldGroup::Names.into());
        assert_eq!(joined.iter().collect::<Vec<_>>(), [FieldGroup::Names, FieldGroup::Prices]);
    }
}
