//! A lead: received, enriched, told of and delivered, whatever goes wrong where.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::clock;
use super::explore::every_fault_of;
use super::house::House;
use super::invariants::{everything_holds, told_of};
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

const AFTER: &[Fault] = &[Fault::CrashBefore, Fault::CrashAfter, Fault::AnswerLost, Fault::Doubled];

#[test]
fn whatever_strikes_the_receiving_of_a_lead_it_is_worked_on_once_and_told_of() {
    let mut n = every_fault_of("receive", Kind::Both.faults(), story_of_a_lead);
    for after in [100, 200, 400] {
        let later = SignedDuration::from_secs(after);
        n += every_fault_of("receive", AFTER, |strikes| a_lead(strikes, |house| house.sent_again_after = later));
    }
    eprintln!("faults: receive: {n} schedules");
    assert!(n >= 1, "{n}");
}

#[test]
fn whatever_strikes_the_enriching_of_a_lead_it_ends_once_and_its_message_is_sent_once() {
    let n = every_fault_of("enrich", AFTER, story_of_a_lead);
    eprintln!("faults: enrich: {n} schedules");
    assert!(n >= 1, "{n}");
}

#[test]
fn whatever_strikes_a_delivery_it_arrives_under_its_one_identifier() {
    let n = every_fault_of("deliver", &[Fault::CrashAfter], story_of_a_lead);
    eprintln!("faults: deliver: {n} schedules");
    assert!(n >= 1, "{n}");
}

#[test]
fn whatever_strikes_a_sweep_it_rings_for_all_that_is_due_and_brings_back_all_that_was_held() {
    let lost = every_fault_of("sweep", &[], |strikes| a_lead(strikes, |house| house.only_sweep_rings = true));
    let held = every_fault_of("sweep", &[], |strikes| {
        a_lead(strikes, |house| house.off_until = clock::now() + SignedDuration::from_mins(10))
    });
    eprintln!("faults: sweep: {} schedules", lost + held);
    assert!(lost + held >= 1, "{lost} {held}");
}
