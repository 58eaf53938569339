//! Slots and breakers in memory.

use jiff::{SignedDuration, Timestamp};

use super::MemoryStore;
use crate::limits::{Breaker, Breakers, Slot, Slots};
use crate::work::StoreError;

impl Slots for MemoryStore {
    async fn take_slot(&self, name: &str, spacing: SignedDuration, now: Timestamp) -> Result<Slot, StoreError> {
        let mut inner = self.lock()?;
        let next_free = inner.slots.entry(name.to_owned()).or_insert(now);
        let at = (*next_free).max(now);
        *next_free = at.saturating_add(spacing).unwrap_or(at);
        Ok(Slot { at })
    }
}

impl Breakers for MemoryStore {
    async fn breaker(&self, name: &str) -> Result<Breaker, StoreError> {
        Ok(self.lock()?.breakers.get(name).cloned().unwrap_or_default())
    }

    async fn set_breaker(&self, name: &str, seen: &Breaker, to: &Breaker) -> Result<bool, StoreError> {
        let mut inner = self.lock()?;
        let stands = inner.breakers.get(name).is_none_or(|breaker| breaker.version == seen.version);
        if stands {
            inner.breakers.insert(name.to_owned(), to.clone());
        }
        Ok(stands)
    }
}
