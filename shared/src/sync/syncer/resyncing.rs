//! A full resync: everything a child should have is marked, page by page; the drain compares and carries it.

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::{Backing, Client, Memory, Syncer, later};
use crate::model::job::JobStatus;
use crate::model::moysklad::{Account, Direction, EntityId, EntityKind, EntityRef, Groups, ResyncJob};
use crate::model::row::WorkRow as _;
use crate::sync::plan::Mark;
use crate::sync::ports::{Condition, Entities, MoyskladError, Query};
use crate::sync::store::Clients;
use crate::work::{Bell, Claimed, Hold, Next, Record, Ring, StoreError, Taken, take};

/// Entities marked between two records: what a worker that dies marks once more.
const PAGE: u32 = 500;
/// Rows of a page that are marked once more with the next: what is deleted between the two draws those behind it forward,
/// and as many would be passed over. Being marked twice costs a comparison.
const AGAIN: u32 = 20;
/// Marks written at a time.
const PARALLEL: usize = 16;
/// When to go on where MoySklad does not bear it now.
const AFTER_TROUBLE: SignedDuration = SignedDuration::from_secs(15);
/// When to go on where a person has to mend something.
const AFTER_REFUSAL: SignedDuration = SignedDuration::from_mins(10);

#[derive(Debug, Serialize)]
struct Patch {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<EntityKind>,
    offset: u32,
    marked: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    done_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

/// What a run left: for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResyncTold {
    /// One word.
    pub outcome: &'static str,
    /// Why it waits, or was given up.
    pub reason: Option<String>,
    /// How many were marked by now.
    pub marked: u32,
}

/// Where the walk stands.
struct Place {
    /// Nothing once every kind was walked.
    kind: Option<EntityKind>,
    offset: u32,
    marked: u32,
}

impl<S: Backing, M: Memory, C: Clients> Syncer<S, M, C>
where
    C::Client: Client,
{
    /// Answers the bell of a resync.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn take_resync(
        &self,
        bell: &Bell,
        deadline: Timestamp,
    ) -> Result<Option<Claimed<ResyncJob>>, StoreError> {
        match take::<ResyncJob>(&self.store, bell, &self.settings.timing, (self.clock)(), deadline).await? {
            Taken::Yes(claimed) | Taken::Crashed(claimed) => Ok(Some(*claimed)),
            Taken::Left(_) => Ok(None),
        }
    }

    /// Marks the next page of a claimed resync, and records how far it has come. `held` is what it waits behind.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn resync(
        &self,
        claimed: Claimed<ResyncJob>,
        held: Option<Hold>,
        deadline: Timestamp,
    ) -> Result<ResyncTold, StoreError> {
        let Claimed { row: job, fence } = claimed;
        let now = (self.clock)();
        let mut told = ResyncTold { outcome: "marked", reason: None, marked: job.marked };
        let (next, place, done_at) = match held {
            Some(hold) => {
                told.outcome = "parked";
                told.reason = Some(hold.to_string());
                (Next::Park { hold, now }, Place { kind: job.kind, offset: job.offset, marked: job.marked }, None)
            }
            None if job.work.deaths > self.settings.timing.max_deaths => {
                tracing::error!(account.id = %job.account, "a resync killed its workers and is given up");
                told.outcome = "failed";
                told.reason = Some("crashed".to_owned());
                (Self::job_ends(now), Place { kind: job.kind, offset: job.offset, marked: job.marked }, None)
            }
            None => self.walk(&job, deadline, &mut told).await?,
        };
        told.marked = place.marked;
        let ring_at = match &next {
            Next::Again { not_before, .. } => Some(*not_before),
            _ => None,
        };
        let status = match (&next, done_at) {
            (Next::End { .. }, Some(_)) => JobStatus::Done,
            (Next::End { .. }, None) => JobStatus::Failed,
            _ => JobStatus::Waiting,
        };
        let Place { kind, offset, marked } = place;
        let patch = Patch { kind, offset, marked, done_at, trouble: told.reason.clone() };
        let remove: &'static [&'static str] = match (kind, &told.reason) {
            (None, None) => &["kind", "trouble"],
            (None, Some(_)) => &["kind"],
            (Some(_), None) => &["trouble"],
            (Some(_), Some(_)) => &[],
        };
        let record = Record { status: status.name(), next, counted: true, patch, remove };
        if self.store.record::<ResyncJob, _>(&fence, &record).await?
            && let Some(not_before) = ring_at
        {
            let bell = Bell::new(job.key(), job.work.turn);
            self.ring(&[Ring { bell, not_before, ..Ring::of(&job) }], now).await;
        }
        Ok(told)
    }

    async fn walk(
        &self,
        job: &ResyncJob,
        deadline: Timestamp,
        told: &mut ResyncTold,
    ) -> Result<(Next, Place, Option<Timestamp>), StoreError> {
        let now = (self.clock)();
        let here = Place { kind: job.kind, offset: job.offset, marked: job.marked };
        let accounts = self.memory.accounts(&job.tenant).await?;
        let child = accounts.iter().find(|account| account.id == job.account);
        let Some((child, (main, settings))) = child.and_then(|child| child.as_child().map(|link| (child, link))) else {
            told.outcome = "failed";
            told.reason = Some("account_missing".to_owned());
            return Ok((Self::job_ends(now), here, None));
        };
        let main = accounts.iter().find(|account| account.id == main);
        let client = main.and_then(|main| self.clients.client(main));
        let (Some(main), Some(client)) = (main, client) else {
            told.outcome = "troubled";
            told.reason = Some(MoyskladError::Misconfigured.to_string());
            return Ok((again(later(now, AFTER_REFUSAL)), here, None));
        };
        let carried = |kind: &EntityKind| kind.direction() == Direction::Down && settings.carries(*kind);
        let kinds: Vec<EntityKind> = EntityKind::ALL.into_iter().filter(carried).collect();
        let Some(kind) = job.kind.or_else(|| kinds.first().copied()) else {
            return Ok((Self::job_ends(now), Place { kind: None, ..here }, Some(now)));
        };
        if now > self.last_call(deadline) {
            return Ok((again(now), here, None));
        }
        let query = Query { filter: everything(), offset: job.offset, limit: PAGE, order: "" };
        let page = match client.list(kind, &query).await {
            Ok(page) => page,
            Err(error) => {
                told.outcome = "troubled";
                told.reason = Some(error.to_string());
                return Ok((again(later((self.clock)(), wait_of(error))), here, None));
            }
        };
        let n_rows = u32::try_from(page.rows.len()).unwrap_or(u32::MAX);
        self.mark_all(job, main, child, kind, &page.rows).await?;
        let n_known = if job.offset == 0 { 0 } else { AGAIN };
        let marked = job.marked.saturating_add(n_rows.saturating_sub(n_known));
        if page.more && n_rows > 0 {
            let step = if n_rows > AGAIN { n_rows - AGAIN } else { n_rows };
            let offset = job.offset.saturating_add(step);
            return Ok((again(now), Place { kind: Some(kind), offset, marked }, None));
        }
        let following = kinds.iter().copied().find(|other| *other > kind);
        Ok(match following {
            Some(kind) => (again(now), Place { kind: Some(kind), offset: 0, marked }, None),
            None => (Self::job_ends(now), Place { kind: None, offset: 0, marked }, Some(now)),
        })
    }

    async fn mark_all(
        &self,
        job: &ResyncJob,
        main: &Account,
        child: &Account,
        kind: EntityKind,
        rows: &[Value],
    ) -> Result<(), StoreError> {
        let now = (self.clock)();
        let ids = rows.iter().filter_map(|row| row.get("id")?.as_str()?.parse::<EntityId>().ok());
        let marks = ids.map(|id| Mark {
            target: child.id,
            origin: EntityRef { account: main.id, kind, id },
            groups: Groups::all(),
            because: None,
        });
        stream::iter(marks.collect::<Vec<_>>())
            .map(|mark| async move { self.memory.mark(&job.tenant, &mark, now, now).await })
            .buffer_unordered(PARALLEL)
            .try_collect::<Vec<_>>()
            .await?;
        if rows.is_empty() { Ok(()) } else { self.ask_drains(&job.tenant, [child.id], now).await }
    }
}

/// What is archived is left out of lists unless both are asked for.
fn everything() -> Vec<Condition> {
    ["true", "false"].map(|archived| Condition::is("archived", archived)).into()
}

const fn again(not_before: Timestamp) -> Next {
    Next::Again { not_before, queue: None }
}

fn wait_of(error: MoyskladError) -> SignedDuration {
    match error {
        MoyskladError::RateLimited { after } => after,
        MoyskladError::CredentialsRefused | MoyskladError::RightsMissing | MoyskladError::Misconfigured => {
            AFTER_REFUSAL
        }
        _ => AFTER_TROUBLE,
    }
}
