//! The attempts of deliveries in DynamoDB.

use jiff::Timestamp;

use super::failure::store_error;
use super::items::{EXPIRES_AT, expired, from_item, s, seconds, to_item};
use super::keys;
use super::store::Store;
use crate::manage::attempts::Attempts;
use crate::model::delivery::Attempt;
use crate::model::ids::DeliveryId;
use crate::work::StoreError;

impl Store {
    /// Keeps an attempt whole, beside its delivery. Putting the same attempt again changes nothing.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn put_attempt(
        &self,
        delivery: &DeliveryId,
        attempt: &Attempt,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut item = to_item(attempt)?;
        item.insert(EXPIRES_AT.to_owned(), seconds(expires_at));
        self.put(&self.tables.events, keys::attempt(delivery, attempt.n), item).await
    }
}

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
