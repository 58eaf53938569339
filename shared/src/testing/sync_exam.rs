//! The exam in what keeping accounts in step remembers. Every store of it passes it, with a clock of the exam's own.
//!
//! Each question takes a store and a tenant of its own, so that the questions can share one store.

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::model::ids::{EventId, TenantId};
use crate::model::job::JobStatus;
use crate::model::moysklad::{
    AccountId, Direction, Dirty, DrainJob, EntityId, EntityKind, EntityRef, FieldGroup, Groups, Mapping, Tally,
};
use crate::model::row::RowKey;
use crate::sync::guards::{LoopGuard, QUIET_FOR, REMEMBERED_FOR, Written as OurWrites};
use crate::sync::plan::Mark;
use crate::sync::store::{DirtyRows, Drains, GuardRows, Mappings, Tallies, counterpart_of};
use crate::work::{
    Bell, Claim, ClaimOutcome, Claimed, DueIndex, Hold, Known, Next, Record, Ring, Rows, Timing, Written, home_shard,
};

/// A store under examination.
pub trait Examined: DirtyRows + Mappings + GuardRows + Tallies {}
impl<S: DirtyRows + Mappings + GuardRows + Tallies> Examined for S {}

/// A store of accounts' rows under examination.
pub trait ExaminedRows: Drains + Rows + DueIndex {}
impl<S: Drains + Rows + DueIndex> ExaminedRows for S {}

/// Whole seconds and nanoseconds: a store that rounds a time is found out.
fn at(seconds: i64) -> Timestamp {
    Timestamp::new(1_900_000_000 + seconds, 123_456_789).unwrap_or(Timestamp::MAX)
}

fn account(n: u128) -> AccountId {
    AccountId::new(uuid::Uuid::from_u128(n))
}

fn id(n: u128) -> EntityId {
    EntityId::new(uuid::Uuid::from_u128(n))
}

const MAIN: u128 = 0xA;
const CHILD: u128 = 0xB;
const OTHER_CHILD: u128 = 0xC;

fn entity(kind: EntityKind, n: u128) -> EntityRef {
    EntityRef { account: account(MAIN), kind, id: id(n) }
}

fn mark(origin: EntityRef, groups: impl Into<Groups>) -> Mark {
    Mark { target: account(CHILD), origin, groups: groups.into(), because: None }
}

async fn due(store: &impl Examined, tenant: &TenantId, now: i64, limit: usize) -> Vec<Dirty> {
    store.due(tenant, account(CHILD), at(now), limit).await.expect("the store answers")
}

async fn n_dirty(store: &impl Examined, tenant: &TenantId) -> u64 {
    store.n_dirty(tenant, account(CHILD)).await.expect("the store answers")
}

/// A second reason is the next version of one row: no group is forgotten, the earlier time counts, and the first reason
/// keeps its time.
pub async fn reasons_come_together_in_one_row(store: &impl Examined, tenant: &TenantId) {
    let origin = entity(EntityKind::Product, 1);
    let marked = async |groups: FieldGroup, not_before, now| {
        store.mark(tenant, &mark(origin, groups), at(not_before), at(now)).await.expect("the store answers")
    };
    let first = marked(FieldGroup::Prices, 30, 10).await;
    assert_eq!((first.version, first.since, first.not_before), (1, at(10), at(30)));
    let later = marked(FieldGroup::Names, 60, 20).await;
    assert_eq!((later.version, later.since, later.not_before), (2, at(10), at(30)));
    let sooner = marked(FieldGroup::Prices, 25, 21).await;
    assert_eq!((sooner.version, sooner.since, sooner.not_before), (3, at(10), at(25)));
    let groups: Groups = [FieldGroup::Names, FieldGroup::Prices].into_iter().collect();
    assert_eq!(sooner, Dirty { version: 3, not_before: at(25), groups, ..first });
    assert_eq!(due(store, tenant, 24, 10).await, []);
    assert_eq!(due(store, tenant, 25, 10).await, [sooner]);
    assert_eq!(n_dirty(store, tenant).await, 1);
}

/// What comes of a row is told in the story of the newest event that gave a reason, whoever else gives one.
pub async fn the_newest_event_is_why(store: &impl Examined, tenant: &TenantId) {
    let mark = mark(entity(EntityKind::Product, 1), FieldGroup::Prices);
    let marked = async |because: Option<&EventId>, not_before| {
        let mark = Mark { because: because.cloned(), ..mark.clone() };
        store.mark(tenant, &mark, at(not_before), at(0)).await.expect("the store answers").because
    };
    let (first, second) = (EventId::derive(&["first"]), EventId::derive(&["second"]));
    assert_eq!(marked(None, 9).await, None);
    assert_eq!(marked(Some(&first), 8).await, Some(first.clone()));
    assert_eq!(marked(None, 7).await, Some(first));
    assert_eq!(marked(Some(&second), 60).await, Some(second), "also where it waits no less for it");
}

/// Markers do not know of each other, and every one of them counts.
pub async fn of_many_markers_none_is_lost(store: &impl Examined, tenant: &TenantId) {
    let origin = entity(EntityKind::Product, 1);
    let marks: Vec<Mark> = FieldGroup::ALL.iter().map(|group| mark(origin, *group)).collect();
    let n_marks = u64::try_from(marks.len()).expect("a few");
    let soonest = at(101 - i64::try_from(n_marks).expect("a few"));
    let marked = marks.iter().zip(0..).map(|(mark, n)| store.mark(tenant, mark, at(100 - n), at(n)));
    let mut versions: Vec<u64> =
        join_all(marked).await.into_iter().map(|row| row.expect("the store answers").version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=n_marks).collect::<Vec<_>>(), "each made a version of its own");
    let rows = due(store, tenant, 1_000, 10).await;
    let [row] = rows.as_slice() else { panic!("one row: {rows:?}") };
    assert_eq!((row.version, &row.groups, row.not_before), (n_marks, &Groups::all(), soonest));
}

/// A worker that is done with one version leaves the next, and one that failed does not put it off.
pub async fn a_newer_version_stays(store: &impl Examined, tenant: &TenantId) {
    let origin = entity(EntityKind::Product, 1);
    let marked = async |now| {
        store.mark(tenant, &mark(origin, FieldGroup::Prices), at(now), at(now)).await.expect("the store answers")
    };
    let seen = marked(0).await;
    let newer = marked(1).await;
    assert_eq!(store.finish(&seen).await, Ok(false));
    assert_eq!(store.put_off(&seen, at(500), "meanwhile").await, Ok(false));
    assert_eq!(due(store, tenant, 1, 10).await, std::slice::from_ref(&newer));
    assert_eq!(store.finish(&newer).await, Ok(true));
    assert_eq!(store.finish(&newer).await, Ok(false), "it is gone");
    assert_eq!(store.put_off(&newer, at(500), "gone").await, Ok(false));
    assert_eq!(store.set_aside(&newer, at(500), "gone").await, Ok(false));
    assert_eq!(n_dirty(store, tenant).await, 0, "nothing came back");
    assert_eq!(marked(9).await.version, 1, "it begins anew");
}

/// What failed waits, says why, and is looked at as soon as there is one more reason.
pub async fn what_is_put_off_waits(store: &impl Examined, tenant: &TenantId) {
    let origin = entity(EntityKind::Product, 1);
    let target = account(CHILD);
    assert_eq!(store.next_due(tenant, target).await, Ok(None));
    let row = store.mark(tenant, &mark(origin, FieldGroup::Prices), at(0), at(0)).await.expect("the store answers");
    for n in 1..=2 {
        assert_eq!(store.put_off(&row, at(100 * n), "no_such_folder").await, Ok(true));
    }
    assert_eq!(store.next_due(tenant, target).await, Ok(Some(at(200))));
    assert_eq!(due(store, tenant, 199, 10).await, []);
    let waits = Dirty { not_before: at(200), failures: 2, error: Some("no_such_folder".into()), ..row.clone() };
    assert_eq!(due(store, tenant, 200, 10).await, std::slice::from_ref(&waits));
    assert_eq!(store.set_aside(&row, at(300), "no_such_folder").await, Ok(true), "and it is not counted");
    let waits = Dirty { not_before: at(300), ..waits };
    assert_eq!(due(store, tenant, 300, 10).await, std::slice::from_ref(&waits));
    let again = store.mark(tenant, &mark(origin, FieldGroup::Prices), at(50), at(50)).await;
    assert_eq!(again, Ok(Dirty { version: 2, not_before: at(50), ..waits }));
    let other = mark(entity(EntityKind::Variant, 2), FieldGroup::Names);
    store.mark(tenant, &other, at(20), at(1)).await.expect("the store answers");
    assert_eq!(store.next_due(tenant, target).await, Ok(Some(at(20))), "the soonest, wherever it stands in the line");
}

/// A line of hundreds is read from its beginning: orders, then what others refer to, and only what is due.
pub async fn a_long_line_keeps_the_order_of_kinds(store: &impl Examined, tenant: &TenantId) {
    let marks = (0..250_u128).map(|n| {
        let kinds = EntityKind::ALL.len();
        let kind = EntityKind::ALL[usize::try_from(n).unwrap_or_default() % kinds];
        (mark(entity(kind, n * 7 % 251), FieldGroup::Names), i64::try_from(n).unwrap_or_default())
    });
    let marks: Vec<(Mark, i64)> = marks.collect();
    // Every fifth may be worked on later.
    let time = |n: i64| if n % 5 == 0 { at(10_000) } else { at(n) };
    for some in marks.chunks(25) {
        let marked = some.iter().map(|(mark, n)| store.mark(tenant, mark, time(*n), at(*n)));
        for row in join_all(marked).await {
            row.expect("the store answers");
        }
    }
    let elsewhere = Mark { target: account(OTHER_CHILD), ..marks[0].0.clone() };
    store.mark(tenant, &elsewhere, at(0), at(0)).await.expect("the store answers");

    let all = due(store, tenant, 9_999, 1_000).await;
    assert_eq!((all.len(), n_dirty(store, tenant).await), (200, 250));
    assert!(all.iter().all(|row| row.target == account(CHILD) && row.not_before < at(9_999)));
    let places: Vec<(bool, EntityKind)> =
        all.iter().map(|row| (row.origin.kind.direction() == Direction::Down, row.origin.kind)).collect();
    assert!(places.is_sorted(), "{places:?}");
    let mut seen: Vec<EntityRef> = all.iter().map(|row| row.origin).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 200, "none twice");
    for limit in [1, 60, 150, 200] {
        assert_eq!(due(store, tenant, 9_999, limit).await, all[..limit], "{limit}");
    }
    assert_eq!(due(store, tenant, 9_999, 0).await, []);
    assert_eq!(due(store, tenant, 10_000, 1_000).await.len(), 250);
}

async fn put(store: &impl Examined, mapping: &Mapping) -> bool {
    store.put_mapping(mapping).await.expect("the store answers")
}

async fn origin_of(store: &impl Examined, tenant: &TenantId, counterpart: EntityRef) -> Option<EntityRef> {
    let mapping = store.mapping_of(tenant, counterpart).await.expect("the store answers");
    mapping.map(|mapping| mapping.origin)
}

/// Two changes of one mapping cannot both go through, whether they change what stands for it or not.
pub async fn a_mapping_is_changed_from_what_it_was(store: &impl Examined, tenant: &TenantId) {
    let origin = entity(EntityKind::Product, 1);
    let none = Mapping::new(tenant.clone(), origin, account(CHILD));
    assert!(!put(store, &none).await, "it says nothing yet");
    let first = none.to(id(101));
    let rivals = [none.to(id(102)), first.clone(), none.to(id(103))];
    let won = join_all(rivals.iter().map(|rival| put(store, rival))).await;
    assert_eq!(won.iter().filter(|won| **won).count(), 1, "{won:?}");
    let read = async || store.mapping(tenant, origin, account(CHILD)).await.expect("the store answers");
    let now = read().await.expect("one is there");
    assert!(rivals.contains(&now) && now.rev == 1);
    let essence = [(FieldGroup::Names, "0123456789ab".to_owned()), (FieldGroup::Packs, "ba9876543210".to_owned())];
    let seen = now.carried_at(Some("2026-01-20 10:00:00.000"), essence.into_iter().collect());
    assert!(put(store, &seen).await);
    assert!(!put(store, &seen).await, "it was read before that change");
    assert!(!put(store, &now.lost()).await, "so was this");
    assert_eq!(read().await, Some(seen));
    assert_eq!(store.mapping(tenant, origin, account(OTHER_CHILD)).await, Ok(None));
    for rival in rivals {
        let counterpart = counterpart_of(&rival, rival.counterpart.expect("it has one"));
        let stands_for = origin_of(store, tenant, counterpart).await;
        assert_eq!(stands_for, (rival == now).then_some(origin), "only what was written is found from its side");
    }
}

/// What is lost stands for nothing any more, and what is made anew does.
pub async fn a_mapping_is_found_from_either_side(store: &impl Examined, tenant: &TenantId) {
    let order = EntityRef { account: account(CHILD), kind: EntityKind::RetailDemand, id: id(1) };
    let made = Mapping::new(tenant.clone(), order, account(MAIN)).to(id(101));
    let arrived = EntityRef { account: account(MAIN), kind: EntityKind::CustomerOrder, id: id(101) };
    assert!(put(store, &made).await);
    assert_eq!(store.mapping_of(tenant, arrived).await, Ok(Some(made.clone())), "as what it arrived");
    let as_it_left = EntityRef { kind: EntityKind::RetailDemand, ..arrived };
    assert_eq!(origin_of(store, tenant, as_it_left).await, None);

    let lost = made.lost();
    assert!(put(store, &lost).await);
    assert_eq!(origin_of(store, tenant, arrived).await, None);
    assert_eq!(store.mapping(tenant, order, account(MAIN)).await, Ok(Some(lost.clone())), "its generation is kept");
    let anew = lost.to(id(102));
    assert!(put(store, &anew).await);
    let second = EntityRef { id: id(102), ..arrived };
    assert_eq!(store.mapping_of(tenant, second).await, Ok(Some(anew.clone())));
    let moved = anew.to(id(103));
    assert!(put(store, &moved).await);
    assert_eq!(origin_of(store, tenant, second).await, None, "the old side goes with the change");
    assert_eq!(origin_of(store, tenant, EntityRef { id: id(103), ..arrived }).await, Some(order));
}

/// An entity stands for one other. Who comes second is refused, until it is free.
pub async fn a_counterpart_stands_for_one(store: &impl Examined, tenant: &TenantId, other_tenant: &TenantId) {
    let of = |tenant: &TenantId, n| Mapping::new(tenant.clone(), entity(EntityKind::Product, n), account(CHILD));
    let first = of(tenant, 1).to(id(101));
    assert!(put(store, &first).await);
    assert!(!put(store, &of(tenant, 2).to(id(101))).await);
    assert_eq!(store.mapping(tenant, entity(EntityKind::Product, 2), account(CHILD)).await, Ok(None));
    assert!(put(store, &of(other_tenant, 2).to(id(101))).await, "another tenant's do not matter");
    let elsewhere = Mapping { target: account(OTHER_CHILD), ..of(tenant, 2).to(id(101)) };
    assert!(put(store, &elsewhere).await, "nor do another account's");
    assert!(put(store, &first.lost()).await);
    assert!(put(store, &of(tenant, 2).to(id(101))).await);
    assert!(!put(store, &first.lost().to(id(101))).await);
    let stands_for = origin_of(store, tenant, counterpart_of(&first, id(101))).await;
    assert_eq!(stands_for, Some(entity(EntityKind::Product, 2)));
}

/// What we wrote is remembered as long as it may come back.
pub async fn what_we_wrote_is_remembered(store: &impl Examined, tenant: &TenantId) {
    let product = entity(EntityKind::Product, 1);
    let read = async || store.written(tenant, product).await.expect("the store answers");
    assert_eq!(read().await, None);
    let written = OurWrites::default().and("one", at(0)).and("two", at(10));
    store.put_written(tenant, product, &written).await.expect("the store answers");
    assert_eq!(read().await.as_ref(), Some(&written));
    let more = written.and("three", at(20));
    store.put_written(tenant, product, &more).await.expect("the store answers");
    let there = read().await.expect("it is there");
    assert!(there.is_echo("three", at(21)) && !there.is_echo("two", at(21)));
    assert!(!there.is_echo("three", at(20) + REMEMBERED_FOR), "a day later it is somebody's change");
    for stranger in [entity(EntityKind::Product, 2), entity(EntityKind::Service, 1)] {
        assert_eq!(store.written(tenant, stranger).await, Ok(None));
    }
}

/// Of two changes that are counted at once, both count: the second is told to look again.
pub async fn a_loop_is_counted_change_by_change(store: &impl Examined, tenant: &TenantId) {
    let product = entity(EntityKind::Product, 1);
    let guard = LoopGuard::new(tenant.clone(), product);
    assert_eq!(store.put_loop_guard(&guard).await, Ok(false), "nothing has changed yet");
    let (first, _) = guard.changed(at(0), at(0));
    assert_eq!(store.put_loop_guard(&first).await, Ok(true));
    assert_eq!(store.put_loop_guard(&guard.changed(at(1), at(1)).0).await, Ok(false));
    let (second, _) = first.changed(at(1), at(1));
    let (open, _) = second.changed(at(2), at(2));
    assert_eq!(store.put_loop_guard(&open).await, Ok(false), "one is left out");
    assert_eq!(store.put_loop_guard(&second).await, Ok(true));
    assert_eq!(store.put_loop_guard(&open).await, Ok(true));
    let read = async || store.loop_guard(tenant, product).await.expect("the store answers").expect("it is there");
    assert_eq!(read().await, open);
    assert!(read().await.is_open(at(3)) && !read().await.is_open(at(2) + QUIET_FOR));
    let closed = open.closed();
    assert_eq!(store.put_loop_guard(&closed).await, Ok(true));
    assert_eq!(read().await, closed, "what is closed is open no more");
    assert_eq!(store.put_loop_guard(&closed.changed(at(4), at(4)).0).await, Ok(true));
}

/// The guards of an account are its own, and what was written is none.
pub async fn the_guards_of_an_account_are_listed(store: &impl Examined, tenant: &TenantId) {
    for n in 1..=5 {
        let (guard, _) = LoopGuard::new(tenant.clone(), entity(EntityKind::Product, n)).changed(at(0), at(0));
        assert_eq!(store.put_loop_guard(&guard).await, Ok(true));
    }
    let others = EntityRef { account: account(CHILD), ..entity(EntityKind::Product, 1) };
    let (guard, _) = LoopGuard::new(tenant.clone(), others).changed(at(0), at(0));
    assert_eq!(store.put_loop_guard(&guard).await, Ok(true));
    let written = OurWrites::default().and("one", at(0));
    store.put_written(tenant, entity(EntityKind::Product, 9), &written).await.expect("the store answers");
    let listed = async |limit| {
        let guards = store.loop_guards(tenant, account(MAIN), limit).await.expect("the store answers");
        let mut entities: Vec<EntityRef> = guards.iter().map(|guard| guard.entity).collect();
        entities.sort();
        entities
    };
    assert_eq!(listed(100).await, (1..=5).map(|n| entity(EntityKind::Product, n)).collect::<Vec<_>>());
    assert_eq!(listed(3).await.len(), 3);
}

/// What is counted at once comes together in its hour, and hours are read from a time on.
pub async fn counts_come_together_in_their_hour(store: &impl Examined, tenant: &TenantId) {
    let some = Tally { written: 2, waited_ms: 1_500, ..Tally::default() };
    let target = account(CHILD);
    let hour = |n: i64| Timestamp::from_second(1_899_997_200 + 3_600 * n).expect("a time");
    let within = |n: i64| hour(n) + SignedDuration::from_mins(17);
    let counted = join_all((0..8).map(|_| store.tally(tenant, target, &some, within(1)))).await;
    counted.into_iter().for_each(|done| done.expect("the store answers"));
    let failed = Tally { failed: 1, held: 3, ..Tally::default() };
    store.tally(tenant, target, &failed, within(1)).await.expect("the store answers");
    store.tally(tenant, target, &failed, within(3)).await.expect("the store answers");
    store.tally(tenant, target, &Tally::default(), within(2)).await.expect("the store answers");
    store.tally(tenant, account(OTHER_CHILD), &some, within(1)).await.expect("the store answers");
    let first = Tally { written: 16, waited_ms: 12_000, failed: 1, held: 3, ..Tally::default() };
    let since = async |n| store.tallies(tenant, target, within(n)).await.expect("the store answers");
    assert_eq!(since(0).await, [(hour(1), first), (hour(3), failed)]);
    assert_eq!(since(1).await.len(), 2, "its own hour is told of too");
    assert_eq!(since(2).await, [(hour(3), failed)]);
    assert_eq!(since(4).await, []);
}

#[derive(Debug, Default, Serialize)]
struct Nothing {}

/// Rows of work know their times to the millisecond.
fn tick(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + seconds).unwrap_or(Timestamp::MAX)
}

fn record(next: Next) -> Record<Nothing> {
    Record { status: JobStatus::Waiting.name(), next, counted: true, patch: Nothing {}, remove: &[] }
}

fn ended(now: i64) -> Record<Nothing> {
    record(Next::End { now: tick(now), expires_at: tick(now) + SignedDuration::from_hours(24), failed: false })
}

async fn ask(store: &impl ExaminedRows, tenant: &TenantId, now: i64) -> Ring {
    store.ask_drain(tenant, account(CHILD), tick(now)).await.expect("the store answers")
}

async fn job(store: &impl ExaminedRows, tenant: &TenantId) -> DrainJob {
    let key = RowKey::Drain(tenant.clone(), account(CHILD));
    store.read(&key).await.expect("the store answers").expect("the row is there")
}

async fn claimed(store: &impl ExaminedRows, bell: &Bell, now: i64) -> Claimed<DrainJob> {
    let claim = Claim::new(bell.row.clone(), bell.turn, &Timing::default(), tick(now), tick(now + 30));
    match store.claim::<DrainJob>(&claim).await.expect("the store answers") {
        ClaimOutcome::Claimed(claimed) => *claimed,
        ClaimOutcome::Refused(refusal) => panic!("the claim was refused: {refusal:?}"),
    }
}

/// The first who asks makes the row; whoever asks after that is counted, and nothing is put off by it.
pub async fn a_drain_that_is_asked_for_twice_is_one(store: &impl ExaminedRows, tenant: &TenantId) {
    let ring = ask(store, tenant, 0).await;
    let first = job(store, tenant).await;
    assert_eq!((first.asked, first.work.turn, first.status), (1, 1, JobStatus::Waiting));
    assert_eq!(ring, Ring::of(&first));
    let again = ask(store, tenant, 5).await;
    assert_eq!(job(store, tenant).await, DrainJob { asked: 2, ..first.clone() });
    assert_eq!((again.bell, again.not_before), (ring.bell, tick(0)));
    let asked = join_all((0..10).map(|n| ask(store, tenant, n))).await;
    assert!(asked.iter().all(|ring| ring.bell == Bell::new(RowKey::Drain(tenant.clone(), account(CHILD)), 1)));
    assert_eq!(job(store, tenant).await.asked, 12, "each of them counts");
}

/// Many who ask at once for an account that nobody has asked for make one row.
pub async fn the_first_of_many_makes_the_row(store: &impl ExaminedRows, tenant: &TenantId) {
    let rings = join_all((0..6).map(|n| ask(store, tenant, n))).await;
    assert!(rings.iter().all(|ring| ring.bell.turn == 1));
    let job = job(store, tenant).await;
    assert_eq!((job.asked, job.work.turn), (6, 1));
}

/// Who asks while it is worked on leaves the worker its lease, and the worker cannot end what it does not know of.
pub async fn asked_for_during_a_lease_it_does_not_end(store: &impl ExaminedRows, tenant: &TenantId) {
    let ring = ask(store, tenant, 0).await;
    let worker = claimed(store, &ring.bell, 1).await;
    ask(store, tenant, 2).await;
    let asked = job(store, tenant).await;
    assert_eq!(asked, DrainJob { asked: 2, ..worker.row.clone() }, "only the count has changed");
    assert!(asked.work.lease_until.is_some());
    let known = |count| Known { name: DrainJob::ASKED, count };
    let outgrown = store.record_if::<DrainJob, _>(&worker.fence, &ended(3), known(worker.row.asked)).await;
    assert_eq!(outgrown, Ok(Written::Outgrown));
    assert_eq!(job(store, tenant).await, asked, "nothing was written");
    let ends = store.record_if::<DrainJob, _>(&worker.fence, &ended(4), known(2)).await;
    assert_eq!(ends, Ok(Written::Yes));
    assert!(job(store, tenant).await.work.ended());
}

/// What has ended begins its next turn, once, and goes on counting.
pub async fn asked_for_after_its_end_it_begins_anew(store: &impl ExaminedRows, tenant: &TenantId) {
    let ring = ask(store, tenant, 0).await;
    let worker = claimed(store, &ring.bell, 1).await;
    assert_eq!(store.record::<DrainJob, _>(&worker.fence, &ended(2)).await, Ok(true));
    let rings = join_all((10..13).map(|n| ask(store, tenant, n))).await;
    assert!(rings.iter().all(|ring| ring.bell.turn == 2), "{rings:?}");
    let job = job(store, tenant).await;
    assert_eq!((job.asked, job.work.turn, job.work.expires_at), (4, 2, None));
    assert_eq!(job.work.due_shard, Some(home_shard(&ring.bell.row)));
    claimed(store, &rings[0].bell, 14).await;
}

/// What waits for later runs at once when it is asked for.
pub async fn asked_for_while_it_waits_it_runs(store: &impl ExaminedRows, tenant: &TenantId) {
    let ring = ask(store, tenant, 0).await;
    let worker = claimed(store, &ring.bell, 1).await;
    let later = record(Next::Again { not_before: tick(600), queue: None });
    assert_eq!(store.record::<DrainJob, _>(&worker.fence, &later).await, Ok(true));
    assert_eq!(job(store, tenant).await.work.not_before, tick(600));
    let ring = ask(store, tenant, 10).await;
    assert_eq!((ring.bell.turn, ring.not_before), (1, tick(10)));
    let job = job(store, tenant).await;
    assert_eq!((job.asked, job.work.not_before), (2, tick(10)));
    assert_eq!(job.work.due_at, Some(Timing::default().due_at(tick(10))), "the sweep would ring too");
    claimed(store, &ring.bell, 11).await;
}

/// What waits behind a hold is counted, and stays behind it.
pub async fn asked_for_behind_a_hold_it_stays_there(store: &impl ExaminedRows, tenant: &TenantId) {
    let ring = ask(store, tenant, 0).await;
    let worker = claimed(store, &ring.bell, 1).await;
    let hold = Hold::switch(&format!("tenant:{tenant}"));
    let parked = record(Next::Park { hold: hold.clone(), now: tick(2) });
    assert_eq!(store.record::<DrainJob, _>(&worker.fence, &parked).await, Ok(true));
    ask(store, tenant, 3).await;
    let job = job(store, tenant).await;
    assert_eq!((job.asked, job.work.due_shard), (2, Some(hold.shard(&ring.bell.row))));
    let waiting = store.due(&hold.shard(&ring.bell.row), Timestamp::MAX, 10).await.expect("the store answers");
    let [row] = waiting.as_slice() else { panic!("one row waits: {waiting:?}") };
    assert!(store.unpark(row, tick(4)).await.expect("the store answers").is_some());
}

/// Every question, each with tenants of its own whose names start with `prefix`.
pub async fn all(store: &impl Examined, prefix: &str) {
    let tenant = |name: &str| format!("ten_{prefix}_{name}").parse::<TenantId>().expect("a tenant's name");
    reasons_come_together_in_one_row(store, &tenant("reasons")).await;
    the_newest_event_is_why(store, &tenant("why")).await;
    of_many_markers_none_is_lost(store, &tenant("markers")).await;
    a_newer_version_stays(store, &tenant("newer")).await;
    what_is_put_off_waits(store, &tenant("off")).await;
    a_long_line_keeps_the_order_of_kinds(store, &tenant("line")).await;
    a_mapping_is_changed_from_what_it_was(store, &tenant("revs")).await;
    a_mapping_is_found_from_either_side(store, &tenant("sides")).await;
    a_counterpart_stands_for_one(store, &tenant("one"), &tenant("another")).await;
    what_we_wrote_is_remembered(store, &tenant("written")).await;
    a_loop_is_counted_change_by_change(store, &tenant("loop")).await;
    the_guards_of_an_account_are_listed(store, &tenant("guards")).await;
    counts_come_together_in_their_hour(store, &tenant("tally")).await;
}

/// Every question about the rows of accounts, each with a tenant of its own whose name starts with `prefix`.
pub async fn drains(store: &impl ExaminedRows, prefix: &str) {
    let tenant = |name: &str| format!("ten_{prefix}_{name}").parse::<TenantId>().expect("a tenant's name");
    a_drain_that_is_asked_for_twice_is_one(store, &tenant("twice")).await;
    the_first_of_many_makes_the_row(store, &tenant("many")).await;
    asked_for_during_a_lease_it_does_not_end(store, &tenant("lease")).await;
    asked_for_after_its_end_it_begins_anew(store, &tenant("ended")).await;
    asked_for_while_it_waits_it_runs(store, &tenant("waits")).await;
    asked_for_behind_a_hold_it_stays_there(store, &tenant("hold")).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MemoryStore;
    use crate::testing::memory_sync::MemorySync;

    #[tokio::test]
    async fn what_is_remembered_in_memory_passes_the_exam() {
        all(&MemorySync::default(), "memory").await;
    }

    #[tokio::test]
    async fn the_rows_of_accounts_in_memory_pass_the_exam() {
        drains(&MemoryStore::default(), "memory").await;
    }
}
