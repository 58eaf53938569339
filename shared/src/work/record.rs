//! Records: what a worker writes when it is done with a row, for now or for good.

use jiff::Timestamp;

use super::hold::Hold;
use crate::model::ids::TenantId;
use crate::model::row::{Queue, RowKey, WorkRow};

/// The claim a write stands on. A write whose turn or lease is no longer the row's changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// The row.
    pub key: RowKey,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its turn when it was claimed.
    pub turn: u32,
    /// The end of the claim's lease. None for work that needs no claim, because all it writes has derived names: then
    /// nobody may hold one.
    pub lease: Option<Timestamp>,
}

impl Fence {
    /// The fence of work on this row that needs no claim.
    #[must_use]
    pub fn unclaimed<R: WorkRow>(row: &R) -> Self {
        Self { key: row.key(), tenant: row.tenant().clone(), turn: row.work().turn, lease: None }
    }
}

/// What is to become of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// It runs again, not before then.
    Again {
        /// When it may run.
        not_before: Timestamp,
        /// On which queue, if another than before.
        queue: Option<Queue>,
    },
    /// It waits behind something, and the sweep brings it back.
    Park {
        /// What it waits behind.
        hold: Hold,
        /// Since when.
        now: Timestamp,
    },
    /// Its work begins anew, in the next turn: what it was done with is out of date.
    Turn {
        /// Since when.
        now: Timestamp,
    },
    /// Its work has ended.
    End {
        /// When.
        now: Timestamp,
        /// When the store may forget it.
        expires_at: Timestamp,
        /// Whether it is listed among the failed.
        failed: bool,
    },
}

/// A worker's record. `deaths` goes to 0 and the lease is given up with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Record<P> {
    /// The status to leave the row in, as stored.
    pub status: &'static str,
    /// What is to become of it.
    pub next: Next,
    /// Whether an answer was recorded: `attempts` goes up by one.
    pub counted: bool,
    /// The kind's own attributes to set: what it serialises, and nothing else of the row.
    pub patch: P,
    /// The kind's own attributes to take away.
    pub remove: &'static [&'static str],
}

/// A number on a row that only grows, as the worker knows it: a record that names it is not written once it has grown.
/// Of a row whose data was erased it no longer matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The attribute. Absent is 0.
    pub name: &'static str,
    /// What it was when the row was claimed.
    pub count: u32,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is written.
    Yes,
    /// Nothing was changed: the fence no longer stands.
    Fenced,
    /// Nothing was changed: what the worker knew has grown.
    Outgrown,
}
