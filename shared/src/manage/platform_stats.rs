//! How all tenants' deliveries are doing.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::directory::Directory;
use super::event_list::{MOST, tenants};
use super::figures::{Figures, Sums, WindowFigures, window_of};
use super::refusal::Refusal;
use crate::counters::{ArrivalsByProvider, Counters, Counts};
use crate::model::ids::TenantId;
use crate::work::StoreError;

/// Slots read of one tenant, where there are many tenants.
const FEWEST_SLOTS: usize = 500;
/// Slots read for one answer.
const MOST_SLOTS: usize = 40_000;
/// Tenants asked for at a time.
const PARALLEL: usize = 8;

/// The platform's figures.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PlatformStats {
    /// All together, by event type, by time.
    #[serde(flatten)]
    pub window: WindowFigures,
    /// By tenant, those with attempts, the busiest first.
    pub by_tenant: Vec<TenantFigures>,
}

/// The figures of a tenant.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TenantFigures {
    /// Which.
    pub tenant_id: TenantId,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// What ever came in from a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Received {
    /// Recorded.
    pub received: u64,
    /// Recorded before.
    pub duplicate: u64,
    /// Not acceptable.
    pub rejected: u64,
}

/// The figures of every tenant there is, in the window the query asks for.
///
/// # Errors
/// The query is not acceptable, or the store does not answer.
pub async fn of_all(
    store: &(impl Counters + Directory),
    query: Option<&str>,
    now: Timestamp,
) -> Result<PlatformStats, Refusal> {
    let window = window_of(query)?;
    let (tenants, _) = tenants(store, None, now).await?;
    let mut complete = tenants.len() < MOST;
    let each = (MOST_SLOTS / tenants.len().max(1)).max(FEWEST_SLOTS);
    let asked = tenants.iter().map(async |tenant| (tenant, store.slots(tenant, window, now, each).await));
    let mut answers = stream::iter(asked.collect::<Vec<_>>()).buffer_unordered(PARALLEL);
    let (mut sums, mut by_tenant) = (Sums::default(), Vec::new());
    while let Some((tenant, read)) = answers.next().await {
        let read = read?;
        complete &= read.complete;
        let mut counts = Counts::default();
        for slot in &read.slots {
            sums.add(slot);
            counts.merge(&slot.counts);
        }
        if counts.attempts > 0 {
            by_tenant.push(TenantFigures { tenant_id: tenant.clone(), figures: Figures::of(&counts) });
        }
    }
    by_tenant.sort_by(|a, b| b.figures.attempts.cmp(&a.figures.attempts).then_with(|| a.tenant_id.cmp(&b.tenant_id)));
    Ok(PlatformStats { window: sums.told(window, now, complete), by_tenant })
}

/// What ever came in, by provider.
///
/// # Errors
/// When the store does not answer.
pub async fn received(store: &impl Counters) -> Result<BTreeMap<&'static str, Received>, StoreError> {
    let arrivals: ArrivalsByProvider = store.arrivals().await?;
    let told = arrivals.into_iter().map(|(provider, arrivals)| {
        let crate::counters::Arrivals { received, duplicate, rejected, .. } = arrivals;
        (provider, Received { received, duplicate, rejected })
    });
    Ok(told.collect())
}
