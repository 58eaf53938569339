//! Open batches and the health of endpoints in memory.

use jiff::Timestamp;
use serde_json::Value;

use super::MemoryStore;
use super::memory_rows::{object, typed};
use crate::delivery::health::{Health, Healths};
use crate::dispatch::{Batches, Begun, Joined, Room};
use crate::model::delivery::Delivery;
use crate::model::ids::{DeliveryId, EventId, SubscriptionId};
use crate::model::row::{RowKey, WorkRow as _};
use crate::work::{Ring, StoreError};

impl Batches for MemoryStore {
    async fn open_batch(&self, subscription: &SubscriptionId) -> Result<Option<DeliveryId>, StoreError> {
        let mut inner = self.lock()?;
        if std::mem::take(&mut inner.looks_too_early) {
            return Ok(None);
        }
        Ok(inner.open_batches.get(subscription).cloned())
    }

    async fn begin_batch(&self, batch: &Delivery, seen: Option<&DeliveryId>) -> Result<Begun, StoreError> {
        let stored = object(batch)?;
        let mut inner = self.lock_to_write()?;
        if inner.rows.contains_key(&batch.key()) {
            return Ok(Begun::There);
        }
        if inner.open_batches.get(&batch.subscription) != seen {
            return Ok(Begun::Outrun);
        }
        inner.rows.insert(batch.key(), stored);
        inner.open_batches.insert(batch.subscription.clone(), batch.id.clone());
        Ok(Begun::New)
    }

    async fn join_batch(
        &self,
        batch: &DeliveryId,
        event: &EventId,
        bytes: u64,
        room: Room,
    ) -> Result<Joined, StoreError> {
        let mut inner = self.lock_to_write()?;
        let Some(row) = inner.rows.get_mut(&RowKey::Delivery(batch.clone())) else { return Ok(Joined::Closed) };
        let delivery: Delivery = typed(row)?;
        if delivery.batch_events.contains(event) {
            return Ok(Joined::Waiting);
        }
        let events = u32::try_from(delivery.batch_events.len()).unwrap_or(u32::MAX);
        if !delivery.gathers() || events >= room.events || delivery.batch_bytes + bytes > room.bytes {
            return Ok(Joined::Closed);
        }
        if let Some(Value::Array(events)) = row.get_mut("batch_events") {
            events.push(event.as_str().into());
        }
        row.insert("batch_bytes".into(), (delivery.batch_bytes + bytes).into());
        Ok(if events + 1 == room.events { Joined::Full } else { Joined::Waiting })
    }

    async fn close_batch(&self, batch: &DeliveryId, now: Timestamp) -> Result<Option<Ring>, StoreError> {
        let mut inner = self.lock_to_write()?;
        let Some(row) = inner.rows.get_mut(&RowKey::Delivery(batch.clone())) else { return Ok(None) };
        let mut delivery: Delivery = typed(row)?;
        if !delivery.gathers() || delivery.work.not_before <= now {
            return Ok(None);
        }
        row.insert("not_before".into(), now.as_millisecond().into());
        delivery.work.not_before = now;
        Ok(Some(Ring::of(&delivery)))
    }

    async fn gathered_in(
        &self,
        event: &EventId,
        subscription: &SubscriptionId,
    ) -> Result<Option<DeliveryId>, StoreError> {
        Ok(self.lock()?.gathered.get(&(event.clone(), subscription.clone())).cloned())
    }

    async fn note_gathered(
        &self,
        event: &EventId,
        subscription: &SubscriptionId,
        batch: &DeliveryId,
        _: Timestamp,
    ) -> Result<(), StoreError> {
        self.lock_to_write()?.gathered.insert((event.clone(), subscription.clone()), batch.clone());
        Ok(())
    }
}

impl Healths for MemoryStore {
    async fn health(&self, id: &SubscriptionId) -> Result<Health, StoreError> {
        Ok(self.lock()?.healths.get(id).cloned().unwrap_or_default())
    }

    async fn set_health(&self, id: &SubscriptionId, seen: &Health, to: &Health) -> Result<bool, StoreError> {
        let mut inner = self.lock_to_write()?;
        if inner.healths.get(id).map_or(0, |health| health.version) != seen.version {
            return Ok(false);
        }
        if to.is_well() {
            inner.healths.remove(id);
        } else {
            inner.healths.insert(id.clone(), to.clone());
        }
        Ok(true)
    }
}

impl MemoryStore {
    /// Whoever looks for an open batch next looks before there is one.
    ///
    /// # Panics
    /// When the store was switched off.
    pub fn look_too_early(&self) {
        self.lock().expect("the store is up").looks_too_early = true;
    }

    /// Every delivery, in no order that matters.
    ///
    /// # Panics
    /// When the store was switched off.
    #[must_use]
    pub fn all_deliveries(&self) -> Vec<Delivery> {
        let inner = self.lock().expect("the store is up");
        let rows = inner.rows.iter().filter(|(key, _)| matches!(key, RowKey::Delivery(_)));
        rows.map(|(_, row)| typed(row).expect("a delivery")).collect()
    }
}
