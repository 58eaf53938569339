//! The subscriptions in memory, as they are written.

use super::MemoryStore;
use super::memory_rows::Inner;
use crate::manage::subscription_book::{Booked, SubscriptionBook};
use crate::model::subscription::Subscription;
use crate::work::StoreError;

impl SubscriptionBook for MemoryStore {
    async fn add(&self, new: &Subscription) -> Result<Booked, StoreError> {
        let mut inner = self.lock()?;
        if inner.subscriptions.contains_key(&new.id) {
            return Ok(Booked::Changed);
        }
        if let Some(taken) = taken(&inner, new) {
            return Ok(taken);
        }
        inner.subscriptions.insert(new.id.clone(), new.clone());
        Ok(Booked::Done)
    }

    async fn replace(&self, before: &Subscription, after: &Subscription) -> Result<Booked, StoreError> {
        let mut inner = self.lock()?;
        if !is_unchanged(&inner, before) {
            return Ok(Booked::Changed);
        }
        if let Some(taken) = taken(&inner, after) {
            return Ok(taken);
        }
        inner.subscriptions.insert(after.id.clone(), after.clone());
        Ok(Booked::Done)
    }

    async fn remove(&self, subscription: &Subscription) -> Result<Booked, StoreError> {
        let mut inner = self.lock()?;
        if !is_unchanged(&inner, subscription) {
            return Ok(Booked::Changed);
        }
        inner.subscriptions.remove(&subscription.id);
        Ok(Booked::Done)
    }
}

fn is_unchanged(inner: &Inner, read: &Subscription) -> bool {
    inner.subscriptions.get(&read.id).is_some_and(|there| {
        there.tenant == read.tenant && there.updated_at == read.updated_at && there.state.active == read.state.active
    })
}

fn taken(inner: &Inner, wanted: &Subscription) -> Option<Booked> {
    let in_common = |other: &&Subscription| {
        other.id != wanted.id
            && other.tenant == wanted.tenant
            && other.url == wanted.url
            && other.connection == wanted.connection
            && other.events.iter().any(|pattern| wanted.events.contains(pattern))
    };
    inner.subscriptions.values().find(in_common).map(|other| Booked::Taken { by: Some(other.id.clone()) })
}
