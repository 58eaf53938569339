//! What always holds, looked at when a story has come to rest.

use std::collections::{BTreeMap, BTreeSet};

use super::house::{House, rests};
use crate::enrichment::look_up::LookUpState;
use crate::model::delivery::DeliveryStatus;
use crate::model::event::{Announcement, EventStatus};
use crate::model::ids::EventId;
use crate::providers;

/// All of them that hold in every story.
pub(super) fn everything_holds(house: &House) {
    nothing_is_due_at_rest(house);
    no_lease_is_left(house);
    statuses_moved_forward_only(house);
    every_accepted_event_is_completed(house);
    each_wanting_subscriber_got_each_event_once(house);
    a_webhook_kept_its_id_and_its_bytes(house);
    a_message_was_sent_at_most_once_or_is_shown_as_unconfirmed(house);
}

/// Whatever has ended is in no partition of the due index, and everything has ended.
pub(super) fn nothing_is_due_at_rest(house: &House) {
    for (key, work, row) in house.rows() {
        let is_at_rest = work.ended() && work.due_at.is_none() || rests(&key, &work, &row);
        assert!(is_at_rest, "{key} is {:?}, and still due", row.get("status"));
    }
}

/// Nobody holds what nobody works on.
pub(super) fn no_lease_is_left(house: &House) {
    for (key, work, _) in house.rows() {
        assert_eq!(work.lease_until, None, "{key} is taken by somebody who is gone");
    }
}

/// No turn comes back, no end is taken back or becomes another end, no answer is forgotten.
pub(super) fn statuses_moved_forward_only(house: &House) {
    for (key, stands) in house.history.borrow().iter() {
        for pair in stands.windows(2) {
            let ((turn, ended, answers, status), (next_turn, next_ended, next_answers, next_status)) =
                (&pair[0], &pair[1]);
            assert!(next_answers >= answers, "{key} forgot an answer: {stands:?}");
            assert!(next_turn >= turn, "{key} went back a turn: {stands:?}");
            if turn == next_turn && *ended {
                assert!(*next_ended && status == next_status, "{key} went on after its end: {stands:?}");
            }
        }
    }
}

/// What its sender was told is taken was worked on to its end.
pub(super) fn every_accepted_event_is_completed(house: &House) {
    assert!(!house.accepted.borrow().is_empty(), "nothing was accepted");
    for id in house.accepted.borrow().iter() {
        let event = house.event(id);
        assert_eq!((event.status, event.error.as_deref()), (EventStatus::Completed, None), "{id}");
    }
}

/// All that was said to subscribers: what is kept, and what speaks for itself.
fn said(house: &House) -> Vec<Announcement> {
    let mut said = house.store.inner.announcements();
    for event in house.events().iter().filter(|event| event.provider.speaks_for_itself()) {
        let inner = house.store.inner.lock().unwrap();
        let body = inner.bodies.get(&event.id).and_then(|bodies| bodies.first());
        said.extend(body.and_then(|(_, body)| providers::announce(event, body).ok()));
    }
    said
}

/// Every subscription that wants what was said has one delivery of it, which has arrived.
pub(super) fn each_wanting_subscriber_got_each_event_once(house: &House) {
    let subscriptions: Vec<_> = house.store.inner.lock().unwrap().subscriptions.values().cloned().collect();
    let mut wanted = BTreeSet::new();
    for one in said(house) {
        for subscription in subscriptions.iter().filter(|subscription| subscription.wants(&one)) {
            wanted.insert((subscription.id.clone(), one.id.clone()));
        }
    }
    let mut got: BTreeMap<_, u32> = BTreeMap::new();
    for delivery in house.store.inner.all_deliveries() {
        assert_eq!(delivery.status, DeliveryStatus::Delivered, "{}", delivery.id);
        *got.entry((delivery.subscription, delivery.event)).or_default() += 1;
    }
    assert_eq!(got.keys().cloned().collect::<BTreeSet<_>>(), wanted);
    assert!(got.values().all(|n| *n == 1), "delivered twice: {got:?}");
}

/// A receiver can tell copies: they have the identifier of their event, and its bytes.
pub(super) fn a_webhook_kept_its_id_and_its_bytes(house: &House) {
    let said: BTreeSet<String> = said(house).iter().map(|one| one.id.to_string()).collect();
    let mut bodies = BTreeMap::new();
    for request in house.courier.sender.inner.seen() {
        assert!(said.contains(&request.webhook_id), "an identifier of nothing: {}", request.webhook_id);
        let first = bodies.entry(request.webhook_id.clone()).or_insert_with(|| request.body.clone());
        assert_eq!(*first, request.body, "{} says something else", request.webhook_id);
    }
}

/// A message stands in a thread at most once, and whoever is told that it does is told the truth.
pub(super) fn a_message_was_sent_at_most_once_or_is_shown_as_unconfirmed(house: &House) {
    let messages = house.enricher.thread.inner.messages();
    for look_up in house.store.inner.look_ups() {
        let reference = look_up.reference.as_str();
        let n = messages.iter().filter(|(lead, text)| *lead == look_up.lead && text.contains(reference)).count();
        assert!(n <= 1, "sent {n} times");
        match look_up.state {
            LookUpState::Sent => assert_eq!(n, 1, "said to be sent, and it is not there"),
            LookUpState::Unconfirmed => {}
            other => panic!("a look-up that came to no end: {other:?}"),
        }
        let event = house.event(&look_up.owner);
        let shown = event.result.as_ref().map(|result| result["message"].clone());
        let word = if look_up.state == LookUpState::Sent { "sent" } else { "unconfirmed" };
        assert_eq!(shown, Some(word.into()), "{}", look_up.owner);
    }
}

/// What was said of an event, by its type.
pub(super) fn told_of(house: &House, event: &EventId) -> Vec<&'static str> {
    let mut types: Vec<_> =
        said(house).iter().filter(|one| one.id.parent() == *event).map(|one| one.event_type.as_str()).collect();
    types.sort_unstable();
    types
}
