//! A lead: received, enriched, told of and delivered, whatever goes wrong where.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::clock;
use super::explore::{every_fault_of, tell};
use super::house::House;
use super::invariants::{everything_holds, told_of};
use super::queue::Choices;
use super::script::{Call, Fault, Kind, Strike};
use crate::auth::SourceCaller;
use crate::model::event::Provider;
use crate::model::ids::{SourceId, TenantId};
use crate::model::subscription::Subscription;
use crate::providers::Incoming;
use crate::providers::c2s::verify::incoming;
use crate::testing::samples::subscription;

/// Two who want to hear; the second's endpoint is broken at first.
pub(super) fn with_subscribers(house: &House, pattern: &str) {
    for id in ["sub_faults_a", "sub_faults_b"] {
        let url = format!("https://hooks.example.com/{id}");
        house.store.inner.put_subscription(Subscription { url, ..subscription(id, pattern) });
    }
    house.courier.sender.inner.answer_first("https://hooks.example.com/sub_faults_b", &[500]);
}

/// A lead as C2S sends it.
pub(super) fn lead(second: u32, customer: &Value) -> Vec<Incoming> {
    let caller =
        SourceCaller { source: SourceId::default_c2s(), provider: Provider::C2s, tenant: TenantId::default_tenant() };
    let updated_at = format!("2030-01-20T10:00:{second:02}Z");
    let body = json!({"id": "lead-1", "attributes": {"updated_at": updated_at, "customer": customer}});
    let read = incoming(&caller, &[], body.to_string().as_bytes()).unwrap();
    read.into_iter().map(Result::unwrap).collect()
}

pub(super) fn ana() -> Value {
    json!({"name": "Ana Silva", "phone": "5511900000001"})
}

fn a_lead(strikes: &[Strike], set_up: impl FnOnce(&mut House)) -> Vec<Call> {
    let mut house = House::new(strikes);
    with_subscribers(&house, "lead.*");
    set_up(&mut house);
    let lead = lead(0, &ana());
    house.send(lead.clone());
    house.settle();
    everything_holds(&house);
    assert_eq!(told_of(&house, lead[0].id()), ["lead.enriched", "lead.received"]);
    let (finder, registry) = house.enricher.finder.as_ref().unwrap().inner.asked();
    let most = 1 + u32::try_from(strikes.len()).unwrap();
    assert!(finder <= most && registry <= most, "paid for {finder} and {registry} times");
    house.outside.calls()
}

fn story_of_a_lead(strikes: &[Strike]) -> Vec<Call> {
    a_lead(strikes, |_| ())
}

fn story_in_order(choices: Choices) -> Choices {
    let mut told = None;
    tell(&choices.clone(), || {
        let mut house = House::new(&[]);
        with_subscribers(&house, "lead.*");
        (house.copies, house.choices) = (2, choices.into());
        house.send(lead(0, &ana()));
        house.send(lead(1, &ana()));
        house.settle();
        everything_holds(&house);
        told = Some(house.choices.take());
    });
    told.unwrap()
}

#[test]
fn in_whatever_order_bells_come_and_each_twice_everything_is_done_once() {
    let (mut n, mut next) = (0, Some(Choices::default()));
    while let Some(choices) = next {
        next = story_in_order(choices).next();
        n += 1;
    }
    eprintln!("faults: order of bells: {n} schedules");
    assert!(n >= 472, "{n}");
}

#[test]
fn whatever_the_clocks_say_within_two_seconds_a_worker_that_died_is_followed_by_one() {
    let mut n = 0;
    for skews in [[-2_000, 2_000], [2_000, -2_000]] {
        for verb in ["enrich", "deliver"] {
            n += every_fault_of(verb, &[], |strikes| a_lead(strikes, |house| house.skews = skews.to_vec()));
        }
    }
    eprintln!("faults: clocks: {n} schedules");
    assert!(n >= 632, "{n}");
}

#[test]
fn however_far_the_due_index_lags_behind_what_is_due_is_rung_for() {
    let mut n = 0;
    for lag in [1, 2, 3, 5, 8] {
        n += every_fault_of("enrich", &[], |strikes| {
            a_lead(strikes, |house| (house.lag, house.only_sweep_rings) = (lag, true))
        });
    }
    eprintln!("faults: lag: {n} schedules");
    assert!(n >= 730, "{n}");
}

const AFTER: &[Fault] = &[Fault::CrashAfter, Fault::AnswerLost];

#[test]
fn whatever_strikes_the_receiving_of_a_lead_it_is_worked_on_once_and_told_of() {
    let mut n = every_fault_of("receive", Kind::Both.faults(), story_of_a_lead);
    // Later than the sweep has rung for a row without a body, and before it is given up for want of it.
    let later = SignedDuration::from_secs(100);
    n += every_fault_of("receive", AFTER, |strikes| a_lead(strikes, |house| house.sent_again_after = later));
    eprintln!("faults: receive: {n} schedules");
    assert!(n >= 115, "{n}");
}

#[test]
fn whatever_strikes_the_enriching_of_a_lead_it_ends_once_and_its_message_is_sent_once() {
    let n = every_fault_of("enrich", &[], story_of_a_lead);
    eprintln!("faults: enrich: {n} schedules");
    assert!(n >= 146, "{n}");
}

#[test]
fn whatever_strikes_a_delivery_it_arrives_under_its_one_identifier() {
    let n = every_fault_of("deliver", &[], story_of_a_lead);
    eprintln!("faults: deliver: {n} schedules");
    assert!(n >= 170, "{n}");
}

#[test]
fn whatever_strikes_a_sweep_it_rings_for_all_that_is_due_and_brings_back_all_that_was_held() {
    let lost = every_fault_of("sweep", &[], |strikes| a_lead(strikes, |house| house.only_sweep_rings = true));
    let held = every_fault_of("sweep", &[], |strikes| {
        a_lead(strikes, |house| house.off_until = clock::now() + SignedDuration::from_mins(10))
    });
    eprintln!("faults: sweep: {} schedules", lost + held);
    assert!(lost + held >= 1_060, "{lost} {held}");
}
