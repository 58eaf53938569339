//! Entities that change too often and are left alone: listed, and let go.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::account_body::{account_id, tenant_id};
use super::book::MoyskladAccounts;
use super::selection::{Selection, find};
use crate::manage::json_fields::{BodyError, JsonFields};
use crate::manage::page::Page;
use crate::manage::refusal::Refusal;
use crate::model::ids::TenantId;
use crate::model::moysklad::{Account, AccountId, Action, Direction, EntityId, EntityKind, EntityRef};
use crate::providers::moysklad::payload::Notice;
use crate::sync::plan::spread;
use crate::sync::store::{DirtyRows, Drains, GuardRows, Mappings};
use crate::work::{Bells, StoreError};

/// Guards looked at of an account.
pub const MOST_GUARDS: usize = 500;
/// How often a guard is written anew that somebody else wrote at the same time.
const TRIES: usize = 5;

/// An entity that is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MoyskladLoop)]
pub struct OpenLoop {
    /// Whose entity.
    pub account_id: AccountId,
    /// Whose account.
    pub tenant_id: TenantId,
    /// Of which kind.
    pub entity_type: EntityKind,
    /// Which. Of what is deleted in a child again and again it is the main account's: the child's changes each time.
    pub entity_id: EntityId,
    /// Since when it is left alone.
    pub open_since: Option<Timestamp>,
    /// When quiet will have let it go.
    pub closes_at: Option<Timestamp>,
}

/// The entities that are left alone, of one account or a page of all.
///
/// # Errors
/// The query is not acceptable, there is no such account, or the store does not answer.
pub async fn list(
    store: &(impl MoyskladAccounts + GuardRows),
    query: Option<&str>,
    now: Timestamp,
) -> Result<Page<OpenLoop>, Refusal> {
    let (accounts, next_cursor) = Selection::parse(query)?.find(store).await?.page();
    let guards = accounts.iter().map(|account| store.loop_guards(&account.tenant, account.id, MOST_GUARDS));
    let guards = futures::future::try_join_all(guards).await?;
    let shown = guards.into_iter().flatten().filter(|guard| guard.is_open(now)).map(|guard| OpenLoop {
        account_id: guard.entity.account,
        closes_at: guard.closes_at(),
        tenant_id: guard.tenant,
        entity_type: guard.entity.kind,
        entity_id: guard.entity.id,
        open_since: guard.open_since,
    });
    Ok(Page { data: shown.collect(), next_cursor })
}

/// Which entity is to be let go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    tenant: Option<TenantId>,
    entity: EntityRef,
}

impl Wish {
    /// Reads the body of `POST …/loops/close`.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn read(mut fields: JsonFields) -> Result<Self, BodyError> {
        for needed in ["account_id", "entity_type", "entity_id"] {
            if fields.is_missing(needed) {
                fields.refuse(needed, "missing", "this is needed");
            }
        }
        let tenant = tenant_id(&mut fields);
        let account = account_id(&mut fields, "account_id");
        let kind = fields.text("entity_type").and_then(|text| {
            let names = EntityKind::ALL.map(EntityKind::name).join(", ");
            let refused = || fields.refused("entity_type", "invalid_value", format!("this must be one of {names}"));
            text.parse().ok().or_else(refused)
        });
        let id = fields.text("entity_id").and_then(|text| {
            let refused = || fields.refused("entity_id", "invalid_id", "MoySklad's own identifier, a UUID");
            text.parse().ok().or_else(refused)
        });
        fields.refuse_rest();
        let entity = account.zip(kind).zip(id).map(|((account, kind), id)| EntityRef { account, kind, id });
        fields.finish(entity.map(|entity| Self { tenant, entity }))
    }
}

/// An entity that was let go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MoyskladLoopClosed)]
pub struct Closed {
    /// Whose entity.
    pub account_id: AccountId,
    /// Of which kind.
    pub entity_type: EntityKind,
    /// Which.
    pub entity_id: EntityId,
    /// The accounts in which it is looked at again.
    pub marked: Vec<AccountId>,
}

/// Lets an entity go: what changed before is not counted any more, and it is looked at again wherever it is carried to, for
/// changes were held. Doing it twice does nothing more.
///
/// # Errors
/// There is no such entity that has changed lately, or the store does not answer.
pub async fn close<S>(store: &S, wish: Wish, now: Timestamp) -> Result<Closed, Refusal>
where
    S: MoyskladAccounts + GuardRows + DirtyRows + Mappings + Drains + Bells,
{
    let Wish { tenant, entity } = wish;
    let account = find(store, tenant.as_ref(), entity.account).await?.ok_or(Refusal::NotFound)?;
    let tenant = &account.tenant;
    close_guard(store, tenant, entity, now).await?;
    let accounts = store.accounts_of(tenant).await?;
    let marked = mark_again(store, &account, &accounts, entity, now).await?;
    tracing::warn!(
        account.id = %entity.account, entity.kind = %entity.kind, entity.id = %entity.id, "a suspected loop was closed"
    );
    Ok(Closed { account_id: entity.account, entity_type: entity.kind, entity_id: entity.id, marked })
}

async fn close_guard(
    store: &impl GuardRows,
    tenant: &TenantId,
    entity: EntityRef,
    now: Timestamp,
) -> Result<(), Refusal> {
    for _ in 0..TRIES {
        let guard = store.loop_guard(tenant, entity).await?.ok_or(Refusal::NotFound)?;
        if !guard.is_open(now) || store.put_loop_guard(&guard.closed()).await? {
            return Ok(());
        }
    }
    Err(StoreError::Unavailable("an entity changes faster than it can be let go".to_owned()).into())
}

/// Marks the entity in each account that it is carried to, asks for those to be drained, and rings.
async fn mark_again<S: DirtyRows + Mappings + Drains + Bells>(
    store: &S,
    account: &Account,
    accounts: &[Account],
    entity: EntityRef,
    now: Timestamp,
) -> Result<Vec<AccountId>, StoreError> {
    let tenant = &account.tenant;
    // Of what came down to a child, only its deletion is carried, and it is guarded by its original's identifier: whether
    // it was deleted is seen when it is fetched.
    let main = account.as_child().filter(|_| entity.kind.direction() == Direction::Down).map(|(main, _)| main);
    let (action, stands_for) = match main {
        Some(main) => {
            let origin = EntityRef { account: main, ..entity };
            (Action::Delete, store.mapping(tenant, origin, account.id).await?)
        }
        None => (Action::Update, None),
    };
    let notice = Notice::seen(entity.account, entity.kind, entity.id, action, now);
    let marks = spread(&notice, accounts, stands_for.as_ref());
    let mut rings = Vec::with_capacity(marks.len());
    for mark in &marks {
        store.mark(tenant, mark, now, now).await?;
        rings.push(store.ask_drain(tenant, mark.target, now).await?);
    }
    for unrung in store.ring(&rings, now).await {
        tracing::warn!(row = %unrung.row, error = %unrung.why, "a bell could not be rung; sweep will");
    }
    Ok(marks.into_iter().map(|mark| mark.target).collect())
}
