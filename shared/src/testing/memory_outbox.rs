//! Subscriptions, announcements and attempts in memory.

use std::collections::HashSet;

use super::MemoryStore;
use crate::delivery::courier::{Couriers, SubscriptionGone};
use crate::dispatch::{Outbox, Subscribers};
use crate::model::delivery::Attempt;
use crate::model::event::{Announcement, Event};
use crate::model::ids::{DeliveryId, EventId, SubscriptionId, TenantId};
use crate::model::row::RowKey;
use crate::model::subscription::{DisabledReason, Subscription, SubscriptionState};
use crate::providers::announce;
use crate::work::{Rows, StoreError};
use jiff::Timestamp;

impl Subscribers for MemoryStore {
    async fn subscribers(&self, tenant: &TenantId) -> Result<Vec<Subscription>, StoreError> {
        let inner = self.lock()?;
        Ok(inner.subscriptions.values().filter(|sub| sub.tenant == *tenant).cloned().collect())
    }

    async fn slow(&self, ids: &[SubscriptionId]) -> Result<HashSet<SubscriptionId>, StoreError> {
        let inner = self.lock()?;
        let slow = |id: &&SubscriptionId| inner.healths.get(*id).is_some_and(|health| health.slow);
        Ok(ids.iter().filter(slow).cloned().collect())
    }
}

impl Outbox for MemoryStore {
    async fn announce(&self, announcement: &Announcement, _: Timestamp) -> Result<(), StoreError> {
        let mut inner = self.lock_to_write()?;
        inner.announcements.entry(announcement.id.clone()).or_insert_with(|| announcement.clone());
        Ok(())
    }
}

impl Couriers for MemoryStore {
    async fn subscription_of(
        &self,
        tenant: &TenantId,
        id: &SubscriptionId,
    ) -> Result<Result<Subscription, SubscriptionGone>, StoreError> {
        let inner = self.lock()?;
        let found = inner.subscriptions.get(id).filter(|sub| sub.tenant == *tenant);
        Ok(found.cloned().ok_or(SubscriptionGone))
    }

    async fn announcement(&self, id: &EventId) -> Result<Option<Announcement>, StoreError> {
        if let Some(kept) = self.lock()?.announcements.get(id) {
            return Ok(Some(kept.clone()));
        }
        let event: Option<Event> = self.read(&RowKey::Event(id.clone())).await?;
        let body = self.lock()?.bodies.get(id).and_then(|bodies| bodies.first().map(|(_, body)| body.clone()));
        Ok(event
            .filter(|event| event.provider.speaks_for_itself() && !event.erased)
            .zip(body)
            .and_then(|(event, body)| announce(&event, &body).ok()))
    }

    async fn put_attempt(&self, id: &DeliveryId, attempt: &Attempt, _: Timestamp) -> Result<(), StoreError> {
        self.lock()?.attempts.insert((id.clone(), attempt.n), attempt.clone());
        Ok(())
    }

    async fn disable(
        &self,
        tenant: &TenantId,
        id: &SubscriptionId,
        reason: DisabledReason,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut inner = self.lock()?;
        let on = inner.subscriptions.get_mut(id).filter(|sub| sub.tenant == *tenant && sub.state.active);
        Ok(on.map(|sub| sub.state = SubscriptionState::disabled(now, reason)).is_some())
    }
}

impl MemoryStore {
    /// Puts a subscription.
    ///
    /// # Panics
    /// When the store was switched off.
    pub fn put_subscription(&self, subscription: Subscription) {
        self.lock().expect("the store is up").subscriptions.insert(subscription.id.clone(), subscription);
    }

    /// How many announcements are kept.
    ///
    /// # Panics
    /// When the store was switched off.
    #[must_use]
    pub fn announced(&self) -> usize {
        self.lock().expect("the store is up").announcements.len()
    }

    /// The announcements kept, in no order that matters.
    ///
    /// # Panics
    /// When the store was switched off.
    #[must_use]
    pub fn announcements(&self) -> Vec<Announcement> {
        self.lock().expect("the store is up").announcements.values().cloned().collect()
    }

    /// The rows kept of a delivery's attempts, in order.
    ///
    /// # Panics
    /// When the store was switched off.
    #[must_use]
    pub fn attempts_of(&self, id: &DeliveryId) -> Vec<Attempt> {
        let inner = self.lock().expect("the store is up");
        inner.attempts.iter().filter(|((of, _), _)| of == id).map(|(_, attempt)| attempt.clone()).collect()
    }
}
