//! One sweep at a time.

use jiff::Timestamp;

use super::expression::Update;
use super::items::{LEASE_UNTIL, millis};
use super::keys;
use super::rows::Changed;
use super::store::Store;
use crate::work::StoreError;

impl Store {
    /// Takes the sweep until `until`; `false` if another has it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn lease_sweep(&self, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        let update = Update::default().set(LEASE_UNTIL, millis(until)).only_if_absent_or(LEASE_UNTIL, "<", millis(now));
        let taken = self.update(&self.tables.signals, keys::sweep_lease(), update).await?;
        Ok(matches!(taken, Changed::Now(_)))
    }

    /// Gives the sweep up early, if it is still the one that was taken until `until`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn end_sweep(&self, until: Timestamp) -> Result<(), StoreError> {
        let update = Update::default().remove(LEASE_UNTIL).only_if(LEASE_UNTIL, "=", millis(until));
        self.update(&self.tables.signals, keys::sweep_lease(), update).await.map(|_| ())
    }
}
