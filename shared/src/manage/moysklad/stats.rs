//! How accounts are doing: what was done within an hour, a day, a week, and what waits.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::book::MoyskladAccounts;
use super::selection::Selection;
use crate::counters::Window;
use crate::manage::figures;
use crate::manage::json_fields::BodyError;
use crate::manage::query_fields::QueryFields;
use crate::manage::refusal::Refusal;
use crate::model::ids::TenantId;
use crate::model::job::JobStatus;
use crate::model::moysklad::{Account, AccountId, DrainJob, Tally};
use crate::model::row::RowKey;
use crate::sync::store::{DirtyRows, Tallies};
use crate::work::{Rows, StoreError};

/// What is written in an account, and whether it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MoyskladDrain)]
pub struct DrainView {
    /// How far it has come.
    pub status: JobStatus,
    /// When it may run.
    pub not_before: Timestamp,
    /// Why it is left alone: a stable word.
    pub trouble: Option<String>,
    /// Until when.
    pub troubled_until: Option<Timestamp>,
}

impl From<DrainJob> for DrainView {
    fn from(job: DrainJob) -> Self {
        let DrainJob { status, trouble, troubled_until, work, .. } = job;
        Self { status, not_before: work.not_before, trouble, troubled_until }
    }
}

/// The figures of an account.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = MoyskladAccountFigures)]
pub struct AccountFigures {
    /// Which account.
    pub account_id: AccountId,
    /// Whose.
    pub tenant_id: TenantId,
    /// What was counted in the window.
    pub counts: Tally,
    /// Of all that came to an end, the share that was carried.
    pub success_rate: Option<f64>,
    /// From the first reason until an entity was done, seconds.
    pub average_s: Option<f64>,
    /// Entities that wait to be looked at, due or not.
    pub queue_depth: u64,
    /// What is written in the account; null if nothing ever was.
    pub drain: Option<DrainView>,
}

/// The figures of accounts. Counts are by the hour: the hour in which the window began is counted whole.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = MoyskladStats)]
pub struct Stats {
    /// The window's name.
    pub window: &'static str,
    /// The start of the hour in which it began.
    pub since: Timestamp,
    /// When it ended: now.
    pub as_of: Timestamp,
    /// A page of accounts, newest first.
    pub data: Vec<AccountFigures>,
    /// Where the next page begins; none where this is the last.
    pub next_cursor: Option<String>,
}

/// What is asked of accounts' figures.
pub(in crate::manage) struct Asked {
    window: Window,
    selection: Selection,
}

impl Asked {
    pub(in crate::manage) fn parse(query: Option<&str>) -> Result<Self, BodyError> {
        let mut fields = QueryFields::read(query);
        let window = figures::window(&mut fields);
        let selection = Selection::of_query(&mut fields);
        fields.finish(Self { window, selection })
    }
}

/// The figures that the query asks for.
///
/// # Errors
/// The query is not acceptable, there is no such account, or the store does not answer.
pub async fn read(
    store: &(impl MoyskladAccounts + Tallies + DirtyRows + Rows),
    query: Option<&str>,
    now: Timestamp,
) -> Result<Stats, Refusal> {
    let Asked { window, selection } = Asked::parse(query)?;
    let since = crate::counters::Grain::Hour.slot(now.saturating_sub(window.length()).unwrap_or(now));
    let (accounts, next_cursor) = selection.find(store).await?.page();
    let figures = accounts.iter().map(|account| of_account(store, account, since));
    let data = futures::future::try_join_all(figures).await?;
    Ok(Stats { window: window.name(), since, as_of: now, data, next_cursor })
}

async fn of_account(
    store: &(impl Tallies + DirtyRows + Rows),
    account: &Account,
    since: Timestamp,
) -> Result<AccountFigures, StoreError> {
    let Account { tenant, id, .. } = account;
    let key = RowKey::Drain(tenant.clone(), *id);
    let (hours, queue_depth, drain) = futures::try_join!(
        store.tallies(tenant, *id, since),
        store.n_dirty(tenant, *id),
        store.read::<DrainJob>(&key)
    )?;
    let counts = hours.into_iter().fold(Tally::default(), |sum, (_, tally)| sum.and(tally));
    let carried = counts.written.saturating_add(counts.equal);
    #[expect(clippy::cast_precision_loss, reason = "an average of so many is not shown to the last digit")]
    let average_s = (carried > 0).then(|| (counts.waited_ms as f64 / carried as f64 / 10.0).round() / 100.0);
    Ok(AccountFigures {
        account_id: *id,
        tenant_id: tenant.clone(),
        counts,
        success_rate: counts.success_rate().map(|rate| (rate * 10_000.0).round() / 10_000.0),
        average_s,
        queue_depth,
        drain: drain.map(DrainView::from),
    })
}
