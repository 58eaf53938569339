//! Many entities of one kind, brought into one account in step: what all of them need next is asked for and written in
//! calls for many. Each is decided by itself, as if it went alone.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt};
use serde_json::Value;

use super::carry::{Carrier, MOST_CANDIDATES, Outcome, Trouble, found};
use super::course::Course;
use crate::model::moysklad::{Direction, Dirty, EntityId, EntityKind, EntityRef, Mapping};
use crate::sync::plan::{Search, Step, to_entity};
use crate::sync::ports::{Condition, Entities, MoyskladError, Query, Rows, is_cut_off};
use crate::sync::store::SyncStore;

/// Most entities that go together, and that are asked for in one call: an address has no room for more identifiers.
pub(super) const MOST_TOGETHER: usize = 100;
/// Most entities written in one call: MoySklad must be done with all of them before the call is given up.
const MOST_WRITTEN: usize = 50;
/// Most bytes of the values of one filter, encoded.
const LONGEST_FILTER: usize = 4_500;
/// What is archived is told of only if it is asked for, and is there all the same.
const ARCHIVED: [&str; 2] = ["false", "true"];
/// Of the store, as much is asked at a time.
const PARALLEL: usize = 10;

/// Whether entities of a kind can go together. Orders come one by one, and a folder may lie in one beside it.
pub(super) const fn goes_together(kind: EntityKind) -> bool {
    matches!(kind.direction(), Direction::Down) && !matches!(kind, EntityKind::ProductFolder)
}

/// One of those that go together.
struct Fellow {
    course: Course,
    ended: Option<Result<Outcome, Trouble>>,
    /// It was told something that only a call of its own can make clear.
    alone: bool,
}

impl Fellow {
    fn end(&mut self, result: Result<Outcome, Trouble>) {
        self.ended.get_or_insert(result);
    }

    /// Counts a step that is taken together with others; whether it may be taken.
    fn count(&mut self, step: &Step) -> bool {
        match self.course.count(step) {
            Ok(()) => true,
            Err(trouble) => {
                self.end(Err(trouble));
                false
            }
        }
    }
}

/// What is taken first of what several need. Nobody searches while what may be found is still to be changed or deleted,
/// and nothing is made before all have searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Ask,
    Lose,
    Resolve,
    Change,
    Search,
    Adopt,
    Make,
}

const fn turn(step: &Step) -> Option<Turn> {
    Some(match step {
        Step::Nothing(_) | Step::Blocked(_) => return None,
        Step::Ask(_) => Turn::Ask,
        Step::Lose => Turn::Lose,
        Step::Resolve(_) => Turn::Resolve,
        Step::Update(..) | Step::Delete(_) => Turn::Change,
        Step::Search(_) => Turn::Search,
        Step::Adopt(_) => Turn::Adopt,
        Step::Create(_) => Turn::Make,
    })
}

/// What references of these entities are in the target, or why that cannot be said: each is looked up once.
type Resolved = BTreeMap<EntityRef, Result<Option<EntityId>, Trouble>>;

impl Trouble {
    /// Whether it is no affair of one entity: then nothing more is begun.
    const fn is_everybodys(&self) -> bool {
        match self {
            Self::Moysklad(error) => error.is_of_the_account(),
            Self::Store(_) | Self::OutOfTime => true,
            Self::Overtaken | Self::Restless => false,
        }
    }
}

impl<S: SyncStore, C: Entities> Carrier<'_, S, C> {
    /// Brings entities of one kind and origin into the target, as they are now; what came of each, in their order. Where
    /// trouble that is everybody's stopped it, it is told of the one that met it, or else of the first that it stopped,
    /// and nothing of the others.
    pub(super) async fn carry_together(&self, rows: &[Dirty]) -> Vec<Option<Result<Outcome, Trouble>>> {
        let mut fellows = Vec::with_capacity(rows.len());
        let walked = match self.begin(rows, &mut fellows).await {
            Ok(()) => self.walk(&mut fellows).await,
            Err(trouble) => Err(trouble),
        };
        let ends = fellows.iter().map(|fellow| async move {
            match &fellow.ended {
                Some(Ok(outcome)) => {
                    Some(self.note(&fellow.course, outcome).await.map(|()| outcome.clone()).map_err(Trouble::from))
                }
                Some(Err(trouble)) => Some(Err(trouble.clone())),
                None => None,
            }
        });
        let mut results: Vec<Option<Result<Outcome, Trouble>>> = some_at_a_time(ends).await;
        results.resize(rows.len(), None);
        let is_told = results.iter().flatten().any(|told| matches!(told, Err(trouble) if trouble.is_everybodys()));
        if let (Err(trouble), false, Some(first)) =
            (walked, is_told, results.iter_mut().find(|result| result.is_none()))
        {
            *first = Some(Err(trouble));
        }
        results
    }

    /// Asks for everybody as they are in their own account.
    async fn begin(&self, rows: &[Dirty], fellows: &mut Vec<Fellow>) -> Result<(), Trouble> {
        let Some(first) = rows.first() else { return Ok(()) };
        let ids: Vec<EntityId> = rows.iter().map(|row| row.origin.id).collect();
        let mut there = self.those_of(self.from, first.origin.kind, &ids).await?;
        let mappings = some_at_a_time(rows.iter().map(|row| self.mapping(row.origin))).await;
        for (row, mapping) in rows.iter().zip(mappings) {
            let mapping = mapping?;
            let entity = match there.remove(&row.origin.id) {
                Some(entity) => Ok(Some(entity)),
                // That a list leaves it out does not say that it is gone.
                None => {
                    self.has_time()?;
                    found(self.from.get(row.origin.kind, row.origin.id).await).map_err(Trouble::from)
                }
            };
            let (entity, ended) = match entity {
                Ok(entity) => (entity, None),
                Err(trouble) if trouble.is_everybodys() => return Err(trouble),
                Err(trouble) => (None, Some(Err(trouble))),
            };
            fellows.push(Fellow { course: Course::new(entity, mapping, &row.groups), ended, alone: false });
        }
        Ok(())
    }

    async fn walk(&self, fellows: &mut [Fellow]) -> Result<(), Trouble> {
        let mut resolved = Resolved::new();
        loop {
            let mut steps = Vec::new();
            for (n, fellow) in fellows.iter_mut().enumerate().filter(|(_, fellow)| fellow.ended.is_none()) {
                match self.next(&fellow.course) {
                    Step::Nothing(reason) => fellow.end(Ok(fellow.course.nothing(reason))),
                    Step::Blocked(blocked) => fellow.end(Ok(Outcome::Blocked(blocked))),
                    step => steps.push((n, step)),
                }
            }
            let Some(first) = steps.iter().filter_map(|(_, step)| turn(step)).min() else {
                return Ok(());
            };
            steps.retain(|(_, step)| turn(step) == Some(first));
            match first {
                Turn::Ask => self.ask_together(fellows, steps).await?,
                Turn::Resolve => self.resolve_together(fellows, steps, &mut resolved).await?,
                Turn::Search => self.search_together(fellows, steps).await?,
                Turn::Change | Turn::Make => self.write_together(fellows, steps).await?,
                Turn::Lose | Turn::Adopt => self.one_by_one(fellows, steps).await?,
            }
        }
    }

    /// In the order of the line: of two who want the same, the first gets it.
    async fn one_by_one(&self, fellows: &mut [Fellow], steps: Vec<(usize, Step)>) -> Result<(), Trouble> {
        for (n, step) in steps {
            let fellow = &mut fellows[n];
            match self.take(step, &mut fellow.course, 0).await {
                Ok(None) => {}
                Ok(Some(outcome)) => fellow.end(Ok(outcome)),
                Err(trouble) => {
                    fellow.end(Err(trouble.clone()));
                    if trouble.is_everybodys() {
                        return Err(trouble);
                    }
                }
            }
        }
        Ok(())
    }

    async fn ask_together(&self, fellows: &mut [Fellow], steps: Vec<(usize, Step)>) -> Result<(), Trouble> {
        let (alone, together): (Vec<_>, Vec<_>) = steps.into_iter().partition(|(n, _)| fellows[*n].alone);
        let ids: BTreeSet<EntityId> = together.iter().filter_map(|(_, step)| asked(step)).collect();
        let kind = together.first().map(|(n, _)| fellows[*n].course.mapping.origin.kind.arrives_as());
        let there = match kind {
            Some(kind) if ids.len() > 1 => self.those_of(self.to, kind, &Vec::from_iter(ids)).await?,
            _ => BTreeMap::new(),
        };
        let mut left_out = alone;
        let mut seen = Vec::new();
        for (n, step) in together {
            match asked(&step).and_then(|id| there.get(&id)) {
                Some(there) if fellows[n].count(&step) => {
                    fellows[n].course.counterpart = Some(Some(there.clone()));
                    seen.push(n);
                }
                Some(_) => {}
                None => left_out.push((n, step)),
            }
        }
        let fresh = fellows.iter_mut().enumerate().filter(|(n, fellow)| fellow.course.fresh && seen.contains(n));
        let remembered = some_at_a_time(fresh.map(|(_, fellow)| self.see_made(&mut fellow.course))).await;
        remembered.into_iter().collect::<Result<(), _>>()?;
        left_out.sort_by_key(|(n, _)| *n);
        self.one_by_one(fellows, left_out).await
    }

    async fn resolve_together(
        &self,
        fellows: &mut [Fellow],
        steps: Vec<(usize, Step)>,
        resolved: &mut Resolved,
    ) -> Result<(), Trouble> {
        for (n, step) in steps {
            if !fellows[n].count(&step) {
                continue;
            }
            let Step::Resolve(references) = step else { continue };
            for reference in references {
                let there = match resolved.get(&reference) {
                    Some(there) => there.clone(),
                    None => {
                        let there = self.resolve(reference, 0).await;
                        resolved.insert(reference, there.clone());
                        there
                    }
                };
                match there {
                    Ok(there) => fellows[n].course.references.note(reference, there),
                    Err(trouble) if trouble.is_everybodys() => return Err(trouble),
                    Err(trouble) => fellows[n].end(Err(trouble)),
                }
            }
        }
        Ok(())
    }

    /// Whoever is searched for by the same field is searched for at once; all look at everything that was found.
    async fn search_together(&self, fellows: &mut [Fellow], steps: Vec<(usize, Step)>) -> Result<(), Trouble> {
        let mut left = Vec::new();
        let mut together = Vec::new();
        for (n, step) in steps {
            match step {
                Step::Search(search) if !fellows[n].alone => together.push((n, search)),
                step => left.push((n, step)),
            }
        }
        for (filter, searches) in in_filters(together) {
            let rows = match searches.first() {
                Some((_, search)) if searches.len() > 1 => self.candidates(search.kind, filter).await?,
                _ => None,
            };
            let rows: Option<std::sync::Arc<[Value]>> = rows.map(Into::into);
            for (n, search) in searches {
                let step = Step::Search(search);
                match (&rows, step) {
                    (Some(rows), step) if fellows[n].count(&step) => {
                        let course = &mut fellows[n].course;
                        course.candidates = Some(rows.clone());
                        if let Step::Search(search) = step {
                            course.known_by = search.known_by;
                        }
                    }
                    (Some(_), _) => {}
                    (None, step) => left.push((n, step)),
                }
            }
        }
        left.sort_by_key(|(n, _)| *n);
        self.one_by_one(fellows, left).await
    }

    /// All that meet a filter; nothing where they are too many, or where it is refused.
    async fn candidates(&self, kind: EntityKind, filter: Vec<Condition>) -> Result<Option<Vec<Value>>, Trouble> {
        self.has_time()?;
        let limit = u32::try_from(MOST_CANDIDATES).unwrap_or(u32::MAX);
        match self.to.list(kind, &Query { filter, offset: 0, limit, order: "" }).await {
            Ok(Rows { rows, more: false }) => Ok(Some(rows)),
            Err(error) if error.is_of_the_account() => Err(error.into()),
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// Those of these entities that a list has. Whoever is left out is to be asked for alone.
    async fn those_of(
        &self,
        client: &C,
        kind: EntityKind,
        ids: &[EntityId],
    ) -> Result<BTreeMap<EntityId, Value>, Trouble> {
        self.has_time()?;
        let mut filter: Vec<Condition> = ids.iter().map(|id| Condition::is("id", id.to_string())).collect();
        filter.extend(ARCHIVED.map(|archived| Condition::is("archived", archived)));
        let limit = u32::try_from(MOST_TOGETHER).unwrap_or(u32::MAX);
        match client.list(kind, &Query { filter, offset: 0, limit, order: "" }).await {
            Ok(page) => {
                let whole = page.rows.into_iter().filter(|row| !is_cut_off(row, "components"));
                Ok(whole.filter_map(|row| Some((own_id(&row)?, row))).collect())
            }
            Err(error) if error.is_of_the_account() => Err(error.into()),
            Err(_) => Ok(BTreeMap::new()),
        }
    }

    async fn write_together(&self, fellows: &mut [Fellow], steps: Vec<(usize, Step)>) -> Result<(), Trouble> {
        let mut being_made: BTreeSet<String> = BTreeSet::new();
        let (mut left, mut together) = (Vec::new(), Vec::new());
        for (n, step) in steps {
            let fellow = &mut fellows[n];
            if matches!(step, Step::Create(_)) {
                if !being_made.is_disjoint(&fellow.course.known_by) {
                    // One like it is made now: it looks again once that is there.
                    fellow.course.candidates = None;
                    continue;
                }
                being_made.extend(fellow.course.known_by.iter().cloned());
            }
            match step {
                Step::Create(_) | Step::Update(..) if !fellow.alone => together.push((n, step)),
                step => left.push((n, step)),
            }
        }
        for steps in chunks(together, MOST_WRITTEN) {
            if steps.len() > 1 {
                self.save(fellows, steps).await?;
            } else {
                left.extend(steps);
            }
        }
        left.sort_by_key(|(n, _)| *n);
        self.one_by_one(fellows, left).await
    }

    /// Makes and changes these in one call.
    async fn save(&self, fellows: &mut [Fellow], mut steps: Vec<(usize, Step)>) -> Result<(), Trouble> {
        steps.retain(|(n, step)| fellows[*n].count(step));
        let Some((first, _)) = steps.first() else { return Ok(()) };
        let kind = fellows[*first].course.mapping.origin.kind.arrives_as();
        let bodies: Vec<Value> = steps.iter().filter_map(|(_, step)| body(self.base, kind, step)).collect();
        self.has_time()?;
        let items = match self.to.save_many(kind, &bodies).await {
            Ok(items) => items,
            Err(error @ MoyskladError::Unreadable { .. }) => vec![Err(error); steps.len()],
            Err(error) if error.is_of_the_account() && !matches!(error, MoyskladError::Broken { .. }) => {
                return Err(error.into());
            }
            Err(_) => {
                // It failed as a whole, and whose fault it was is told to each alone.
                for (n, step) in steps {
                    let fellow = &mut fellows[n];
                    fellow.alone = true;
                    fellow.course.uncount_write();
                    if matches!(step, Step::Create(_)) && !kind.has_sync_id() {
                        fellow.course.candidates = None;
                    }
                }
                return Ok(());
            }
        };
        let saved = steps.into_iter().zip(items).map(|((n, step), item)| {
            let mapping = fellows[n].course.mapping.clone();
            async move { (n, self.saved(mapping, &step, item).await) }
        });
        let saved: Vec<(usize, Result<Saved, Trouble>)> = some_at_a_time(saved).await;
        let mut everybodys = None;
        for (n, saved) in saved {
            let fellow = &mut fellows[n];
            match saved {
                Ok(Saved::Made(mapping)) => fellow.course.made(mapping),
                Ok(Saved::Changed(id)) => fellow.end(Ok(Outcome::Written { counterpart: Some(id) })),
                Ok(Saved::Missing) => {
                    // Of an item of a list it cannot be told whether it is missing, or what it refers to.
                    fellow.course.counterpart = None;
                    fellow.alone = true;
                }
                Err(trouble) if trouble.is_everybodys() => everybodys = everybodys.or(Some(trouble)),
                Err(trouble) => fellow.end(Err(trouble)),
            }
        }
        everybodys.map_or(Ok(()), Err)
    }

    /// Writes down what was saved.
    async fn saved(&self, mapping: Mapping, step: &Step, item: Result<Value, MoyskladError>) -> Result<Saved, Trouble> {
        match (step, item) {
            (Step::Update(id, _), Ok(there)) => {
                self.remember(&mapping, *id, &there).await?;
                Ok(Saved::Changed(*id))
            }
            (Step::Update(..), Err(MoyskladError::NotFound)) => Ok(Saved::Missing),
            (_, Ok(made)) => Ok(Saved::Made(self.made(&mapping, &made).await?)),
            (_, Err(error)) => Err(error.into()),
        }
    }
}

/// What an item of the answer to many writes means.
enum Saved {
    Made(Mapping),
    Changed(EntityId),
    Missing,
}

const fn asked(step: &Step) -> Option<EntityId> {
    match step {
        Step::Ask(id) => Some(*id),
        _ => None,
    }
}

fn own_id(entity: &Value) -> Option<EntityId> {
    entity.get("id")?.as_str()?.parse().ok()
}

/// What is sent for a write among others; what is changed says which it is.
fn body(base: &str, kind: EntityKind, step: &Step) -> Option<Value> {
    match step {
        Step::Create(body) => Some(body.clone()),
        Step::Update(id, body) => {
            let mut body = body.clone();
            body["meta"] = to_entity(base, kind, *id)["meta"].take();
            Some(body)
        }
        _ => None,
    }
}

/// What came of these, in their order.
async fn some_at_a_time<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    stream::iter(Vec::from_iter(all)).buffered(PARALLEL).collect().await
}

fn chunks<T>(all: Vec<T>, most: usize) -> Vec<Vec<T>> {
    let mut chunks: Vec<Vec<T>> = Vec::new();
    for one in all {
        match chunks.last_mut().filter(|chunk| chunk.len() < most) {
            Some(chunk) => chunk.push(one),
            None => chunks.push(vec![one]),
        }
    }
    chunks
}

/// A filter, and whose searches it answers.
type InFilter = (Vec<Condition>, Vec<(usize, Search)>);

/// Searches by one field, put into as few filters as there is room for. A search by several fields has one of its own.
fn in_filters(searches: Vec<(usize, Search)>) -> Vec<InFilter> {
    let mut filters: Vec<InFilter> = Vec::new();
    for (n, search) in searches {
        let room = filters.last().is_some_and(|(filter, own)| {
            own.iter().all(|(_, other)| are_alike(other, &search))
                && length(filter) + length(&search.filter) <= LONGEST_FILTER
                // What is archived is asked for once.
                && filter.len() + search.filter.len() <= MOST_TOGETHER + 2 * ARCHIVED.len()
        });
        match filters.last_mut().filter(|_| room) {
            Some((filter, own)) => {
                let news = search.filter.iter().filter(|condition| !filter.contains(condition));
                let news: Vec<Condition> = news.cloned().collect();
                filter.extend(news);
                own.push((n, search));
            }
            None => filters.push((search.filter.clone(), vec![(n, search)])),
        }
    }
    filters
}

/// Whether two searches differ in the values of one field only. What is archived is asked for by all.
fn are_alike(one: &Search, other: &Search) -> bool {
    let fields = |search: &Search| -> BTreeSet<&'static str> {
        search.filter.iter().map(|condition| condition.field).filter(|field| *field != "archived").collect()
    };
    let archived = |search: &Search| -> Vec<Condition> {
        search.filter.iter().filter(|condition| condition.field == "archived").cloned().collect()
    };
    let (of_one, of_other) = (fields(one), fields(other));
    one.kind == other.kind && of_one.len() == 1 && of_one == of_other && archived(one) == archived(other)
}

/// At most so many bytes in an address.
fn length(filter: &[Condition]) -> usize {
    filter.iter().map(|condition| condition.field.len() + 3 * condition.value.len() + 6).sum()
}
