//! From a bell to a claimed row.

use jiff::Timestamp;

use super::bell::Bell;
use super::claim::{Claim, ClaimOutcome, Claimed, Refusal};
use super::store::{Rows, StoreError};
use super::times::Timing;
use crate::model::row::WorkRow;

/// What a bell led to.
#[derive(Debug)]
pub enum Taken<R> {
    /// The row is ours; do the work and record it.
    Yes(Box<Claimed<R>>),
    /// The row is ours, and has killed too many workers: it is not to be tried again, only recorded as crashed.
    Crashed(Box<Claimed<R>>),
    /// There is nothing to do; the bell is acknowledged and forgotten.
    Left(Left),
}

/// Why a bell is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left(pub Refusal);

/// Answers a bell.
///
/// # Errors
/// When the store could not be asked: the message must come again.
pub async fn take<R: WorkRow>(
    rows: &impl Rows,
    bell: &Bell,
    timing: &Timing,
    now: Timestamp,
    deadline: Timestamp,
) -> Result<Taken<R>, StoreError> {
    let claim = Claim::new(bell.row.clone(), bell.turn, timing, now, deadline);
    Ok(match rows.claim::<R>(&claim).await? {
        ClaimOutcome::Claimed(claimed) if claimed.row.work().deaths > timing.max_deaths => Taken::Crashed(claimed),
        ClaimOutcome::Claimed(claimed) => Taken::Yes(claimed),
        ClaimOutcome::Refused(refusal) => Taken::Left(Left(refusal)),
    })
}
