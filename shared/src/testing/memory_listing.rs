//! Lists and attempts in memory.

use jiff::Timestamp;

use super::MemoryStore;
use super::memory_rows::{FAILED_AT, typed};
use crate::manage::attempts::Attempts;
use crate::manage::event_walk::Subjects;
use crate::manage::listing::{Listing, Place, Window};
use crate::model::delivery::Attempt;
use crate::model::event::Event;
use crate::model::ids::{DeliveryId, SourceId, TenantId};
use crate::model::row::{RowKey, WorkRow};
use crate::work::StoreError;

impl Listing for MemoryStore {
    async fn listed<R: WorkRow>(
        &self,
        tenant: &TenantId,
        day: Timestamp,
        window: &Window,
        limit: usize,
    ) -> Result<Vec<Place>, StoreError> {
        let day_of = |at: Timestamp| at.strftime("%Y%m%d").to_string();
        self.places::<R>(tenant, window, limit, |row, _| Some(row.listed_at()).filter(|at| day_of(*at) == day_of(day)))
    }

    async fn failed<R: WorkRow>(
        &self,
        tenant: &TenantId,
        window: &Window,
        limit: usize,
    ) -> Result<Vec<Place>, StoreError> {
        self.places::<R>(tenant, window, limit, |_, failed_at| failed_at)
    }

    async fn rows<R: WorkRow>(&self, places: &[Place]) -> Result<Vec<R>, StoreError> {
        let inner = self.lock()?;
        let keys: Vec<&RowKey> = places.iter().filter_map(Place::row).collect();
        keys.into_iter().filter_map(|key| inner.rows.get(key)).map(typed).collect()
    }
}

impl MemoryStore {
    fn places<R: WorkRow>(
        &self,
        tenant: &TenantId,
        window: &Window,
        limit: usize,
        listed_at: impl Fn(&R, Option<Timestamp>) -> Option<Timestamp>,
    ) -> Result<Vec<Place>, StoreError> {
        let inner = self.lock()?;
        let kind = format!("{}/", R::LIST.unwrap_or_default());
        let mut places = Vec::new();
        for (key, stored) in inner.rows.iter().filter(|(key, _)| key.to_string().starts_with(&kind)) {
            let row: R = typed(stored)?;
            let failed_at = stored.get(FAILED_AT).and_then(|at| at.as_str()?.parse().ok());
            if let Some(at) = listed_at(&row, failed_at).filter(|_| row.tenant() == tenant) {
                places.push(Place::of(at, key.clone()));
            }
        }
        places.retain(|place| place.at() >= window.since && *place < window.before);
        places.sort_by(|a, b| b.cmp(a));
        places.truncate(limit);
        Ok(places)
    }
}

impl Subjects for MemoryStore {
    async fn of_subject(
        &self,
        source: &SourceId,
        subject: &str,
        window: &Window,
        limit: usize,
    ) -> Result<Vec<Place>, StoreError> {
        let inner = self.lock()?;
        let mut places = Vec::new();
        for (key, stored) in inner.rows.iter().filter(|(key, _)| matches!(key, RowKey::Event(_))) {
            let event: Event = typed(stored)?;
            if event.source == *source && event.subject.as_deref() == Some(subject) {
                places.push(Place::of(event.occurred_at, key.clone()));
            }
        }
        places.retain(|place| place.at() >= window.since && *place < window.before);
        places.sort_by(|a, b| b.cmp(a));
        places.truncate(limit);
        Ok(places)
    }
}

impl Attempts for MemoryStore {
    async fn attempts(&self, delivery: &DeliveryId, limit: u8, _: Timestamp) -> Result<Vec<Attempt>, StoreError> {
        let mut attempts = self.attempts_of(delivery);
        attempts.reverse();
        attempts.truncate(limit.into());
        Ok(attempts)
    }
}
