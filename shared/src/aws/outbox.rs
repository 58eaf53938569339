//! Announcements and attempts in DynamoDB, in their event's partition.

use std::collections::HashSet;

use jiff::Timestamp;

use super::expression::Update;
use super::inbox::{BODY, read_body};
use super::items::{EXPIRES_AT, Item, SK, from_item, s, seconds, text, to_item};
use super::keys;
use super::rows::Changed;
use super::store::Store;
use crate::delivery::courier::{Couriers, SubscriptionGone};
use crate::dispatch::{Outbox, Subscribers};
use crate::model::delivery::Attempt;
use crate::model::event::{Announcement, Event};
use crate::model::ids::{DeliveryId, EventId, SubscriptionId, TenantId};
use crate::model::row::RowKey;
use crate::model::subscription::{DisabledReason, Subscription};
use crate::providers::announce;
use crate::work::StoreError;

/// The announcement's data as the text it is sent as: a map of the store would not keep its numbers as they are.
const DATA: &str = "data";

impl Subscribers for Store {
    async fn subscribers(&self, tenant: &TenantId) -> Result<Vec<Subscription>, StoreError> {
        self.subscriptions(tenant).await
    }

    async fn slow(&self, ids: &[SubscriptionId]) -> Result<HashSet<SubscriptionId>, StoreError> {
        self.slow_endpoints(ids).await
    }
}

impl Outbox for Store {
    async fn announce(&self, announcement: &Announcement, now: Timestamp) -> Result<(), StoreError> {
        let mut item = to_item(announcement)?;
        item.insert(DATA.into(), s(announcement.data.to_string()));
        // As long as a body is kept: by now, since `at` may lie far back.
        let kept_until = now.saturating_add(self.body_kept_for).unwrap_or(Timestamp::MAX);
        item.insert(EXPIRES_AT.into(), seconds(kept_until));
        self.put_new(&self.tables.events, keys::announcement(&announcement.id), item).await.map(|_| ())
    }
}

impl Couriers for Store {
    async fn subscription_of(
        &self,
        tenant: &TenantId,
        id: &SubscriptionId,
    ) -> Result<Result<Subscription, SubscriptionGone>, StoreError> {
        Ok(self.subscription(tenant, id).await?.ok_or(SubscriptionGone))
    }

    async fn announcement(&self, id: &EventId) -> Result<Option<Announcement>, StoreError> {
        let mut places = vec![keys::announcement(id)];
        if !id.is_child() {
            places.extend([keys::row(&RowKey::Event(id.clone())), keys::body_beside(id)]);
        }
        let items = self.get_many(&self.tables.events, &places, true).await?;
        match items.split_first() {
            Some((first, _)) if text(first, SK).is_some_and(|place| place.starts_with(keys::OUT_PLACE)) => {
                read_announcement(first.clone())
            }
            Some((row, beside)) => own_words(row, beside.first()),
            None => Ok(None),
        }
    }

    async fn put_attempt(&self, id: &DeliveryId, attempt: &Attempt, expires_at: Timestamp) -> Result<(), StoreError> {
        Self::put_attempt(self, id, attempt, expires_at).await
    }

    async fn disable(
        &self,
        tenant: &TenantId,
        id: &SubscriptionId,
        reason: DisabledReason,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let reason = serde_dynamo::to_attribute_value(reason).map_err(|e| StoreError::Refused(e.to_string()))?;
        let update = Update::default()
            .set("active", aws_sdk_dynamodb::types::AttributeValue::Bool(false))
            .set("disabled_at", s(now.to_string()))
            .set("disabled_reason", reason)
            .set("updated_at", s(now.to_string()))
            .only_if("active", "=", aws_sdk_dynamodb::types::AttributeValue::Bool(true));
        let changed = self.update(&self.tables.directory, keys::subscription(tenant, id), update).await?;
        Ok(matches!(changed, Changed::Now(_)))
    }
}

/// What an event that speaks for itself says, from its row and the body in it or beside it; nothing where its data was
/// erased.
fn own_words(row: &Item, beside: Option<&Item>) -> Result<Option<Announcement>, StoreError> {
    let Some(holder) = [Some(row), beside].into_iter().flatten().find(|item| item.contains_key(BODY)) else {
        return Ok(None);
    };
    let event: Event = from_item(row.clone())?;
    if event.erased || !event.provider.speaks_for_itself() {
        return Ok(None);
    }
    let announced = announce(&event, &read_body(holder)?);
    announced.map(Some).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// An announcement as stored; nothing where its data was erased.
pub(super) fn read_announcement(mut item: Item) -> Result<Option<Announcement>, StoreError> {
    let Some(data) = text(&item, DATA).map(serde_json::from_str::<serde_json::Value>) else { return Ok(None) };
    let data = data.map_err(|error| StoreError::Corrupt(error.to_string()))?;
    // The rest is read as it is; the data goes in as the value it was.
    item.insert(DATA.into(), aws_sdk_dynamodb::types::AttributeValue::Null(true));
    let mut announcement: Announcement = from_item(item)?;
    announcement.data = data;
    Ok(Some(announcement))
}
