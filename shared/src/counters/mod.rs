//! Counters: how many, with which answer, how fast. Good to a crash: what a worker had counted and not yet added when it
//! died is missing, and what was added and not acknowledged may be there twice. The deliveries themselves are exact.

mod arrivals;
mod counts;
mod histogram;
mod tally;
mod undelivered;
mod window;

use std::future::Future;

pub use arrivals::{Arrivals, ArrivalsByProvider, HELD_AT_MOST, Unwritten, WRITE_EVERY};
#[cfg(all(test, feature = "aws"))]
pub(crate) use counts::tests::some_counts;
pub use counts::{Counts, Tried};
pub use histogram::{BOUNDS_MS, BUCKETS, Histogram, Percentile};
use jiff::Timestamp;
pub use tally::{Counted, Tally};
pub use undelivered::{Mark, Marks, Undelivered, undelivered};
pub use window::{Grain, UnknownWindow, Window};

use crate::model::event_type::EventType;
use crate::model::ids::{SubscriptionId, TenantId};
use crate::work::StoreError;

/// The counts of a slot of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// When it began.
    pub at: Timestamp,
    /// To whom.
    pub subscription: SubscriptionId,
    /// Of what.
    pub event_type: EventType,
    /// How many.
    pub counts: Counts,
}

/// What was counted of a tenant in a window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slots {
    /// The slots, in no order.
    pub slots: Vec<Slot>,
    /// Whether these are all; otherwise there were more than are read for one answer.
    pub complete: bool,
}

/// All that was ever counted of a tenant and an event type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Total {
    /// Whose.
    pub tenant: TenantId,
    /// Of what.
    pub event_type: EventType,
    /// How many.
    pub counts: Counts,
}

/// Where counters are kept.
pub trait Counters: Send + Sync {
    /// Adds a batch that ended now: to a slot of five minutes, to a slot of an hour, and to the totals.
    fn count(&self, tally: &Tally, now: Timestamp) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// A tenant's slots in a window that ends now, at most about `limit` of them.
    fn slots(
        &self,
        tenant: &TenantId,
        window: Window,
        now: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<Slots, StoreError>> + Send;

    /// All totals.
    fn totals(&self) -> impl Future<Output = Result<Vec<Total>, StoreError>> + Send;

    /// Adds what came in.
    fn count_arrivals(&self, arrivals: &ArrivalsByProvider) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// All that ever came in.
    fn arrivals(&self) -> impl Future<Output = Result<ArrivalsByProvider, StoreError>> + Send;
}
