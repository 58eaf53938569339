//! Walking the lists of several tenants or sources as if they were one, newest first: bounded, and honest about where it
//! stopped.

use std::collections::HashMap;
use std::future::Future;

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};

use super::listing::{Listing, Place, Window};
use crate::model::event::Event;
use crate::model::ids::{SourceId, TenantId};
use crate::model::row::{RowKey, WorkRow};
use crate::work::StoreError;

/// Rows read for one answer.
const MAX_READ: usize = 2_000;
/// Lists asked for one answer; a day is always looked at whole.
const MAX_ASKED: usize = 400;
/// Lists asked at a time.
const PARALLEL: usize = 16;
/// Places asked of a list at a time: what one batch read takes.
const AT_A_TIME: usize = 100;
/// With many lists, fewer of each.
const FEWEST: usize = 10;
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The events of one subject.
pub trait Subjects: Send + Sync {
    /// The newest places in a window of a subject's events, by the provider's time, at most `limit`; fewer only if
    /// there are no more.
    fn of_subject(
        &self,
        source: &SourceId,
        subject: &str,
        window: &Window,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Place>, StoreError>> + Send;
}

/// One list.
#[derive(Debug, Clone)]
enum List {
    Day(TenantId, Timestamp),
    Failed(TenantId),
    Subject(SourceId, String),
}

/// What is walked.
#[derive(Debug, Clone)]
pub(super) enum Scope {
    /// All events of these tenants, day by day.
    Days(Vec<TenantId>),
    /// Those of them that failed.
    Failed(Vec<TenantId>),
    /// Those of these sources that are about this.
    Subject(Vec<SourceId>, String),
}

/// A walk under way.
pub(super) struct EventWalk<'a, S> {
    store: &'a S,
    scope: Scope,
    window: Window,
    day: Option<Timestamp>,
    n_read: usize,
    n_asked: usize,
    over: bool,
}

impl<'a, S: Listing + Subjects> EventWalk<'a, S> {
    pub(super) fn new(store: &'a S, scope: Scope, window: Window) -> Self {
        let day = matches!(scope, Scope::Days(_)).then(|| day_of(window.before.at()));
        Self { store, scope, window, day, n_read: 0, n_asked: 0, over: false }
    }

    /// The next events with their places, in order, at most so many; nothing at the end, or when enough was done for one
    /// answer.
    pub(super) async fn next(&mut self, most: usize) -> Result<Option<Vec<(Place, Event)>>, StoreError> {
        while !self.over && !self.is_cut() {
            let lists = self.lists();
            let (places, horizon) = self.merged(&lists, most.max(1)).await?;
            self.n_asked += lists.len();
            self.n_read += places.len();
            match (horizon, self.day) {
                (Some(horizon), _) => self.window.before = horizon,
                // A day's start is behind all of that day, and before all of the day before.
                (None, Some(day)) => self.go_back(day),
                (None, None) => self.over = true,
            }
            if !places.is_empty() {
                return self.rows(places).await.map(Some);
            }
        }
        Ok(None)
    }

    /// Where the walk stopped though there is more.
    pub(super) fn cut_at(&self) -> Option<&Place> {
        (!self.over).then_some(&self.window.before)
    }

    fn is_cut(&self) -> bool {
        self.n_read >= MAX_READ || self.n_asked >= MAX_ASKED
    }

    fn go_back(&mut self, day: Timestamp) {
        self.window.before = Place::before(day);
        match day.checked_sub(DAY) {
            Ok(earlier) if day > self.window.since => self.day = Some(earlier),
            _ => self.over = true,
        }
    }

    fn lists(&self) -> Vec<List> {
        match (&self.scope, self.day) {
            (Scope::Days(tenants), Some(day)) => tenants.iter().map(|id| List::Day(id.clone(), day)).collect(),
            (Scope::Days(_), None) => Vec::new(),
            (Scope::Failed(tenants), _) => tenants.iter().cloned().map(List::Failed).collect(),
            (Scope::Subject(sources, of), _) => {
                sources.iter().map(|source| List::Subject(source.clone(), of.clone())).collect()
            }
        }
    }

    /// The newest places of all lists together, at most so many, and how far down they are all of them; no horizon if that
    /// is to the end.
    async fn merged(&self, lists: &[List], most: usize) -> Result<(Vec<Place>, Option<Place>), StoreError> {
        let each = (2 * AT_A_TIME / lists.len().max(1)).clamp(FEWEST, AT_A_TIME).min(most);
        let asked: Vec<_> = lists.iter().map(|list| self.places(list, each)).collect();
        let answers: Vec<Vec<Place>> = stream::iter(asked).buffered(PARALLEL).try_collect().await?;
        // Of a list that was not shown to its end, nothing is known below the last place shown.
        let mut horizon =
            answers.iter().filter(|places| places.len() >= each).filter_map(|places| places.last()).max().cloned();
        let mut places: Vec<Place> = answers.into_iter().flatten().collect();
        places.retain(|place| horizon.as_ref().is_none_or(|horizon| place >= horizon));
        places.sort_by(|a, b| b.cmp(a));
        if places.len() > most {
            places.truncate(most);
            horizon = places.last().cloned();
        }
        Ok((places, horizon))
    }

    async fn places(&self, list: &List, limit: usize) -> Result<Vec<Place>, StoreError> {
        match list {
            List::Day(tenant, day) => self.store.listed::<Event>(tenant, *day, &self.window, limit).await,
            List::Failed(tenant) => self.store.failed::<Event>(tenant, &self.window, limit).await,
            List::Subject(source, subject) => self.store.of_subject(source, subject, &self.window, limit).await,
        }
    }

    async fn rows(&self, places: Vec<Place>) -> Result<Vec<(Place, Event)>, StoreError> {
        let mut rows: HashMap<RowKey, Event> = HashMap::with_capacity(places.len());
        for chunk in places.chunks(AT_A_TIME) {
            rows.extend(self.store.rows::<Event>(chunk).await?.into_iter().map(|event| (event.key(), event)));
        }
        Ok(places.into_iter().filter_map(|place| Some((place.clone(), rows.remove(place.row()?)?))).collect())
    }
}

/// The start of the UTC day this time is in.
pub(super) fn day_of(at: Timestamp) -> Timestamp {
    let day = DAY.as_secs();
    Timestamp::from_second(at.as_second().div_euclid(day) * day).unwrap_or(Timestamp::MIN)
}
