//! Subscriptions in DynamoDB, each in its tenant's partition.

use super::items::from_item;
use super::keys;
use super::store::Store;
use crate::model::ids::{SubscriptionId, TenantId};
use crate::model::subscription::Subscription;
use crate::work::StoreError;

impl Store {
    /// Every subscription of a tenant, active or not, oldest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn subscriptions(&self, tenant: &TenantId) -> Result<Vec<Subscription>, StoreError> {
        let items = self.query_all(&self.tables.directory, &keys::subscriptions(tenant), Some("SUBSCRIPTION#")).await?;
        items.into_iter().map(from_item).collect()
    }

    /// One of a tenant's subscriptions.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn subscription(
        &self,
        tenant: &TenantId,
        id: &SubscriptionId,
    ) -> Result<Option<Subscription>, StoreError> {
        self.get(&self.tables.directory, keys::subscription(tenant, id)).await?.map(from_item).transpose()
    }
}
