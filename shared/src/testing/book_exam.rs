//! The exam in writing subscriptions. Every book passes it.
//!
//! Each question takes a store and a tenant of its own, so that the questions can share one store.

use jiff::Timestamp;

use super::samples::subscription;
use crate::dispatch::Subscribers;
use crate::manage::subscription_book::{Booked, SubscriptionBook};
use crate::model::ids::{SubscriptionId, TenantId};
use crate::model::subscription::Subscription;

/// A store under examination.
pub trait Examined: SubscriptionBook + Subscribers {}
impl<S: SubscriptionBook + Subscribers> Examined for S {}

fn wish(tenant: &TenantId, n: u8, url: &str, patterns: &[&str]) -> Subscription {
    let id: SubscriptionId = format!("sub_{tenant}_{n}").parse().expect("an identifier");
    let events = patterns.iter().filter_map(|pattern| pattern.parse().ok()).collect();
    Subscription { id, tenant: tenant.clone(), url: url.to_owned(), events, ..subscription("sub_exam", "*") }
}

async fn add(store: &impl Examined, new: &Subscription) -> Booked {
    store.add(new).await.expect("the store answers")
}

async fn replace(store: &impl Examined, before: &Subscription, after: &Subscription) -> Booked {
    store.replace(before, after).await.expect("the store answers")
}

async fn remove(store: &impl Examined, there: &Subscription) -> Booked {
    store.remove(there).await.expect("the store answers")
}

fn later(before: &Subscription, url: &str, patterns: &[&str]) -> Subscription {
    let updated_at = before.updated_at.saturating_add(jiff::SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX);
    let events = patterns.iter().filter_map(|pattern| pattern.parse().ok()).collect();
    Subscription { url: url.to_owned(), events, updated_at, ..before.clone() }
}

fn by(one: &Subscription) -> Booked {
    Booked::Taken { by: Some(one.id.clone()) }
}

/// A URL and an event belong to one subscription of a tenant; another tenant's do not matter.
pub async fn a_url_and_an_event_are_taken_once(store: &impl Examined, tenant: &TenantId, other: &TenantId) {
    let first = wish(tenant, 1, "https://a.example.com/", &["invoice.sent", "payment.*"]);
    assert_eq!(add(store, &first).await, Booked::Done);
    assert_eq!(add(store, &wish(tenant, 2, "https://a.example.com/", &["payment.*", "*"])).await, by(&first));
    assert_eq!(add(store, &wish(tenant, 3, "https://a.example.com/", &["payment.failed"])).await, Booked::Done);
    assert_eq!(add(store, &wish(tenant, 4, "https://b.example.com/", &["payment.*"])).await, Booked::Done);
    assert_eq!(add(store, &wish(other, 5, "https://a.example.com/", &["payment.*"])).await, Booked::Done);
    assert_eq!(add(store, &first).await, Booked::Changed, "its identifier is in use");
    assert_eq!(store.subscribers(tenant).await.expect("the store answers").len(), 3);
}

/// A change takes what it comes to and leaves what it goes from, or changes nothing.
pub async fn a_change_moves_what_is_taken(store: &impl Examined, tenant: &TenantId) {
    let one = wish(tenant, 1, "https://a.example.com/", &["invoice.sent"]);
    let two = wish(tenant, 2, "https://a.example.com/", &["invoice.created"]);
    assert_eq!((add(store, &one).await, add(store, &two).await), (Booked::Done, Booked::Done));
    let onto_the_other = later(&one, "https://a.example.com/", &["invoice.sent", "invoice.created"]);
    assert_eq!(replace(store, &one, &onto_the_other).await, by(&two));
    let away = later(&one, "https://a.example.com/", &["invoice.cancelled"]);
    assert_eq!(replace(store, &one, &away).await, Booked::Done);
    assert_eq!(replace(store, &one, &away).await, Booked::Changed, "it was read before the change");
    let into_the_gap = later(&two, "https://a.example.com/", &["invoice.sent"]);
    assert_eq!(replace(store, &two, &into_the_gap).await, Booked::Done);
    let elsewhere = later(&away, "https://b.example.com/", &["invoice.cancelled"]);
    assert_eq!(replace(store, &away, &elsewhere).await, Booked::Done);
    let mut stored = store.subscribers(tenant).await.expect("the store answers");
    stored.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(stored, [elsewhere, into_the_gap]);
}

/// Two connections may be told of at one URL, each once, and a change of scope moves what is taken.
pub async fn a_connection_has_claims_of_its_own(store: &impl Examined, tenant: &TenantId) {
    let of = |n: u8, connection: Option<&str>| Subscription {
        connection: connection.and_then(|id| id.parse().ok()),
        ..wish(tenant, n, "https://a.example.com/", &["whatsapp.message"])
    };
    let (one, two, none) = (of(1, Some("con_1")), of(2, Some("con_2")), of(3, None));
    for new in [&one, &two, &none] {
        assert_eq!(add(store, new).await, Booked::Done);
    }
    assert_eq!(add(store, &of(4, Some("con_2"))).await, by(&two));
    assert_eq!(add(store, &of(5, None)).await, by(&none));
    let onto = |connection: Option<&str>| Subscription {
        connection: connection.and_then(|id| id.parse().ok()),
        ..later(&one, &one.url, &["whatsapp.message"])
    };
    assert_eq!(replace(store, &one, &onto(Some("con_2"))).await, by(&two));
    assert_eq!(replace(store, &one, &onto(Some("con_3"))).await, Booked::Done);
    assert_eq!(add(store, &of(6, Some("con_1"))).await, Booked::Done, "left, so free");
}

/// What was deleted can be made again, and cannot be changed.
pub async fn what_was_deleted_is_free_again(store: &impl Examined, tenant: &TenantId) {
    let one = wish(tenant, 1, "https://a.example.com/", &["*"]);
    assert_eq!(add(store, &one).await, Booked::Done);
    assert_eq!(remove(store, &later(&one, &one.url, &["*"])).await, Booked::Changed, "it is not as it was read");
    assert_eq!(remove(store, &one).await, Booked::Done);
    assert_eq!(remove(store, &one).await, Booked::Changed);
    assert_eq!(replace(store, &one, &later(&one, &one.url, &["*"])).await, Booked::Changed);
    assert_eq!(add(store, &wish(tenant, 2, "https://a.example.com/", &["*"])).await, Booked::Done);
}

/// Every question, each with tenants of its own whose names start with `prefix`.
pub async fn all(store: &impl Examined, prefix: &str) {
    let tenant = |name: &str| format!("ten_{prefix}_{name}").parse::<TenantId>().expect("a tenant's name");
    a_url_and_an_event_are_taken_once(store, &tenant("once"), &tenant("other")).await;
    a_change_moves_what_is_taken(store, &tenant("moves")).await;
    a_connection_has_claims_of_its_own(store, &tenant("scopes")).await;
    what_was_deleted_is_free_again(store, &tenant("free")).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MemoryStore;

    #[tokio::test]
    async fn the_book_in_memory_passes_the_exam() {
        all(&MemoryStore::default(), "memory").await;
    }
}
