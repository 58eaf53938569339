//! The emergency stop: nothing is carried any more, and it can be seen when all is quiet.

use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::book::{MoyskladAccounts, Place};
use crate::manage::directory::Directory;
use crate::manage::json_fields::{BodyError, JsonFields};
use crate::manage::switches::{self, SwitchPanel, Turn};
use crate::model::event::Provider;
use crate::model::moysklad::{Account, AccountId, DrainJob};
use crate::model::row::RowKey;
use crate::model::switch::Switched;
use crate::work::{Rows, StoreError};

/// Most accounts looked at.
const MOST_ACCOUNTS: usize = 1_000;
/// Accounts asked for at a time.
const AT_A_TIME: usize = 100;
/// Rows read at a time.
const PARALLEL: usize = 16;

/// How far the stop has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MoyskladEmergencyStop)]
pub struct Stop {
    /// Whether everything of MoySklad's is held back.
    pub stopped: bool,
    /// Since when it is as it is; null if it was never stopped.
    pub since: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
    /// The accounts that a worker has now: it may still write. Stopped, all is quiet when there are none. A worker that died
    /// is among them until its lease ends.
    pub running: Vec<AccountId>,
    /// How many accounts were looked at.
    pub looked_at: usize,
    /// Whether these were all.
    pub complete: bool,
}

/// Reads the body of `POST …/emergency-stop`: why.
///
/// # Errors
/// With everything that is wrong with it.
pub fn wish(fields: JsonFields) -> Result<Turn, BodyError> {
    Turn::read_reason(fields, true)
}

/// Stops everything of MoySklad's. What comes in is stored and waits, nothing is lost; what runs ends within seconds.
///
/// # Errors
/// When the store does not answer.
pub async fn stop<S>(store: &S, turn: Turn, now: Timestamp) -> Result<Stop, StoreError>
where
    S: SwitchPanel + Directory + Rows,
{
    switches::turn(store, Switched::Provider(Provider::Moysklad), turn, now).await?;
    tracing::warn!("everything of MoySklad's was stopped");
    read(store, now).await
}

/// Lets it go on.
///
/// # Errors
/// When the store does not answer.
pub async fn lift<S>(store: &S, now: Timestamp) -> Result<Stop, StoreError>
where
    S: SwitchPanel + Directory + Rows,
{
    let turn = Turn { paused: false, reason: None };
    switches::turn(store, Switched::Provider(Provider::Moysklad), turn, now).await?;
    tracing::warn!("the stop of everything of MoySklad's was lifted");
    read(store, now).await
}

/// How far the stop has come.
///
/// # Errors
/// When the store does not answer.
pub async fn read<S>(store: &S, now: Timestamp) -> Result<Stop, StoreError>
where
    S: SwitchPanel + MoyskladAccounts + Rows,
{
    let ours = Switched::Provider(Provider::Moysklad);
    let switch = store.switches().await?.into_iter().find(|switch| switch.what == ours);
    let (accounts, complete) = all_accounts(store).await?;
    let looked_at = accounts.len();
    let is_running = |account: Account| async move {
        let drain = store.read::<DrainJob>(&RowKey::Drain(account.tenant, account.id)).await?;
        let has_worker = drain.is_some_and(|job| job.work.lease_until.is_some_and(|until| until >= now));
        Ok::<_, StoreError>(has_worker.then_some(account.id))
    };
    let found: Vec<_> =
        stream::iter(accounts.into_iter().map(is_running).collect::<Vec<_>>()).buffered(PARALLEL).collect().await;
    let running = found.into_iter().filter_map(Result::transpose).collect::<Result<_, _>>()?;
    let stopped = switch.as_ref().is_some_and(|switch| switch.paused);
    let (since, reason) = switch.map_or((None, None), |switch| (Some(switch.changed_at), switch.reason));
    Ok(Stop { stopped, since, reason, running, looked_at, complete })
}

async fn all_accounts(store: &impl MoyskladAccounts) -> Result<(Vec<Account>, bool), StoreError> {
    let mut accounts: Vec<Account> = Vec::new();
    loop {
        let page = store.all_accounts(accounts.last().map(Place::of).as_ref(), AT_A_TIME).await?;
        let last = page.len() < AT_A_TIME;
        accounts.extend(page);
        if last || accounts.len() >= MOST_ACCOUNTS {
            return Ok((accounts, last));
        }
    }
}
