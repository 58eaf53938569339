//! The due index in DynamoDB, and the holds beside it.

use aws_sdk_dynamodb::error::SdkError;
use jiff::Timestamp;

use super::expression::Update;
use super::failure::store_error;
use super::items::{
    DUE_AT, DUE_INDEX, DUE_SHARD, Item, NOT_BEFORE, NOTED_AT, PK, QUEUE, SK, TENANT, TURN, millis, number, s, text,
    time,
};
use super::keys;
use super::rows::Changed;
use super::store::Store;
use crate::model::ids::TenantId;
use crate::model::row::{Queue, RowKey};
use crate::work::{Bell, DueIndex, DueRow, Hold, Ring, StoreError, home_shard};

impl DueIndex for Store {
    async fn due(&self, shard: &str, by: Timestamp, limit: usize) -> Result<Vec<DueRow>, StoreError> {
        let mut rows = Vec::new();
        let mut from = None;
        loop {
            let page = self
                .db
                .query()
                .table_name(&self.tables.events)
                .index_name(DUE_INDEX)
                .key_condition_expression("due_shard = :shard AND due_at <= :by")
                .expression_attribute_values(":shard", s(shard))
                .expression_attribute_values(":by", millis(by))
                .limit(i32::try_from(limit - rows.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(from)
                .send()
                .await
                .map_err(|error| store_error("Query", &error))?;
            rows.extend(page.items().iter().filter_map(due_row));
            from = page.last_evaluated_key;
            if from.is_none() || rows.len() >= limit {
                return Ok(rows);
            }
        }
    }

    async fn postpone(&self, row: &DueRow, to: Timestamp) -> Result<Option<Ring>, StoreError> {
        let update = Update::default().set(DUE_AT, millis(to)).only_if(DUE_AT, "=", millis(row.due_at));
        self.change_due(&row.key, update).await
    }

    async fn unpark(&self, row: &DueRow, now: Timestamp) -> Result<Option<Ring>, StoreError> {
        let update = Update::default()
            .set(DUE_AT, millis(self.timing.due_at(now)))
            .set(DUE_SHARD, s(home_shard(&row.key)))
            .set(NOT_BEFORE, millis(now))
            .only_if(DUE_AT, "=", millis(row.due_at));
        self.change_due(&row.key, update).await
    }

    async fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        let items = self.query_all(&self.tables.signals, keys::HOLDS, None).await?;
        Ok(items.iter().filter_map(|item| text(item, SK)?.parse().ok()).collect())
    }

    async fn held(&self, holds: &[Hold], now: Timestamp) -> Result<Vec<Hold>, StoreError> {
        let mut held = Vec::new();
        for hold in holds {
            let holds = match hold.as_str().split_once(':') {
                Some(("switch", what)) => self.is_off(what).await?,
                Some(("breaker", name)) => self.is_open(name, now).await?,
                _ => false,
            };
            if holds {
                held.push(hold.clone());
            }
        }
        Ok(held)
    }

    async fn forget_hold(&self, hold: &Hold, noted_before: Timestamp) -> Result<(), StoreError> {
        let key = keys::hold(hold);
        let answer = self
            .db
            .delete_item()
            .table_name(&self.tables.signals)
            .key(PK, s(key.pk))
            .key(SK, s(key.sk))
            .condition_expression("attribute_not_exists(#noted) OR #noted < :before")
            .expression_attribute_names("#noted", NOTED_AT)
            .expression_attribute_values(":before", millis(noted_before))
            .send()
            .await;
        self.meter.add_units(1.0);
        match answer {
            Ok(_) => Ok(()),
            Err(SdkError::ServiceError(refusal)) if refusal.err().is_conditional_check_failed_exception() => Ok(()),
            Err(error) => Err(store_error("DeleteItem", &error)),
        }
    }
}

impl Store {
    async fn change_due(&self, key: &RowKey, update: Update) -> Result<Option<Ring>, StoreError> {
        match self.update(&self.tables.events, keys::row(key), update).await? {
            Changed::Now(item) => ring(key, &item).map(Some),
            Changed::Refused(_) => Ok(None),
        }
    }

    async fn is_off(&self, what: &str) -> Result<bool, StoreError> {
        let switch = self.get(&self.tables.directory, keys::switch(what)).await?;
        Ok(switch.is_some_and(|item| item.get("paused").is_some_and(|v| v.as_bool() == Ok(&true))))
    }

    async fn is_open(&self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        let breaker = self.get(&self.tables.signals, keys::breaker(name)).await?;
        // Some say how long what waits is to be held; with the others that is as long as they are open.
        let until = breaker.and_then(|item| time(&item, "held_until").or_else(|| time(&item, "open_until")));
        Ok(until.is_some_and(|until| until > now))
    }
}

fn due_row(item: &Item) -> Option<DueRow> {
    let key = keys::named(text(item, PK)?, text(item, SK)?)?;
    Some(DueRow { key, due_at: time(item, DUE_AT)? })
}

fn ring(key: &RowKey, item: &Item) -> Result<Ring, StoreError> {
    let read = || {
        let queue: Queue = text(item, QUEUE)?.parse().ok()?;
        let tenant: TenantId = text(item, TENANT)?.parse().ok()?;
        let turn = u32::try_from(number(item, TURN)?).ok()?;
        Some(Ring { queue, tenant, bell: Bell::new(key.clone(), turn), not_before: time(item, NOT_BEFORE)? })
    };
    read().ok_or_else(|| StoreError::Corrupt(format!("{key} lacks a part of its work")))
}
