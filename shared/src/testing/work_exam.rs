//! The exam in the rules of work. Every store of rows passes it, with a clock of the exam's own.
//!
//! Each question takes a store and a name that makes its rows its own, so that the questions can share one store.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::samples::lead_event;
use crate::intake::{Inbox, Recorded};
use crate::model::event::{Event, EventStatus, RawBody};
use crate::model::row::{RowKey, WorkRow};
use crate::work::{
    Bell, Claim, ClaimOutcome, Claimed, DueIndex, Fence, Hold, Known, Next, Record, Refusal, Rows, Taken, Timing,
    Written, home_shard, take,
};

/// A store under examination.
pub trait Examined: Rows + DueIndex + Inbox {}
impl<S: Rows + DueIndex + Inbox> Examined for S {}

#[derive(Debug, Default, Serialize)]
struct Patch {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

const T0: i64 = 1_900_000_000_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(T0 + millis).unwrap_or(Timestamp::MAX)
}

fn claim(key: &RowKey, turn: u32, now: i64) -> Claim {
    Claim::new(key.clone(), turn, &Timing::default(), at(now), at(now + 30_000))
}

fn ended(now: i64) -> Record<Patch> {
    let next = Next::End { now: at(now), expires_at: at(now) + SignedDuration::from_hours(24 * 90), failed: false };
    Record { status: EventStatus::Completed.name(), next, counted: true, patch: Patch::default(), remove: &[] }
}

fn again(not_before: i64) -> Record<Patch> {
    let next = Next::Again { not_before: at(not_before), queue: None };
    Record { status: EventStatus::Processing.name(), next, counted: true, patch: Patch::default(), remove: &[] }
}

fn failed(now: i64) -> Record<Patch> {
    let next = Next::End { now: at(now), expires_at: at(now) + SignedDuration::from_hours(24 * 90), failed: true };
    let patch = Patch { error: Some("upstream_broken".into()) };
    Record { status: EventStatus::Failed.name(), next, counted: true, patch, remove: &[] }
}

async fn inserted(store: &impl Examined, name: &str) -> RowKey {
    let event = lead_event(name, at(0), &Timing::default());
    assert!(store.insert(&event).await.expect("the store takes a row"), "{name}: the row was new");
    event.key()
}

async fn won(store: &impl Examined, claim: &Claim) -> Claimed<Event> {
    match store.claim::<Event>(claim).await.expect("the store answers") {
        ClaimOutcome::Claimed(claimed) => *claimed,
        ClaimOutcome::Refused(refusal) => panic!("the claim was refused: {refusal:?}"),
    }
}

async fn refused(store: &impl Examined, claim: &Claim) -> Refusal {
    match store.claim::<Event>(claim).await.expect("the store answers") {
        ClaimOutcome::Claimed(_) => panic!("the claim was granted"),
        ClaimOutcome::Refused(refusal) => refusal,
    }
}

async fn read(store: &impl Examined, key: &RowKey) -> Event {
    store.read(key).await.expect("the store answers").expect("the row is there")
}

/// A row goes in once; the second time it is an answer, and the first row stands.
pub async fn a_row_is_inserted_once(store: &impl Examined, name: &str) {
    let key = inserted(store, name).await;
    let mut copy = lead_event(name, at(5_000), &Timing::default());
    copy.digest = "another".into();
    assert!(!store.insert(&copy).await.expect("the store answers"));
    assert_eq!(read(store, &key).await, lead_event(name, at(0), &Timing::default()));
}

/// Of two workers that answer one bell, one gets the row and the other is told that it is taken.
pub async fn of_two_claims_one_wins(store: &impl Examined, name: &str) {
    let key = inserted(store, name).await;
    let claimed = won(store, &claim(&key, 1, 0)).await;
    assert_eq!(claimed.row.status, EventStatus::Processing);
    assert_eq!(claimed.row.work.deaths, 1);
    assert_eq!(claimed.row.work.lease_until, Some(at(35_000)));
    assert_eq!(refused(store, &claim(&key, 1, 1)).await, Refusal::Taken);
    assert_eq!(refused(store, &claim(&key, 1, 35_000)).await, Refusal::Taken);
}

/// A claim does not touch the due index: the sweep rings for a row whose worker died.
pub async fn a_claim_leaves_the_row_due(store: &impl Examined, name: &str) {
    let key = inserted(store, name).await;
    won(store, &claim(&key, 1, 0)).await;
    let row = read(store, &key).await;
    assert_eq!((row.work.due_at, row.work.due_shard), (Some(at(90_000)), Some(home_shard(&key))));
}

/// A bell that comes too early, or of another turn, or for nothing, is refused with its reason.
pub async fn a_bell_at_the_wrong_time_is_refused(store: &impl Examined, name: &str) {
    let key = inserted(store, name).await;
    let fence = won(store, &claim(&key, 1, 0)).await.fence;
    assert!(store.record::<Event, _>(&fence, &again(60_000)).await.expect("the store answers"));
    assert_eq!(refused(store, &claim(&key, 1, 57_999)).await, Refusal::Early);
    assert_eq!(refused(store, &claim(&key, 2, 60_000)).await, Refusal::OtherTurn);
    let nobody = RowKey::Event(crate::model::ids::EventId::derive(&["nobody", name]));
    assert_eq!(refused(store, &claim(&nobody, 1, 0)).await, Refusal::Gone);
    won(store, &claim(&key, 1, 58_000)).await;
}

/// A worker whose lease ran out loses the row to the next, and can write nothing any more.
pub async fn an_outlived_lease_writes_nothing(store: &impl Examined, name: &str) {
    let key = inserted(store, name).await;
    let slow = won(store, &claim(&key, 1, 0)).await.fence;
    let second = won(store, &claim(&key, 1, 35_001)).await;
    assert_eq!(second.row.work.deaths, 2);
    assert!(!store.record::<Event, _>(&slow, &ended(40_000)).await.expect("the store answers"));
    assert_eq!(read(store, &key).await.status, EventStatus::Processing);
    assert!(store.record::<Event, _>(&second.fence, &ended(41_000)).await.expect("the store answers"));
}

/// A record gives the lease up, forgets the deaths, counts the answer and says when it is due again.
pub async fn a_record_reschedules(store: &impl Examined, name: &str) {
    let key = inserted(store, name).await;
    let fence = won(store, &claim(&key, 1, 0)).await.fence;
    assert!(store.record::<Event, _>(&fence, &again(10_000)).await.expect("the store answers"));
    let work = read(store, &key).await.work;
    assert_eq!((work.deaths, work.attempts, work.lease_until), (0, 1, None));
    assert_eq!((work.not_before, work.due_at), (at(10_000), Some(at(100_000))));
}

/// Ended work leaves the due index, gets its time to be forgotten, and is never claimed again.
pub async fn an_ended_row_is_never_claimed_again(store: &impl Examined, name: &str) {
    let key = inserted(store, name).await;
    let fence = won(store, &claim(&key, 1, 0)).await.fence;
    assert!(store.record::<Event, _>(&fence, &ended(1_000)).await.expect("the store answers"));
    let work = read(store, &key).await.work;
    assert_eq!((work.due_at, work.due_shard.clone()), (None, None));
    assert!(work.expires_at.is_some() && work.ended());
    assert_eq!(refused(store, &claim(&key, 1, 100_000)).await, Refusal::Ended);
    assert!(!store.record::<Event, _>(&fence, &again(2_000)).await.expect("the store answers"));
}

/// The next turn starts from an ended row only, keeps its attempts, and shuts the old turn's workers out.
pub async fn a_new_turn_shuts_the_old_one_out(store: &impl Examined, name: &str) {
    let key = inserted(store, name).await;
    let begin = async |now| store.begin_turn::<Event>(&key, EventStatus::Received.name(), at(now)).await;
    assert_eq!(begin(0).await, Ok(None), "work under way starts no turn");
    let old = won(store, &claim(&key, 1, 0)).await.fence;
    assert!(store.record::<Event, _>(&old, &failed(1_000)).await.expect("the store answers"));
    assert_eq!(read(store, &key).await.error.as_deref(), Some("upstream_broken"));
    let row = begin(5_000).await.expect("the store answers").expect("a failed row starts a turn");
    assert_eq!((row.work.turn, row.work.attempts, row.status), (2, 1, EventStatus::Received));
    assert_eq!((row.work.expires_at, row.error), (None, None));
    assert_eq!(begin(5_001).await, Ok(None), "one turn at a time");
    assert_eq!(refused(store, &claim(&key, 1, 6_000)).await, Refusal::OtherTurn);
    assert!(!store.record::<Event, _>(&old, &ended(6_000)).await.expect("the store answers"));
    won(store, &claim(&key, 2, 6_000)).await;
}

/// A row that kills five workers is not given to a sixth to be worked on, only to be recorded.
pub async fn a_row_that_kills_its_workers_is_given_up(store: &impl Examined, name: &str) {
    let key = inserted(store, name).await;
    let timing = Timing::default();
    let bell = Bell::new(key.clone(), 1);
    for n in 0..5 {
        let now = n * 40_000;
        let taken = take::<Event>(store, &bell, &timing, at(now), at(now + 30_000)).await.expect("the store answers");
        assert!(matches!(taken, Taken::Yes(_)), "worker {n} gets it");
    }
    let taken = take::<Event>(store, &bell, &timing, at(200_000), at(230_000)).await.expect("the store answers");
    let Taken::Crashed(claimed) = taken else { panic!("the sixth claim is for the record only") };
    assert!(store.record::<Event, _>(&claimed.fence, &failed(200_001)).await.expect("the store answers"));
}

/// The due index lists a row from its time on, in its home partition; a sweep that moves it on gets its ring, once.
pub async fn a_due_row_is_rung_by_one_sweep(store: &impl Examined, name: &str) {
    let key = inserted(store, name).await;
    let shard = home_shard(&key);
    let find = async |by: i64| {
        let due = store.due(&shard, at(by), 1_000).await.expect("the store answers");
        due.into_iter().find(|row| row.key == key)
    };
    assert_eq!(find(89_999).await, None);
    let due = find(90_000).await.expect("due after its grace");
    let ring = store.postpone(&due, at(210_000)).await.expect("the store answers").expect("it had not moved");
    assert_eq!((ring.bell, ring.not_before), (Bell::new(key.clone(), 1), at(0)));
    assert_eq!(store.postpone(&due, at(210_000)).await, Ok(None), "the second sweep finds it moved");
    assert_eq!(find(209_999).await, None);
}

/// Parked work is in no home partition, is listed behind its hold, and comes back due at once.
pub async fn parked_work_waits_and_comes_back(store: &impl Examined, name: &str) {
    let key = inserted(store, name).await;
    let hold = Hold::switch(&format!("source:{name}"));
    let fence = won(store, &claim(&key, 1, 0)).await.fence;
    let next = Next::Park { hold: hold.clone(), now: at(1_000) };
    let record =
        Record { status: EventStatus::Received.name(), next, counted: false, patch: Patch::default(), remove: &[] };
    assert!(store.record::<Event, _>(&fence, &record).await.expect("the store answers"));
    let home = store.due(&home_shard(&key), at(1_000_000), 1_000).await.expect("the store answers");
    assert!(!home.iter().any(|row| row.key == key), "not at home while it waits");
    assert!(store.holds().await.expect("the store answers").contains(&hold));
    let waiting = store.due(&hold.shard(&key), Timestamp::MAX, 10).await.expect("the store answers");
    let [parked] = waiting.as_slice() else { panic!("one row waits: {waiting:?}") };
    let ring = store.unpark(parked, at(500_000)).await.expect("the store answers").expect("it still waits");
    assert_eq!(ring.bell.row, key);
    assert_eq!(store.unpark(parked, at(500_001)).await, Ok(None));
    let work = read(store, &key).await.work;
    assert_eq!((work.attempts, work.due_shard, work.due_at), (0, Some(home_shard(&key)), Some(at(590_000))));
    store.forget_hold(&hold, at(1_000)).await.expect("the store answers");
    assert!(store.holds().await.expect("the store answers").contains(&hold), "work was parked since");
    store.forget_hold(&hold, at(1_001)).await.expect("the store answers");
    assert!(!store.holds().await.expect("the store answers").contains(&hold));
}

/// Takes in the event of that name with one of its bodies; the turn it is rung for, if it is a variant that begins one.
async fn taken_in(store: &impl Examined, name: &str, body: &str) -> (&'static str, Option<u32>) {
    let event = Event { digest: format!("digest-{body}"), ..lead_event(name, at(0), &Timing::default()) };
    let raw = RawBody { bytes: body.to_owned().into(), headers: Vec::new() };
    match store.record_event(&event, &raw).await.expect("the store answers") {
        Recorded::New => ("new", None),
        Recorded::Duplicate => ("duplicate", None),
        Recorded::Variant { ring } => ("variant", ring.map(|ring| ring.bell.turn)),
        Recorded::Conflict => ("conflict", None),
    }
}

/// A variant that comes while its event is worked on is seen by the record that would have ended the work; one that
/// comes later begins a turn. None is counted twice, and the sixth not at all.
pub async fn a_variant_is_worked_on_whenever_it_comes(store: &impl Examined, name: &str) {
    assert_eq!(taken_in(store, name, "first").await, ("new", None));
    let key = lead_event(name, at(0), &Timing::default()).key();
    let known = |count| Known { name: "variants", count };
    let claimed = won(store, &claim(&key, 1, 0)).await;
    assert_eq!(taken_in(store, name, "second").await, ("variant", None), "its event is being worked on");
    assert_eq!(taken_in(store, name, "second").await, ("duplicate", None));
    let outgrown = store.record_if::<Event, _>(&claimed.fence, &ended(1_000), known(0)).await;
    assert_eq!(outgrown, Ok(Written::Outgrown));
    assert_eq!(read(store, &key).await.work, claimed.row.work, "nothing was written");

    let next = Next::Turn { now: at(1_000) };
    let turn =
        Record { status: EventStatus::Received.name(), next, counted: true, patch: Patch::default(), remove: &[] };
    assert!(store.record::<Event, _>(&claimed.fence, &turn).await.expect("the store answers"));
    let row = read(store, &key).await;
    assert_eq!((row.status, row.variants, row.work.turn, row.work.attempts), (EventStatus::Received, 1, 2, 1));
    assert_eq!((row.work.deaths, row.work.lease_until, row.work.due_at), (0, None, Some(at(91_000))));
    let fenced = store.record_if::<Event, _>(&claimed.fence, &ended(2_000), known(1)).await;
    assert_eq!(fenced, Ok(Written::Fenced), "nothing of the first turn can write");

    let second = won(store, &claim(&key, 2, 2_000)).await;
    let ends = store.record_if::<Event, _>(&second.fence, &ended(3_000), known(second.row.variants)).await;
    assert_eq!(ends, Ok(Written::Yes));
    assert_eq!(taken_in(store, name, "second").await, ("duplicate", None), "it is known");
    assert!(read(store, &key).await.work.ended());
    assert_eq!(taken_in(store, name, "third").await, ("variant", Some(3)), "its event's work had ended");
    for body in ["fourth", "fifth", "sixth"] {
        assert_eq!(taken_in(store, name, body).await, ("variant", None));
    }
    assert_eq!(taken_in(store, name, "seventh").await, ("duplicate", None), "five are enough");
    assert_eq!(read(store, &key).await.variants, 5);
}

/// Every question, each with rows of its own under `prefix`.
pub async fn all(store: &impl Examined, prefix: &str) {
    let name = |question: &str| format!("{prefix}-{question}");
    a_row_is_inserted_once(store, &name("once")).await;
    of_two_claims_one_wins(store, &name("two")).await;
    a_claim_leaves_the_row_due(store, &name("due")).await;
    a_bell_at_the_wrong_time_is_refused(store, &name("early")).await;
    an_outlived_lease_writes_nothing(store, &name("lease")).await;
    a_record_reschedules(store, &name("again")).await;
    an_ended_row_is_never_claimed_again(store, &name("ended")).await;
    a_new_turn_shuts_the_old_one_out(store, &name("turn")).await;
    a_variant_is_worked_on_whenever_it_comes(store, &name("variant")).await;
    a_row_that_kills_its_workers_is_given_up(store, &name("deaths")).await;
    a_due_row_is_rung_by_one_sweep(store, &name("sweep")).await;
    parked_work_waits_and_comes_back(store, &name("park")).await;
    a_fence_of_another_row_is_not_a_key(store, &name("fence")).await;
    unclaimed_work_does_not_write_over_a_claim(store, &name("unclaimed")).await;
}

/// Work that needs no claim records without one, but not over somebody's claim.
async fn unclaimed_work_does_not_write_over_a_claim(store: &impl Examined, name: &str) {
    let key = inserted(store, name).await;
    let unclaimed = Fence::unclaimed(&read(store, &key).await);
    let claimed = won(store, &claim(&key, 1, 0)).await.fence;
    assert!(!store.record::<Event, _>(&unclaimed, &ended(1)).await.expect("the store answers"));
    assert!(store.record::<Event, _>(&claimed, &again(2)).await.expect("the store answers"));
    assert!(store.record::<Event, _>(&unclaimed, &ended(3)).await.expect("the store answers"));
}

/// A fence opens its own row only.
async fn a_fence_of_another_row_is_not_a_key(store: &impl Examined, name: &str) {
    let mine = inserted(store, name).await;
    let other = inserted(store, &format!("{name}-other")).await;
    let fence = won(store, &claim(&mine, 1, 0)).await.fence;
    let forged = Fence { key: other.clone(), ..fence };
    assert!(!store.record::<Event, _>(&forged, &ended(1)).await.expect("the store answers"));
    assert_eq!(read(store, &other).await.status, EventStatus::Received);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MemoryStore;

    #[tokio::test]
    async fn the_store_in_memory_passes_the_exam_in_work() {
        all(&MemoryStore::default(), "memory").await;
    }
}
