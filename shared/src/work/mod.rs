//! A row is the work, the queue is only the bell. The rules of who may touch a row when live here, and only here.
//!
//! - *Three times.* `not_before`: when it may run. `lease_until`: until when it is taken. `due_at`: when the sweep may
//!   ring, always `not_before` plus a grace, so that a bell that works is never doubled.
//! - *Claims* are one conditional update; everything a worker writes later names the turn and the lease of its claim.
//! - *The row counts, the queue does not.* `attempts` are recorded answers, `deaths` claims since the last record.
//! - *Turns.* Within a turn a status only moves forward; a reprocess, a replay or a variant starts the next
//!   turn.

mod bell;
mod claim;
mod hold;
mod record;
mod store;
mod sweep;
mod take;
mod times;

pub use bell::{Bell, BellError, Ring};
pub use claim::{Claim, ClaimOutcome, Claimed, Refusal, judge};
pub use hold::{Hold, HoldError, PARKED_SHARDS};
pub use record::{Fence, Known, Next, Record, Written};
pub use store::{Bells, DueIndex, DueRow, Rows, StoreError, Unrung};
pub use sweep::{SweepLimits, SweepReport, sweep};
pub use take::{Left, Taken, take};
pub use times::{Delay, HOME_SHARDS, Timing, home_shard};
