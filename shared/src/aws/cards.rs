//! Cards in DynamoDB.

use jiff::Timestamp;

use super::expression::Update;
use super::items::{PK, from_item, s};
use super::keys;
use super::store::Store;
use crate::auth::{Card, CardError, Cards, KeyUses};
use crate::model::ids::{KeyId, TenantId};

const LAST_USED_AT: &str = "last_used_at";

impl Cards for Store {
    async fn card(&self, hash: &str) -> Result<Option<Card>, CardError> {
        let item = self
            .get_item(&self.tables.directory, keys::card(hash), false)
            .await
            .map_err(|error| CardError(error.to_string()))?;
        item.map(from_item).transpose().map_err(|error| CardError(error.to_string()))
    }
}

impl KeyUses for Store {
    async fn key_used(&self, tenant: &TenantId, key: &KeyId, hour: Timestamp) -> Result<(), CardError> {
        // Whole hours have one width, so their texts sort as they do.
        let hour = s(hour.to_string());
        let update = Update::default().set(LAST_USED_AT, hour.clone()).only_if_there(PK).only_if_absent_or(
            LAST_USED_AT,
            "<",
            hour,
        );
        let place = keys::api_key(tenant, key.as_str());
        let noted = self.update(&self.tables.directory, place, update).await;
        noted.map(|_| ()).map_err(|error| CardError(error.to_string()))
    }
}
