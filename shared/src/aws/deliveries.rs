//! The attempts of deliveries in DynamoDB, as they are read.

use jiff::Timestamp;

use super::failure::store_error;
use super::items::{expired, from_item, s};
use super::keys;
use super::store::Store;
use crate::manage::attempts::Attempts;
use crate::model::delivery::Attempt;
use crate::model::ids::DeliveryId;
use crate::work::StoreError;

impl Attempts for Store {
    async fn attempts(&self, delivery: &DeliveryId, limit: u8, now: Timestamp) -> Result<Vec<Attempt>, StoreError> {
        let first = keys::attempts(delivery);
        let page = self
            .db
            .query()
            .table_name(&self.tables.events)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
            .expression_attribute_values(":pk", s(first.pk))
            .expression_attribute_values(":sk", s(first.sk))
            .scan_index_forward(false)
            .limit(i32::from(limit))
            .send()
            .await
            .map_err(|error| store_error("Query", &error))?;
        let items = page.items.unwrap_or_default();
        items.into_iter().filter(|item| !expired(item, now)).map(from_item).collect()
    }
}
