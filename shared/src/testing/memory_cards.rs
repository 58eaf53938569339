//! The cards in memory.

use jiff::Timestamp;

use super::MemoryStore;
use crate::auth::{Card, CardError, Cards, KeyUses};
use crate::model::ids::{KeyId, TenantId};

impl Cards for MemoryStore {
    async fn card(&self, hash: &str) -> Result<Option<Card>, CardError> {
        let inner = self.lock().map_err(|error| CardError(error.to_string()))?;
        Ok(inner.cards.get(hash).cloned())
    }
}

impl KeyUses for MemoryStore {
    async fn key_used(&self, tenant: &TenantId, key: &KeyId, hour: Timestamp) -> Result<(), CardError> {
        let mut inner = self.lock().map_err(|error| CardError(error.to_string()))?;
        inner.directory.note_use(tenant, key, hour);
        Ok(())
    }
}

impl MemoryStore {
    /// Puts a card.
    ///
    /// # Panics
    /// When the store was switched off.
    pub fn put_card(&self, card: Card) {
        self.lock().expect("the store is up").cards.insert(card.hash.clone(), card);
    }

    /// Whether the test switched the store off.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.lock().is_err()
    }
}
