//! A full resync: asked for, and how far it has come.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::account_body::{account_id, tenant_id};
use super::book::MoyskladAccounts;
use super::rows::{Begun, begin_resync};
use super::selection::find;
use crate::manage::json_fields::{BodyError, JsonFields};
use crate::manage::query_fields::QueryFields;
use crate::manage::refusal::{Conflict, Refusal};
use crate::model::ids::TenantId;
use crate::model::job::JobStatus;
use crate::model::moysklad::{Account, AccountId, EntityKind, ResyncJob};
use crate::model::row::RowKey;
use crate::sync::store::DirtyRows;
use crate::work::{Bells, Rows, Timing};

/// Whose resync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    tenant: Option<TenantId>,
    account: AccountId,
}

impl Wish {
    /// Reads the body of `POST …/resync`.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn read(mut fields: JsonFields) -> Result<Self, BodyError> {
        if fields.is_missing("account_id") {
            fields.refuse("account_id", "missing", "this is needed");
        }
        let tenant = tenant_id(&mut fields);
        let account = account_id(&mut fields, "account_id");
        fields.refuse_rest();
        fields.finish(account.map(|account| Self { tenant, account }))
    }

    /// Reads the query of `GET …/resync`.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn parse(query: Option<&str>) -> Result<Self, BodyError> {
        let mut fields = QueryFields::read(query);
        let tenant = fields.parsed("tenant_id", "unknown_tenant", "there is no such tenant");
        let detail = "MoySklad's own identifier of the account, a UUID";
        let account: Option<AccountId> = fields.parsed("account_id", "invalid_account", detail);
        if account.is_none() {
            fields.refuse("account_id", "missing", "this is needed");
        }
        let read = fields.finish(account)?;
        read.map(|account| Self { tenant, account }).ok_or_else(|| BodyError::Fields(Vec::new()))
    }

    /// The children it is about: the account itself, or all of a main account's.
    async fn children(&self, store: &impl MoyskladAccounts) -> Result<(Vec<Account>, bool), Refusal> {
        let account = find(store, self.tenant.as_ref(), self.account).await?.ok_or(Refusal::NotFound)?;
        if account.as_child().is_some() {
            return Ok((vec![account], true));
        }
        let mut children = store.accounts_of(&account.tenant).await?;
        children.retain(|child| child.as_child().is_some_and(|(main, _)| main == account.id));
        children.sort_by_key(|child| child.id);
        Ok((children, false))
    }
}

/// What became of the wish for a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MoyskladResyncAsked)]
pub enum Answer {
    /// It begins.
    Started,
    /// One is under way.
    AlreadyRunning,
    /// The child is switched off.
    AccountDisabled,
}

/// A child whose resync was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MoyskladResyncStarted)]
pub struct Started {
    /// Which child.
    pub account_id: AccountId,
    /// What became of it.
    pub result: Answer,
}

/// Begins the resync of a child, or of each of a main account's.
///
/// # Errors
/// There is no such account; the child is switched off, or is being resynced already; the store does not answer.
pub async fn begin<S: MoyskladAccounts + Rows + Bells>(
    store: &S,
    wish: &Wish,
    timing: &Timing,
    now: Timestamp,
) -> Result<Vec<Started>, Refusal> {
    let (children, alone) = wish.children(store).await?;
    let (mut told, mut rings) = (Vec::with_capacity(children.len()), Vec::new());
    for child in children {
        let result = if child.enabled {
            match begin_resync(store, &child, timing, now).await? {
                Begun::Yes(ring) => {
                    rings.push(ring);
                    Answer::Started
                }
                Begun::Running => Answer::AlreadyRunning,
            }
        } else {
            Answer::AccountDisabled
        };
        match result {
            Answer::AlreadyRunning if alone => return Err(Conflict::AlreadyRunning.into()),
            Answer::AccountDisabled if alone => return Err(Conflict::AccountDisabled.into()),
            _ => told.push(Started { account_id: child.id, result }),
        }
    }
    for unrung in store.ring(&rings, now).await {
        tracing::warn!(row = %unrung.row, error = %unrung.why, "a bell could not be rung; sweep will");
    }
    tracing::info!(account.id = %wish.account, n = rings.len(), "a resync was asked for");
    Ok(told)
}

/// How far the resync of a child has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MoyskladResync)]
pub struct Progress {
    /// Which child.
    pub account_id: AccountId,
    /// How far marking has come; null if none was ever asked for, or it is long over.
    pub status: Option<JobStatus>,
    /// Entities that were marked.
    pub marked: u32,
    /// Entities that wait to be looked at in the child, for this or another reason. It is over when there are none.
    pub remaining: u64,
    /// The kind it is at.
    pub kind: Option<EntityKind>,
    /// When it was asked for.
    pub started_at: Option<Timestamp>,
    /// When everything was marked.
    pub done_at: Option<Timestamp>,
    /// Why it waits or was given up: a stable word.
    pub trouble: Option<String>,
}

/// How far the resync of a child has come, or of each of a main account's.
///
/// # Errors
/// There is no such account, or the store does not answer.
pub async fn progress<S: MoyskladAccounts + Rows + DirtyRows>(
    store: &S,
    wish: &Wish,
) -> Result<Vec<Progress>, Refusal> {
    let (children, _) = wish.children(store).await?;
    let of = |child: Account| async move {
        let key = RowKey::Resync(child.tenant.clone(), child.id);
        let (job, remaining) =
            futures::try_join!(store.read::<ResyncJob>(&key), store.n_dirty(&child.tenant, child.id))?;
        let none = Progress {
            account_id: child.id,
            status: None,
            marked: 0,
            remaining,
            kind: None,
            started_at: None,
            done_at: None,
            trouble: None,
        };
        Ok::<_, Refusal>(job.map_or(none.clone(), |job| Progress {
            status: Some(job.status),
            marked: job.marked,
            kind: job.kind,
            started_at: Some(job.asked_at),
            done_at: job.done_at,
            trouble: job.trouble,
            ..none
        }))
    };
    futures::future::try_join_all(children.into_iter().map(of)).await
}
