//! The in-memory store: rows as the objects they serialise to, under one lock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::memory_sync::MemorySync;
use crate::auth::Card;
use crate::delivery::health::Health;
use crate::enrichment::look_up::LookUp;
use crate::limits::Breaker;
use crate::model::delivery::Attempt;
use crate::model::event::{Announcement, RawBody};
use crate::model::ids::{DeliveryId, EventId, SubscriptionId, TenantId};
use crate::model::row::{Queue, RowKey, WorkRow, WorkState};
use crate::model::subscription::Subscription;
use crate::model::switch::Switch;
use crate::work::{
    Bell, Bells, Claim, ClaimOutcome, Claimed, DueIndex, DueRow, Fence, Hold, Known, Next, Record, Refusal, Ring, Rows,
    StoreError, Timing, Unrung, Written, home_shard, judge,
};

type Row = Map<String, Value>;

/// A store that lives as long as the test. Its clones are one store.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    pub(super) inner: Arc<Mutex<Inner>>,
    /// What keeping accounts in step remembers. Accounts themselves lie in the directory.
    pub(super) sync: MemorySync,
    timing: Timing,
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) rows: BTreeMap<RowKey, Row>,
    pub(super) bodies: BTreeMap<EventId, Vec<(String, RawBody)>>,
    pub(super) cards: BTreeMap<String, Card>,
    pub(super) directory: super::memory_directory::Shelves,
    pub(super) switches: BTreeMap<String, Switch>,
    pub(super) dead_letters: Vec<(Queue, String)>,
    pub(super) subscriptions: BTreeMap<SubscriptionId, Subscription>,
    pub(super) announcements: BTreeMap<EventId, Announcement>,
    pub(super) attempts: BTreeMap<(DeliveryId, u32), Attempt>,
    pub(super) slots: BTreeMap<String, Timestamp>,
    pub(super) breakers: BTreeMap<String, Breaker>,
    pub(super) healths: BTreeMap<SubscriptionId, Health>,
    pub(super) open_batches: BTreeMap<SubscriptionId, DeliveryId>,
    /// The next look for an open batch comes before the batch.
    pub(super) looks_too_early: bool,
    pub(super) gathered: BTreeMap<(EventId, SubscriptionId), DeliveryId>,
    pub(super) counters: super::memory_counters::Shelf,
    pub(super) look_ups: BTreeMap<String, LookUp>,
    pub(super) rings: Vec<Ring>,
    pub(super) holds: BTreeMap<Hold, Timestamp>,
    pub(super) held: Vec<Hold>,
    pub(super) deaf: bool,
    pub(super) down: bool,
    /// Writes left until the store goes down, as it does for a worker that dies.
    pub(super) writes_left: Option<u32>,
}

impl MemoryStore {
    /// An empty store, for rows timed so.
    #[must_use]
    pub fn new(timing: Timing) -> Self {
        Self { inner: Arc::default(), sync: MemorySync::default(), timing }
    }

    pub(super) const fn timing(&self) -> &Timing {
        &self.timing
    }

    pub(super) fn lock(&self) -> Result<MutexGuard<'_, Inner>, StoreError> {
        let inner = self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if inner.down { Err(StoreError::Unavailable("switched off by the test".into())) } else { Ok(inner) }
    }

    fn open(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Every bell rung so far, oldest first; forgets them.
    #[must_use]
    pub fn rung(&self) -> Vec<Ring> {
        std::mem::take(&mut self.open().rings)
    }

    /// Whether the queues take messages.
    pub fn set_deaf(&self, deaf: bool) {
        self.open().deaf = deaf;
    }

    /// Lets so many more writes through and then goes down, as the store does for a worker that dies.
    pub fn die_after(&self, writes: u32) {
        self.open().writes_left = Some(writes);
    }

    /// Comes back, with all that was written.
    pub fn revive(&self) {
        let mut inner = self.open();
        inner.writes_left = None;
        inner.down = false;
    }

    /// Counts a write, or goes down at it. A write that is refused is one as well.
    pub(super) fn lock_to_write(&self) -> Result<MutexGuard<'_, Inner>, StoreError> {
        let mut inner = self.lock()?;
        match inner.writes_left {
            Some(0) => {
                inner.down = true;
                Err(StoreError::Unavailable("the worker died".into()))
            }
            Some(n) => {
                inner.writes_left = Some(n - 1);
                Ok(inner)
            }
            None => Ok(inner),
        }
    }

    /// Whether the store answers.
    pub fn set_down(&self, down: bool) {
        self.open().down = down;
    }

    /// Closes or opens a hold.
    pub fn set_held(&self, hold: &Hold, held: bool) {
        let mut inner = self.open();
        inner.held.retain(|other| other != hold);
        if held {
            inner.held.push(hold.clone());
        }
    }
}

impl MemoryStore {
    /// Lets a row run from `now` on, as if the time it waits for had come.
    pub fn make_ready(&self, key: &RowKey, now: Timestamp) {
        if let Some(row) = self.open().rows.get_mut(key) {
            row.insert("not_before".into(), now.as_millisecond().into());
        }
    }

    /// Ends a row's lease, as if its worker had died and the time had passed.
    pub fn end_lease(&self, key: &RowKey) {
        if let Some(row) = self.open().rows.get_mut(key) {
            row.remove("lease_until");
        }
    }
}

/// When a row that failed ended: its place among the failed.
pub(super) const FAILED_AT: &str = "failed_at";

fn state(row: &Row) -> Result<WorkState, StoreError> {
    serde_json::from_value(Value::Object(row.clone())).map_err(|e| StoreError::Corrupt(e.to_string()))
}

pub(super) fn typed<R: WorkRow>(row: &Row) -> Result<R, StoreError> {
    serde_json::from_value(Value::Object(row.clone())).map_err(|e| StoreError::Corrupt(e.to_string()))
}

pub(super) fn object(value: &impl Serialize) -> Result<Row, StoreError> {
    match serde_json::to_value(value) {
        Ok(Value::Object(row)) => Ok(row),
        Ok(Value::Null) => Ok(Row::new()),
        Ok(_) => Err(StoreError::Refused("a row is an object".into())),
        Err(e) => Err(StoreError::Refused(e.to_string())),
    }
}

/// Writes a changed work state over the row's: what is absent there goes away here.
fn set_state(row: &mut Row, state: &WorkState) -> Result<(), StoreError> {
    for name in ["lease_until", "due_at", "due_shard", "expires_at"] {
        row.remove(name);
    }
    row.extend(object(state)?);
    Ok(())
}

impl Rows for MemoryStore {
    async fn read<R: WorkRow>(&self, key: &RowKey) -> Result<Option<R>, StoreError> {
        self.lock()?.rows.get(key).map(typed).transpose()
    }

    async fn insert<R: WorkRow>(&self, row: &R) -> Result<bool, StoreError> {
        let stored = object(row)?;
        let mut inner = self.lock_to_write()?;
        let new = !inner.rows.contains_key(&row.key());
        if new {
            inner.rows.insert(row.key(), stored);
        }
        Ok(new)
    }

    async fn claim<R: WorkRow>(&self, claim: &Claim) -> Result<ClaimOutcome<R>, StoreError> {
        let mut inner = self.lock_to_write()?;
        let Some(row) = inner.rows.get_mut(&claim.key) else { return Ok(ClaimOutcome::Refused(Refusal::Gone)) };
        let mut work = state(row)?;
        if let Err(refusal) = judge(&work, claim) {
            return Ok(ClaimOutcome::Refused(refusal));
        }
        work.lease_until = Some(claim.lease_until);
        work.deaths += 1;
        set_state(row, &work)?;
        row.insert("status".into(), R::CLAIMED.into());
        Ok(ClaimOutcome::Claimed(Box::new(Claimed::new(typed(row)?, claim))))
    }

    async fn record<R: WorkRow, P: Serialize + Send + Sync>(
        &self,
        fence: &Fence,
        record: &Record<P>,
    ) -> Result<bool, StoreError> {
        Ok(self.write_record(fence, record, None)? == Written::Yes)
    }

    async fn record_if<R: WorkRow, P: Serialize + Send + Sync>(
        &self,
        fence: &Fence,
        record: &Record<P>,
        known: Known,
    ) -> Result<Written, StoreError> {
        self.write_record(fence, record, Some(known))
    }

    async fn begin_turn<R: WorkRow>(
        &self,
        key: &RowKey,
        status: &'static str,
        now: Timestamp,
    ) -> Result<Option<R>, StoreError> {
        let mut inner = self.lock_to_write()?;
        let Some(row) = inner.rows.get_mut(key) else { return Ok(None) };
        let mut work = state(row)?;
        if !work.ended() || row.get("erased").is_some_and(|erased| erased == true) {
            return Ok(None);
        }
        work.turn += 1;
        work.deaths = 0;
        work.not_before = now;
        work.due_at = Some(self.timing.due_at(now));
        work.due_shard = Some(home_shard(key));
        work.expires_at = None;
        set_state(row, &work)?;
        for name in [FAILED_AT, "processed_at", "error", "result", "superseded_by", "turn_at"] {
            row.remove(name);
        }
        row.insert("status".into(), status.into());
        typed(row).map(Some)
    }
}

impl DueIndex for MemoryStore {
    async fn due(&self, shard: &str, by: Timestamp, limit: usize) -> Result<Vec<DueRow>, StoreError> {
        let inner = self.lock()?;
        let mut due = Vec::new();
        for (key, row) in &inner.rows {
            let work = state(row)?;
            if let (Some(due_at), Some(due_shard)) = (work.due_at, work.due_shard)
                && due_shard == shard
                && due_at <= by
            {
                due.push(DueRow { key: key.clone(), due_at });
            }
        }
        due.sort_by_key(|row| row.due_at);
        due.truncate(limit);
        Ok(due)
    }

    async fn postpone(&self, seen: &DueRow, to: Timestamp) -> Result<Option<Ring>, StoreError> {
        self.change_due(seen, |work| work.due_at = Some(to))
    }

    async fn unpark(&self, seen: &DueRow, now: Timestamp) -> Result<Option<Ring>, StoreError> {
        let due_at = self.timing.due_at(now);
        let home = home_shard(&seen.key);
        self.change_due(seen, |work| {
            work.due_at = Some(due_at);
            work.due_shard = Some(home);
            work.not_before = now;
        })
    }

    async fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        Ok(self.lock()?.holds.keys().cloned().collect())
    }

    async fn held(&self, holds: &[Hold], _now: Timestamp) -> Result<Vec<Hold>, StoreError> {
        let inner = self.lock()?;
        Ok(holds.iter().filter(|hold| inner.held.contains(hold)).cloned().collect())
    }

    async fn forget_hold(&self, hold: &Hold, noted_before: Timestamp) -> Result<(), StoreError> {
        self.lock()?.holds.retain(|other, noted| other != hold || *noted >= noted_before);
        Ok(())
    }
}

impl MemoryStore {
    fn write_record<P: Serialize>(
        &self,
        fence: &Fence,
        record: &Record<P>,
        known: Option<Known>,
    ) -> Result<Written, StoreError> {
        let patch = object(&record.patch)?;
        let mut inner = self.lock_to_write()?;
        let Some(row) = inner.rows.get_mut(&fence.key) else { return Ok(Written::Fenced) };
        let mut work = state(row)?;
        if work.turn != fence.turn || work.lease_until != fence.lease || work.ended() {
            return Ok(Written::Fenced);
        }
        let erased = row.get("erased").is_some_and(|erased| erased == true);
        let count = |known: &Known| row.get(known.name).and_then(Value::as_u64).unwrap_or(0);
        if known.is_some_and(|known| !erased && count(&known) > u64::from(known.count)) {
            return Ok(Written::Outgrown);
        }
        if erased && matches!(record.next, Next::Turn { .. }) {
            return Ok(Written::Fenced);
        }
        work.lease_until = None;
        work.deaths = 0;
        work.attempts += u32::from(record.counted);
        let mut parked = None;
        match &record.next {
            Next::Again { not_before, queue } => {
                work.not_before = *not_before;
                work.due_at = Some(self.timing.due_at(*not_before));
                work.due_shard = Some(home_shard(&fence.key));
                work.queue = queue.unwrap_or(work.queue);
            }
            Next::Park { hold, now } => {
                work.due_at = Some(*now);
                work.due_shard = Some(hold.shard(&fence.key));
                parked = Some((hold.clone(), *now));
            }
            Next::Turn { now } => {
                work.turn += 1;
                work.not_before = *now;
                work.due_at = Some(self.timing.due_at(*now));
                work.due_shard = Some(home_shard(&fence.key));
            }
            Next::End { expires_at, .. } => {
                work.due_at = None;
                work.due_shard = None;
                work.expires_at = Some(*expires_at);
            }
        }
        set_state(row, &work)?;
        if let Next::End { now, failed: true, .. } = &record.next {
            row.insert(FAILED_AT.into(), now.to_string().into());
        }
        row.insert("status".into(), record.status.into());
        row.extend(patch);
        for name in record.remove {
            row.remove(*name);
        }
        inner.holds.extend(parked);
        Ok(Written::Yes)
    }

    fn change_due(&self, seen: &DueRow, change: impl FnOnce(&mut WorkState)) -> Result<Option<Ring>, StoreError> {
        let mut inner = self.lock()?;
        let Some(row) = inner.rows.get_mut(&seen.key) else { return Ok(None) };
        let mut work = state(row)?;
        if work.due_at != Some(seen.due_at) {
            return Ok(None);
        }
        change(&mut work);
        set_state(row, &work)?;
        let tenant: TenantId = row
            .get("tenant")
            .and_then(|tenant| serde_json::from_value(tenant.clone()).ok())
            .ok_or_else(|| StoreError::Corrupt("a row without a tenant".into()))?;
        Ok(Some(Ring {
            queue: work.queue,
            tenant,
            bell: Bell::new(seen.key.clone(), work.turn),
            not_before: work.not_before,
        }))
    }
}

impl Bells for MemoryStore {
    async fn ring(&self, rings: &[Ring], _now: Timestamp) -> Vec<Unrung> {
        let mut inner = self.open();
        if inner.deaf {
            return rings
                .iter()
                .map(|ring| Unrung { row: ring.bell.row.clone(), why: "switched off by the test".into() })
                .collect();
        }
        inner.rings.extend_from_slice(rings);
        Vec::new()
    }

    async fn waiting(&self, queue: Queue) -> Result<u64, StoreError> {
        Ok(self.lock()?.rings.iter().filter(|ring| ring.queue == queue).count() as u64)
    }
}
