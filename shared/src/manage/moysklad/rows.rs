//! The rows of work that an account calls for: made, or begun anew where their work has ended.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;

use crate::model::job::JobStatus;
use crate::model::moysklad::{Account, Direction, EntityKind, ReconciliationJob, ResyncJob};
use crate::model::row::WorkRow;
use crate::sync::jobs;
use crate::work::{Claim, ClaimOutcome, Next, Record, Ring, Rows, StoreError, Timing};

/// How long the claim under which a row is set back may be held.
const SET_BACK_WITHIN: SignedDuration = SignedDuration::from_secs(10);

/// The kinds that are polled for in an account: of a main account all that may come down, for its children may change; of
/// a child its orders, and what came down to it, for what is deleted there comes back.
#[must_use]
pub fn polled(account: &Account) -> Vec<EntityKind> {
    let wanted = |kind: &EntityKind| match account.as_child() {
        None => kind.direction() == Direction::Down,
        Some((_, settings)) => settings.carries(*kind),
    };
    EntityKind::ALL.into_iter().filter(wanted).collect()
}

/// Makes the polls that an account calls for. Those that run stay as they are; one that has ended, or polls for a source
/// that the account no longer has, begins anew. Nobody is rung: sweep does.
///
/// # Errors
/// When the store does not answer. What is missing then, the next call makes.
pub async fn ensure_polls(
    store: &impl Rows,
    account: &Account,
    timing: &Timing,
    now: Timestamp,
) -> Result<(), StoreError> {
    for kind in polled(account) {
        let first = jobs::reconciliation(&account.tenant, (account.id, &account.source), kind, now, timing);
        if store.insert(&first).await? {
            continue;
        }
        let stored = store.read::<ReconciliationJob>(&first.key()).await?;
        if stored.is_some_and(|job| job.work.ended() || job.source != account.source) {
            let (since, source) = (first.since, &first.source);
            let anew = json!({"source": source, "since": since, "deletions_since": since, "missed": 0});
            set_back::<ReconciliationJob, _>(store, &first, anew, &["trouble", "audit"], timing, now).await?;
        }
    }
    Ok(())
}

/// What became of a wish for a resync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It begins: ring.
    Yes(Ring),
    /// One is under way.
    Running,
}

/// Begins a full resync, unless one is under way.
///
/// # Errors
/// When the store does not answer. What had begun by then, sweep rings for.
pub async fn begin_resync(
    store: &impl Rows,
    account: &Account,
    timing: &Timing,
    now: Timestamp,
) -> Result<Begun, StoreError> {
    let first = jobs::resync(&account.tenant, account.id, now, timing);
    if store.insert(&first).await? {
        return Ok(Begun::Yes(Ring::of(&first)));
    }
    match store.read::<ResyncJob>(&first.key()).await? {
        Some(job) if job.work.ended() => {
            let anew = json!({"asked_at": now, "offset": 0, "marked": 0});
            let ring = set_back(store, &first, anew, &["kind", "done_at", "trouble"], timing, now).await?;
            Ok(ring.map_or(Begun::Running, Begun::Yes))
        }
        Some(_) | None => Ok(Begun::Running),
    }
}

/// Begins the next turn of a row whose work has ended, if it has, and sets its own attributes back under a claim: a worker
/// that was quicker has it, and then nothing is changed. Its ring, if it was done.
async fn set_back<R: WorkRow, P: Serialize + Send + Sync>(
    store: &impl Rows,
    first: &R,
    anew: P,
    gone: &'static [&'static str],
    timing: &Timing,
    now: Timestamp,
) -> Result<Option<Ring>, StoreError> {
    let key = first.key();
    // A row that has not ended stays in its turn.
    store.begin_turn::<R>(&key, JobStatus::Waiting.name(), now).await?;
    let Some(row) = store.read::<R>(&key).await? else { return Ok(None) };
    let deadline = now.saturating_add(SET_BACK_WITHIN).unwrap_or(now);
    let claim = Claim {
        // It is not worked on: for whatever it waits, it may be set back.
        ready_by: Timestamp::MAX,
        ..Claim::new(key, row.work().turn, timing, now, deadline)
    };
    let ClaimOutcome::Claimed(claimed) = store.claim::<R>(&claim).await? else { return Ok(None) };
    let next = Next::Again { not_before: now, queue: None };
    let record = Record { status: JobStatus::Waiting.name(), next, counted: false, patch: anew, remove: gone };
    let done = store.record::<R, _>(&claimed.fence, &record).await?;
    Ok(done.then(|| Ring { not_before: now, ..Ring::of(&claimed.row) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::row::RowKey;
    use crate::testing::MemoryStore;
    use crate::testing::moysklad_samples::{child, main_account};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + seconds).unwrap()
    }

    async fn end<R: WorkRow>(store: &MemoryStore, key: &RowKey, turn: u32, patch: serde_json::Value) {
        let claim = Claim::new(key.clone(), turn, &Timing::default(), at(50), at(60));
        let ClaimOutcome::Claimed(claimed) = store.claim::<R>(&claim).await.unwrap() else { panic!("claimed") };
        let next = Next::End { now: at(50), expires_at: at(9_000), failed: false };
        let record = Record { status: JobStatus::Done.name(), next, counted: true, patch, remove: &[] };
        assert!(store.record::<R, _>(&claimed.fence, &record).await.unwrap());
    }

    #[tokio::test]
    async fn a_second_resync_waits_for_the_first_to_end_and_then_begins_from_the_start() {
        let (store, child, timing) = (MemoryStore::default(), child(2), Timing::default());
        let key = RowKey::Resync(child.tenant.clone(), child.id);
        let begin = async |now| begin_resync(&store, &child, &timing, now).await.unwrap();
        assert!(matches!(begin(at(0)).await, Begun::Yes(ring) if ring.bell.turn == 1));
        assert_eq!(begin(at(1)).await, Begun::Running);
        let ended = json!({"kind": "product", "offset": 7, "marked": 9, "done_at": at(50), "trouble": "x"});
        end::<ResyncJob>(&store, &key, 1, ended).await;
        let Begun::Yes(ring) = begin(at(100)).await else { panic!("it begins") };
        assert_eq!((ring.bell.turn, ring.not_before), (2, at(100)));
        let job: ResyncJob = store.read(&key).await.unwrap().unwrap();
        assert_eq!((job.kind, job.offset, job.marked, job.done_at, job.trouble), (None, 0, 0, None, None));
        assert_eq!((job.asked_at, job.status, job.work.lease_until), (at(100), JobStatus::Waiting, None));
        assert_eq!(begin(at(101)).await, Begun::Running);
    }

    #[tokio::test]
    async fn polls_that_run_stay_and_those_that_ended_or_are_of_another_source_begin_anew() {
        let (store, mut account, timing) = (MemoryStore::default(), main_account(1), Timing::default());
        ensure_polls(&store, &account, &timing, at(0)).await.unwrap();
        let read = async |kind| {
            let key = RowKey::Reconciliation(account.tenant.clone(), account.id, kind);
            store.read::<ReconciliationJob>(&key).await.unwrap().unwrap()
        };
        let key = read(EntityKind::Product).await.key();
        end::<ReconciliationJob>(&store, &key, 1, json!({"missed": 3})).await;
        ensure_polls(&store, &account, &timing, at(100)).await.unwrap();
        let (ended, runs) = (read(EntityKind::Product).await, read(EntityKind::Service).await);
        assert_eq!((ended.since, ended.missed, ended.work.turn), (at(100), 0, 2));
        assert_eq!((runs.since, runs.work.turn), (at(0), 1));
        account.source = "src_another".parse().unwrap();
        ensure_polls(&store, &account, &timing, at(200)).await.unwrap();
        let key = RowKey::Reconciliation(account.tenant.clone(), account.id, EntityKind::Service);
        let moved = store.read::<ReconciliationJob>(&key).await.unwrap().unwrap();
        assert_eq!((moved.source, moved.since, moved.work.turn), (account.source, at(200), 1));
    }

    #[test]
    fn a_main_account_is_polled_for_its_catalogue_and_a_child_for_what_is_carried() {
        assert_eq!(polled(&main_account(1)).len(), 5);
        assert_eq!(polled(&child(2)), [EntityKind::Product, EntityKind::CustomerOrder]);
    }
}
