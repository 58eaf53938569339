//! The exam in counting. Every store of counters passes it.

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::counters::{Arrivals, Counters, Counts, Mark, Marks, Slots, Tally, Total, Tried, Window};
use crate::model::delivery::DeliveryStatus;
use crate::model::event::Provider;
use crate::model::event_type::EventType;
use crate::model::ids::{SubscriptionId, TenantId};

/// A quarter past ten, and so many minutes.
fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(23_000 * 86_400 + 10 * 3_600 + 15 * 60 + minute * 60).unwrap_or(Timestamp::MAX)
}

/// A batch: this many deliveries at once, and one that is to be tried again.
fn batch(tenant: &TenantId, subscription: &str, event_type: EventType, delivered: usize) -> Tally {
    let subscription: SubscriptionId = subscription.parse().expect("an identifier");
    let mut tally = Tally::default();
    let tried = |status, http_status, why, duration_ms| Tried {
        tenant,
        subscription: &subscription,
        event_type,
        status,
        http_status,
        why,
        duration_ms,
    };
    for _ in 0..delivered {
        tally.note(&tried(DeliveryStatus::Delivered, Some(200), None, Some(40)));
    }
    tally.note(&tried(DeliveryStatus::Retrying, None, Some("timeout"), Some(10_002)));
    tally
}

async fn slots(store: &impl Counters, tenant: &TenantId, window: Window, now: Timestamp) -> Slots {
    let mut slots = store.slots(tenant, window, now, 1_000).await.expect("the store answers");
    slots.slots.sort_by_key(|slot| (slot.at, slot.subscription.clone(), slot.event_type));
    slots
}

fn sum(slots: &Slots) -> Counts {
    slots.slots.iter().fold(Counts::default(), |mut sum, slot| {
        sum.merge(&slot.counts);
        sum
    })
}

/// Batches of many workers at once make one sum, and it is told apart by tenant, subscription, event type and time.
pub async fn what_many_workers_count_is_one_sum(store: &impl Counters, tenant: &TenantId, other: &TenantId) {
    let (invoice, lead) =
        (batch(tenant, "sub_1", EventType::InvoiceSent, 2), batch(tenant, "sub_2", EventType::LeadReceived, 1));
    let workers = (0..10).map(|_| store.count(&invoice, at(0)));
    assert!(join_all(workers).await.into_iter().all(|added| added.is_ok()));
    store.count(&lead, at(4)).await.expect("the store answers");
    store.count(&lead, at(5)).await.expect("the store answers");
    store.count(&batch(other, "sub_1", EventType::InvoiceSent, 7), at(0)).await.expect("the store answers");
    store.count(&Tally::default(), at(0)).await.expect("nothing is nothing to add");

    let hour = slots(store, tenant, Window::Hour, at(6)).await;
    assert!(hour.complete);
    let told: Vec<_> =
        hour.slots.iter().map(|slot| (slot.at, slot.subscription.as_str(), slot.counts.delivered)).collect();
    assert_eq!(told, [(at(0), "sub_1", 20), (at(0), "sub_2", 1), (at(5), "sub_2", 1)]);
    let counts = sum(&hour);
    assert_eq!((counts.attempts, counts.duration_ms), (34, 12 * 10_002 + 22 * 40));
    assert_eq!((counts.codes["200"], counts.retries["timeout"], counts.silences["timeout"]), (22, 12, 12));
    assert_eq!(counts.durations.count(), 34);

    let day = slots(store, tenant, Window::Day, at(6)).await;
    let told: Vec<_> = day.slots.iter().map(|slot| (slot.at, slot.event_type, slot.counts.delivered)).collect();
    assert_eq!(told, [(at(-15), EventType::InvoiceSent, 20), (at(-15), EventType::LeadReceived, 2)]);
    assert_eq!(sum(&day), counts, "an hour has all that its minutes have");
}

/// A window begins with a whole slot and ends now.
pub async fn a_window_has_what_is_in_it(store: &impl Counters, tenant: &TenantId) {
    let (hour, day) = (60, 24 * 60);
    for minute in [0, -hour, -hour - 5, -day, -day - hour, -7 * day, -7 * day - hour] {
        store.count(&batch(tenant, "sub_1", EventType::InvoiceSent, 1), at(minute)).await.expect("the store answers");
    }
    for (window, within) in [(Window::Hour, 2), (Window::Day, 4), (Window::Week, 6)] {
        assert_eq!(sum(&slots(store, tenant, window, at(0)).await).delivered, within, "{}", window.name());
    }
    let later = at(0) + SignedDuration::from_hours(24 * 9);
    assert_eq!(slots(store, tenant, Window::Week, later).await.slots, []);
    let few = store.slots(tenant, Window::Week, at(0), 1).await.expect("the store answers");
    assert!(!few.complete && few.slots.len() < 6, "what was cut short says so");
}

/// Totals are for ever, and do not grow with subscriptions.
pub async fn totals_are_by_tenant_and_event_type(store: &impl Counters, tenant: &TenantId) {
    for (subscription, when) in [("sub_1", at(0)), ("sub_2", at(60 * 24 * 400))] {
        store.count(&batch(tenant, subscription, EventType::InvoiceSent, 3), when).await.expect("the store answers");
    }
    store.count(&batch(tenant, "sub_1", EventType::LeadReceived, 0), at(0)).await.expect("the store answers");
    let totals = store.totals().await.expect("the store answers");
    let mut mine: Vec<Total> = totals.into_iter().filter(|total| total.tenant == *tenant).collect();
    mine.sort_by_key(|total| total.event_type);
    let told: Vec<_> =
        mine.iter().map(|total| (total.event_type, total.counts.attempts, total.counts.delivered)).collect();
    assert_eq!(told, [(EventType::InvoiceSent, 8, 6), (EventType::LeadReceived, 1, 0)]);
}

/// What came in is one sum for each provider.
pub async fn arrivals_are_added_up(store: &impl Counters) {
    let before = store.arrivals().await.expect("the store answers");
    let why = |n| [("stale".to_owned(), n)].into();
    let one = Arrivals { received: 3, duplicate: 2, rejected: 1, reasons: why(1) };
    let (c2s, tenant) = (Provider::C2s.name(), Provider::Tenant.name());
    for _ in 0..2 {
        store.count_arrivals(&[(c2s, one.clone()), (tenant, one.clone())].into()).await.expect("the store answers");
    }
    let after = store.arrivals().await.expect("the store answers");
    for provider in [c2s, tenant] {
        let mut expected = before.get(provider).cloned().unwrap_or_default();
        expected.merge(Arrivals { received: 6, duplicate: 4, rejected: 2, reasons: why(2) });
        assert_eq!(after[provider], expected);
    }
}

/// The totals of an hour ago are as they were put.
pub async fn a_mark_stays_as_it_was_put(store: &impl Marks) {
    for n in [1_u64, 2] {
        let totals = [("ten_1|invoice.sent".to_owned(), (n, 1)), ("ten_2|lead.received".to_owned(), (0, 0))].into();
        let mark = Mark { at: Some(at(n.cast_signed())), totals };
        store.set_mark(&mark).await.expect("the store answers");
        assert_eq!(store.mark().await, Ok(mark));
    }
}

/// Every question, each with tenants of its own whose names start with `prefix`.
pub async fn all(store: &(impl Counters + Marks), prefix: &str) {
    let tenant = |name: &str| format!("ten_{prefix}_{name}").parse::<TenantId>().expect("a tenant's name");
    what_many_workers_count_is_one_sum(store, &tenant("count"), &tenant("other")).await;
    a_window_has_what_is_in_it(store, &tenant("window")).await;
    totals_are_by_tenant_and_event_type(store, &tenant("total")).await;
    arrivals_are_added_up(store).await;
    a_mark_stays_as_it_was_put(store).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MemoryStore;

    #[tokio::test]
    async fn the_counters_in_memory_pass_the_exam() {
        all(&MemoryStore::default(), "memory").await;
    }
}
