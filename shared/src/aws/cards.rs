//! Cards in DynamoDB.

use super::items::from_item;
use super::keys;
use super::store::Store;
use crate::auth::{Card, CardError, Cards};

impl Cards for Store {
    async fn card(&self, hash: &str) -> Result<Option<Card>, CardError> {
        let item = self
            .get_item(&self.tables.directory, keys::card(hash), false)
            .await
            .map_err(|error| CardError(error.to_string()))?;
        item.map(from_item).transpose().map_err(|error| CardError(error.to_string()))
    }
}
