//! Two workers over the same rows.

use serde_json::json;

use super::clock;
use super::duel::{Duel, Walked, Work, every_interleaving, every_interleaving_within};
use super::explore::every_fault_of;
use super::house::House;
use super::invariants::everything_holds;
use super::lead_tests::{ana, lead, with_subscribers};
use super::script::{Kind, Strike};
use super::sync_tests;
use crate::model::ids::TenantId;
use crate::testing::samples::published;

fn leads(seconds: &[u32]) -> House {
    let house = House::new(&[]);
    with_subscribers(&house, "lead.*");
    for second in seconds {
        house.send(lead(*second, &ana()));
    }
    house.receive_all();
    house
}

/// Two workers for one and the same bell.
fn same_bell(house: House, verb: &str, skews: [i64; 2]) -> Duel {
    let message = house.next_for(verb);
    Duel { house, works: [Work::Answer(message.clone()), Work::Answer(message)], skews }
}

fn told(what: &str, walked: &Walked, stories: usize) {
    let Walked { interleavings, stories: told } = walked;
    eprintln!("faults: {what}: {interleavings} interleavings, {told} of which differ");
    assert!(*told >= stories, "{walked:?}");
}

/// Clocks that agree, and that are wrong by two seconds each.
const SKEWS: [[i64; 2]; 3] = [[0, 0], [-2_000, 2_000], [2_000, -2_000]];
/// The second worker's clock is so far on that the first one's lease is over, though it lives.
const OUTLIVED: [i64; 2] = [0, 70_000];

#[test]
fn of_two_workers_over_one_lead_one_works_in_every_interleaving() {
    for skews in SKEWS {
        told("one lead", &every_interleaving(|| same_bell(leads(&[0]), "enrich", skews), everything_holds), 4);
    }
}

#[test]
fn a_worker_that_outlived_its_lease_changes_nothing_of_a_lead_in_any_interleaving() {
    let begin = || same_bell(leads(&[0]), "enrich", OUTLIVED);
    told("outlived lead", &every_interleaving_within(2, begin, everything_holds), 14);
}

#[test]
fn two_events_of_one_lead_are_one_look_up_and_one_message_in_every_interleaving() {
    let begin = || {
        let house = leads(&[0, 1]);
        let works = [Work::Answer(house.next_for("enrich")), Work::Answer(house.next_for("enrich"))];
        Duel { house, works, skews: [0, 0] }
    };
    let once = |house: &House| {
        everything_holds(house);
        assert_eq!(house.enricher.thread.inner.messages().len(), 1);
    };
    told("two events of a lead", &every_interleaving(begin, once), 8);
}

pub(super) fn published_event(strikes: &[Strike]) -> House {
    let house = House::new(strikes);
    with_subscribers(&house, "*");
    let data = json!({"payment_id": "pay_1", "amount": "10.00", "currency": "EUR"});
    let event = json!({"type": "payment.received", "id": "pay-1", "data": data});
    house.send(vec![published(&TenantId::default_tenant(), event, clock::now())]);
    house.receive_all();
    house
}

#[test]
fn two_who_fan_one_event_out_do_it_once_in_every_interleaving() {
    let begin = || same_bell(published_event(&[]), "dispatch", [0, 0]);
    told("one event fanned out", &every_interleaving(begin, everything_holds), 10);
}

#[test]
fn whatever_strikes_a_fan_out_each_subscriber_has_one_delivery() {
    let faults = Kind::Write.faults();
    let n = every_fault_of("dispatch", faults, |strikes| {
        let house = published_event(strikes);
        house.settle();
        everything_holds(&house);
        house.outside.calls()
    });
    eprintln!("faults: dispatch: {n} schedules");
    assert!(n >= 1_239, "{n}");
}

fn delivery() -> House {
    let house = published_event(&[]);
    house.answer_message(house.next_for("dispatch"));
    house
}

#[test]
fn of_two_workers_over_one_delivery_one_sends_in_every_interleaving() {
    for skews in SKEWS {
        let once = |house: &House| {
            everything_holds(house);
            // One endpoint fails first: three requests for two deliveries.
            assert_eq!(house.courier.sender.inner.seen().len(), 3);
        };
        told("one delivery", &every_interleaving(|| same_bell(delivery(), "deliver", skews), once), 4);
    }
}

#[test]
fn a_worker_that_outlived_its_lease_changes_nothing_of_a_delivery_in_any_interleaving() {
    let begin = || same_bell(delivery(), "deliver", OUTLIVED);
    told("outlived delivery", &every_interleaving(begin, everything_holds), 7);
}

#[test]
fn of_two_sweeps_one_rings_in_every_interleaving() {
    let begin = || {
        let mut house = leads(&[0, 1]);
        house.only_sweep_rings = true;
        let _ = (house.next_for("enrich"), house.next_for("enrich"));
        clock::wait(jiff::SignedDuration::from_secs(100));
        Duel { house, works: [Work::Sweep, Work::Sweep], skews: [0, 0] }
    };
    told("two sweeps", &every_interleaving(begin, everything_holds), 16);
}

#[test]
fn what_is_heard_while_its_account_is_drained_is_carried_in_every_interleaving() {
    let walked = every_interleaving(sync_tests::heard_while_drained, sync_tests::everything_holds);
    told("heard while drained", &walked, 27);
}
