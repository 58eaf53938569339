//! Slots: one conditional update hands out the next free time.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};

use crate::work::StoreError;

/// A place in the queue for something that bears only so many calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// When it is ours. Not taken back: a slot nobody uses is a gap.
    pub at: Timestamp,
}

/// Where the next free times are kept.
pub trait Slots: Send + Sync {
    /// The next free time of `name`, at least `spacing` after the one before, and not before now.
    fn take_slot(
        &self,
        name: &str,
        spacing: SignedDuration,
        now: Timestamp,
    ) -> impl Future<Output = Result<Slot, StoreError>> + Send;
}
