//! Claims: one conditional update that says "mine, until then".

use jiff::Timestamp;

use super::record::Fence;
use super::times::Timing;
use crate::model::row::{RowKey, WorkRow, WorkState};

/// A wish to work on a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The row.
    pub key: RowKey,
    /// The turn the bell was rung for.
    pub turn: u32,
    /// Now.
    pub now: Timestamp,
    /// The latest `not_before` that may be claimed now.
    pub ready_by: Timestamp,
    /// Until when it is to be taken.
    pub lease_until: Timestamp,
}

impl Claim {
    /// The claim a worker makes whose invocation ends at `deadline`.
    #[must_use]
    pub fn new(key: RowKey, turn: u32, timing: &Timing, now: Timestamp, deadline: Timestamp) -> Self {
        Self {
            key,
            turn,
            now,
            ready_by: now.saturating_add(timing.early).unwrap_or(now),
            lease_until: timing.lease_until(deadline),
        }
    }
}

/// A row that is ours for a while.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed<R> {
    /// The row, as the claim left it.
    pub row: R,
    /// What every later write must name.
    pub fence: Fence,
}

/// What came of a claim.
#[derive(Debug, Clone, PartialEq)]
pub enum ClaimOutcome<R> {
    /// It is ours.
    Claimed(Box<Claimed<R>>),
    /// It is not, and why.
    Refused(Refusal),
}

/// Why a row could not be claimed. None of them is an error: bells come twice, early and late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such row.
    Gone,
    /// Its work has ended.
    Ended,
    /// The bell is of another turn.
    OtherTurn,
    /// It may not run yet.
    Early,
    /// A living worker has it.
    Taken,
}

/// Whether this row may be claimed: the condition of the conditional update, in words.
///
/// # Errors
/// With the first reason against it.
pub fn judge(row: &WorkState, claim: &Claim) -> Result<(), Refusal> {
    if row.ended() {
        return Err(Refusal::Ended);
    }
    if row.turn != claim.turn {
        return Err(Refusal::OtherTurn);
    }
    if row.not_before > claim.ready_by {
        return Err(Refusal::Early);
    }
    if row.lease_until.is_some_and(|until| until >= claim.now) {
        return Err(Refusal::Taken);
    }
    Ok(())
}

impl<R: WorkRow> Claimed<R> {
    /// A row as a successful claim returned it.
    #[must_use]
    pub fn new(row: R, claim: &Claim) -> Self {
        let tenant = row.tenant().clone();
        let fence = Fence { key: claim.key.clone(), tenant, turn: claim.turn, lease: Some(claim.lease_until) };
        Self { row, fence }
    }
}
