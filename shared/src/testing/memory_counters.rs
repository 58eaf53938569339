//! Counters in memory.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::MemoryStore;
use crate::counters::{
    ArrivalsByProvider, Counted, Counters, Counts, Grain, Mark, Marks, Slot, Slots, Tally, Total, Window,
};
use crate::model::event_type::EventType;
use crate::model::ids::TenantId;
use crate::work::StoreError;

/// Every counter.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    slots: BTreeMap<(Grain, Timestamp, Counted), Counts>,
    totals: BTreeMap<(TenantId, EventType), Counts>,
    arrivals: ArrivalsByProvider,
    mark: Mark,
}

impl Counters for MemoryStore {
    async fn count(&self, tally: &Tally, now: Timestamp) -> Result<(), StoreError> {
        let shelf = &mut self.lock()?.counters;
        for grain in Grain::ALL {
            for (counted, counts) in tally.iter() {
                shelf.slots.entry((grain, grain.slot(now), counted.clone())).or_default().merge(counts);
            }
        }
        for (key, counts) in tally.totals() {
            shelf.totals.entry(key).or_default().merge(&counts);
        }
        Ok(())
    }

    async fn slots(
        &self,
        tenant: &TenantId,
        window: Window,
        now: Timestamp,
        limit: usize,
    ) -> Result<Slots, StoreError> {
        let (grain, since) = (window.grain(), window.since(now));
        let inner = self.lock()?;
        let wanted =
            inner.counters.slots.iter().filter(|((of, at, counted), _)| {
                *of == grain && (since..=now).contains(at) && counted.tenant == *tenant
            });
        let slots: Vec<Slot> = wanted
            .map(|((_, at, counted), counts)| Slot {
                at: *at,
                subscription: counted.subscription.clone(),
                event_type: counted.event_type,
                counts: counts.clone(),
            })
            .collect();
        let complete = slots.len() <= limit;
        Ok(Slots { slots: slots.into_iter().take(limit).collect(), complete })
    }

    async fn totals(&self) -> Result<Vec<Total>, StoreError> {
        let inner = self.lock()?;
        let total = |((tenant, event_type), counts): (&(TenantId, EventType), &Counts)| Total {
            tenant: tenant.clone(),
            event_type: *event_type,
            counts: counts.clone(),
        };
        Ok(inner.counters.totals.iter().map(total).collect())
    }

    async fn count_arrivals(&self, arrivals: &ArrivalsByProvider) -> Result<(), StoreError> {
        let shelf = &mut self.lock()?.counters;
        for (provider, arrivals) in arrivals {
            shelf.arrivals.entry(provider).or_default().merge(arrivals.clone());
        }
        Ok(())
    }

    async fn arrivals(&self) -> Result<ArrivalsByProvider, StoreError> {
        Ok(self.lock()?.counters.arrivals.clone())
    }
}

impl Marks for MemoryStore {
    async fn mark(&self) -> Result<Mark, StoreError> {
        Ok(self.lock()?.counters.mark.clone())
    }

    async fn set_mark(&self, mark: &Mark) -> Result<(), StoreError> {
        self.lock()?.counters.mark = mark.clone();
        Ok(())
    }
}
