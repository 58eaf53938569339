//! Many entities of one kind, brought into one account in step: what all of them need next is asked for and written in
//! calls for many. Each is decided by itself, as if it went alone.

mod asking;
mod filters;
mod saving;

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};

use super::carry::{Carrier, Outcome, Trouble, found};
use super::course::Course;
use crate::model::moysklad::{Direction, Dirty, EntityId, EntityKind, EntityRef};
use crate::sync::plan::Step;
use crate::sync::ports::Entities;
use crate::sync::store::SyncStore;

/// Most entities that go together, and that are asked for in one call: an address has no room for more identifiers.
pub(super) const MOST_TOGETHER: usize = 100;
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
}

/// What came of these, in their order.
async fn some_at_a_time<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    stream::iter(Vec::from_iter(all)).buffered(PARALLEL).collect().await
}
