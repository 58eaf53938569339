//! Walking a list backwards, with filters that the index does not know: bounded, and honest about where it stopped.

use std::collections::HashMap;

use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};

use super::listing::{Cursor, ListKind, Listing, Place, Window};
use super::page::Page;
use crate::model::ids::TenantId;
use crate::model::row::{RowKey, WorkRow};
use crate::work::StoreError;

/// Rows read for one page. A filter that matches little answers with a short page and a cursor instead of a long wait.
const MAX_READ: usize = 1_000;
/// Rows read at a time: what one batch read takes.
const AT_A_TIME: usize = 100;
/// Days asked about at a time, at most. The first is asked alone: mostly it is enough.
const MAX_DAYS_AT_A_TIME: usize = 16;
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A page of the rows in a list's window that are wanted, newest first.
///
/// # Errors
/// When the store does not answer.
pub async fn walk<R: WorkRow>(
    store: &impl Listing,
    tenant: &TenantId,
    list: ListKind,
    window: Window,
    limit: usize,
    wanted: impl Fn(&R) -> bool,
) -> Result<Page<R>, StoreError> {
    let mut walk = Walk { limit, wanted, found: Vec::new(), n_read: 0, reached: None, cut: false };
    match list {
        ListKind::ByDay => walk.days(store, tenant, window).await?,
        ListKind::Failed => walk.failures(store, tenant, window).await?,
    }
    Ok(walk.page(list))
}

struct Walk<R, F> {
    limit: usize,
    wanted: F,
    found: Vec<(Place, R)>,
    n_read: usize,
    reached: Option<Place>,
    cut: bool,
}

impl<R: WorkRow, F: Fn(&R) -> bool> Walk<R, F> {
    async fn days(&mut self, store: &impl Listing, tenant: &TenantId, window: Window) -> Result<(), StoreError> {
        let mut days = days_back(window.before.at(), window.since).peekable();
        let mut at_a_time = 1;
        while days.peek().is_some() {
            let group: Vec<Timestamp> = days.by_ref().take(at_a_time).collect();
            at_a_time = (at_a_time * 2).min(MAX_DAYS_AT_A_TIME);
            let first = self.step();
            let asked = group.iter().map(|day| store.listed::<R>(tenant, *day, &window, first));
            let first_pages = try_join_all(asked).await?;
            for (day, mut places) in group.iter().zip(first_pages) {
                let mut asked = first;
                loop {
                    let full = places.len() >= asked;
                    if self.take(store, &places).await? {
                        return Ok(());
                    }
                    let Some(before) = places.pop().filter(|_| full) else { break };
                    let rest = Window { before, ..window.clone() };
                    asked = self.step();
                    places = store.listed::<R>(tenant, *day, &rest, asked).await?;
                }
            }
        }
        Ok(())
    }

    async fn failures(&mut self, store: &impl Listing, tenant: &TenantId, window: Window) -> Result<(), StoreError> {
        let mut window = window;
        loop {
            let asked = self.step();
            let mut places = store.failed::<R>(tenant, &window, asked).await?;
            let full = places.len() >= asked;
            if self.take(store, &places).await? {
                return Ok(());
            }
            let Some(before) = places.pop().filter(|_| full) else { return Ok(()) };
            window.before = before;
        }
    }

    /// How many rows to look at next: as many as the page lacks while no row was left out, a batch from the first that was.
    fn step(&self) -> usize {
        let all_wanted = self.found.len() == self.n_read;
        if all_wanted { (self.limit + 1).saturating_sub(self.n_read).clamp(1, AT_A_TIME) } else { AT_A_TIME }
    }

    /// Reads the rows of these places and keeps those wanted; whether the walk is over.
    async fn take(&mut self, store: &impl Listing, places: &[Place]) -> Result<bool, StoreError> {
        let mut rest = places;
        while !rest.is_empty() {
            let (some, more) = rest.split_at(self.step().min(rest.len()));
            rest = more;
            let rows: HashMap<RowKey, R> = store.rows(some).await?.into_iter().map(|row: R| (row.key(), row)).collect();
            for place in some {
                let row = place.row().and_then(|key| rows.get(key));
                if let Some(row) = row.filter(|row| (self.wanted)(row)) {
                    self.found.push((place.clone(), row.clone()));
                    // One more than asked for: then there is a next page.
                    if self.found.len() > self.limit {
                        return Ok(true);
                    }
                }
            }
            self.reached = some.last().cloned();
            self.n_read += some.len();
            self.cut = self.n_read >= MAX_READ;
            if self.cut {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn page(mut self, list: ListKind) -> Page<R> {
        let more = self.found.len() > self.limit;
        self.found.truncate(self.limit);
        let place = match more {
            true => self.found.last().map(|(place, _)| place.clone()),
            false => self.reached.filter(|_| self.cut),
        };
        let next_cursor = place.map(|place| Cursor { list, place }.to_string());
        Page { data: self.found.into_iter().map(|(_, row)| row).collect(), next_cursor }
    }
}

/// A time in each UTC day from that of `before` back to that of `since`.
fn days_back(before: Timestamp, since: Timestamp) -> impl Iterator<Item = Timestamp> {
    let day = DAY.as_secs();
    let first = before.as_second().div_euclid(day);
    let last = since.as_second().div_euclid(day);
    (last..=first).rev().filter_map(move |n| Timestamp::from_second(n * day).ok())
}

#[cfg(test)]
#[path = "list_walk_tests.rs"]
mod tests;
