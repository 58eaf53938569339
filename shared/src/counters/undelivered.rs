//! What is tried and never arrives: no single failure tells it from bad luck, an hour does.

use std::collections::BTreeMap;
use std::future::Future;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Counters, Total};
use crate::model::event_type::EventType;
use crate::model::ids::TenantId;
use crate::work::StoreError;

/// How long nothing may arrive of what is tried.
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Most totals a mark holds: it is one item of the store, of at most 400 KB.
const MOST: usize = 4_000;

/// The totals of an hour ago: attempts and deliveries, by `tenant|type`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When it was made; none if there was none.
    #[serde(
        with = "jiff::fmt::serde::timestamp::millisecond::optional",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub at: Option<Timestamp>,
    /// What they were.
    #[serde(default)]
    pub totals: BTreeMap<String, (u64, u64)>,
}

/// Where the mark is kept.
pub trait Marks: Send + Sync {
    /// The last mark.
    fn mark(&self) -> impl Future<Output = Result<Mark, StoreError>> + Send;

    /// Puts another in its place.
    fn set_mark(&self, mark: &Mark) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A tenant's event type that was tried in the last hour and never delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// Whose.
    pub tenant: TenantId,
    /// What.
    pub event_type: EventType,
    /// How often it was tried.
    pub attempts: u64,
}

/// Looks once an hour at what was tried since the last look and never arrived; nothing in between.
///
/// # Errors
/// When the store does not answer.
pub async fn undelivered(store: &(impl Counters + Marks), now: Timestamp) -> Result<Vec<Undelivered>, StoreError> {
    let before = store.mark().await?;
    if before.at.is_some_and(|at| now.duration_since(at) < HOUR) {
        return Ok(Vec::new());
    }
    let totals = store.totals().await?;
    store.set_mark(&marked(&totals, now)).await?;
    Ok(if before.at.is_some() { since(&before, &totals) } else { Vec::new() })
}

fn name(total: &Total) -> String {
    format!("{}|{}", total.tenant, total.event_type)
}

fn marked(totals: &[Total], now: Timestamp) -> Mark {
    let kept = totals.iter().take(MOST);
    Mark {
        at: Timestamp::from_millisecond(now.as_millisecond()).ok(),
        totals: kept.map(|total| (name(total), (total.counts.attempts, total.counts.delivered))).collect(),
    }
}

fn since(before: &Mark, totals: &[Total]) -> Vec<Undelivered> {
    let full = before.totals.len() >= MOST;
    let one = |total: &Total| {
        let (attempts, delivered) = match before.totals.get(&name(total)) {
            Some(then) => *then,
            // Beyond what a mark holds nothing is known of an hour ago.
            None if full => return None,
            None => (0, 0),
        };
        let tried = total.counts.attempts.saturating_sub(attempts);
        let arrived = total.counts.delivered.saturating_sub(delivered);
        (tried > 0 && arrived == 0).then(|| Undelivered {
            tenant: total.tenant.clone(),
            event_type: total.event_type,
            attempts: tried,
        })
    };
    totals.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::{Tally, Tried};
    use crate::model::delivery::DeliveryStatus;
    use crate::testing::MemoryStore;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + minutes * 60).unwrap()
    }

    async fn tried(store: &MemoryStore, event_type: EventType, status: DeliveryStatus) {
        let mut tally = Tally::default();
        let (tenant, subscription) = (&TenantId::default_tenant(), &"sub_1".parse().unwrap());
        tally.note(&Tried {
            tenant,
            subscription,
            event_type,
            status,
            http_status: Some(500),
            why: None,
            duration_ms: Some(1),
        });
        store.count(&tally, at(0)).await.unwrap();
    }

    async fn told(store: &MemoryStore, minutes: i64) -> Vec<EventType> {
        undelivered(store, at(minutes)).await.unwrap().into_iter().map(|one| one.event_type).collect()
    }

    #[tokio::test]
    async fn what_was_tried_for_an_hour_and_never_arrived_is_told_once_an_hour() {
        let store = MemoryStore::default();
        assert!(told(&store, 0).await.is_empty(), "there is nothing to compare with yet");
        tried(&store, EventType::InvoiceSent, DeliveryStatus::Failed).await;
        tried(&store, EventType::PaymentFailed, DeliveryStatus::Failed).await;
        tried(&store, EventType::PaymentFailed, DeliveryStatus::Delivered).await;
        assert!(told(&store, 59).await.is_empty(), "not yet");
        assert_eq!(told(&store, 60).await, [EventType::InvoiceSent]);
        assert!(told(&store, 61).await.is_empty());
        assert!(told(&store, 120).await.is_empty(), "nothing was tried since");
        tried(&store, EventType::InvoiceSent, DeliveryStatus::Retrying).await;
        assert_eq!(told(&store, 180).await, [EventType::InvoiceSent]);
    }
}
