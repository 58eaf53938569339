//! Rows of work in DynamoDB: each rule is one conditional update.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use serde::Serialize;

use super::batches::with_set;
use super::expression::Update;
use super::failure::store_error;
use super::items::{
    ATTEMPTS, DEATHS, DUE_AT, DUE_SHARD, ERASED, EXPIRES_AT, FAILED_PK, FAILED_SK, Item, LEASE_UNTIL, LIST_PK, LIST_SK,
    NOT_BEFORE, NOTED_AT, PK, QUEUE, SK, STATUS, TURN, from_item, millis, n, number, s, seconds, to_item,
};
use super::keys::{self, Key};
use super::store::Store;
use crate::model::row::{RowKey, WorkRow};
use crate::work::{
    Claim, ClaimOutcome, Claimed, Fence, Known, Next, Record, Refusal, Rows, StoreError, Written, home_shard, judge,
};

/// What a conditional update came to.
pub(super) enum Changed {
    /// The item as it is now.
    Now(Item),
    /// The condition did not hold; the item as it was, if there was one.
    Refused(Option<Item>),
}

impl Store {
    /// One conditional update, its write units counted.
    pub(super) async fn update(&self, table: &str, key: Key, update: Update) -> Result<Changed, StoreError> {
        let parts = update.finish();
        let answer = self
            .db
            .update_item()
            .table_name(table)
            .key(PK, s(key.pk))
            .key(SK, s(key.sk))
            .update_expression(parts.update)
            .set_condition_expression(parts.condition)
            .set_expression_attribute_names(Some(parts.names))
            .set_expression_attribute_values(parts.values)
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await;
        match answer {
            Ok(out) => {
                self.meter.add(out.consumed_capacity());
                Ok(Changed::Now(out.attributes.unwrap_or_default()))
            }
            Err(SdkError::ServiceError(refusal)) if refusal.err().is_conditional_check_failed_exception() => {
                self.meter.add_units(1.0);
                let UpdateItemError::ConditionalCheckFailedException(refusal) = refusal.into_err() else {
                    return Ok(Changed::Refused(None));
                };
                Ok(Changed::Refused(refusal.item))
            }
            Err(error) => Err(store_error("UpdateItem", &error)),
        }
    }

    /// One strongly consistent read.
    pub(super) async fn get(&self, table: &str, key: Key) -> Result<Option<Item>, StoreError> {
        self.get_item(table, key, true).await
    }

    /// One read, strong or not.
    pub(super) async fn get_item(&self, table: &str, key: Key, strong: bool) -> Result<Option<Item>, StoreError> {
        self.db
            .get_item()
            .table_name(table)
            .key(PK, s(key.pk))
            .key(SK, s(key.sk))
            .consistent_read(strong)
            .send()
            .await
            .map(|out| out.item)
            .map_err(|error| store_error("GetItem", &error))
    }

    /// A row as the item it is stored as, its place in the list beside it.
    pub(super) fn row_item<R: WorkRow>(row: &R) -> Result<Item, StoreError> {
        let mut item = with_set(to_item(row)?);
        if let Some(place) = keys::list(row) {
            item.insert(LIST_PK.into(), s(place.pk));
            item.insert(LIST_SK.into(), s(place.sk));
        }
        Ok(item)
    }

    /// Begins the next turn of a row whose work has ended.
    pub(super) fn next_turn(&self, key: &RowKey, status: &str, now: Timestamp) -> Update {
        let mut update = Update::default()
            .set(STATUS, s(status))
            .add(TURN, n(1))
            .set(DEATHS, n(0))
            .set(NOT_BEFORE, millis(now))
            .set(DUE_AT, millis(self.timing.due_at(now)))
            .set(DUE_SHARD, s(home_shard(key)))
            .only_if_there(TURN)
            .only_if_not_there(DUE_SHARD)
            .only_if_not_there(ERASED);
        for name in [EXPIRES_AT, FAILED_PK, FAILED_SK, "processed_at", "error", "result", "superseded_by", "turn_at"] {
            update = update.remove(name);
        }
        update
    }

    /// A worker's record: one update, whatever it stands on.
    async fn write_record<R: WorkRow, P: Serialize + Send + Sync>(
        &self,
        fence: &Fence,
        record: &Record<P>,
        known: Option<Known>,
    ) -> Result<Written, StoreError> {
        let mut update = Update::default()
            .set(STATUS, s(record.status))
            .set(DEATHS, n(0))
            .remove(LEASE_UNTIL)
            .only_if(TURN, "=", n(fence.turn))
            .only_if_there(DUE_SHARD);
        update = match fence.lease {
            Some(lease) => update.only_if(LEASE_UNTIL, "=", millis(lease)),
            None => update.only_if_not_there(LEASE_UNTIL),
        };
        if let Some(known) = known {
            update = update.only_if_not_above(known.name, known.count, ERASED);
        }
        for (name, value) in to_item(&record.patch)? {
            update = update.set(&name, value);
        }
        for name in record.remove {
            update = update.remove(name);
        }
        if record.counted {
            update = update.add(ATTEMPTS, n(1));
        }
        match &record.next {
            Next::Again { not_before, queue } => {
                update = update
                    .set(NOT_BEFORE, millis(*not_before))
                    .set(DUE_AT, millis(self.timing.due_at(*not_before)))
                    .set(DUE_SHARD, s(home_shard(&fence.key)));
                if let Some(queue) = queue {
                    update = update.set(QUEUE, s(queue.name()));
                }
            }
            Next::Park { hold, now } => {
                // The hold is noted before the row is parked behind it: a row behind a hold that no sweep knows of
                // would wait for ever.
                let noted = Item::from([(NOTED_AT.to_owned(), millis(*now))]);
                self.put(&self.tables.signals, keys::hold(hold), noted).await?;
                update = update.set(DUE_AT, millis(*now)).set(DUE_SHARD, s(hold.shard(&fence.key)));
            }
            Next::Turn { now } => {
                update = update
                    .add(TURN, n(1))
                    .set(NOT_BEFORE, millis(*now))
                    .set(DUE_AT, millis(self.timing.due_at(*now)))
                    .set(DUE_SHARD, s(home_shard(&fence.key)))
                    .only_if_not_there(ERASED);
            }
            Next::End { now, expires_at, failed } => {
                update = update.remove(DUE_AT).remove(DUE_SHARD).set(EXPIRES_AT, seconds(*expires_at));
                if let (true, Some(kind)) = (*failed, R::LIST) {
                    update = update
                        .set(FAILED_PK, s(keys::failed_partition(kind, &fence.tenant)))
                        .set(FAILED_SK, s(keys::list_place(*now, &fence.key)));
                }
            }
        }
        let Changed::Refused(there) = self.update(&self.tables.events, keys::row(&fence.key), update).await? else {
            return Ok(Written::Yes);
        };
        let stands = there.is_some_and(|row| {
            number(&row, TURN) == Some(i64::from(fence.turn))
                && number(&row, LEASE_UNTIL) == fence.lease.map(Timestamp::as_millisecond)
                && row.contains_key(DUE_SHARD)
        });
        if stands && known.is_some() {
            return Ok(Written::Outgrown);
        }
        tracing::warn!(row = %fence.key, turn = fence.turn, "a record changed no row: its claim no longer stands");
        Ok(Written::Fenced)
    }
}

impl Rows for Store {
    async fn read<R: WorkRow>(&self, key: &RowKey) -> Result<Option<R>, StoreError> {
        self.get(&self.tables.events, keys::row(key)).await?.map(from_item).transpose()
    }

    async fn insert<R: WorkRow>(&self, row: &R) -> Result<bool, StoreError> {
        let item = Self::row_item(row)?;
        Ok(self.put_new(&self.tables.events, keys::row(&row.key()), item).await?.is_none())
    }

    async fn claim<R: WorkRow>(&self, claim: &Claim) -> Result<ClaimOutcome<R>, StoreError> {
        let update = Update::default()
            .set(STATUS, s(R::CLAIMED))
            .set(LEASE_UNTIL, millis(claim.lease_until))
            .add(DEATHS, n(1))
            .only_if_there(DUE_SHARD)
            .only_if(TURN, "=", n(claim.turn))
            .only_if(NOT_BEFORE, "<=", millis(claim.ready_by))
            .only_if_absent_or(LEASE_UNTIL, "<", millis(claim.now));
        Ok(match self.update(&self.tables.events, keys::row(&claim.key), update).await? {
            Changed::Now(item) => ClaimOutcome::Claimed(Box::new(Claimed::new(from_item(item)?, claim))),
            Changed::Refused(None) => ClaimOutcome::Refused(Refusal::Gone),
            Changed::Refused(Some(item)) => {
                let row: R = from_item(item)?;
                // The row may have moved on between the refusal and our looking at why: then it was taken.
                ClaimOutcome::Refused(judge(row.work(), claim).err().unwrap_or(Refusal::Taken))
            }
        })
    }

    async fn record<R: WorkRow, P: Serialize + Send + Sync>(
        &self,
        fence: &Fence,
        record: &Record<P>,
    ) -> Result<bool, StoreError> {
        Ok(self.write_record::<R, P>(fence, record, None).await? == Written::Yes)
    }

    async fn record_if<R: WorkRow, P: Serialize + Send + Sync>(
        &self,
        fence: &Fence,
        record: &Record<P>,
        known: Known,
    ) -> Result<Written, StoreError> {
        self.write_record::<R, P>(fence, record, Some(known)).await
    }

    async fn begin_turn<R: WorkRow>(
        &self,
        key: &RowKey,
        status: &'static str,
        now: Timestamp,
    ) -> Result<Option<R>, StoreError> {
        let update = self.next_turn(key, status, now);
        match self.update(&self.tables.events, keys::row(key), update).await? {
            Changed::Now(item) => from_item(item).map(Some),
            Changed::Refused(_) => Ok(None),
        }
    }
}
