//! What is done for a person who asks what is held of them, or wants it gone: a walk over everything that may hold a
//! person, page by page, over as many invocations as it takes.
//!
//! What is found is on the job's row before it is blanked. So a walk that dies goes on where it was, blanks again what
//! it may have blanked, and its receipt names everything.

pub mod needle;

use std::collections::BTreeSet;
use std::future::Future;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::model::ids::{EventId, SourceId, TenantId};
use crate::model::job::{DataSubjectJob, JobStatus, SubjectRequest};
use crate::model::sealed::Sealed;
use crate::signing::seal::StackKeys;
use crate::work::{Bell, Bells, Claimed, Next, Record, Ring, Rows, StoreError, Taken, Timing, take};
use needle::{Finder, Needle};

/// Time kept back at the end of an invocation for the record.
const MARGIN: SignedDuration = SignedDuration::from_secs(10);
/// Rows found but not yet recorded: then they are.
const MOST_PENDING: usize = 200;
/// Rows the receipt names; beyond them it counts. They lie on the job's row, which must stay below 400 KB.
const MOST_NAMED: usize = 2_000;
/// How long a receipt is kept.
const RECEIPT_KEPT: SignedDuration = SignedDuration::from_hours(24 * 400);
/// What the cursor says when everything was looked at.
const WALKED: &str = "end";

/// Rows that are about one thing, and so about one person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thread {
    /// A lead: its bodies, its events with what came of them, its look-ups.
    Lead(SourceId, String),
    /// An event with what came of it.
    Event(EventId),
}

/// A row that may hold a person.
#[derive(Clone)]
pub struct Item {
    /// Its name: where it lies.
    pub key: String,
    /// What it holds, bodies unpacked.
    pub holds: Value,
    /// What it holds under a seal: the value, whose, and for which row it was sealed.
    pub sealed: Option<(Sealed, TenantId, String)>,
    /// What it belongs to.
    pub thread: Option<Thread>,
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Item").field("key", &self.key).finish_non_exhaustive()
    }
}

/// A page of the walk.
#[derive(Debug, Clone, Default)]
pub struct ItemPage {
    /// What is on it.
    pub items: Vec<Item>,
    /// Where the walk goes on; nothing at the end.
    pub next: Option<String>,
}

/// Everything that may hold a person.
pub trait PersonalData: Send + Sync {
    /// The next page of everything. Read strongly.
    fn items(&self, from: Option<&str>) -> impl Future<Output = Result<ItemPage, StoreError>> + Send;

    /// The names of all rows of a thread.
    fn thread(&self, thread: &Thread) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// Blanks what a row holds of a person. Its key and its status stay, and it is marked as erased. Doing it twice does
    /// no more.
    fn blank(&self, key: &str) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// What the walk writes on its job.
#[derive(Debug, Clone, Serialize)]
struct Patch {
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    looked_at: u64,
    found: Vec<String>,
    found_total: u64,
    pending: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    done_at: Option<Timestamp>,
}

/// Answers a bell: the job, if it is ours now.
///
/// # Errors
/// When the store does not answer.
pub async fn take_job(
    store: &impl Rows,
    bell: &Bell,
    timing: &Timing,
    now: Timestamp,
    deadline: Timestamp,
) -> Result<Option<Claimed<DataSubjectJob>>, StoreError> {
    match take::<DataSubjectJob>(store, bell, timing, now, deadline).await? {
        Taken::Yes(claimed) => Ok(Some(*claimed)),
        Taken::Crashed(claimed) => {
            tracing::error!(job.id = %claimed.row.id, "a data subject's job killed its workers and is given up");
            let patch = Patch::of(&claimed.row, None);
            end(store, &claimed, JobStatus::Failed, patch, now).await?;
            Ok(None)
        }
        Taken::Left(_) => Ok(None),
    }
}

/// Walks on until the deadline nears or everything was looked at, and records how far it came.
///
/// # Errors
/// When the store does not answer. The next bell goes on from the last record.
pub async fn walk(
    store: &(impl PersonalData + Rows + Bells),
    keys: &StackKeys,
    claimed: Claimed<DataSubjectJob>,
    clock: &(dyn Fn() -> Timestamp + Sync),
    deadline: Timestamp,
) -> Result<(), StoreError> {
    let job = &claimed.row;
    let Some(finder) = finder(job, keys) else {
        tracing::error!(job.id = %job.id, "what the person is known by cannot be opened");
        let patch = Patch::of(job, None);
        return end(store, &claimed, JobStatus::Failed, patch, clock()).await;
    };
    let stop = deadline.saturating_sub(MARGIN).unwrap_or(deadline);
    let mut round = Round { store, keys, finder, patch: Patch::of(job, job.cursor.clone()), threads: BTreeSet::new() };
    // What was found and recorded, and maybe not blanked: it goes first.
    if job.request == SubjectRequest::Erase && !round.blank_pending(&|| clock() < stop).await? {
        return round.again(&claimed, clock()).await;
    }
    round.patch.pending.clear();
    while round.patch.cursor.as_deref() != Some(WALKED) && clock() < stop && round.patch.pending.len() < MOST_PENDING {
        round.page().await?;
    }
    let walked = round.patch.cursor.as_deref() == Some(WALKED);
    let blanked = round.patch.pending.is_empty() || job.request == SubjectRequest::Report;
    if walked && blanked {
        let now = clock();
        let patch = Patch { cursor: None, pending: Vec::new(), done_at: Some(now), ..round.patch };
        tracing::info!(job.id = %job.id, looked_at = patch.looked_at, found = patch.found_total, "a data subject's job is done");
        return end(store, &claimed, JobStatus::Done, patch, now).await;
    }
    round.again(&claimed, clock()).await
}

fn finder(job: &DataSubjectJob, keys: &StackKeys) -> Option<Finder> {
    let text = keys.open_text(job.needle.as_ref()?, &job.tenant, job.id.as_str()).ok()?;
    Needle::parse(&job.known_by, &text).map(|needle| Finder::new(needle, keys))
}

impl Patch {
    fn of(job: &DataSubjectJob, cursor: Option<String>) -> Self {
        Self {
            cursor,
            looked_at: job.looked_at,
            found: job.found.clone(),
            found_total: job.found_total,
            pending: job.pending.clone(),
            done_at: None,
        }
    }
}

/// One invocation's part of a walk.
struct Round<'a, S> {
    store: &'a S,
    keys: &'a StackKeys,
    finder: Finder,
    patch: Patch,
    threads: BTreeSet<Thread>,
}

impl<S: PersonalData + Rows + Bells> Round<'_, S> {
    /// Blanks what is pending; `false` if the time did not suffice.
    async fn blank_pending(&mut self, in_time: &(dyn Fn() -> bool + Sync)) -> Result<bool, StoreError> {
        while let Some(key) = self.patch.pending.last() {
            if !in_time() {
                return Ok(false);
            }
            self.store.blank(key).await?;
            self.patch.pending.pop();
        }
        Ok(true)
    }

    async fn page(&mut self) -> Result<(), StoreError> {
        let page = self.store.items(self.patch.cursor.as_deref()).await?;
        self.patch.looked_at += page.items.len() as u64;
        let hits: Vec<Item> = page.items.into_iter().filter(|item| self.holds_person(item)).collect();
        for item in hits {
            let rows = match item.thread {
                Some(thread) if self.threads.contains(&thread) => Vec::new(),
                Some(thread) => {
                    let rows = self.store.thread(&thread).await?;
                    self.threads.insert(thread);
                    rows
                }
                None => Vec::new(),
            };
            for key in rows.into_iter().chain([item.key]) {
                self.note(key);
            }
        }
        self.patch.cursor = Some(page.next.unwrap_or_else(|| WALKED.to_owned()));
        Ok(())
    }

    fn holds_person(&self, item: &Item) -> bool {
        let opened = item.sealed.as_ref().and_then(|(sealed, tenant, row)| self.keys.open(sealed, tenant, row).ok());
        self.finder.is_in(&item.holds) || opened.is_some_and(|plain| self.finder.is_in_bytes(&plain))
    }

    fn note(&mut self, key: String) {
        let patch = &mut self.patch;
        if patch.found.contains(&key) || patch.pending.contains(&key) {
            return;
        }
        patch.found_total += 1;
        if patch.found.len() < MOST_NAMED {
            patch.found.push(key.clone());
        }
        patch.pending.push(key);
    }

    async fn again(self, claimed: &Claimed<DataSubjectJob>, now: Timestamp) -> Result<(), StoreError> {
        let record = Record {
            status: JobStatus::Running.name(),
            next: Next::Again { not_before: now, queue: None },
            counted: true,
            patch: self.patch,
            remove: &[],
        };
        if self.store.record::<DataSubjectJob, _>(&claimed.fence, &record).await? {
            let mut ring = Ring::of(&claimed.row);
            ring.not_before = now;
            for bell in self.store.ring(&[ring], now).await {
                tracing::warn!(row = %bell.row, why = %bell.why, "a bell could not be rung; the sweep will");
            }
        }
        Ok(())
    }
}

async fn end(
    store: &impl Rows,
    claimed: &Claimed<DataSubjectJob>,
    status: JobStatus,
    patch: Patch,
    now: Timestamp,
) -> Result<(), StoreError> {
    let expires_at = now.saturating_add(RECEIPT_KEPT).unwrap_or(Timestamp::MAX);
    let next = Next::End { now, expires_at, failed: false };
    let record = Record { status: status.name(), next, counted: true, patch, remove: &["needle", "cursor"] };
    store.record::<DataSubjectJob, _>(&claimed.fence, &record).await.map(|_| ())
}

#[cfg(test)]
mod tests;
