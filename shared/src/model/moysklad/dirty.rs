//! The unit of work: an entity that may differ in a target account from what it should be.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::field_group::Groups;
use super::ids::AccountId;
use super::kind::{Direction, EntityRef};
use crate::model::ids::{EventId, TenantId};

/// "Dirty since version n". Every reason to look at the entity again raises the version; a worker that is done with
/// version n leaves the row if it is n+1 by then. There is one for each target and entity, however many events asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dirty {
    /// Whose accounts these are.
    pub tenant: TenantId,
    /// The account to be written.
    pub target: AccountId,
    /// What it is to be like.
    pub origin: EntityRef,
    /// Since when the first reason waits.
    pub since: Timestamp,
    /// Raised by each reason.
    pub version: u64,
    /// What may have changed.
    pub groups: Groups,
    /// The event that gave the newest reason, where one did: what comes of it is told in that event's story.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<EventId>,
    /// When it may be worked on.
    pub not_before: Timestamp,
    /// How often it failed in a row.
    #[serde(default)]
    pub failures: u32,
    /// Why it failed last: a stable word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Dirty {
    /// A first reason.
    #[must_use]
    pub const fn new(tenant: TenantId, target: AccountId, origin: EntityRef, groups: Groups, now: Timestamp) -> Self {
        Self {
            tenant,
            target,
            origin,
            since: now,
            version: 1,
            groups,
            because: None,
            not_before: now,
            failures: 0,
            error: None,
        }
    }

    /// One more reason. It may be worked on at once: what failed may have been mended by the change.
    #[must_use]
    pub fn again(&self, groups: &Groups, now: Timestamp) -> Self {
        Self {
            version: self.version.saturating_add(1),
            groups: self.groups.and(groups),
            not_before: self.not_before.min(now),
            ..self.clone()
        }
    }

    /// Its place in its account's line: orders first, then what others refer to, then the oldest. A store keeps the order
    /// of kinds; within one kind it may have another, by identifier for one: what a row needs of its own kind is made on
    /// its way.
    #[must_use]
    pub fn place(&self) -> impl Ord + use<> {
        let catalogue = self.origin.kind.direction() == Direction::Down;
        (catalogue, self.origin.kind, self.since, self.origin.id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::field_group::FieldGroup;
    use super::super::kind::EntityKind;
    use super::*;

    fn dirty(kind: EntityKind, second: i64) -> Dirty {
        let account = "00000000-0000-0000-0000-00000000000a".parse().unwrap();
        let origin = EntityRef { account, kind, id: "00000000-0000-0000-0000-000000000001".parse().unwrap() };
        let at = Timestamp::from_second(second).unwrap();
        Dirty::new(TenantId::default_tenant(), account, origin, FieldGroup::Prices.into(), at)
    }

    #[test]
    fn orders_come_first_then_what_others_refer_to_then_the_oldest() {
        let mut line = [
            dirty(EntityKind::Variant, 1),
            dirty(EntityKind::Product, 3),
            dirty(EntityKind::Product, 2),
            dirty(EntityKind::ProductFolder, 5),
            dirty(EntityKind::CustomerOrder, 9),
        ];
        line.sort_by_key(Dirty::place);
        let kinds: Vec<_> = line.iter().map(|row| (row.origin.kind, row.since.as_second())).collect();
        assert_eq!(
            kinds,
            [
                (EntityKind::CustomerOrder, 9),
                (EntityKind::ProductFolder, 5),
                (EntityKind::Product, 2),
                (EntityKind::Product, 3),
                (EntityKind::Variant, 1)
            ]
        );
    }

    #[test]
    fn one_more_reason_raises_the_version_and_forgets_no_group() {
        let first =
            Dirty { failures: 2, not_before: Timestamp::from_second(500).unwrap(), ..dirty(EntityKind::Product, 1) };
        let again = first.again(&FieldGroup::Names.into(), Timestamp::from_second(100).unwrap());
        assert_eq!((again.version, again.not_before.as_second(), again.since), (2, 100, first.since));
        assert!(again.groups.contains(FieldGroup::Prices) && again.groups.contains(FieldGroup::Names));
    }
}
