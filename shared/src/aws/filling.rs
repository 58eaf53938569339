//! Rows as items, for whoever fills a table beside the protocol: a benchmark.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::items::{FAILED_PK, FAILED_SK, Item, s};
use super::keys;
use super::store::Store;
use super::transact::placed;
use crate::model::row::WorkRow;
use crate::work::StoreError;

impl Store {
    /// A row with its key, whole, as it is first written.
    ///
    /// # Errors
    /// When the row cannot be written as an item.
    pub fn whole_item<R: WorkRow>(row: &R) -> Result<Item, StoreError> {
        Ok(placed(keys::row(&row.key()), Self::row_item(row)?))
    }

    /// What a row that failed at that time has besides, so that it is listed as such.
    #[must_use]
    pub fn failed_place<R: WorkRow>(row: &R, at: Timestamp) -> Option<[(String, AttributeValue); 2]> {
        let partition = keys::failed_partition(R::LIST?, row.tenant());
        Some([(FAILED_PK.to_owned(), s(partition)), (FAILED_SK.to_owned(), s(keys::list_place(at, &row.key())))])
    }
}
