//! A notice, weighed: an echo is dropped, a loop is held, all else marks what may differ.

use jiff::Timestamp;

use crate::model::ids::{EventId, TenantId};
use crate::model::moysklad::{Account, Action, Direction, EntityRef, parse_moscow_time};
use crate::providers::moysklad::payload::Notice;
use crate::sync::guards::{LoopGuard, Verdict};
use crate::sync::plan::{Mark, fingerprint, spread};
use crate::sync::ports::Entities;
use crate::sync::store::{Clients, SyncStore};
use crate::work::StoreError;

/// How often a guard is written anew that somebody else wrote at the same time.
const TRIES: usize = 5;

/// Who tells of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Teller {
    /// MoySklad, by a webhook.
    Webhook {
        /// When its request came in: told again, it is the same change.
        received_at: Timestamp,
    },
    /// Our own poll. A webhook may have told the same, so it does not count as one more change; and where the entity was
    /// carried as the poll has seen it, there is nothing to do.
    Poll,
}

/// What came of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// These accounts have something to do.
    Marked(Vec<Mark>),
    /// It concerns nobody, or nobody any more.
    Nobody,
    /// It is what we wrote ourselves. That it came at all means that the header was not honoured.
    Echo,
    /// The entity changes too often: what differs is marked, and waits.
    Suspected {
        /// What is left alone: the entity; of what is deleted in a child again and again the original, in the child.
        guarded: EntityRef,
        /// Whether this very notice made it so: it is told of once.
        opened: bool,
        /// When it is looked at all the same.
        held_until: Timestamp,
        /// What waits.
        marks: Vec<Mark>,
    },
}

/// Takes a notice of a tenant's source. What comes of it is told in the story of the event `because` of which it is taken.
///
/// # Errors
/// When the store could not be asked: the notice must come again. Taken twice, it does no harm.
pub async fn take_notice(
    store: &impl SyncStore,
    clients: &impl Clients,
    tenant: &TenantId,
    notice: &Notice,
    because: Option<&EventId>,
    teller: Teller,
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
    let may_be_echo = teller != Teller::Poll && notice.action != Action::Delete;
    if may_be_echo && is_echo(store, clients, tenant, account, entity, now).await? {
        return Ok(Heard::Echo);
    }
    let mut marks = match teller {
        Teller::Webhook { .. } => called_for(store, tenant, &accounts, account, notice).await?,
        Teller::Poll => news(store, tenant, &accounts, notice).await?,
    };
    let Some(first) = marks.first() else {
        return Ok(Heard::Nobody);
    };
    // What was deleted in a child has another identifier each time it comes back, so it is counted by its original's:
    // else a system that deletes whatever comes would have it made anew without end. Elsewhere the two are one.
    let guarded = EntityRef { id: first.origin.id, ..entity };
    let (guard, verdict) = match teller {
        Teller::Webhook { received_at } => count(store, tenant, guarded, received_at, now).await?,
        Teller::Poll => look(store, tenant, guarded, now).await?,
    };
    for mark in &mut marks {
        mark.because = because.cloned();
    }
    let held_until = guard.closes_at().filter(|_| verdict != Verdict::Carry);
    for mark in &marks {
        store.mark(tenant, mark, held_until.unwrap_or(now), now).await?;
    }
    Ok(match held_until {
        None => Heard::Marked(marks),
        Some(held_until) => Heard::Suspected { guarded, opened: verdict == Verdict::Opened, held_until, marks },
    })
}

/// The marks that a notice calls for, whoever tells it.
async fn called_for(
    store: &impl SyncStore,
    tenant: &TenantId,
    accounts: &[Account],
    account: &Account,
    notice: &Notice,
) -> Result<Vec<Mark>, StoreError> {
    let counterpart = notice.kind().filter(|kind| kind.direction() == Direction::Down && account.as_child().is_some());
    let stands_for = match counterpart {
        Some(kind) => store.mapping_of(tenant, EntityRef { account: account.id, kind, id: notice.entity_id }).await?,
        None => None,
    };
    Ok(spread(notice, accounts, stands_for.as_ref()))
}

/// The marks that a notice of a poll calls for: those whose target is not yet as the poll has seen the entity. Most of
/// what a poll sees was told by webhooks before.
///
/// # Errors
/// When the store could not be asked.
pub async fn news(
    store: &impl SyncStore,
    tenant: &TenantId,
    accounts: &[Account],
    notice: &Notice,
) -> Result<Vec<Mark>, StoreError> {
    let Some(account) = accounts.iter().find(|account| account.id == notice.account_id) else {
        return Ok(Vec::new());
    };
    let deleted = notice.action == Action::Delete;
    let mut news = Vec::new();
    for mark in called_for(store, tenant, accounts, account, notice).await? {
        let mapping = store.mapping(tenant, mark.origin, mark.target).await?;
        let is_news = if deleted && mark.origin.account == account.id {
            mapping.is_some_and(|mapping| mapping.counterpart.is_some())
        } else {
            let carried = mapping.and_then(|mapping| parse_moscow_time(&mapping.carried?));
            deleted || carried != Some(notice.at)
        };
        if is_news {
            news.push(mark);
        }
    }
    Ok(news)
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
    told_at: Timestamp,
    now: Timestamp,
) -> Result<(LoopGuard, Verdict), StoreError> {
    for _ in 0..TRIES {
        let guard = store.loop_guard(tenant, entity).await?;
        let guard = guard.unwrap_or_else(|| LoopGuard::new(tenant.clone(), entity));
        let (next, verdict) = guard.changed(told_at, now);
        if next == guard || store.put_loop_guard(&next).await? {
            return Ok((next, verdict));
        }
    }
    Err(StoreError::Unavailable("an entity changes faster than it can be counted".to_owned()))
}

/// What the guard of an entity says, without one more change.
async fn look(
    store: &impl SyncStore,
    tenant: &TenantId,
    entity: EntityRef,
    now: Timestamp,
) -> Result<(LoopGuard, Verdict), StoreError> {
    let guard = store.loop_guard(tenant, entity).await?;
    let guard = guard.unwrap_or_else(|| LoopGuard::new(tenant.clone(), entity));
    let verdict = if guard.is_open(now) { Verdict::Held } else { Verdict::Carry };
    Ok((guard, verdict))
}
