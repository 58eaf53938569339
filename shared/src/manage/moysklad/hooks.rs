//! Which webhooks an account is to have, and which of those it has are ours. Pure: nothing is asked or done here.

use std::collections::BTreeSet;

use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Credential;
use crate::model::moysklad::{Account, Action, Direction, EntityKind};
use crate::model::source::Source;
use crate::sync::ports::Hook;

/// What updates are told with: the names of the fields.
const FIELDS: &str = "FIELDS";

/// What an account is to tell of. A main account: all that becomes of what its children carry, of products at least. A
/// child: what it sells, and what is deleted there of what came down, for it comes back.
#[must_use]
pub fn wanted(account: &Account, accounts: &[Account]) -> Vec<(EntityKind, Action)> {
    let carried = |kind: EntityKind| {
        kind == EntityKind::Product
            || accounts.iter().filter_map(Account::as_child).any(|(main, s)| main == account.id && s.carries(kind))
    };
    let is_wanted = |kind: EntityKind, action: Action| match (account.as_child(), kind.direction()) {
        (None, Direction::Down) => carried(kind),
        (None, Direction::Up) => false,
        (Some((_, settings)), Direction::Down) => action == Action::Delete && settings.carries(kind),
        (Some((_, settings)), Direction::Up) => action != Action::Delete && settings.carries(kind),
    };
    let pairs = EntityKind::ALL.into_iter().flat_map(|kind| Action::ALL.map(|action| (kind, action)));
    pairs.filter(|(kind, action)| is_wanted(*kind, *action)).collect()
}

/// Whose a webhook is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MoyskladHookOwner)]
pub enum Whose {
    /// Ours, at the address that is good now.
    Current,
    /// Ours, at an address on its way out.
    Old,
    /// At an address like ours whose token nobody knows any more.
    Unknown,
    /// Somebody else's.
    Other,
}

/// What our webhooks are known by.
#[derive(Debug)]
pub struct Known {
    prefix: String,
    current: Option<String>,
    old: BTreeSet<String>,
}

impl Known {
    /// Those below this prefix with a token of the source's, or the account's own.
    #[must_use]
    pub fn new(prefix: String, source: Option<&Source>, doorbell: Option<&Credential>) -> Self {
        let current = source.map(|source| source.token.hash.clone());
        let of_source = source.into_iter().flat_map(|source| source.token.hashes()).map(str::to_owned);
        let old = of_source.chain(doorbell.map(Credential::hash)).collect();
        Self { prefix, current, old }
    }

    /// And those with tokens of these hashes.
    #[must_use]
    pub fn and(mut self, hashes: impl IntoIterator<Item = String>) -> Self {
        self.old.extend(hashes);
        self
    }

    /// Whose a webhook of this address is.
    #[must_use]
    pub fn whose(&self, url: &str) -> Whose {
        let Some(token) = url.strip_prefix(&self.prefix) else { return Whose::Other };
        let token = token.split(['?', '#']).next().unwrap_or_default();
        match Credential::presented(token).map(|token| token.hash()) {
            Some(hash) if self.current.as_ref() == Some(&hash) => Whose::Current,
            Some(hash) if self.old.contains(&hash) => Whose::Old,
            Some(_) | None => Whose::Unknown,
        }
    }
}

/// A webhook's kind and action, where it has those that are carried.
#[must_use]
pub fn tells_of(hook: &Hook) -> Option<(EntityKind, Action)> {
    Some((hook.entity_type.parse().ok()?, hook.action.parse().ok()?))
}

/// What is to be done with an account's webhooks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// These are as they should be.
    pub kept: Vec<(EntityKind, Action)>,
    /// These are to ring again.
    pub enable: Vec<(Hook, (EntityKind, Action))>,
    /// These stand where one that is to be made must stand.
    pub in_the_way: Vec<Hook>,
    /// These are to be made.
    pub make: Vec<(EntityKind, Action)>,
    /// These go once the others are there: until then they still ring.
    pub superfluous: Vec<Hook>,
}

impl Plan {
    /// From what there is to what is wanted. Others' are not looked at.
    #[must_use]
    pub fn new(hooks: Vec<Hook>, wanted: &[(EntityKind, Action)], known: &Known) -> Self {
        let mut plan = Self::default();
        let mut there = Vec::new();
        for hook in hooks {
            let told = tells_of(&hook).filter(|told| wanted.contains(told));
            match (known.whose(&hook.url), told) {
                (Whose::Unknown | Whose::Other, _) => {}
                (Whose::Current, Some(told)) if !there.contains(&told) => {
                    if told.1 == Action::Update && hook.diff_type.as_deref() != Some(FIELDS) {
                        plan.in_the_way.push(hook);
                        continue;
                    }
                    there.push(told);
                    if hook.enabled {
                        plan.kept.push(told);
                    } else {
                        plan.enable.push((hook, told));
                    }
                }
                (Whose::Current | Whose::Old, _) => plan.superfluous.push(hook),
            }
        }
        plan.make = wanted.iter().copied().filter(|told| !there.contains(told)).collect();
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manage::sources::address;
    use crate::model::event::Provider;
    use crate::model::source::SourceToken;
    use crate::testing::moysklad_samples::{child, main_account};
    use crate::testing::samples::source_of;
    use jiff::Timestamp;

    const BASE: &str = "https://api.example.com";

    fn token(n: u8) -> Credential {
        Credential::generate("", [n; 32])
    }

    fn source() -> Source {
        let first = SourceToken::first(token(1).hash());
        let rotated = first.rotated(token(2).hash(), Timestamp::UNIX_EPOCH, std::time::Duration::from_secs(60));
        Source { token: rotated, ..source_of(Provider::Moysklad) }
    }

    fn hook(n: u8, told: (EntityKind, Action), url: &str) -> Hook {
        let diff_type = (told.1 == Action::Update).then(|| FIELDS.to_owned());
        let (entity_type, action) = (told.0.name().to_owned(), told.1.name().to_owned());
        let id = crate::model::moysklad::EntityId::new(uuid::Uuid::from_u128(n.into()));
        Hook { id, entity_type, action, url: url.to_owned(), enabled: true, diff_type }
    }

    fn at(n: u8) -> String {
        address(BASE, &source(), token(n).expose())
    }

    #[test]
    fn a_main_account_tells_of_what_its_children_carry_and_a_child_of_its_orders_and_its_deletions() {
        let (main, child) = (main_account(1), child(2));
        let alone = wanted(&main, &[]);
        assert_eq!(alone, Action::ALL.map(|action| (EntityKind::Product, action)));
        let mut folders = child.clone();
        let crate::model::moysklad::Role::Child { settings, .. } = &mut folders.role else { panic!("a child") };
        settings.entities.insert(EntityKind::ProductFolder);
        assert_eq!(wanted(&main, &[main.clone(), folders]).len(), 6);
        use EntityKind::{CustomerOrder, Product};
        assert_eq!(
            wanted(&child, &[]),
            [(Product, Action::Delete), (CustomerOrder, Action::Create), (CustomerOrder, Action::Update)]
        );
    }

    #[test]
    fn a_webhook_is_ours_by_its_token_and_not_by_its_address_alone() {
        let source = source();
        let known = Known::new(format!("{BASE}/api/webhooks/moysklad/"), Some(&source), Some(&token(3)));
        for (url, whose) in [
            (at(2), Whose::Current),
            (format!("{}?x=1", at(2)), Whose::Current),
            (at(1), Whose::Old),
            (at(3), Whose::Old),
            (at(4), Whose::Unknown),
            (format!("{BASE}/api/webhooks/moysklad/"), Whose::Unknown),
            (format!("{}/more", at(2)), Whose::Unknown),
            (format!("https://evil.example/?{}", at(2)), Whose::Other),
            ("https://shop.example.com/hook".to_owned(), Whose::Other),
        ] {
            assert_eq!(known.whose(&url), whose, "{url}");
        }
    }

    #[test]
    fn a_plan_makes_what_is_missing_and_touches_nothing_of_others() {
        use EntityKind::{Bundle, Product};
        let source = source();
        let known = Known::new(format!("{BASE}/api/webhooks/moysklad/"), Some(&source), None);
        let (create, update, delete) =
            ((Product, Action::Create), (Product, Action::Update), (Product, Action::Delete));
        let mut silent = hook(1, create, &at(2));
        silent.enabled = false;
        let mut bare = hook(2, update, &at(2));
        bare.diff_type = None;
        let hooks = vec![
            silent.clone(),
            bare.clone(),
            hook(3, delete, &at(2)),
            hook(4, delete, &at(2)),
            hook(5, delete, &at(1)),
            hook(6, (Bundle, Action::Create), &at(2)),
            hook(7, update, "https://shop.example.com/hook"),
            hook(8, update, &at(9)),
        ];
        let plan = Plan::new(hooks, &[create, update, delete], &known);
        assert_eq!(plan.enable, [(silent, create)]);
        assert_eq!((plan.in_the_way, plan.make, plan.kept), (vec![bare], vec![update], vec![delete]));
        let superfluous: Vec<u128> = plan.superfluous.iter().map(|hook| hook.id.uuid().as_u128()).collect();
        assert_eq!(superfluous, [4, 5, 6]);
    }
}
