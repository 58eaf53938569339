//! How a tenant's deliveries are doing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::figures::{self, Figures, Sums, WindowFigures};
use super::json_fields::BodyError;
use super::query_fields::QueryFields;
use super::refusal::Refusal;
use crate::counters::{Counters, Counts, Window};
use crate::model::ids::{SubscriptionId, TenantId};

/// Slots read for one answer.
const MOST_SLOTS: usize = 40_000;
/// Subscriptions told of: those with the most attempts. More than a tenant may have at a time.
const MOST_SUBSCRIPTIONS: usize = 200;

/// A tenant's figures.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Stats {
    /// All together, by event type, by time.
    #[serde(flatten)]
    pub window: WindowFigures,
    /// By subscription, the busiest first; those that were deleted too.
    pub by_subscription: Vec<SubscriptionFigures>,
}

/// The figures of a subscription.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SubscriptionFigures {
    /// Which.
    pub subscription_id: SubscriptionId,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// What is asked of a tenant's figures.
pub(super) struct Asked {
    window: Window,
    subscription: Option<SubscriptionId>,
}

impl Asked {
    pub(super) fn parse(query: Option<&str>) -> Result<Self, BodyError> {
        let mut fields = QueryFields::read(query);
        let window = figures::window(&mut fields);
        let subscription = fields.parsed("subscription_id", "invalid_value", "this is no subscription's id");
        fields.finish(Self { window, subscription })
    }
}

/// A tenant's figures in the window the query asks for.
///
/// # Errors
/// The query is not acceptable, or the store does not answer.
pub async fn of_tenant(
    store: &impl Counters,
    tenant: &TenantId,
    query: Option<&str>,
    now: Timestamp,
) -> Result<Stats, Refusal> {
    let Asked { window, subscription } = Asked::parse(query)?;
    let mut read = store.slots(tenant, window, now, MOST_SLOTS).await?;
    if let Some(only) = subscription {
        read.slots.retain(|slot| slot.subscription == only);
    }
    let (mut sums, mut by_subscription) = (Sums::default(), BTreeMap::<_, Counts>::new());
    for slot in &read.slots {
        sums.add(slot);
        by_subscription.entry(&slot.subscription).or_default().merge(&slot.counts);
    }
    let complete = read.complete && by_subscription.len() <= MOST_SUBSCRIPTIONS;
    let told = |(id, counts): (&SubscriptionId, Counts)| SubscriptionFigures {
        subscription_id: id.clone(),
        figures: Figures::of(&counts),
    };
    let mut by_subscription: Vec<_> = by_subscription.into_iter().map(told).collect();
    by_subscription.sort_by_key(|one| std::cmp::Reverse(one.figures.attempts));
    by_subscription.truncate(MOST_SUBSCRIPTIONS);
    Ok(Stats { window: sums.told(window, now, complete), by_subscription })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::{Tally, Tried};
    use crate::model::delivery::DeliveryStatus;
    use crate::model::event_type::EventType;
    use crate::testing::MemoryStore;

    fn now() -> Timestamp {
        "2026-01-20T10:17:31Z".parse().unwrap()
    }

    fn tenant(name: &str) -> TenantId {
        format!("ten_{name}").parse().unwrap()
    }

    /// Attempts to one subscription, `back` before now.
    async fn count(
        store: &MemoryStore,
        of: &str,
        sub: &str,
        back: &str,
        tries: &[(DeliveryStatus, Result<u16, &'static str>)],
    ) {
        let (tenant, subscription) = (tenant(of), sub.parse().unwrap());
        let mut tally = Tally::default();
        for (n, (status, answer)) in tries.iter().enumerate() {
            tally.note(&Tried {
                tenant: &tenant,
                subscription: &subscription,
                event_type: if sub == "sub_1" { EventType::InvoiceSent } else { EventType::LeadReceived },
                status: *status,
                http_status: answer.ok(),
                why: answer.err().or((*status != DeliveryStatus::Delivered).then_some("http_5xx")),
                duration_ms: Some(30 + 10 * n as u64),
            });
        }
        let back: jiff::Span = back.parse().unwrap();
        store.count(&tally, now() - back).await.unwrap();
    }

    async fn told(store: &MemoryStore, query: &str) -> Stats {
        of_tenant(store, &tenant("a"), Some(query), now()).await.unwrap()
    }

    async fn store() -> MemoryStore {
        use DeliveryStatus::{Delivered, Exhausted, Failed, Retrying};
        let store = MemoryStore::default();
        count(&store, "a", "sub_1", "PT1M", &[(Delivered, Ok(200)), (Retrying, Ok(503)), (Exhausted, Err("timeout"))])
            .await;
        count(
            &store,
            "a",
            "sub_2",
            "PT40M",
            &[(Delivered, Ok(204)), (Delivered, Ok(200)), (Failed, Ok(503)), (Delivered, Ok(200))],
        )
        .await;
        count(&store, "a", "sub_2", "PT20H", &[(Delivered, Ok(200)); 5]).await;
        count(&store, "a", "sub_2", "PT100H", &[(Delivered, Ok(200)); 7]).await;
        count(&store, "b", "sub_1", "PT1M", &[(Failed, Ok(404)); 9]).await;
        store
    }

    #[tokio::test]
    async fn figures_are_told_by_event_by_subscription_and_by_time() {
        let store = store().await;
        let mut stats = told(&store, "window=1h").await;
        assert_eq!(stats.window.series.len(), 13);
        stats.window.series.retain(|point| point.figures.attempts > 0);
        insta::assert_json_snapshot!(stats);
    }

    #[tokio::test]
    async fn one_subscription_has_its_own_hours_and_errors() {
        let store = store().await;
        let of = async |query: &str| told(&store, query).await;
        let [one, two] = [of("window=24h&subscription_id=sub_1").await, of("subscription_id=sub_2").await];
        assert_eq!((one.by_subscription.len(), one.window.totals.attempts), (1, 3));
        assert_eq!(one.by_subscription[0].figures, one.window.totals);
        let errors = |stats: &Stats| {
            stats.window.top_errors.iter().map(|top| (top.error.clone(), top.count)).collect::<Vec<_>>()
        };
        assert_eq!(errors(&one), [("http_503".to_owned(), 1), ("timeout".to_owned(), 1)]);
        assert_eq!(errors(&two), [("http_503".to_owned(), 1)]);
        let hours: Vec<u64> =
            two.window.series.iter().map(|hour| hour.figures.delivered).filter(|delivered| *delivered > 0).collect();
        assert_eq!((hours, two.window.series.len()), (vec![5, 3], 25), "by the hour, oldest first");
        assert_eq!(of("subscription_id=sub_3").await.window.totals, Figures::default());
    }

    #[tokio::test]
    async fn a_wider_window_has_all_of_a_narrower_one() {
        let store = store().await;
        let delivered = async |query| told(&store, query).await.window.totals.delivered;
        assert_eq!((delivered("window=1h").await, delivered("").await), (4, 9));
        assert_eq!((delivered("window=24h").await, delivered("window=7d").await), (9, 16));
        let week = told(&store, "window=7d").await.window;
        assert_eq!(week.series.iter().map(|point| point.figures.delivered).sum::<u64>(), 16);
    }

    #[tokio::test]
    async fn a_tenant_without_deliveries_has_figures_too() {
        let stats = told(&MemoryStore::default(), "").await;
        assert_eq!(stats.window.totals, Figures::default());
        assert_eq!((stats.window.complete, stats.window.series.len()), (true, 25));
    }

    #[tokio::test]
    async fn an_unknown_window_is_refused() {
        for (query, path) in [
            ("window=2h", "window"),
            ("window=24H", "window"),
            ("windows=1h", "windows"),
            ("subscription_id=x", "subscription_id"),
        ] {
            let refused = of_tenant(&MemoryStore::default(), &tenant("a"), Some(query), now()).await;
            let Err(Refusal::Input(BodyError::Fields(errors))) = refused else { panic!("{query}: {refused:?}") };
            assert_eq!(errors[0].path, path);
        }
    }
}
