//! Open batches in DynamoDB. A batch is a delivery row with a string set of events.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use jiff::Timestamp;

use super::expression::Update;
use super::items::{
    ATTEMPTS, DEATHS, DUE_AT, DUE_SHARD, EXPIRES_AT, Item, LEASE_UNTIL, NOT_BEFORE, TURN, from_item, millis, n, s,
    seconds, text,
};
use super::keys;
use super::rows::Changed;
use super::store::Store;
use super::transact::{NEW, Transacted, bad, placed, refused_at};
use crate::dispatch::{Batches, Begun, Joined, Room};
use crate::model::delivery::Delivery;
use crate::model::ids::{DeliveryId, EventId, SubscriptionId};
use crate::model::row::{RowKey, WorkRow as _};
use crate::work::{Ring, StoreError};

/// The events of a batch.
pub(super) const BATCH_EVENTS: &str = "batch_events";
const BATCH_BYTES: &str = "batch_bytes";
const BATCH: &str = "batch";

impl Batches for Store {
    async fn open_batch(&self, subscription: &SubscriptionId) -> Result<Option<DeliveryId>, StoreError> {
        let item = self.get(&self.tables.signals, keys::open_batch(subscription)).await?;
        Ok(item.and_then(|item| text(&item, BATCH)?.parse().ok()))
    }

    async fn begin_batch(&self, batch: &Delivery, seen: Option<&DeliveryId>) -> Result<Begun, StoreError> {
        let row = Put::builder()
            .table_name(&self.tables.events)
            .set_item(Some(placed(keys::row(&batch.key()), Self::row_item(batch)?)))
            .condition_expression(NEW);
        let open = Item::from([(BATCH.to_owned(), s(batch.id.as_str()))]);
        let open = Put::builder()
            .table_name(&self.tables.signals)
            .set_item(Some(placed(keys::open_batch(&batch.subscription), open)));
        let open = match seen {
            None => open.condition_expression(NEW),
            Some(seen) => open
                .condition_expression("#batch = :seen")
                .expression_attribute_names("#batch", BATCH)
                .expression_attribute_values(":seen", s(seen.as_str())),
        };
        let writes = [row, open].map(|put| put.build().map(|put| TransactWriteItem::builder().put(put).build()));
        let writes: Result<Vec<_>, _> = writes.into_iter().collect();
        Ok(match self.write_all(writes.map_err(bad)?).await? {
            Transacted::Done => Begun::New,
            Transacted::Cancelled(reasons) if refused_at(&reasons) == Some(0) => Begun::There,
            // By its condition, or by another transaction at the same row.
            Transacted::Cancelled(_) => Begun::Outrun,
        })
    }

    async fn join_batch(
        &self,
        batch: &DeliveryId,
        event: &EventId,
        bytes: u64,
        room: Room,
    ) -> Result<Joined, StoreError> {
        let Some(rest) = room.bytes.checked_sub(bytes) else { return Ok(Joined::Closed) };
        let update = gathering()
            .add(BATCH_EVENTS, AttributeValue::Ss(vec![event.as_str().to_owned()]))
            .add(BATCH_BYTES, n(bytes))
            .only_if(BATCH_BYTES, "<=", n(rest))
            .only_if_fewer_than(BATCH_EVENTS, n(room.events))
            .only_if_without(BATCH_EVENTS, s(event.as_str()));
        let key = keys::row(&RowKey::Delivery(batch.clone()));
        match self.update(&self.tables.events, key, update).await? {
            Changed::Now(item) if events_in(&item) >= room.events as usize => Ok(Joined::Full),
            Changed::Now(_) => Ok(Joined::Waiting),
            Changed::Refused(Some(item)) if holds(&item, event) => Ok(Joined::Waiting),
            Changed::Refused(_) => Ok(Joined::Closed),
        }
    }

    async fn close_batch(&self, batch: &DeliveryId, now: Timestamp) -> Result<Option<Ring>, StoreError> {
        let update = gathering().set(NOT_BEFORE, millis(now)).set(DUE_AT, millis(self.timing.due_at(now))).only_if(
            NOT_BEFORE,
            ">",
            millis(now),
        );
        let key = keys::row(&RowKey::Delivery(batch.clone()));
        match self.update(&self.tables.events, key, update).await? {
            Changed::Now(item) => from_item::<Delivery>(item).map(|delivery| Some(Ring::of(&delivery))),
            Changed::Refused(_) => Ok(None),
        }
    }

    async fn gathered_in(
        &self,
        event: &EventId,
        subscription: &SubscriptionId,
    ) -> Result<Option<DeliveryId>, StoreError> {
        let item = self.get(&self.tables.events, keys::gathered(event, subscription)).await?;
        Ok(item.and_then(|item| text(&item, BATCH)?.parse().ok()))
    }

    async fn note_gathered(
        &self,
        event: &EventId,
        subscription: &SubscriptionId,
        batch: &DeliveryId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let kept_until = now.saturating_add(self.body_kept_for).unwrap_or(Timestamp::MAX);
        let item = Item::from([(BATCH.to_owned(), s(batch.as_str())), (EXPIRES_AT.to_owned(), seconds(kept_until))]);
        self.put(&self.tables.events, keys::gathered(event, subscription), item).await
    }
}

/// The condition `Delivery::gathers`, on the row.
fn gathering() -> Update {
    Update::default()
        .only_if_there(DUE_SHARD)
        .only_if_there(BATCH_EVENTS)
        .only_if_not_there(LEASE_UNTIL)
        .only_if(TURN, "=", n(1))
        .only_if(ATTEMPTS, "=", n(0))
        .only_if(DEATHS, "=", n(0))
}

fn events_in(item: &Item) -> usize {
    item.get(BATCH_EVENTS).and_then(|events| events.as_ss().ok()).map_or(0, Vec::len)
}

fn holds(item: &Item, event: &EventId) -> bool {
    let events = item.get(BATCH_EVENTS).and_then(|events| events.as_ss().ok());
    events.is_some_and(|events| events.iter().any(|one| one == event.as_str()))
}

/// A row as it is put: a set of texts is one, not a list of them.
pub(super) fn with_set(mut item: Item) -> Item {
    if let Some(AttributeValue::L(events)) = item.get(BATCH_EVENTS) {
        let texts = events.iter().filter_map(|event| event.as_s().ok().cloned()).collect();
        item.insert(BATCH_EVENTS.to_owned(), AttributeValue::Ss(texts));
    }
    item
}
