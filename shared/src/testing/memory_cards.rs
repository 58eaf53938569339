//! The cards in memory.

use super::MemoryStore;
use crate::auth::{Card, CardError, Cards};

impl Cards for MemoryStore {
    async fn card(&self, hash: &str) -> Result<Option<Card>, CardError> {
        let inner = self.lock().map_err(|error| CardError(error.to_string()))?;
        Ok(inner.cards.get(hash).cloned())
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
