//! Look-ups and a lead's list of events in memory.

use super::MemoryStore;
use crate::enrichment::look_up::{LookUp, LookUps};
use crate::enrichment::workflow::{LeadBody, Leads};
use crate::model::contact::LeadId;
use crate::model::event::{Event, RawBody};
use crate::model::ids::SourceId;
use crate::model::row::RowKey;
use crate::work::StoreError;

fn key(row: &LookUp) -> String {
    name(&row.source, &row.lead, &row.contact)
}

fn name(source: &SourceId, lead: &LeadId, contact: &str) -> String {
    format!("{source}|{lead}|{contact}")
}

impl LookUps for MemoryStore {
    async fn begin(&self, row: &LookUp) -> Result<Option<LookUp>, StoreError> {
        let mut inner = self.lock_to_write()?;
        let there = inner.look_ups.get(&key(row)).cloned();
        if there.is_none() {
            inner.look_ups.insert(key(row), row.clone());
        }
        Ok(there)
    }

    async fn find(&self, source: &SourceId, lead: &LeadId, contact: &str) -> Result<Option<LookUp>, StoreError> {
        Ok(self.lock()?.look_ups.get(&name(source, lead, contact)).cloned())
    }

    async fn save(&self, row: &mut LookUp) -> Result<bool, StoreError> {
        let mut inner = self.lock_to_write()?;
        let seen = row.version;
        row.version += 1;
        match inner.look_ups.get_mut(&key(row)) {
            Some(stored) if stored.version == seen => {
                *stored = row.clone();
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

impl Leads for MemoryStore {
    async fn bodies_of(&self, event: &Event) -> Result<Vec<RawBody>, StoreError> {
        let inner = self.lock()?;
        Ok(inner
            .bodies
            .get(&event.id)
            .map(|all| all.iter().map(|(_, body)| body.clone()).collect())
            .unwrap_or_default())
    }

    async fn bodies_of_lead(&self, source: &SourceId, lead: &str) -> Result<Vec<LeadBody>, StoreError> {
        let inner = self.lock()?;
        let mut found = Vec::new();
        for (id, bodies) in &inner.bodies {
            let Some(row) = inner.rows.get(&RowKey::Event(id.clone())) else { continue };
            let event: Event = serde_json::from_value(serde_json::Value::Object(row.clone()))
                .map_err(|error| StoreError::Corrupt(error.to_string()))?;
            if event.source == *source && event.subject.as_deref() == Some(lead) {
                for (_, body) in bodies {
                    found.push(LeadBody { event: id.clone(), received_at: event.received_at, body: body.clone() });
                }
            }
        }
        Ok(found)
    }
}

impl MemoryStore {
    /// The look-ups there are.
    ///
    /// # Panics
    /// When the store was switched off.
    #[must_use]
    pub fn look_ups(&self) -> Vec<LookUp> {
        self.lock().expect("the store is up").look_ups.values().cloned().collect()
    }
}
