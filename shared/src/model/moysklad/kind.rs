//! What is carried between accounts, and which way.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::{AccountId, EntityId};

/// There is no such kind, or none that is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of entity that is carried between accounts")]
pub struct UnknownKind;

/// A kind of entity that is carried between accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = MoyskladEntity)]
#[serde(rename_all = "lowercase")]
pub enum EntityKind {
    /// A folder of products.
    ProductFolder,
    /// A product.
    Product,
    /// A service.
    Service,
    /// A variant of a product.
    Variant,
    /// A set of products.
    Bundle,
    /// A customer's order.
    CustomerOrder,
    /// Goods that left for a customer.
    Demand,
    /// A sale over the counter.
    RetailDemand,
}

/// Which way a kind is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the main account to its children: the catalogue.
    Down,
    /// From a child to its main account: orders.
    Up,
}

impl EntityKind {
    /// Every kind, what others refer to before what refers to it.
    pub const ALL: [Self; 8] = [
        Self::ProductFolder,
        Self::Product,
        Self::Service,
        Self::Variant,
        Self::Bundle,
        Self::CustomerOrder,
        Self::Demand,
        Self::RetailDemand,
    ];

    /// Its name in MoySklad's paths, in webhooks and on rows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProductFolder => "productfolder",
            Self::Product => "product",
            Self::Service => "service",
            Self::Variant => "variant",
            Self::Bundle => "bundle",
            Self::CustomerOrder => "customerorder",
            Self::Demand => "demand",
            Self::RetailDemand => "retaildemand",
        }
    }

    /// Which way it is carried.
    #[must_use]
    pub const fn direction(self) -> Direction {
        match self {
            Self::ProductFolder | Self::Product | Self::Service | Self::Variant | Self::Bundle => Direction::Down,
            Self::CustomerOrder | Self::Demand | Self::RetailDemand => Direction::Up,
        }
    }

    /// What it becomes in the other account. A sale over the counter belongs to a shift of its own account's shop, which
    /// the main account has not: it arrives as an order.
    #[must_use]
    pub const fn arrives_as(self) -> Self {
        match self {
            Self::RetailDemand => Self::CustomerOrder,
            other => other,
        }
    }

    /// Whether an entity of this kind can be created with a `syncId`. Where not, it is looked for before it is created.
    #[must_use]
    pub const fn has_sync_id(self) -> bool {
        match self {
            Self::Product | Self::Service | Self::Bundle | Self::CustomerOrder | Self::Demand | Self::RetailDemand => {
                true
            }
            Self::ProductFolder | Self::Variant => false,
        }
    }

    /// Whether it has additional fields.
    #[must_use]
    pub const fn has_attributes(self) -> bool {
        !matches!(self, Self::ProductFolder | Self::Variant)
    }
}

impl fmt::Display for EntityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EntityKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or(UnknownKind)
    }
}

/// What a webhook says was done to an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = MoyskladAction)]
#[serde(rename_all = "UPPERCASE")]
pub enum Action {
    /// It was made.
    Create,
    /// It was changed.
    Update,
    /// It was deleted.
    Delete,
}

impl Action {
    /// Every action there are webhooks for.
    pub const ALL: [Self; 3] = [Self::Create, Self::Update, Self::Delete];

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

impl FromStr for Action {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|action| action.name() == text).ok_or(UnknownKind)
    }
}

/// One entity of one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntityRef {
    /// Whose.
    pub account: AccountId,
    /// Of which kind.
    pub kind: EntityKind,
    /// Which.
    pub id: EntityId,
}

impl fmt::Display for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.account, self.kind, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_action_is_read_back_from_its_name() {
        for kind in EntityKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        for action in Action::ALL {
            assert_eq!(action.name().parse(), Ok(action));
            assert_eq!(serde_json::to_value(action).unwrap(), action.name());
        }
        assert_eq!("PROCESSED".parse::<Action>(), Err(UnknownKind));
    }

    #[test]
    fn what_a_kind_becomes_goes_the_same_way() {
        for kind in EntityKind::ALL {
            assert_eq!(kind.arrives_as().direction(), kind.direction());
            assert_eq!(kind.arrives_as().arrives_as(), kind.arrives_as());
        }
    }
}
