use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;
use crate::model::delivery::Delivery;
use crate::testing::MemoryStore;
use crate::testing::samples::delivery;
use crate::work::Rows;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + second).unwrap()
}

fn tenant() -> TenantId {
    TenantId::default_tenant()
}

async fn filled(times: &BTreeSet<i64>) -> (MemoryStore, Vec<Delivery>) {
    let store = MemoryStore::default();
    let mut rows = Vec::new();
    for time in times.iter().rev() {
        let row = delivery(&time.to_string(), &tenant(), at(*time));
        assert!(store.insert(&row).await.unwrap());
        rows.push(row);
    }
    (store, rows)
}

fn window(since: i64, before: i64) -> Window {
    Window { since: at(since), before: Place::before(at(before)) }
}

/// Every page from the first to the last.
async fn pages(
    store: &MemoryStore,
    window: &Window,
    limit: usize,
    wanted: impl Fn(&Delivery) -> bool,
) -> Vec<Page<Delivery>> {
    let mut pages = Vec::new();
    let mut window = window.clone();
    loop {
        let page = walk(store, &tenant(), ListKind::ByDay, window.clone(), limit, &wanted).await.unwrap();
        let cursor = page.next_cursor.as_ref().map(|cursor| cursor.parse::<Cursor>().unwrap());
        pages.push(page);
        let Some(cursor) = cursor else { return pages };
        assert!(cursor.place < window.before, "a cursor goes on");
        window.before = cursor.place;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn page_by_page_every_wanted_row_is_found_once_and_newest_first(
        times in prop::collection::btree_set(-1_000_000_i64..1_000_000, 0..150),
        (since, before) in (-1_000_000_i64..1_000_000, -1_000_000_i64..1_000_000),
        limit in 1_usize..40,
        every in 1_i64..9,
    ) {
        let wanted = |row: &Delivery| row.created_at.as_second() % every == 0;
        let found = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let (store, rows) = filled(&times).await;
            let expected: Vec<Delivery> = rows
                .into_iter()
                .filter(|row| row.created_at >= at(since) && row.created_at < at(before) && wanted(row))
                .collect();
            (expected, pages(&store, &window(since, before), limit, wanted).await)
        });
        let (expected, pages) = found;
        let (last, full) = pages.split_last().unwrap();
        prop_assert!(full.iter().all(|page| page.data.len() == limit), "no page is short without a reason");
        prop_assert!(last.data.len() <= limit);
        let read: Vec<Delivery> = pages.into_iter().flat_map(|page| page.data).collect();
        prop_assert_eq!(read, expected);
    }
}

#[tokio::test]
async fn a_filter_that_matches_nothing_stops_and_says_where() {
    let times: BTreeSet<i64> = (0..1_500).collect();
    let (store, _) = filled(&times).await;
    let pages = pages(&store, &window(0, 2_000), 50, |_| false).await;
    assert_eq!(pages.iter().map(|page| page.data.len()).collect::<Vec<_>>(), [0, 0]);
    assert!(pages[0].next_cursor.is_some(), "there is more to look at");
}

/// A store that counts the rows that are read of it.
struct Counting {
    store: MemoryStore,
    n_read: AtomicUsize,
}

impl Listing for Counting {
    async fn listed<R: WorkRow>(
        &self,
        tenant: &TenantId,
        day: Timestamp,
        window: &Window,
        limit: usize,
    ) -> Result<Vec<Place>, StoreError> {
        self.store.listed::<R>(tenant, day, window, limit).await
    }

    async fn failed<R: WorkRow>(
        &self,
        tenant: &TenantId,
        window: &Window,
        limit: usize,
    ) -> Result<Vec<Place>, StoreError> {
        self.store.failed::<R>(tenant, window, limit).await
    }

    async fn rows<R: WorkRow>(&self, places: &[Place]) -> Result<Vec<R>, StoreError> {
        self.n_read.fetch_add(places.len(), Ordering::Relaxed);
        self.store.rows(places).await
    }
}

#[tokio::test]
async fn a_page_of_which_nothing_is_left_out_reads_one_row_more_than_it_shows() {
    // Some days, so that a page goes over midnight; and one day with far more than a page.
    for times in [(0..300).map(|n| n * 5_000).collect::<BTreeSet<i64>>(), (0..300).collect()] {
        let store = Counting { store: filled(&times).await.0, n_read: AtomicUsize::new(0) };
        let page = walk::<Delivery>(&store, &tenant(), ListKind::ByDay, window(0, 2_000_000), 25, |_| true).await;
        assert_eq!((page.unwrap().data.len(), store.n_read.load(Ordering::Relaxed)), (25, 26));
    }
}

#[test]
fn days_are_named_from_the_newest_back_to_the_oldest() {
    let days = |before: i64, since: i64| {
        let at = |second| Timestamp::from_second(second).unwrap();
        days_back(at(before), at(since)).map(|day| day.as_second() / 86_400).collect::<Vec<_>>()
    };
    assert_eq!(days(2 * 86_400, 86_399), [2, 1, 0]);
    assert_eq!(days(86_399, 0), [0]);
    assert!(days(0, 86_400).is_empty());
}
