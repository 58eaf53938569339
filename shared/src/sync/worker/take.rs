//! A notice, weighed: an echo is dropped, a loop is held, all else marks what may differ.

use jiff::Timestamp;

use crate::model::ids::TenantId;
use crate::model::moysklad::{Account, Action, Direction, EntityRef};
use crate::providers::moysklad::payload::Notice;
use crate::sync::guards::{LoopGuard, Verdict};
use crate::sync::plan::{Mark, fingerprint, spread};
use crate::sync::ports::Entities;
use crate::sync::store::{Clients, SyncStore};
use crate::work::StoreError;

/// How often a guard is written anew that somebody else wrote at the same time.
const TRIES: usize = 5;

/// What came of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// These accounts have something to do.
    Marked(Vec<Mark>),
    /// It concerns nobody.
    Nobody,
    /// It is what we wrote ourselves. That it came at all means that the header was not honoured.
    Echo,
    /// The entity changes too often: what differs is marked, and waits.
    Suspected {
        /// Whether this very notice made it so: it is told of once.
        opened: bool,
        /// When it is looked at all the same.
        held_until: Timestamp,
        /// What waits.
        marks: Vec<Mark>,
    },
}

/// Takes a notice of a tenant's source.
///
/// # Errors
/// When the store could not be asked: the notice must come again. Taken twice, it does no harm.
pub async fn take_notice(
    store: &impl SyncStore,
    clients: &impl Clients,
    tenant: &TenantId,
    notice: &Notice,
    now: Timestamp,
) -> Result<Heard, StoreError> {
    let Some(kind) = notice.kind() else {
        return Ok(Heard::Nobody);
    };
    let accounts = store.accounts(tenant).await?;
    let Some(account) = accounts.iter().find(|account| account.id == notice.account_id) else {
        return Ok(Heard::Nobody);
    };
    let entity = EntityRef { account: account.id, kind, id: notice.entity_id };
    if notice.action != Action::Delete && is_echo(store, clients, tenant, account, entity, now).await? {
        return Ok(Heard::Echo);
    }
    let of_a_child = kind.direction() == Direction::Down && account.as_child().is_some();
    let stands_for = if of_a_child { store.mapping_of(tenant, entity).await? } else { None };
    let marks = spread(notice, &accounts, stands_for.as_ref());
    if marks.is_empty() {
        return Ok(Heard::Nobody);
    }
    let (guard, verdict) = count(store, tenant, entity, now).await?;
    let held_until = guard.closes_at().filter(|_| verdict != Verdict::Carry);
    for mark in &marks {
        store.mark(tenant, mark, held_until.unwrap_or(now), now).await?;
    }
    Ok(match held_until {
        None => Heard::Marked(marks),
        Some(held_until) => Heard::Suspected { opened: verdict == Verdict::Opened, held_until, marks },
    })
}

/// Whether the entity says just what we wrote into it last. Only what we wrote is asked for.
async fn is_echo(
    store: &impl SyncStore,
    clients: &impl Clients,
    tenant: &TenantId,
    account: &Account,
    entity: EntityRef,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let written = match store.written(tenant, entity).await? {
        Some(written) if written.may_come_back(now) => written,
        _ => return Ok(false),
    };
    let Some(client) = clients.client(account) else {
        return Ok(false);
    };
    // Where it cannot be asked for it is taken for news: then it is compared, and found equal.
    Ok(client
        .get(entity.kind, entity.id)
        .await
        .is_ok_and(|current| written.is_echo(&fingerprint(entity.kind, &current), now)))
}

async fn count(
    store: &impl SyncStore,
    tenant: &TenantId,
    entity: EntityRef,
    now: Timestamp,
) -> Result<(LoopGuard, Verdict), StoreError> {
    for _ in 0..TRIES {
        let guard = store.loop_guard(tenant, entity).await?;
        let guard = guard.unwrap_or_else(|| LoopGuard::new(tenant.clone(), entity));
        let (next, verdict) = guard.changed(now);
        if store.put_loop_guard(&next).await? {
            return Ok((next, verdict));
        }
    }
    Err(StoreError::Unavailable("an entity changes faster than it can be counted".to_owned()))
}
