//! Which entity of one account stands for which of another.

use serde::{Deserialize, Serialize};

use super::field_group::Essence;
use super::ids::{AccountId, EntityId};
use super::kind::EntityRef;
use crate::model::ids::TenantId;

/// What stands in `target` for an entity of another account: of its main account, or for an order of a child.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// Whose accounts these are.
    pub tenant: TenantId,
    /// What is carried.
    pub origin: EntityRef,
    /// Where to.
    pub target: AccountId,
    /// What stands for it there; nothing once that was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counterpart: Option<EntityId>,
    /// How often what stood for it was lost. It is part of the `syncId` of the next: a deleted entity keeps its own in
    /// the recycle bin, and a create that repeats it would be answered with what was deleted. It only grows.
    pub generation: u32,
    /// What the entity said of when it was changed last, when it was last found or made equal. A poll that sees no other
    /// time than this has nothing to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried: Option<String>,
    /// What it said then, group by group. What differs now has changed since, whether that was told or not: a notice names
    /// the fields of its own change only, and the one before it may have been lost. Nothing where it was never all carried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub essence: Option<Essence>,
    /// Raised by every change: two changes of one state cannot both go through.
    pub rev: u32,
}

impl Mapping {
    /// A mapping to nothing yet.
    #[must_use]
    pub const fn new(tenant: TenantId, origin: EntityRef, target: AccountId) -> Self {
        Self { tenant, origin, target, counterpart: None, generation: 0, carried: None, essence: None, rev: 0 }
    }

    /// As it is once `counterpart` stands for the entity.
    #[must_use]
    pub fn to(&self, counterpart: EntityId) -> Self {
        let rev = self.rev.saturating_add(1);
        Self { counterpart: Some(counterpart), carried: None, essence: None, rev, ..self.clone() }
    }

    /// As it is once what stands for the entity is like it, as it was when it said that it was `updated` last.
    #[must_use]
    pub fn carried_at(&self, updated: Option<&str>, essence: Essence) -> Self {
        let (carried, rev) = (updated.map(str::to_owned), self.rev.saturating_add(1));
        Self { carried, essence: Some(essence), rev, ..self.clone() }
    }

    /// As it is once what stood for the entity is lost: whatever comes next is of the next generation.
    #[must_use]
    pub fn lost(&self) -> Self {
        Self {
            counterpart: None,
            carried: None,
            essence: None,
            generation: self.generation.saturating_add(1),
            rev: self.rev.saturating_add(1),
            ..self.clone()
        }
    }
}
