//! The inbox in memory.

use super::memory_rows::MemoryStore;
use crate::intake::{Inbox, Recorded};
use crate::model::event::{Event, EventStatus, RawBody};
use crate::model::ids::EventId;
use crate::model::row::WorkRow;
use crate::work::{Ring, Rows, StoreError};

impl Inbox for MemoryStore {
    async fn record_event(&self, event: &Event, body: &RawBody) -> Result<Recorded, StoreError> {
        if self.insert(event).await? {
            self.lock()?.bodies.entry(event.id.clone()).or_default().push((event.digest.clone(), body.clone()));
            return Ok(Recorded::New);
        }
        self.write_missing_body(event, body)?;
        if !event.provider.keeps_variants() {
            let first: Option<Event> = self.read(&event.key()).await?;
            let same = first.is_none_or(|first| first.digest == event.digest);
            return Ok(if same { Recorded::Duplicate } else { Recorded::Conflict });
        }
        if !self.keep_variant(event, body)? {
            return Ok(Recorded::Duplicate);
        }
        let turn = self.begin_turn::<Event>(&event.key(), EventStatus::Received.name(), event.received_at).await?;
        Ok(Recorded::Variant { ring: turn.as_ref().map(Ring::of) })
    }
}

impl MemoryStore {
    /// Loses the bodies of an event.
    pub fn forget_body(&self, event: &EventId) {
        if let Ok(mut inner) = self.lock() {
            inner.bodies.remove(event);
        }
    }

    /// The body goes out beside the row each time: the retry of a request whose body could not be written writes it.
    fn write_missing_body(&self, event: &Event, body: &RawBody) -> Result<(), StoreError> {
        let mut inner = self.lock()?;
        let erased =
            inner.rows.get(&event.key()).and_then(|row| row.get("erased")).is_some_and(|erased| erased == true);
        let bodies = inner.bodies.entry(event.id.clone()).or_default();
        if bodies.is_empty() && !erased {
            bodies.push((event.digest.clone(), body.clone()));
        }
        Ok(())
    }

    fn keep_variant(&self, event: &Event, body: &RawBody) -> Result<bool, StoreError> {
        let mut inner = self.lock()?;
        let bodies = inner.bodies.entry(event.id.clone()).or_default();
        let new = bodies.len() <= 5 && bodies.iter().all(|(digest, _)| *digest != event.digest);
        if new {
            bodies.push((event.digest.clone(), body.clone()));
            let variants = bodies.len() - 1;
            if let Some(row) = inner.rows.get_mut(&event.key()) {
                row.insert("variants".into(), variants.into());
            }
        }
        Ok(new)
    }
}
