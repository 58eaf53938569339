//! The poll: asks MoySklad what its webhooks missed, and takes it in by the same door.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::{Backing, Client, Memory, Syncer, earlier, later};
use crate::intake::{Recorded, take_in};
use crate::model::job::JobStatus;
use crate::model::moysklad::{
    Account, Action, AuditPlace, Direction, EntityKind, ReconciliationJob, moscow_text, parse_moscow_time,
};
use crate::model::row::WorkRow as _;
use crate::providers::Incoming;
use crate::providers::moysklad::payload::Notice;
use crate::providers::moysklad::verify::polled;
use crate::sync::ports::{Audit, Comparison, Condition, Deletions, Entities, MoyskladError, Query};
use crate::sync::store::Clients;
use crate::sync::worker::news;
use crate::work::{Bell, Claimed, Hold, Next, Record, Ring, StoreError, Taken, take};

/// How far each poll looks back beyond the last: clocks differ, and what is asked for twice is recorded once.
const OVERLAP: SignedDuration = SignedDuration::from_mins(2);
/// When to ask again where MoySklad did not answer.
const AFTER_TROUBLE: SignedDuration = SignedDuration::from_mins(2);
/// Rows of a page; of what is given with all it refers to, MoySklad gives fewer.
const PAGE: u32 = 1_000;
/// Entities looked up at a time.
const PARALLEL: usize = 16;
/// Pages of one run. The next run goes on where this one stopped.
const MOST_PAGES: u32 = 20;
/// Pages of the audit, which are small, in one run.
const MOST_AUDIT_PAGES: u32 = 200;

#[derive(Debug, Serialize)]
struct Patch {
    since: Timestamp,
    deletions_since: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<AuditPlace>,
    missed: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

/// From when on the next poll asks, and where it goes on in the audit.
#[derive(Debug, Clone, Copy)]
struct Since {
    changes: Timestamp,
    deletions: Timestamp,
    audit: Option<AuditPlace>,
}

impl Since {
    const fn of(job: &ReconciliationJob) -> Self {
        Self { changes: job.since, deletions: job.deletions_since, audit: job.audit }
    }
}

/// What a poll found: for the log and the metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReconciliationTold {
    /// Entities it was shown.
    pub shown: u32,
    /// Changes that had not come in by themselves.
    pub missed: u32,
    /// Why it ended early.
    pub trouble: Option<String>,
    /// Whether there is nothing to be asked any more.
    pub ended: bool,
}

/// What is asked of an account for a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    changes: bool,
    deletions: bool,
}

const NOTHING: Asked = Asked { changes: false, deletions: false };

/// What may be missed of a kind: a main account's catalogue, a child's orders, and what is deleted in a child.
fn asked_of(account: &Account, accounts: &[Account], kind: EntityKind) -> Asked {
    match (kind.direction(), account.as_child()) {
        (Direction::Down, None) => {
            let carried = accounts.iter().filter(|child| child.enabled).any(|child| {
                child.as_child().is_some_and(|(main, settings)| main == account.id && settings.carries(kind))
            });
            Asked { changes: carried, deletions: carried }
        }
        (Direction::Down, Some((_, settings))) => Asked { deletions: settings.carries(kind), ..NOTHING },
        (Direction::Up, Some((_, settings))) => Asked { changes: settings.carries(kind), ..NOTHING },
        (Direction::Up, None) => NOTHING,
    }
}

impl<S: Backing, M: Memory, C: Clients> Syncer<S, M, C>
where
    C::Client: Client,
{
    /// Answers the bell of a poll.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn take_reconciliation(
        &self,
        bell: &Bell,
        deadline: Timestamp,
    ) -> Result<Option<Claimed<ReconciliationJob>>, StoreError> {
        match take::<ReconciliationJob>(&self.store, bell, &self.settings.timing, (self.clock)(), deadline).await? {
            // A poll that died is asked again like any other: it harms nobody.
            Taken::Yes(claimed) | Taken::Crashed(claimed) => Ok(Some(*claimed)),
            Taken::Left(_) => Ok(None),
        }
    }

    /// Runs a claimed poll and says when the next is. `held` is what it waits behind, if anything.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn reconcile(
        &self,
        claimed: Claimed<ReconciliationJob>,
        held: Option<Hold>,
        deadline: Timestamp,
    ) -> Result<ReconciliationTold, StoreError> {
        let Claimed { row: job, fence } = claimed;
        let started = (self.clock)();
        let accounts = self.memory.accounts(&job.tenant).await?;
        let account = accounts.iter().find(|account| account.id == job.account && account.source == job.source);
        let Some(account) = account else {
            let told = ReconciliationTold { ended: true, ..ReconciliationTold::default() };
            self.record_poll(&job, &fence, &told, Since::of(&job), Self::job_ends(started)).await?;
            return Ok(told);
        };
        let interval = self.settings.poll_interval;
        let mut since = Since::of(&job);
        let mut told = ReconciliationTold::default();
        let mut next = Next::Again { not_before: later(started, interval), queue: None };
        if let Some(hold) = held {
            next = Next::Park { hold, now: started };
        } else if account.enabled {
            match self.clients.client(account) {
                Some(client) => since = self.ask(&client, &job, &accounts, (started, deadline), &mut told).await?,
                None => told.trouble = Some(MoyskladError::Misconfigured.to_string()),
            }
            if told.trouble.is_some() {
                next = Next::Again { not_before: later((self.clock)(), AFTER_TROUBLE.min(interval)), queue: None };
            }
        }
        self.record_poll(&job, &fence, &told, since, next).await?;
        Ok(told)
    }

    /// Asks for changes, then for deletions; since when each is to be asked next.
    async fn ask(
        &self,
        client: &C::Client,
        job: &ReconciliationJob,
        accounts: &[Account],
        (started, deadline): (Timestamp, Timestamp),
        told: &mut ReconciliationTold,
    ) -> Result<Since, StoreError> {
        let account = accounts.iter().find(|account| account.id == job.account);
        let asked = account.map_or(NOTHING, |account| asked_of(account, accounts, job.kind));
        let mut since = Since::of(job);
        if asked.changes {
            since.changes = self.ask_for_changes(client, job, accounts, (started, deadline), told).await?;
        } else {
            since.changes = started;
        }
        if asked.deletions && told.trouble.is_none() {
            (since.deletions, since.audit) =
                self.ask_for_deletions(client, job, accounts, (started, deadline), told).await?;
        } else if !asked.deletions {
            (since.deletions, since.audit) = (started, None);
        }
        Ok(since)
    }

    async fn ask_for_changes(
        &self,
        client: &C::Client,
        job: &ReconciliationJob,
        accounts: &[Account],
        (started, deadline): (Timestamp, Timestamp),
        told: &mut ReconciliationTold,
    ) -> Result<Timestamp, StoreError> {
        let mut from = earlier(job.since, OVERLAP);
        let mut query = Query { filter: changed_since(job.kind, from), offset: 0, limit: PAGE, order: "updated" };
        let mut newest = job.since;
        for _ in 0..MOST_PAGES {
            if (self.clock)() > self.last_call(deadline) {
                told.trouble = Some("out_of_time".to_owned());
                return Ok(newest);
            }
            let page = match client.list(job.kind, &query).await {
                Ok(page) => page,
                Err(error) => {
                    told.trouble = Some(error.to_string());
                    return Ok(newest);
                }
            };
            let n_rows = u32::try_from(page.rows.len()).unwrap_or(u32::MAX);
            let seen: Vec<Notice> = page.rows.iter().filter_map(|row| changed(job, row)).collect();
            newest = seen.iter().map(|notice| notice.at).chain([newest]).max().unwrap_or(newest);
            self.take_in(job, accounts, &seen, told).await?;
            told.shown = told.shown.saturating_add(n_rows);
            if !page.more || n_rows == 0 {
                // Whole: everything before this run's start is in.
                return Ok(started);
            }
            // The next page begins where this one ended, by time: by number, what is changed or deleted between the two
            // would draw those behind it forward, and as many would be passed over.
            let last = seen.iter().map(|notice| notice.at).max().unwrap_or(from);
            if last > from {
                from = last;
                query = Query { filter: changed_since(job.kind, from), offset: 0, ..query };
            } else {
                query.offset = query.offset.saturating_add(n_rows);
            }
        }
        told.trouble = Some("more_to_come".to_owned());
        Ok(newest)
    }

    async fn ask_for_deletions(
        &self,
        client: &C::Client,
        job: &ReconciliationJob,
        accounts: &[Account],
        (started, deadline): (Timestamp, Timestamp),
        told: &mut ReconciliationTold,
    ) -> Result<(Timestamp, Option<AuditPlace>), StoreError> {
        let since = earlier(job.deletions_since, OVERLAP);
        // The audit is read newest first, so nothing is known of what is older until all of it was read. What came in
        // since an earlier run stands before what that has read: some is read twice, and none passed over.
        let AuditPlace { mut n_read, until } = job.audit.unwrap_or(AuditPlace { n_read: 0, until: started });
        for _ in 0..MOST_AUDIT_PAGES {
            let here = (job.deletions_since, Some(AuditPlace { n_read, until }));
            if (self.clock)() > self.last_call(deadline) {
                told.trouble = Some("out_of_time".to_owned());
                return Ok(here);
            }
            let Deletions { gone: deletions, n_contexts, more } = match client.deletions(job.kind, since, n_read).await
            {
                Ok(page) => page,
                Err(error) => {
                    told.trouble = Some(error.to_string());
                    return Ok(here);
                }
            };
            let seen: Vec<Notice> = deletions
                .iter()
                .map(|gone| Notice::seen(job.account, job.kind, gone.id, Action::Delete, gone.at))
                .collect();
            self.take_in(job, accounts, &seen, told).await?;
            told.shown = told.shown.saturating_add(u32::try_from(seen.len()).unwrap_or(u32::MAX));
            n_read = n_read.saturating_add(n_contexts);
            if !more {
                return Ok((until, None));
            }
        }
        told.trouble = Some("more_to_come".to_owned());
        Ok((job.deletions_since, Some(AuditPlace { n_read, until })))
    }

    async fn take_in(
        &self,
        job: &ReconciliationJob,
        accounts: &[Account],
        seen: &[Notice],
        told: &mut ReconciliationTold,
    ) -> Result<(), StoreError> {
        let marks = Vec::from_iter(seen.iter().map(|notice| news(&self.memory, &job.tenant, accounts, notice)));
        let marks: Vec<_> = stream::iter(marks).buffered(PARALLEL).try_collect().await?;
        let missed = seen.iter().zip(marks).filter(|(_, marks)| !marks.is_empty());
        let incoming: Vec<Incoming> = missed.map(|(notice, _)| polled(&job.source, &job.tenant, notice)).collect();
        let recorded = take_in(&self.store, &incoming, &self.settings.timing, (self.clock)()).await?;
        let new = recorded.iter().filter(|recorded| **recorded == Recorded::New).count();
        told.missed = told.missed.saturating_add(u32::try_from(new).unwrap_or(u32::MAX));
        Ok(())
    }

    async fn record_poll(
        &self,
        job: &ReconciliationJob,
        fence: &crate::work::Fence,
        told: &ReconciliationTold,
        since: Since,
        next: Next,
    ) -> Result<(), StoreError> {
        let Since { changes, deletions, audit } = since;
        let trouble = told.trouble.clone();
        let patch = Patch { since: changes, deletions_since: deletions, audit, missed: told.missed, trouble };
        let remove: &'static [&'static str] = match (&told.trouble, audit) {
            (Some(_), Some(_)) => &[],
            (Some(_), None) => &["audit"],
            (None, Some(_)) => &["trouble"],
            (None, None) => &["trouble", "audit"],
        };
        let ring_at = match &next {
            Next::Again { not_before, .. } => Some(*not_before),
            _ => None,
        };
        let status = if told.ended { JobStatus::Done } else { JobStatus::Waiting };
        let record = Record { status: status.name(), next, counted: true, patch, remove };
        if self.store.record::<ReconciliationJob, _>(fence, &record).await?
            && let Some(not_before) = ring_at
        {
            let bell = Bell::new(job.key(), job.work.turn);
            self.ring(&[Ring { bell, not_before, ..Ring::of(job) }], (self.clock)()).await;
        }
        Ok(())
    }
}

fn changed_since(kind: EntityKind, since: Timestamp) -> Vec<Condition> {
    let mut filter = vec![Condition { field: "updated", comparison: Comparison::AtLeast, value: moscow_text(since) }];
    if kind.direction() == Direction::Down {
        // What is archived is left out of lists unless both are asked for.
        filter.extend(["true", "false"].map(|archived| Condition::is("archived", archived)));
    }
    filter
}

fn changed(job: &ReconciliationJob, row: &Value) -> Option<Notice> {
    let text = |name: &str| row.get(name).and_then(Value::as_str);
    let (id, at) = (text("id")?.parse().ok()?, parse_moscow_time(text("updated")?)?);
    Some(Notice::seen(job.account, job.kind, id, Action::Update, at))
}
