//! Several writes that all happen or none.

use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, ReturnConsumedCapacity, TransactWriteItem};

use super::failure::store_error;
use super::items::{Item, PK, SK, s};
use super::keys::Key;
use super::store::Store;
use crate::work::StoreError;

/// The item is not there yet.
pub(super) const NEW: &str = "attribute_not_exists(pk)";

/// What a transaction came to.
#[derive(Debug)]
pub(super) enum Transacted {
    /// All was written.
    Done,
    /// Nothing was; the reasons are in the order of the writes.
    Cancelled(Vec<CancellationReason>),
}

impl Store {
    /// Writes all or nothing, the write units counted.
    pub(super) async fn write_all(&self, writes: Vec<TransactWriteItem>) -> Result<Transacted, StoreError> {
        let call = self.db.transact_write_items().set_transact_items(Some(writes));
        match call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await {
            Ok(out) => {
                out.consumed_capacity().iter().for_each(|used| self.meter.add(Some(used)));
                Ok(Transacted::Done)
            }
            Err(SdkError::ServiceError(refusal)) if refusal.err().is_transaction_canceled_exception() => {
                let TransactWriteItemsError::TransactionCanceledException(why) = refusal.into_err() else {
                    return Ok(Transacted::Cancelled(Vec::new()));
                };
                Ok(Transacted::Cancelled(why.cancellation_reasons.unwrap_or_default()))
            }
            Err(error) => Err(store_error("TransactWriteItems", &error)),
        }
    }
}

/// The first of the writes whose condition did not hold. None: it was called off for another reason, and may go through
/// later.
pub(super) fn refused_at(reasons: &[CancellationReason]) -> Option<usize> {
    reasons.iter().position(|reason| reason.code() == Some("ConditionalCheckFailed"))
}

/// What a transaction was called off for, where that is no condition.
pub(super) fn called_off(reasons: &[CancellationReason]) -> StoreError {
    let codes: Vec<&str> = reasons.iter().filter_map(CancellationReason::code).collect();
    StoreError::Unavailable(format!("TransactWriteItems: {}", codes.join(" ")))
}

/// A key as the attributes it is stored as.
pub(super) fn as_key(key: Key) -> Item {
    Item::from([(PK.to_owned(), s(key.pk)), (SK.to_owned(), s(key.sk))])
}

/// An item with its key.
pub(super) fn placed(key: Key, mut item: Item) -> Item {
    item.extend(as_key(key));
    item
}

#[expect(clippy::needless_pass_by_value, reason = "map_err gives it away")]
pub(super) fn bad(error: BuildError) -> StoreError {
    StoreError::Refused(error.to_string())
}
