use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::json;

use super::*;
use crate::model::delivery::Delivery;
use crate::model::ids::TenantId;
use crate::model::row::WorkRow as _;
use crate::testing::MemoryStore;
use crate::testing::samples::delivery;
use crate::work::{Claim, ClaimOutcome, Hold, Next, Record, Rows as _};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + seconds).unwrap()
}

async fn run(store: &MemoryStore, limits: &SweepLimits, now: i64) -> SweepReport {
    sweep(store, &Timing::default(), limits, &|| at(now), Timestamp::MAX).await.unwrap()
}

async fn due(store: &MemoryStore, count: usize) -> Vec<Delivery> {
    let tenant = TenantId::default_tenant();
    let mut rows = Vec::new();
    for n in 0..count {
        let row = delivery(&format!("row{n}"), &tenant, at(0));
        assert!(store.insert(&row).await.unwrap());
        rows.push(row);
    }
    rows
}

/// The two writes of parking a row are one in this store; what is between them is a claim that is still held.
async fn park(store: &MemoryStore, row: &Delivery, hold: &Hold, now: i64) {
    let claim = Claim::new(row.key(), 1, &Timing::default(), at(now), at(now + 60));
    let ClaimOutcome::Claimed(claimed) = store.claim::<Delivery>(&claim).await.unwrap() else { panic!("it is free") };
    let next = Next::Park { hold: hold.clone(), now: at(now) };
    let record = Record { status: "pending", next, counted: false, patch: json!({}), remove: &[] };
    assert!(store.record::<Delivery, _>(&claimed.fence, &record).await.unwrap());
}

#[tokio::test]
async fn what_is_not_due_yet_is_left_alone_and_what_is_rings_once_a_step() {
    let store = MemoryStore::default();
    due(&store, 3).await;
    assert_eq!(run(&store, &SweepLimits::default(), 89).await, SweepReport::default());
    assert_eq!(run(&store, &SweepLimits::default(), 90).await.rung, 3);
    assert_eq!(run(&store, &SweepLimits::default(), 91).await.rung, 0, "each is due again after a step");
    assert_eq!(run(&store, &SweepLimits::default(), 90 + 120).await.rung, 3);
}

#[tokio::test]
async fn a_run_ends_at_its_cap_and_the_next_goes_on() {
    let store = MemoryStore::default();
    due(&store, 12).await;
    let limits = SweepLimits { cap: 7, page: 2, ..SweepLimits::default() };
    assert_eq!(run(&store, &limits, 100).await.rung, 7);
    assert_eq!(run(&store, &limits, 101).await.rung, 5);
}

#[tokio::test]
async fn a_run_ends_at_its_deadline() {
    let store = MemoryStore::default();
    due(&store, 40).await;
    let reads = AtomicI64::new(0);
    let clock = || at(100 + reads.fetch_add(1, Ordering::Relaxed));
    let limits = SweepLimits { page: 1, ..SweepLimits::default() };
    let report = sweep(&store, &Timing::default(), &limits, &clock, at(120)).await.unwrap();
    assert!((1..20).contains(&report.rung), "{report:?}");
}

#[tokio::test]
async fn a_crowded_queue_is_not_rung_and_its_rows_are_due_again() {
    let store = MemoryStore::default();
    let rows = due(&store, 3).await;
    store.ring(&rows.iter().map(Ring::of).collect::<Vec<_>>(), at(0)).await;
    let limits = SweepLimits { crowded: 2, ..SweepLimits::default() };
    let report = run(&store, &limits, 100).await;
    assert_eq!((report.rung, report.crowded), (0, vec![Queue::Delivery]));
    assert_eq!(store.rung().len(), 3, "the worker takes what waited");
    assert_eq!(run(&store, &limits, 100 + 120).await.rung, 3);
}

#[tokio::test]
async fn what_waits_behind_a_hold_stays_until_it_no_longer_holds_and_then_comes_back_in_growing_pages() {
    let store = MemoryStore::default();
    let hold = Hold::breaker("endpoint:exam");
    for row in due(&store, 60).await {
        park(&store, &row, &hold, 1).await;
    }
    store.set_held(&hold, true);
    assert_eq!(run(&store, &SweepLimits::default(), 500).await, SweepReport::default());
    store.set_held(&hold, false);
    let capped = SweepLimits { first_unpark: 4, cap: 5, ..SweepLimits::default() };
    let first = run(&store, &capped, 600).await;
    assert!((5..=12).contains(&first.unparked), "a page of four and one of eight at most: {first:?}");
    let rest = run(&store, &SweepLimits::default(), 601).await;
    assert_eq!(first.unparked + rest.unparked, 60);
}

#[tokio::test]
async fn a_hold_is_remembered_while_a_worker_may_still_be_parking_behind_it() {
    let store = MemoryStore::default();
    let hold = Hold::switch("all");
    let rows = due(&store, 2).await;
    park(&store, &rows[0], &hold, 1).await;
    assert_eq!(run(&store, &SweepLimits::default(), 2).await.unparked, 1);
    assert_eq!(store.holds().await, Ok(vec![hold.clone()]), "empty, and remembered all the same");
    park(&store, &rows[1], &hold, 3).await;
    assert_eq!(run(&store, &SweepLimits::default(), 4).await.unparked, 1);
    run(&store, &SweepLimits::default(), 3 + 20 * 60).await;
    assert_eq!(store.holds().await, Ok(vec![hold]));
    run(&store, &SweepLimits::default(), 4 + 20 * 60).await;
    assert_eq!(store.holds().await, Ok(vec![]), "no worker lives that long");
}
