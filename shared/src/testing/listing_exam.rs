//! The exam in listing rows. Every store of lists passes it.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::samples::delivery;
use crate::manage::listing::{Listing, Place, Window};
use crate::model::delivery::{Delivery, DeliveryStatus};
use crate::model::ids::TenantId;
use crate::model::row::WorkRow;
use crate::work::{Claim, ClaimOutcome, Next, Record, Rows, Timing};

/// A store under examination.
pub trait Examined: Rows + Listing {}
impl<S: Rows + Listing> Examined for S {}

#[derive(Debug, Default, Serialize)]
struct Nothing {}

/// Noon of a day, and so many minutes.
fn at(day: i64, minute: i64) -> Timestamp {
    Timestamp::from_second((23_000 + day) * 86_400 + 43_200 + minute * 60).unwrap_or(Timestamp::MAX)
}

fn everything() -> Window {
    Window { since: at(-10, 0), before: Place::before(at(10, 0)) }
}

fn place(row: &Delivery) -> Place {
    Place::of(row.created_at, row.key())
}

async fn insert(store: &impl Examined, tenant: &TenantId, name: &str, when: Timestamp) -> Delivery {
    let row = delivery(name, tenant, when);
    assert!(store.insert(&row).await.expect("the store answers"), "{name} is new");
    row
}

/// Each day by itself, newest first, nobody else's, and no further than the window.
pub async fn a_day_is_listed_newest_first(store: &impl Examined, tenant: &TenantId, other: &TenantId) {
    let mut rows = Vec::new();
    for minute in 0..9 {
        rows.push(insert(store, tenant, &format!("{tenant}-{minute}"), at(0, minute)).await);
    }
    let yesterday = insert(store, tenant, &format!("{tenant}-yesterday"), at(-1, 0)).await;
    insert(store, other, &format!("{other}-0"), at(0, 0)).await;
    let list = async |day: i64, window: &Window, limit: usize| {
        store.listed::<Delivery>(tenant, at(day, 0), window, limit).await.expect("the store answers")
    };
    let newest_first: Vec<Place> = rows.iter().rev().map(place).collect();
    assert_eq!(list(0, &everything(), 100).await, newest_first);
    assert_eq!(list(0, &everything(), 4).await, newest_first[..4]);
    assert_eq!(list(-1, &everything(), 100).await, [place(&yesterday)]);
    assert_eq!(list(1, &everything(), 100).await, []);
    let behind = Window { before: newest_first[3].clone(), ..everything() };
    assert_eq!(list(0, &behind, 4).await, newest_first[4..8]);
    let between = Window { since: at(0, 2), before: Place::before(at(0, 5)) };
    assert_eq!(list(0, &between, 100).await, newest_first[4..7], "from `since` on, and before `until`");
    let nothing = Window { since: at(0, 5), before: Place::before(at(0, 5)) };
    assert_eq!(list(0, &nothing, 100).await, []);
    let mut read: Vec<Delivery> = store.rows(&newest_first).await.expect("the store answers");
    read.sort_by_key(|row| row.created_at);
    assert_eq!(read, rows);
    assert!(store.rows::<Delivery>(&[]).await.expect("the store answers").is_empty());
}

/// What failed is listed by its end, until its next turn begins.
pub async fn what_failed_is_listed_until_its_next_turn(store: &impl Examined, tenant: &TenantId) {
    let mut rows = Vec::new();
    for minute in 0..3 {
        let row = insert(store, tenant, &format!("{tenant}-{minute}"), at(0, minute)).await;
        // The oldest ends last.
        end(store, &row, at(1, -minute), minute != 1).await;
        rows.push(row);
    }
    let list = async || store.failed::<Delivery>(tenant, &everything(), 100).await.expect("the store answers");
    let ended = |n: usize, when: Timestamp| Place::of(when, rows[n].key());
    assert_eq!(list().await, [ended(0, at(1, 0)), ended(2, at(1, -2))]);
    let behind = Window { before: ended(0, at(1, 0)), ..everything() };
    let rest = store.failed::<Delivery>(tenant, &behind, 100).await.expect("the store answers");
    assert_eq!(rest, [ended(2, at(1, -2))]);
    let turn = store.begin_turn::<Delivery>(&rows[0].key(), DeliveryStatus::Pending.name(), at(2, 0)).await;
    assert!(turn.expect("the store answers").is_some());
    assert_eq!(list().await, [ended(2, at(1, -2))]);
}

async fn end(store: &impl Examined, row: &Delivery, now: Timestamp, failed: bool) {
    let claim = Claim::new(row.key(), 1, &Timing::default(), now, now + SignedDuration::from_secs(30));
    let ClaimOutcome::Claimed(claimed) = store.claim::<Delivery>(&claim).await.expect("the store answers") else {
        panic!("nobody else is here")
    };
    let status = if failed { DeliveryStatus::Failed } else { DeliveryStatus::Delivered };
    let next = Next::End { now, expires_at: Timestamp::MAX, failed };
    let record = Record { status: status.name(), next, counted: true, patch: Nothing {}, remove: &[] };
    assert!(store.record::<Delivery, _>(&claimed.fence, &record).await.expect("the store answers"));
}

/// Every question, each with tenants of its own whose names start with `prefix`.
pub async fn all(store: &impl Examined, prefix: &str) {
    let tenant = |name: &str| format!("ten_{prefix}_{name}").parse::<TenantId>().expect("a tenant's name");
    a_day_is_listed_newest_first(store, &tenant("day"), &tenant("other")).await;
    what_failed_is_listed_until_its_next_turn(store, &tenant("failed")).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MemoryStore;

    #[tokio::test]
    async fn the_lists_in_memory_pass_the_exam() {
        all(&MemoryStore::default(), "memory").await;
    }
}
