//! What the rules need of a store, of the due index and of the queues.

use std::future::Future;

use jiff::Timestamp;
use serde::Serialize;

use super::bell::Ring;
use super::claim::{Claim, ClaimOutcome};
use super::hold::Hold;
use super::record::{Fence, Known, Record, Written};
use crate::model::row::{Queue, RowKey, WorkRow};

/// The store could not do what was asked. Nothing is known of whether it did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It did not answer, or said it cannot now: the same call may go through later.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// It refused the call: the same call will be refused again.
    #[error("the store refused: {0}")]
    Refused(String),
    /// What it holds cannot be read back.
    #[error("what is stored cannot be read: {0}")]
    Corrupt(String),
}

/// Rows of work. An implementation passes `testing::work_exam`.
pub trait Rows: Send + Sync {
    /// The row as it stands, or nothing. Read strongly.
    fn read<R: WorkRow>(&self, key: &RowKey) -> impl Future<Output = Result<Option<R>, StoreError>> + Send;

    /// Puts a new row; says whether there was none of its key before.
    fn insert<R: WorkRow>(&self, row: &R) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Claims a row, exactly when `judge` has nothing against it.
    fn claim<R: WorkRow>(&self, claim: &Claim) -> impl Future<Output = Result<ClaimOutcome<R>, StoreError>> + Send;

    /// Writes a worker's record; `false` if the fence no longer stands and nothing was changed.
    fn record<R: WorkRow, P: Serialize + Send + Sync>(
        &self,
        fence: &Fence,
        record: &Record<P>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// As `record`, and as one write with it: only if what the worker knew of the row has not grown.
    fn record_if<R: WorkRow, P: Serialize + Send + Sync>(
        &self,
        fence: &Fence,
        record: &Record<P>,
        known: Known,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send;

    /// Starts the next turn of a row whose work has ended: it leaves the list of the failed, takes `status`, may run
    /// at once, keeps its attempts. Nothing if there is no such row, its work has not ended, or it was erased.
    fn begin_turn<R: WorkRow>(
        &self,
        key: &RowKey,
        status: &'static str,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<R>, StoreError>> + Send;
}

/// An entry of the due index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRow {
    /// The row.
    pub key: RowKey,
    /// Its `due_at` when the index was read.
    pub due_at: Timestamp,
}

/// The index of what is due, in partitions, and what may be done to its entries.
pub trait DueIndex: Send + Sync {
    /// The entries of a partition that were due by `by`, oldest first, at most `limit`.
    fn due(
        &self,
        shard: &str,
        by: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<DueRow>, StoreError>> + Send;

    /// Moves `due_at` on, if it is still what was seen; the ring the row asks for, or nothing if it was not.
    fn postpone(&self, row: &DueRow, to: Timestamp) -> impl Future<Output = Result<Option<Ring>, StoreError>> + Send;

    /// Moves a parked row back to its home partition, due at `now`, if it still waits; the ring it asks for.
    fn unpark(&self, row: &DueRow, now: Timestamp) -> impl Future<Output = Result<Option<Ring>, StoreError>> + Send;

    /// The holds that work may be waiting behind.
    fn holds(&self) -> impl Future<Output = Result<Vec<Hold>, StoreError>> + Send;

    /// Which of these still hold.
    fn held(&self, holds: &[Hold], now: Timestamp) -> impl Future<Output = Result<Vec<Hold>, StoreError>> + Send;

    /// Forgets a hold that nothing waits behind any longer, unless work was parked behind it at `noted_before` or later.
    fn forget_hold(&self, hold: &Hold, noted_before: Timestamp) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A bell that could not be rung. Its row is due all the same, and the sweep will ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unrung {
    /// The row.
    pub row: RowKey,
    /// What the queue said.
    pub why: String,
}

/// The queues.
pub trait Bells: Send + Sync {
    /// Rings; bells due later than the queue can delay are left to the sweep. Returns those that could not be rung.
    fn ring(&self, rings: &[Ring], now: Timestamp) -> impl Future<Output = Vec<Unrung>> + Send;

    /// About how many messages are waiting in a queue.
    fn waiting(&self, queue: Queue) -> impl Future<Output = Result<u64, StoreError>> + Send;
}
