//! A tenant's deliveries, read.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::attempts::{self, Attempts};
use super::delivery_filter::{DeliveryFilter, forgotten};
use super::delivery_view::{DeliveryDetail, DeliveryView};
use super::directory::Directory;
use super::list_walk::walk;
use super::listing::Listing;
use super::page::Page;
use super::refusal::Refusal;
use crate::model::delivery::Delivery;
use crate::model::ids::{DeliveryId, TenantId};
use crate::model::row::RowKey;
use crate::work::{Rows, StoreError};

/// How often a long poll looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A delivery is kept from its end on; its tries take this long at most before.
const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(24 * 5);

/// The time, and how far back deliveries are kept.
#[derive(Debug, Clone, Copy)]
pub struct Horizon {
    /// The time.
    pub clock: fn() -> Timestamp,
    /// How long a delivery is kept after its end.
    pub kept_for: SignedDuration,
}

impl Horizon {
    /// Before this no delivery was made that is still kept.
    #[must_use]
    pub fn oldest(&self) -> Timestamp {
        (self.clock)().saturating_sub(self.kept_for + LONGEST_LIFE).unwrap_or(Timestamp::MIN)
    }

    /// Before this the tenant made no delivery that is still kept: it was not there. One read that spares a young
    /// tenant's lists a query for every day before it.
    async fn oldest_of(&self, directory: &impl Directory, tenant: &TenantId) -> Result<Timestamp, StoreError> {
        let made = directory.tenant(tenant).await?.map(|tenant| tenant.created_at);
        Ok(made.unwrap_or(Timestamp::MIN).max(self.oldest()))
    }
}

/// The tenant's deliveries that the query asks for, newest first. Waits for one, if asked to.
///
/// # Errors
/// The query is not acceptable, or the store does not answer.
pub async fn list(
    store: &(impl Listing + Directory),
    tenant: &TenantId,
    query: Option<&str>,
    horizon: &Horizon,
) -> Result<Page<DeliveryView>, Refusal> {
    let filter = DeliveryFilter::parse(query)?;
    Ok(page(store, tenant, &filter, horizon).await?.map(DeliveryView::from))
}

/// The tenant's deliveries of this kind, newest first. Waits for one, if asked to.
pub(super) async fn page(
    store: &(impl Listing + Directory),
    tenant: &TenantId,
    filter: &DeliveryFilter,
    horizon: &Horizon,
) -> Result<Page<Delivery>, StoreError> {
    let oldest = match filter.since {
        Some(_) => horizon.oldest(),
        None => horizon.oldest_of(store, tenant).await?,
    };
    let until = tokio::time::Instant::now() + filter.wait;
    loop {
        let now = (horizon.clock)();
        let window = filter.window(now, oldest);
        let wanted = |delivery: &Delivery| delivery.tenant == *tenant && filter.wants(delivery, now);
        let page = walk(store, tenant, filter.list(), window, filter.limit, wanted).await?;
        if !page.data.is_empty() || page.next_cursor.is_some() || tokio::time::Instant::now() + LOOK_EVERY > until {
            return Ok(page);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// One of the tenant's deliveries, with its attempts.
///
/// # Errors
/// There is none of that name, or the store does not answer.
pub async fn get(
    store: &(impl Rows + Attempts),
    tenant: &TenantId,
    id: &DeliveryId,
    now: Timestamp,
) -> Result<DeliveryDetail, Refusal> {
    let delivery = find(store, tenant, id, now).await?;
    let kept = store.attempts(id, attempts::SHOWN, now).await?;
    let attempts = attempts::shown(kept, delivery.last.clone());
    Ok(DeliveryDetail::of(delivery, attempts))
}

/// The delivery, if it is the tenant's and still kept.
pub(super) async fn find(
    store: &impl Rows,
    tenant: &TenantId,
    id: &DeliveryId,
    now: Timestamp,
) -> Result<Delivery, Refusal> {
    if id.event().is_none() {
        return Err(Refusal::NotFound);
    }
    let delivery: Option<Delivery> = store.read(&RowKey::Delivery(id.clone())).await?;
    delivery.filter(|delivery| delivery.tenant == *tenant && !forgotten(delivery, now)).ok_or(Refusal::NotFound)
}

#[cfg(test)]
#[path = "deliveries_tests.rs"]
mod tests;
