//! MoySklad accounts: told of, drained, polled and walked, whatever goes wrong where.

use jiff::Timestamp;
use serde_json::json;

use super::clock;
use super::duel::{Duel, Work};
use super::explore::every_fault_of;
use super::house::House;
use super::invariants::{
    a_webhook_kept_its_id_and_its_bytes, each_wanting_subscriber_got_each_event_once,
    every_accepted_event_is_completed, no_lease_is_left, nothing_is_due_at_rest, statuses_moved_forward_only,
};
use super::lead_tests::with_subscribers;
use super::script::{Call, Fault, Strike};
use crate::model::ids::{SourceId, TenantId};
use crate::model::moysklad::{Account, AccountId, EntityId, EntityKind, Role};
use crate::model::row::WorkRow;
use crate::model::sealed::Sealed;
use crate::providers::moysklad::verify::polled;
use crate::sync::jobs;
use crate::testing::memory_moysklad::MemoryMoysklad;
use crate::work::{Bells as _, Ring, Rows as _, Timing};

const MAIN: u32 = 1;
const CHILD: u32 = 11;

fn account(n: u32) -> AccountId {
    format!("00000000-0000-0000-0000-{n:012}").parse().unwrap()
}

fn source(n: u32) -> SourceId {
    format!("src_{n}").parse().unwrap()
}

fn tenant() -> TenantId {
    TenantId::default_tenant()
}

fn account_row(n: u32, role: Role) -> Account {
    Account {
        id: account(n),
        tenant: tenant(),
        source: source(n),
        name: None,
        role,
        enabled: true,
        token: Sealed::from_text("sealed"),
        doorbell: None,
        created_at: Timestamp::UNIX_EPOCH,
        rev: 0,
    }
}

fn with_accounts(strikes: &[Strike]) -> House {
    let house = House::new(strikes);
    let settings = json!({"entities": ["product", "productfolder"], "match_field": "external_code"});
    let settings = Box::new(serde_json::from_value(settings).unwrap());
    house.syncer.memory.inner.put_account(account_row(MAIN, Role::Main));
    house.syncer.memory.inner.put_account(account_row(CHILD, Role::Child { main: account(MAIN), settings }));
    house.watch();
    house
}

fn world(house: &House) -> &MemoryMoysklad {
    &house.syncer.clients.inner
}

fn make(house: &House, name: &str) -> EntityId {
    let body = json!({"name": name, "externalCode": name});
    world(house).made_by_hand(account(MAIN), EntityKind::Product, body)
}

/// What MoySklad has told comes in.
fn tell(house: &House) {
    let told = world(house).told().into_iter();
    let incoming = told.map(|mut notice| {
        notice.at = clock::now();
        polled(&source(MAIN), &tenant(), &notice)
    });
    house.send(incoming.collect());
}

/// A row of an account's work begins now.
fn begin(house: &House, row: &impl WorkRow) {
    let store = &house.store.inner;
    assert!(futures::executor::block_on(store.insert(row)).unwrap());
    assert!(futures::executor::block_on(store.ring(&[Ring::of(row)], clock::now())).is_empty());
}

/// Each of the main account's entities has one counterpart in the child, which is like it.
fn each_entity_has_one_counterpart_that_is_like_it(house: &House) {
    let names = |n| {
        let all = world(house).all(account(n), EntityKind::Product);
        let mut names: Vec<_> = all.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(CHILD), names(MAIN));
    let memory = &house.syncer.memory.inner;
    assert_eq!(memory.all_dirty(), [], "the line is worked off");
    let mut counterparts: Vec<_> = memory.all_mappings().iter().filter_map(|mapping| mapping.counterpart).collect();
    counterparts.sort();
    counterparts.dedup();
    assert_eq!(counterparts.len(), names(MAIN).len(), "each stands for one");
}

pub(super) fn everything_holds(house: &House) {
    nothing_is_due_at_rest(house);
    no_lease_is_left(house);
    statuses_moved_forward_only(house);
    each_wanting_subscriber_got_each_event_once(house);
    a_webhook_kept_its_id_and_its_bytes(house);
    each_entity_has_one_counterpart_that_is_like_it(house);
}

fn story_of_a_product(strikes: &[Strike]) -> Vec<Call> {
    let house = with_accounts(strikes);
    with_subscribers(&house, "moysklad.*");
    let pen = make(&house, "pen");
    tell(&house);
    house.settle();
    clock::wait(jiff::SignedDuration::from_mins(5));
    house.watch();
    world(&house).changed_by_hand(account(MAIN), EntityKind::Product, pen, json!({"name": "fine pen"}));
    make(&house, "ink");
    tell(&house);
    house.settle();
    every_accepted_event_is_completed(&house);
    everything_holds(&house);
    house.outside.calls()
}

/// One worker drains the child for one product; another is about to hear of a second.
pub(super) fn heard_while_drained() -> Duel {
    let house = with_accounts(&[]);
    make(&house, "pen");
    tell(&house);
    house.receive_all();
    house.answer_message(house.next_for("hear"));
    let drain = Work::Answer(house.next_for("drain"));
    make(&house, "ink");
    tell(&house);
    house.receive_all();
    let hear = Work::Answer(house.next_for("hear"));
    Duel { house, works: [drain, hear], skews: [0, 0] }
}

fn story_of_a_poll(strikes: &[Strike]) -> Vec<Call> {
    let house = with_accounts(strikes);
    let of = (account(MAIN), &source(MAIN));
    begin(&house, &jobs::reconciliation(&tenant(), of, EntityKind::Product, clock::now(), &Timing::default()));
    clock::wait(jiff::SignedDuration::from_secs(1));
    house.watch();
    let pen = make(&house, "pen");
    make(&house, "ink");
    world(&house).deleted_by_hand(account(MAIN), EntityKind::Product, pen);
    house.settle();
    everything_holds(&house);
    house.outside.calls()
}

fn story_of_a_resync(strikes: &[Strike]) -> Vec<Call> {
    let house = with_accounts(strikes);
    make(&house, "pen");
    make(&house, "ink");
    begin(&house, &jobs::resync(&tenant(), account(CHILD), clock::now(), &Timing::default()));
    house.settle();
    everything_holds(&house);
    house.outside.calls()
}

const AFTER: &[Fault] = &[Fault::CrashAfter];

#[test]
fn whatever_strikes_the_hearing_of_a_notice_what_it_calls_for_is_carried() {
    let n = every_fault_of("hear", &[], story_of_a_product);
    eprintln!("faults: hear: {n} schedules");
    assert!(n >= 157, "{n}");
}

#[test]
fn whatever_strikes_the_draining_of_an_account_everything_exists_once_and_is_equal() {
    let n = every_fault_of("drain", &[], story_of_a_product);
    eprintln!("faults: drain: {n} schedules");
    assert!(n >= 327, "{n}");
}

#[test]
fn whatever_strikes_a_poll_what_it_missed_is_found_by_the_next() {
    let n = every_fault_of("reconcile", AFTER, story_of_a_poll);
    eprintln!("faults: reconcile: {n} schedules");
    assert!(n >= 217, "{n}");
}

#[test]
fn whatever_strikes_a_resync_everything_is_walked() {
    let n = every_fault_of("resync", AFTER, story_of_a_resync);
    eprintln!("faults: resync: {n} schedules");
    assert!(n >= 521, "{n}");
}
