//! What only an operator looks at, in memory: switches, dead letters, files of events.

use jiff::Timestamp;

use super::MemoryStore;
use crate::manage::dead_letters::{DeadLetter, DeadLetters, Depth, Depths};
use crate::manage::event_file::{Announced, EventFile, EventFiles};
use crate::manage::switches::SwitchPanel;
use crate::model::delivery::Delivery;
use crate::model::event::Event;
use crate::model::ids::EventId;
use crate::model::row::{Queue, RowKey};
use crate::model::switch::Switch;
use crate::work::{Bells, Rows, StoreError};

impl SwitchPanel for MemoryStore {
    async fn switches(&self) -> Result<Vec<Switch>, StoreError> {
        Ok(self.lock()?.switches.values().cloned().collect())
    }

    async fn turn(&self, switch: &Switch) -> Result<(), StoreError> {
        self.lock()?.switches.insert(switch.what.to_string(), switch.clone());
        Ok(())
    }
}

impl DeadLetters for MemoryStore {
    async fn depths(&self, queue: Queue) -> Result<Depths, StoreError> {
        let waiting = self.waiting(queue).await?;
        let dead = self.lock()?.dead_letters.iter().filter(|(of, _)| *of == queue).count() as u64;
        let depth = |waiting| Depth { waiting, ..Depth::default() };
        Ok(Depths { queue, main: depth(waiting), dead: Some(depth(dead)) })
    }

    async fn take_dead(&self, queue: Queue) -> Result<Vec<DeadLetter>, StoreError> {
        let mut inner = self.lock()?;
        let (taken, left) = std::mem::take(&mut inner.dead_letters).into_iter().partition(|(of, _)| *of == queue);
        inner.dead_letters = left;
        let taken: Vec<(Queue, String)> = taken;
        Ok(taken.into_iter().map(|(_, body)| DeadLetter { body, receipt: String::new(), group: None }).collect())
    }

    async fn revive(&self, _: Queue, letters: &[DeadLetter]) -> Result<usize, StoreError> {
        Ok(letters.len())
    }
}

impl EventFiles for MemoryStore {
    async fn file(&self, id: &EventId, _: Timestamp) -> Result<Option<EventFile>, StoreError> {
        let Some(event) = self.read::<Event>(&RowKey::Event(id.clone())).await? else { return Ok(None) };
        let (announced, keys, attempts) = {
            let inner = self.lock()?;
            let said = inner.announcements.values().filter(|said| said.id.parent() == *id);
            let announced: Vec<_> =
                said.map(|said| Announced { id: said.id.clone(), event_type: said.event_type, at: said.at }).collect();
            let of_event = |key: &RowKey| matches!(key, RowKey::Delivery(id) if id.event().is_some_and(|of| of.parent() == event.id));
            let keys: Vec<RowKey> = inner.rows.keys().filter(|key| of_event(key)).cloned().collect();
            let attempts: Vec<_> =
                inner.attempts.iter().map(|((id, _), attempt)| (id.clone(), attempt.clone())).collect();
            (announced, keys, attempts)
        };
        let mut deliveries = Vec::new();
        for key in keys {
            deliveries.extend(self.read::<Delivery>(&key).await?);
        }
        Ok(Some(EventFile {
            event,
            variants: Vec::new(),
            steps: Vec::new(),
            announced,
            deliveries,
            attempts,
            cut: false,
        }))
    }
}

impl MemoryStore {
    /// Lets a message lie among a queue's dead letters.
    ///
    /// # Panics
    /// When the store was switched off.
    pub fn put_dead_letter(&self, queue: Queue, body: &str) {
        self.lock().expect("the store is up").dead_letters.push((queue, body.to_owned()));
    }
}
