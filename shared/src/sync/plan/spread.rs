//! From what was told to which entities may differ where.

use crate::model::ids::EventId;
use crate::model::moysklad::{Account, AccountId, Action, Direction, EntityRef, Groups, Mapping};
use crate::providers::moysklad::payload::Notice;

/// An entity that may differ in a target from what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Where.
    pub target: AccountId,
    /// From what.
    pub origin: EntityRef,
    /// In what.
    pub groups: Groups,
    /// The event that says so, where one does.
    pub because: Option<EventId>,
}

/// The marks that a notice calls for. `accounts` are one tenant's, and `stands_for` is the mapping whose counterpart the
/// entity is, if there is one.
///
/// What was told of is not believed beyond that something happened: whether it was made, changed or deleted is seen when
/// it is fetched, so notices may come in any order, twice, or late.
#[must_use]
pub fn spread(notice: &Notice, accounts: &[Account], stands_for: Option<&Mapping>) -> Vec<Mark> {
    let of = |id| accounts.iter().find(|account| account.id == id && account.enabled);
    let (Some(kind), Some(account)) = (notice.kind(), of(notice.account_id)) else {
        return Vec::new();
    };
    let origin = EntityRef { account: notice.account_id, kind, id: notice.entity_id };
    match (kind.direction(), account.as_child()) {
        // The catalogue of a main account reaches its children.
        (Direction::Down, None) => accounts
            .iter()
            .filter(|child| child.enabled && child.tenant == account.tenant)
            .filter(|child| {
                child.as_child().is_some_and(|(main, settings)| main == notice.account_id && settings.carries(kind))
            })
            .map(|child| Mark { target: child.id, origin, groups: notice.groups(), because: None })
            .collect(),
        // What came down and was deleted in the child comes back; what was changed there is the child's own affair until
        // it changes in the main account.
        (Direction::Down, Some((main, _))) => match (notice.action, stands_for) {
            (Action::Delete, Some(mapping)) if of(main).is_some() && mapping.target == notice.account_id => {
                vec![Mark { target: notice.account_id, origin: mapping.origin, groups: Groups::all(), because: None }]
            }
            _ => Vec::new(),
        },
        // An order of a child reaches its main account. Deleted, it stays there.
        (Direction::Up, Some((main, settings))) => {
            let wanted = settings.carries(kind) && notice.action != Action::Delete && of(main).is_some();
            if wanted {
                vec![Mark { target: main, origin, groups: notice.groups(), because: None }]
            } else {
                Vec::new()
            }
        }
        (Direction::Up, None) => Vec::new(),
    }
}
