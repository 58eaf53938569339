//! The exam in what deliveries are made with: what events say, the health of endpoints, open batches. Every store
//! passes it.
//!
//! Each question takes a tenant of its own, so that the questions can share one store.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::samples::{delivery, published};
use crate::delivery::courier::Post;
use crate::delivery::health::Health;
use crate::dispatch::{Begun, Joined, Room};
use crate::intake::{Inbox, Recorded, row};
use crate::model::delivery::Delivery;
use crate::model::event::Event;
use crate::model::ids::{DeliveryId, EventId, SubscriptionId, TenantId};
use crate::model::row::{RowKey, WorkRow};
use crate::providers::{Incoming, announce};
use crate::work::{Claim, ClaimOutcome, Next, Record, Timing};

/// A store under examination.
pub trait Examined: Post + Inbox {}
impl<S: Post + Inbox> Examined for S {}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + seconds).expect("within reach")
}

fn payment(tenant: &TenantId, id: &str, note: &str) -> Incoming {
    let event = json!({
        "type": "payment.received",
        "id": id,
        "timestamp": "2030-01-01T00:00:00Z",
        "data": {"payment_id": "pay_1", "amount": "10.00", "currency": "EUR", "note": note},
    });
    published(tenant, event, at(0))
}

async fn record(store: &impl Examined, one: &Incoming) -> Recorded {
    store.record_event(&row(one, at(0), &Timing::default()), one.body()).await.expect("the store answers")
}

/// An event that speaks for itself says the same at any time, whether its body is small or large, and a second one of
/// its name that says something else is a contradiction.
pub async fn a_published_event_speaks_for_itself(store: &impl Examined, tenant: &TenantId) {
    for (id, note) in [("small", "x".to_owned()), ("large", (0..9_000).map(|n| n.to_string()).collect())] {
        let one = payment(tenant, id, &note);
        assert_eq!(record(store, &one).await, Recorded::New);
        assert_eq!(record(store, &one).await, Recorded::Duplicate);
        assert_eq!(record(store, &payment(tenant, id, "other")).await, Recorded::Conflict);
        let event: Event = store.read(&RowKey::Event(one.id().clone())).await.expect("answers").expect("is there");
        let said = store.announcement(one.id()).await.expect("the store answers").expect("it is kept");
        assert_eq!(Ok(said.clone()), announce(&event, one.body()));
        assert_eq!(said.data["note"], json!(note));
    }
    let nothing = store.announcement(&EventId::derive(&["exam", "nothing"])).await;
    assert_eq!(nothing, Ok(None));
}

fn sub(tenant: &TenantId, name: &str) -> SubscriptionId {
    format!("sub_{tenant}_{name}").parse().expect("an identifier")
}

/// What is known of an endpoint is written only over what was seen, and forgotten when there is nothing to say.
pub async fn health_is_written_over_what_was_seen(store: &impl Examined, tenant: &TenantId) {
    let id = sub(tenant, "health");
    let fresh = Health::default();
    assert_eq!(store.health(&id).await, Ok(fresh.clone()));
    let open = Health {
        slow: true,
        failing_since: Some(at(0)),
        broken: vec![at(0).as_millisecond(), at(1).as_millisecond()],
        open_until: Some(at(5)),
        held_until: Some(at(125)),
        opened: 1,
        prober: Some(delivery("exam", tenant, at(0)).id),
        version: 1,
    };
    assert_eq!(store.set_health(&id, &fresh, &open).await, Ok(true));
    assert_eq!(store.health(&id).await, Ok(open.clone()));
    let other = Health { slow: true, version: 1, ..fresh.clone() };
    assert_eq!(store.set_health(&id, &fresh, &other).await, Ok(false), "somebody was faster");
    let slow = Health { slow: true, version: 2, ..fresh.clone() };
    assert_eq!(store.set_health(&id, &open, &slow).await, Ok(true));
    assert_eq!(store.health(&id).await, Ok(slow.clone()), "what is not said any more is gone");
    assert_eq!(store.slow(&[sub(tenant, "unknown"), id.clone()]).await, Ok([id.clone()].into()));
    let well = Health { version: 3, ..fresh.clone() };
    assert_eq!(store.set_health(&id, &open, &well).await, Ok(false));
    assert_eq!(store.set_health(&id, &slow, &well).await, Ok(true));
    assert_eq!(store.health(&id).await, Ok(fresh));
}

fn opened(tenant: &TenantId, name: &str, now: Timestamp) -> Delivery {
    let alone = delivery(name, tenant, now);
    let mut batch = Delivery { batch_events: [alone.event.clone()].into(), batch_bytes: 100, ..alone };
    batch.work.not_before = now.saturating_add(SignedDuration::from_secs(30)).expect("within reach");
    batch
}

async fn read(store: &impl Examined, id: &DeliveryId) -> Delivery {
    store.read(&RowKey::Delivery(id.clone())).await.expect("the store answers").expect("it is there")
}

/// A batch takes what there is room for, each event once, until it is claimed; closing it brings its time forward.
pub async fn a_batch_takes_events_until_it_is_claimed(store: &impl Examined, tenant: &TenantId) {
    const ROOM: Room = Room { events: 3, bytes: 1_000 };
    let batch = opened(tenant, "batch", at(0));
    assert_eq!(store.insert(&batch).await, Ok(true));
    let event = |n: u8| EventId::derive(&["exam", tenant.as_str(), &n.to_string()]);
    let join = async |n: u8, bytes: u64| store.join_batch(&batch.id, &event(n), bytes, ROOM).await;
    assert_eq!(join(1, 200).await, Ok(Joined::Waiting));
    assert_eq!(join(1, 200).await, Ok(Joined::Waiting), "it is in it");
    assert_eq!(join(2, 701).await, Ok(Joined::Closed), "too large");
    assert_eq!(join(2, 700).await, Ok(Joined::Full));
    assert_eq!(join(3, 0).await, Ok(Joined::Closed));
    let stored = read(store, &batch.id).await;
    assert_eq!(stored.batch_events, [batch.event.clone(), event(1), event(2)].into());
    assert_eq!(stored.batch_bytes, 1_000);
    let ring = store.close_batch(&batch.id, at(1)).await.expect("the store answers").expect("it waits");
    assert_eq!((ring.not_before, ring.bell.row), (at(1), batch.key()));
    assert_eq!(store.close_batch(&batch.id, at(2)).await, Ok(None), "its time has come already");

    let other = opened(tenant, "claimed", at(0));
    assert_eq!(store.insert(&other).await, Ok(true));
    let claim = Claim::new(other.key(), 1, &Timing::default(), at(30), at(60));
    let claimed = store.claim::<Delivery>(&claim).await.expect("the store answers");
    let ClaimOutcome::Claimed(claimed) = claimed else { panic!("it is free") };
    assert_eq!(store.join_batch(&other.id, &event(7), 1, ROOM).await, Ok(Joined::Closed));
    assert_eq!(store.close_batch(&other.id, at(31)).await, Ok(None));
    let next = Next::Again { not_before: at(40), queue: None };
    let tried = Record { status: "retrying", next, counted: true, patch: json!({}), remove: &[] };
    assert_eq!(store.record::<Delivery, _>(&claimed.fence, &tried).await, Ok(true));
    assert_eq!(store.join_batch(&other.id, &event(7), 1, ROOM).await, Ok(Joined::Closed), "it was sent before");
    assert_eq!(read(store, &other.id).await.batch_events, other.batch_events);
}

/// A batch begins in the place of the one that was seen, its row and its place at once; who was outrun, changed nothing.
pub async fn one_batch_begins_at_a_time(store: &impl Examined, tenant: &TenantId) {
    let named = |name: &str| {
        let alone = opened(tenant, name, at(0));
        Delivery { subscription: sub(tenant, "begins"), ..alone }
    };
    let [first, second, third] = ["first", "second", "third"].map(named);
    let subscription = &first.subscription;
    assert_eq!(store.open_batch(subscription).await, Ok(None));
    assert_eq!(store.begin_batch(&first, None).await, Ok(Begun::New));
    assert_eq!(store.open_batch(subscription).await, Ok(Some(first.id.clone())));
    assert_eq!(read(store, &first.id).await, first);
    assert_eq!(store.begin_batch(&second, None).await, Ok(Begun::Outrun), "it did not see the first");
    assert_eq!(store.read::<Delivery>(&second.key()).await, Ok(None));
    assert_eq!(store.begin_batch(&second, Some(&first.id)).await, Ok(Begun::New));
    assert_eq!(store.begin_batch(&third, Some(&first.id)).await, Ok(Begun::Outrun));
    assert_eq!(store.begin_batch(&first, Some(&second.id)).await, Ok(Begun::There));
    assert_eq!(store.open_batch(subscription).await, Ok(Some(second.id)));
}

/// However many begin at once, the batch is one.
pub async fn of_many_beginnings_one_counts(store: &impl Examined, tenant: &TenantId) {
    let many: Vec<_> = (0..8)
        .map(|n| Delivery { subscription: sub(tenant, "many"), ..opened(tenant, &format!("many{n}"), at(0)) })
        .collect();
    let begun = futures::future::join_all(many.iter().map(|one| store.begin_batch(one, None))).await;
    assert_eq!(begun.iter().filter(|begun| **begun == Ok(Begun::New)).count(), 1, "{begun:?}");
    let open = store.open_batch(&sub(tenant, "many")).await.expect("the store answers").expect("one is open");
    for one in many {
        let there = store.read::<Delivery>(&one.key()).await.expect("the store answers").is_some();
        assert_eq!(there, one.id == open);
    }
}

/// Where an event was gathered is known.
pub async fn it_is_known_which_batch_an_event_is_in(store: &impl Examined, tenant: &TenantId) {
    let (one, id) = (sub(tenant, "notes"), opened(tenant, "notes", at(0)).id);
    let event = EventId::derive(&["exam", tenant.as_str(), "notes"]);
    assert_eq!(store.gathered_in(&event, &one).await, Ok(None));
    assert_eq!(store.note_gathered(&event, &one, &id, at(0)).await, Ok(()));
    assert_eq!(store.gathered_in(&event, &one).await, Ok(Some(id)));
    assert_eq!(store.gathered_in(&event, &sub(tenant, "other")).await, Ok(None));
}

/// A delivery put off to its turn keeps it until it is attempted.
pub async fn a_turn_is_kept_until_it_is_used(store: &impl Examined, tenant: &TenantId) {
    let one = delivery("turn", tenant, at(0));
    assert_eq!(store.insert(&one).await, Ok(true));
    for (patch, remove, now, kept) in
        [(json!({"slot_at": at(9).as_millisecond()}), &[] as &[_], 0, Some(at(9))), (json!({}), &["slot_at"], 9, None)]
    {
        let claim = Claim::new(one.key(), 1, &Timing::default(), at(now), at(now + 1));
        let ClaimOutcome::Claimed(claimed) = store.claim::<Delivery>(&claim).await.expect("answers") else {
            panic!("it is free")
        };
        let next = Next::Again { not_before: at(9), queue: None };
        let put_off = Record { status: "pending", next, counted: false, patch, remove };
        assert_eq!(store.record::<Delivery, _>(&claimed.fence, &put_off).await, Ok(true));
        assert_eq!(read(store, &one.id).await.slot_at, kept);
    }
}

/// All questions.
pub async fn all(store: &impl Examined, run: &str) {
    let tenant = |n: u8| -> TenantId { format!("ten_post_{run}_{n}").parse().expect("an identifier") };
    a_published_event_speaks_for_itself(store, &tenant(1)).await;
    health_is_written_over_what_was_seen(store, &tenant(2)).await;
    a_batch_takes_events_until_it_is_claimed(store, &tenant(3)).await;
    it_is_known_which_batch_an_event_is_in(store, &tenant(4)).await;
    a_turn_is_kept_until_it_is_used(store, &tenant(5)).await;
    one_batch_begins_at_a_time(store, &tenant(6)).await;
    of_many_beginnings_one_counts(store, &tenant(7)).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MemoryStore;

    #[tokio::test]
    async fn the_memory_store_passes() {
        all(&MemoryStore::default(), "memory").await;
    }
}
