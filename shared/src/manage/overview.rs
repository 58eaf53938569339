//! How the platform is doing, as far as it can be said cheaply: counts that were cut short say so.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::directory::Directory;
use super::event_list::tenants;
use super::event_walk::{EventWalk, Scope, Subjects, day_of};
use super::listing::{Listing, Place, Window};
use crate::model::event::Event;
use crate::work::StoreError;

/// Failed events counted of one tenant.
const MOST_FAILED: usize = 1_000;

/// Today's events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Today {
    /// The UTC day.
    pub date: String,
    /// Events counted.
    pub counted: u64,
    /// Whether these are all; otherwise they are the newest.
    pub complete: bool,
    /// By status.
    pub by_status: BTreeMap<&'static str, u64>,
    /// By provider.
    pub by_provider: BTreeMap<&'static str, u64>,
}

/// The events that failed and were not worked on again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Failures {
    /// How many.
    pub count: u64,
    /// Whether these are all.
    pub complete: bool,
}

/// Counts today's events.
///
/// # Errors
/// When the store does not answer.
pub async fn today(store: &(impl Listing + Subjects + Directory), now: Timestamp) -> Result<Today, StoreError> {
    let (tenants, _) = tenants(store, None, now).await?;
    let since = day_of(now);
    let window = Window { since, before: Place::before(Timestamp::MAX.min(now + jiff::SignedDuration::from_secs(60))) };
    let mut walk = EventWalk::new(store, Scope::Days(tenants), window);
    let mut today = Today { date: now.strftime("%Y-%m-%d").to_string(), ..Today::default() };
    while let Some(events) = walk.next(usize::MAX).await? {
        for (_, event) in events {
            today.counted += 1;
            *today.by_status.entry(event.status.name()).or_default() += 1;
            *today.by_provider.entry(event.provider.name()).or_default() += 1;
        }
    }
    today.complete = walk.cut_at().is_none();
    Ok(today)
}

/// Counts the failed.
///
/// # Errors
/// When the store does not answer.
pub async fn failures(store: &(impl Listing + Directory), now: Timestamp) -> Result<Failures, StoreError> {
    let (tenants, oldest) = tenants(store, None, now).await?;
    let window = Window { since: oldest, before: Place::before(now + jiff::SignedDuration::from_secs(60)) };
    let mut failures = Failures { count: 0, complete: true };
    for tenant in &tenants {
        let n = store.failed::<Event>(tenant, &window, MOST_FAILED).await?.len();
        failures.count += n as u64;
        failures.complete &= n < MOST_FAILED;
    }
    Ok(failures)
}
