//! The sweep: rings for whatever is due and was not picked up, and brings parked work back.

use std::collections::HashMap;

use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};

use super::bell::Ring;
use super::store::{Bells, DueIndex, DueRow, StoreError};
use super::times::{HOME_SHARDS, Timing, shard_name};
use crate::model::row::Queue;

/// How long a hold is remembered after work was last parked behind it: longer than any worker lives. A row is parked in
/// two writes, the hold first; a hold forgotten between them would leave the row where no sweep looks.
const HOLD_KEPT: SignedDuration = SignedDuration::from_mins(20);

/// How much one run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweepLimits {
    /// Rows rung in one run.
    pub cap: usize,
    /// Messages waiting in a queue above which nothing is rung on it: it has enough to do.
    pub crowded: u64,
    /// Rows asked for at a time.
    pub page: usize,
    /// Rows brought back from behind a hold in its first page of a run; each further page is twice as large.
    pub first_unpark: usize,
    /// Conditional updates under way at a time.
    pub parallel: usize,
}

impl Default for SweepLimits {
    fn default() -> Self {
        Self { cap: 20_000, crowded: 5_000, page: 500, first_unpark: 50, parallel: 16 }
    }
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Rows rung for.
    pub rung: usize,
    /// Rows brought back from behind a hold.
    pub unparked: usize,
    /// Rows that moved on before their turn came.
    pub moved: usize,
    /// Bells that could not be rung; their rows are due again.
    pub unrung: usize,
    /// Queues left alone because they were crowded.
    pub crowded: Vec<Queue>,
}

/// One run. `deadline` is when it must have stopped; what it has not reached the next run will.
///
/// # Errors
/// When the index could not be read or written. What was done is done; the next run goes on.
pub async fn sweep<S: DueIndex + Bells>(
    store: &S,
    timing: &Timing,
    limits: &SweepLimits,
    clock: &(dyn Fn() -> Timestamp + Sync),
    deadline: Timestamp,
) -> Result<SweepReport, StoreError> {
    let mut run =
        Run { store, timing, limits, clock, deadline, report: SweepReport::default(), crowded: HashMap::new() };
    run.unpark_all().await?;
    for n in 0..HOME_SHARDS {
        run.ring_shard(&shard_name(n)).await?;
    }
    run.report.crowded = run.crowded.iter().filter(|(_, full)| **full).map(|(queue, _)| *queue).collect();
    run.report.crowded.sort();
    Ok(run.report)
}

struct Run<'a, S> {
    store: &'a S,
    timing: &'a Timing,
    limits: &'a SweepLimits,
    clock: &'a (dyn Fn() -> Timestamp + Sync),
    deadline: Timestamp,
    report: SweepReport,
    crowded: HashMap<Queue, bool>,
}

impl<S: DueIndex + Bells> Run<'_, S> {
    fn over(&self) -> bool {
        self.report.rung >= self.limits.cap || (self.clock)() >= self.deadline
    }

    /// Rings for what is due in a partition. Each row's `due_at` moves on *before* its bell is rung: if we die in
    /// between, it is due again after a step, and if two sweeps meet, only one of them rings.
    async fn ring_shard(&mut self, shard: &str) -> Result<(), StoreError> {
        while !self.over() {
            let now = (self.clock)();
            let room = self.limits.page.min(self.limits.cap - self.report.rung);
            let due = self.store.due(shard, now, room).await?;
            let last = due.len() < room;
            let to = now.saturating_add(self.timing.sweep_step).unwrap_or(now);
            let rings = self.each(due, async |store, row| store.postpone(&row, to).await).await?;
            self.ring(rings, now).await;
            if last {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn unpark_all(&mut self) -> Result<(), StoreError> {
        let holds = self.store.holds().await?;
        let held = self.store.held(&holds, (self.clock)()).await?;
        for hold in holds.into_iter().filter(|hold| !held.contains(hold)) {
            let mut emptied = true;
            for shard in hold.shards() {
                emptied &= self.unpark_shard(&shard).await?;
            }
            if emptied {
                let noted_before = (self.clock)().saturating_sub(HOLD_KEPT).unwrap_or(Timestamp::MIN);
                self.store.forget_hold(&hold, noted_before).await?;
            }
        }
        Ok(())
    }

    /// Brings rows back in growing pages: what waited behind a breaker must not fall on a receiver that has just
    /// recovered all at once. Says whether nothing is left.
    async fn unpark_shard(&mut self, shard: &str) -> Result<bool, StoreError> {
        let mut page = self.limits.first_unpark;
        while !self.over() {
            let now = (self.clock)();
            let waiting = self.store.due(shard, Timestamp::MAX, page).await?;
            let last = waiting.len() < page;
            let rings = self.each(waiting, async |store, row| store.unpark(&row, now).await).await?;
            self.report.unparked += rings.len();
            self.ring(rings, now).await;
            if last {
                return Ok(true);
            }
            page = (page * 2).min(self.limits.page);
        }
        Ok(false)
    }

    async fn each(
        &mut self,
        rows: Vec<DueRow>,
        step: impl AsyncFn(&S, DueRow) -> Result<Option<Ring>, StoreError>,
    ) -> Result<Vec<Ring>, StoreError> {
        let store = self.store;
        let step = &step;
        let outcomes: Vec<_> =
            stream::iter(rows).map(|row| step(store, row)).buffer_unordered(self.limits.parallel).collect().await;
        let mut rings = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            match outcome? {
                Some(ring) => rings.push(ring),
                None => self.report.moved += 1,
            }
        }
        Ok(rings)
    }

    async fn ring(&mut self, rings: Vec<Ring>, now: Timestamp) {
        let mut wanted = Vec::with_capacity(rings.len());
        for ring in rings {
            if !self.is_crowded(ring.queue).await {
                wanted.push(ring);
            }
        }
        let unrung = self.store.ring(&wanted, now).await;
        for bell in &unrung {
            tracing::warn!(row = %bell.row, why = %bell.why, "a bell could not be rung; its row is due again");
        }
        self.report.unrung += unrung.len();
        self.report.rung += wanted.len() - unrung.len();
    }

    async fn is_crowded(&mut self, queue: Queue) -> bool {
        if let Some(full) = self.crowded.get(&queue) {
            return *full;
        }
        // A queue that cannot be asked is rung all the same: a bell too many is harmless.
        let full = self.store.waiting(queue).await.is_ok_and(|n| n > self.limits.crowded);
        self.crowded.insert(queue, full);
        full
    }
}

#[cfg(test)]
#[path = "sweep_tests.rs"]
mod tests;
