//! Whole items put, over what is expected to be there.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};

use super::failure::store_error;
use super::items::{Item, PK, SK, s};
use super::keys::Key;
use super::store::Store;
use crate::work::StoreError;

/// What must be there for an item to be put.
#[derive(Debug, Clone)]
pub(super) enum Over {
    /// Anything or nothing.
    Whatever,
    /// Nothing.
    Nothing,
    /// An item in which this attribute has this value.
    This(&'static str, AttributeValue),
}

impl Store {
    /// Puts an item if there is none of its key; the item that is there, otherwise.
    pub(super) async fn put_new(&self, table: &str, key: Key, item: Item) -> Result<Option<Item>, StoreError> {
        self.put_over(table, key, item, Over::Nothing).await
    }

    /// Puts an item over whatever was there.
    pub(super) async fn put(&self, table: &str, key: Key, item: Item) -> Result<(), StoreError> {
        self.put_over(table, key, item, Over::Whatever).await.map(|_| ())
    }

    /// Puts an item over what is expected, its write units counted. Nothing if it was put; what is there, otherwise.
    pub(super) async fn put_over(
        &self,
        table: &str,
        key: Key,
        mut item: Item,
        over: Over,
    ) -> Result<Option<Item>, StoreError> {
        item.insert(PK.into(), s(key.pk));
        item.insert(SK.into(), s(key.sk));
        let put = self.db.put_item().table_name(table).set_item(Some(item));
        let put = match over {
            Over::Whatever => put,
            Over::Nothing => put.condition_expression("attribute_not_exists(pk)"),
            Over::This(name, value) => put
                .condition_expression("#expected = :expected")
                .expression_attribute_names("#expected", name)
                .expression_attribute_values(":expected", value),
        };
        let answer = put
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await;
        match answer {
            Ok(out) => {
                self.meter.add(out.consumed_capacity());
                Ok(None)
            }
            Err(SdkError::ServiceError(refusal)) if refusal.err().is_conditional_check_failed_exception() => {
                self.meter.add_units(1.0);
                let PutItemError::ConditionalCheckFailedException(there) = refusal.into_err() else {
                    return Ok(Some(Item::new()));
                };
                Ok(Some(there.item.unwrap_or_default()))
            }
            Err(error) => Err(store_error("PutItem", &error)),
        }
    }
}
