//! Announcements and attempts in DynamoDB, in their event's partition.

use jiff::Timestamp;

use super::expression::Update;
use super::items::{EXPIRES_AT, Item, from_item, s, seconds, text, to_item};
use super::keys;
use super::rows::Changed;
use super::store::Store;
use crate::delivery::courier::{Couriers, SubscriptionGone};
use crate::dispatch::{Outbox, Subscribers};
use crate::model::delivery::Attempt;
use crate::model::event::Announcement;
use crate::model::ids::{DeliveryId, EventId, SubscriptionId, TenantId};
use crate::model::subscription::{DisabledReason, Subscription};
use crate::work::StoreError;

/// The announcement's data as the text it is sent as: a map of the store would not keep its numbers as they are.
const DATA: &str = "data";

impl Subscribers for Store {
    async fn subscribers(&self, tenant: &TenantId) -> Result<Vec<Subscription>, StoreError> {
        self.subscriptions(tenant).await
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
        let item = self.get(&self.tables.events, keys::announcement(id)).await?;
        item.map(read_announcement).transpose().map(Option::flatten)
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
    ) -> Result<(), StoreError> {
        let reason = serde_dynamo::to_attribute_value(reason).map_err(|e| StoreError::Refused(e.to_string()))?;
        let update = Update::default()
            .set("active", aws_sdk_dynamodb::types::AttributeValue::Bool(false))
            .set("disabled_at", s(now.to_string()))
            .set("disabled_reason", reason)
            .set("updated_at", s(now.to_string()))
            .only_if_there("pk");
        match self.update(&self.tables.directory, keys::subscription(tenant, id), update).await? {
            Changed::Now(_) => Ok(()),
            Changed::Refused(_) => {
                tracing::warn!(subscription.id = %id, "a subscription to be switched off was not there");
                Ok(())
            }
        }
    }
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
