//! Counts write units: they are what an event costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::types::ConsumedCapacity;

/// A running total of the write units this process has used, indexes included.
#[derive(Debug, Clone, Default)]
pub struct WriteMeter(Arc<AtomicU64>);

impl WriteMeter {
    /// Adds what a call says it used.
    pub(super) fn add(&self, used: Option<&ConsumedCapacity>) {
        if let Some(units) = used.and_then(|used| used.write_capacity_units().or(used.capacity_units())) {
            self.add_units(units);
        }
    }

    /// Adds a number of units: a refused conditional write reports none, and is billed one per KB all the same.
    pub(super) fn add_units(&self, units: f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "units are small and positive")]
        let tenths = (units.max(0.0) * 10.0).round() as u64;
        self.0.fetch_add(tenths, Ordering::Relaxed);
    }

    /// The units used since the last call, and starts again from 0.
    #[must_use]
    pub fn take(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let tenths = self.0.swap(0, Ordering::Relaxed) as f64;
        tenths / 10.0
    }
}
