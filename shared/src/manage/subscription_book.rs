//! Where subscriptions are written.

use std::future::Future;

use crate::model::ids::SubscriptionId;
use crate::model::subscription::Subscription;
use crate::work::StoreError;

/// What writing came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Booked {
    /// It is written.
    Done,
    /// Another subscription of the tenant has the same URL and scope and an event in common; nothing was written.
    Taken {
        /// Which, where the store could tell.
        by: Option<SubscriptionId>,
    },
    /// The subscription is no longer as it was read, or no longer there; nothing was written.
    Changed,
}

/// A tenant's subscriptions, as they are written. No two of a tenant have the same URL, the same connection or none, and
/// an event pattern in common, whoever writes at the same time. An implementation passes `testing::book_exam`.
pub trait SubscriptionBook: Send + Sync {
    /// Writes a new subscription.
    fn add(&self, new: &Subscription) -> impl Future<Output = Result<Booked, StoreError>> + Send;

    /// Puts `after` in the place of `before`, which is the same subscription as it was read.
    fn replace(
        &self,
        before: &Subscription,
        after: &Subscription,
    ) -> impl Future<Output = Result<Booked, StoreError>> + Send;

    /// Takes a subscription away.
    fn remove(&self, subscription: &Subscription) -> impl Future<Output = Result<Booked, StoreError>> + Send;
}
