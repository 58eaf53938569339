//! Which part of an entity a change is about. A write touches the groups that changed, and no others.

use std::collections::BTreeSet;

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
    /// The head of an order: its number, moment, state of posting.
    Order,
    /// The positions of an order: replaced whole.
    Positions,
}

impl FieldGroup {
    /// Every group.
    pub const ALL: [Self; 11] = [
        Self::Names,
        Self::Prices,
        Self::Attributes,
        Self::Barcodes,
        Self::Folder,
        Self::Archived,
        Self::Units,
        Self::Characteristics,
        Self::Components,
        Self::Order,
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

    /// The groups of these fields of a webhook's `updatedFields`. A field that nobody knows may mean anything, so it
    /// means everything; no field at all means that it was not said which.
    #[must_use]
    pub fn of_fields<'a>(fields: impl IntoIterator<Item = &'a str>) -> Self {
        let mut groups = BTreeSet::new();
        for field in fields {
            match group_of(field) {
                Some(group) => groups.insert(group),
                None => return Self::all(),
            };
        }
        if groups.is_empty() { Self::all() } else { Self(groups) }
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

    /// The groups, in order.
    pub fn iter(&self) -> impl Iterator<Item = FieldGroup> + '_ {
        self.0.iter().copied()
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
        "productFolder" | "pathName" => FieldGroup::Folder,
        "archived" => FieldGroup::Archived,
        "uom" | "vat" | "vatEnabled" | "useParentVat" | "weight" | "volume" => FieldGroup::Units,
        "characteristics" => FieldGroup::Characteristics,
        "components" => FieldGroup::Components,
        "moment" | "applicable" | "deliveryPlannedMoment" | "vatIncluded" => FieldGroup::Order,
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
    fn an_unknown_field_or_none_means_everything() {
        assert_eq!(Groups::of_fields(["salePrices", "somethingNew"]), Groups::all());
        assert_eq!(Groups::of_fields([]), Groups::all());
    }

    #[test]
    fn joining_loses_no_group() {
        let joined = Groups::from(FieldGroup::Prices).and(&FieldGroup::Names.into());
        assert_eq!(joined.iter().collect::<Vec<_>>(), [FieldGroup::Names, FieldGroup::Prices]);
    }
}
