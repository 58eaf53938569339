//! Items taken away, there or not, or only as they were seen.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::AttributeValue;

use super::failure::store_error;
use super::items::{PK, SK, s};
use super::keys::Key;
use super::store::Store;
use crate::work::StoreError;

impl Store {
    /// Deletes an item, there or not.
    pub(super) async fn delete(&self, table: &str, key: Key) -> Result<(), StoreError> {
        self.db
            .delete_item()
            .table_name(table)
            .key(PK, s(key.pk))
            .key(SK, s(key.sk))
            .send()
            .await
            .map_err(|error| store_error("DeleteItem", &error))?;
        self.meter.add_units(1.0);
        Ok(())
    }

    /// Deletes an item if this attribute of it still has this value; says whether.
    pub(super) async fn delete_seen(
        &self,
        table: &str,
        key: Key,
        (name, value): (&str, AttributeValue),
    ) -> Result<bool, StoreError> {
        let answer = self
            .db
            .delete_item()
            .table_name(table)
            .key(PK, s(key.pk))
            .key(SK, s(key.sk))
            .condition_expression("#seen = :seen")
            .expression_attribute_names("#seen", name)
            .expression_attribute_values(":seen", value)
            .send()
            .await;
        self.meter.add_units(1.0);
        match answer {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(refusal)) if refusal.err().is_conditional_check_failed_exception() => Ok(false),
            Err(error) => Err(store_error("DeleteItem", &error)),
        }
    }
}
