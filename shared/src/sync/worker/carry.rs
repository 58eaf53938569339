//! One entity, brought into one account: decided step by step, each step taken before the next is decided.

use std::future::Future;
use std::pin::Pin;

use jiff::Timestamp;
use serde_json::Value;

use super::course::{Course, Taken};
use crate::model::ids::TenantId;
use crate::model::moysklad::{AccountId, Direction, EntityId, EntityRef, Groups, Mapping, Settings};
use crate::sync::dictionary::Translation;
use crate::sync::guards::Written;
use crate::sync::plan::{Blocked, Reason, Search, Step, decide, fingerprint};
use crate::sync::ports::{Entities, MoyskladError, Query};
use crate::sync::store::{SyncStore, counterpart_of};
use crate::work::StoreError;

/// How deep references are followed: folders in folders.
const DEEPEST: usize = 12;
/// Most candidates looked at.
pub(super) const MOST_CANDIDATES: usize = 1_000;

/// What came of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was to be done.
    Nothing(Reason),
    /// It was written.
    Written {
        /// What it is in the target; nothing if it was deleted there.
        counterpart: Option<EntityId>,
    },
    /// A person has to look.
    Blocked(Blocked),
}

/// Why an entity is to be tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// MoySklad.
    #[error(transparent)]
    Moysklad(#[from] MoyskladError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody else wrote the mapping at the same time.
    #[error("overtaken")]
    Overtaken,
    /// It does not come to rest.
    #[error("restless")]
    Restless,
    /// There is no time left for another call.
    #[error("out_of_time")]
    OutOfTime,
}

/// What an entity is carried with.
pub(super) struct Carrier<'a, S, C> {
    pub(super) store: &'a S,
    pub(super) tenant: &'a TenantId,
    pub(super) from: &'a C,
    pub(super) to: &'a C,
    pub(super) target: AccountId,
    pub(super) direction: Direction,
    pub(super) settings: &'a Settings,
    pub(super) translation: &'a Translation,
    pub(super) base: &'a str,
    pub(super) clock: &'a (dyn Fn() -> Timestamp + Sync),
    /// After this no call is begun.
    pub(super) last_call: Timestamp,
    /// Whatever is made because something refers to it is made by one at a time: two would make it twice.
    pub(super) one_at_a_time: &'a tokio::sync::Mutex<()>,
    /// What has found its origin during this drain.
    pub(super) taken: &'a Taken,
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl<S: SyncStore, C: Entities> Carrier<'_, S, C> {
    /// Brings an entity into the target, as it is now.
    pub(super) fn carry<'a>(
        &'a self,
        origin: EntityRef,
        groups: &'a Groups,
        depth: usize,
    ) -> Boxed<'a, Result<Outcome, Trouble>> {
        Box::pin(async move {
            self.has_time()?;
            let entity = found(self.from.get(origin.kind, origin.id).await)?;
            let mapping = self.mapping(origin).await?;
            let mut course = Course::new(entity, mapping, groups);
            loop {
                let step = self.next(&course);
                if let Some(outcome) = self.take(step, &mut course, depth).await? {
                    self.note(&course, &outcome).await?;
                    return Ok(outcome);
                }
            }
        })
    }

    /// What an entity needs next.
    pub(super) fn next(&self, course: &Course) -> Step {
        decide(&course.facts(self.settings, self.translation, self.base))
    }

    /// Takes a step by itself.
    pub(super) async fn take(&self, step: Step, course: &mut Course, depth: usize) -> Result<Option<Outcome>, Trouble> {
        course.count(&step)?;
        match step {
            Step::Nothing(reason) => return Ok(Some(course.nothing(reason))),
            Step::Blocked(blocked) => return Ok(Some(Outcome::Blocked(blocked))),
            Step::Ask(id) => {
                self.has_time()?;
                let there = found(self.to.get(course.mapping.origin.kind.arrives_as(), id).await)?;
                course.counterpart = Some(there);
                self.see_made(course).await?;
            }
            Step::Resolve(references) => {
                for reference in references {
                    let there = self.resolve(reference, depth).await?;
                    course.references.note(reference, there);
                }
            }
            Step::Search(search) => {
                course.candidates = Some(self.search(&search).await?.into());
                course.known_by = search.known_by;
            }
            Step::Lose => {
                let lost = self.put(course.mapping.lost()).await?;
                course.turn(lost);
            }
            Step::Adopt(id) => {
                let counterpart = counterpart_of(&course.mapping, id);
                let theirs = self.store.mapping_of(self.tenant, counterpart).await?;
                if theirs.is_some_and(|theirs| theirs.origin != course.mapping.origin)
                    || !self.taken.take(counterpart, course.mapping.origin)
                {
                    return Ok(Some(Outcome::Blocked(Blocked::Ambiguous(vec![id]))));
                }
                let mapping = self.put(course.mapping.to(id)).await?;
                course.turn(mapping);
            }
            Step::Create(body) => {
                self.has_time()?;
                let made = self.to.create(course.mapping.origin.kind.arrives_as(), &body).await?;
                let mapping = self.made(&course.mapping, &made).await?;
                course.made(mapping);
            }
            Step::Update(id, body) => return self.update(id, &body, course).await,
            Step::Delete(id) => {
                self.has_time()?;
                let kind = course.mapping.origin.kind.arrives_as();
                match self.to.delete(kind, id).await {
                    Ok(()) | Err(MoyskladError::NotFound) => {}
                    Err(error) => return Err(error.into()),
                }
                self.put(course.mapping.lost()).await?;
                return Ok(Some(Outcome::Written { counterpart: None }));
            }
        }
        Ok(None)
    }

    /// Says in the mapping what was made.
    pub(super) async fn made(&self, mapping: &Mapping, made: &Value) -> Result<Mapping, Trouble> {
        let id = made.get("id").and_then(Value::as_str).and_then(|text| text.parse().ok());
        let id: EntityId = id.ok_or(MoyskladError::Unreadable { status: 200 })?;
        self.taken.take(counterpart_of(mapping, id), mapping.origin);
        self.put(mapping.to(id)).await
    }

    /// What was made is remembered as it stands there.
    pub(super) async fn see_made(&self, course: &mut Course) -> Result<(), StoreError> {
        if let Some((id, there)) = course.unseen() {
            self.remember(&course.mapping, id, there).await?;
            course.written = true;
        }
        course.fresh = false;
        Ok(())
    }

    /// Notes in the mapping as of when the entity is there.
    pub(super) async fn note(&self, course: &Course, outcome: &Outcome) -> Result<(), StoreError> {
        if let Some(mapping) = course.carried(outcome) {
            // Whoever was faster has looked at it as well.
            self.store.put_mapping(&mapping).await?;
        }
        Ok(())
    }

    async fn update(&self, id: EntityId, body: &Value, course: &mut Course) -> Result<Option<Outcome>, Trouble> {
        self.has_time()?;
        match self.to.update(course.mapping.origin.kind.arrives_as(), id, body).await {
            Ok(there) => {
                self.remember(&course.mapping, id, &there).await?;
                Ok(Some(Outcome::Written { counterpart: Some(id) }))
            }
            // Between the question and the write it was deleted, or something that it is to refer to: it is asked again.
            Err(MoyskladError::NotFound) => {
                course.counterpart = None;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn search(&self, search: &Search) -> Result<Vec<Value>, Trouble> {
        let mut rows: Vec<Value> = Vec::new();
        loop {
            self.has_time()?;
            let offset = u32::try_from(rows.len()).unwrap_or(u32::MAX);
            let query = Query { filter: search.filter.clone(), offset, limit: 100, order: "" };
            let page = self.to.list(search.kind, &query).await?;
            rows.extend(page.rows);
            if !page.more || rows.len() >= MOST_CANDIDATES {
                return Ok(rows);
            }
        }
    }

    /// What an entity of the origin's account is in the target. Of the catalogue it is brought there first if need be.
    pub(super) async fn resolve(&self, reference: EntityRef, depth: usize) -> Result<Option<EntityId>, Trouble> {
        if self.direction == Direction::Up {
            let standing = self.store.mapping_of(self.tenant, reference).await?;
            return Ok(standing
                .filter(|mapping| mapping.origin.account == self.target)
                .map(|mapping| mapping.origin.id));
        }
        if let Some(there) = self.mapping(reference).await?.counterpart {
            return Ok(Some(there));
        }
        if depth >= DEEPEST {
            return Ok(None);
        }
        let everything = Groups::all();
        let carried = if depth == 0 {
            let _alone = self.one_at_a_time.lock().await;
            match self.mapping(reference).await?.counterpart {
                Some(there) => return Ok(Some(there)),
                None => self.carry(reference, &everything, depth + 1).await?,
            }
        } else {
            self.carry(reference, &everything, depth + 1).await?
        };
        Ok(match carried {
            Outcome::Written { counterpart } => counterpart,
            Outcome::Nothing(_) | Outcome::Blocked(_) => self.mapping(reference).await?.counterpart,
        })
    }

    pub(super) async fn mapping(&self, origin: EntityRef) -> Result<Mapping, StoreError> {
        let mapping = self.store.mapping(self.tenant, origin, self.target).await?;
        Ok(mapping.unwrap_or_else(|| Mapping::new(self.tenant.clone(), origin, self.target)))
    }

    async fn put(&self, mapping: Mapping) -> Result<Mapping, Trouble> {
        if self.store.put_mapping(&mapping).await? { Ok(mapping) } else { Err(Trouble::Overtaken) }
    }

    pub(super) async fn remember(&self, mapping: &Mapping, id: EntityId, there: &Value) -> Result<(), StoreError> {
        let entity = counterpart_of(mapping, id);
        let written: Written = self.store.written(self.tenant, entity).await?.unwrap_or_default();
        let written = written.and(fingerprint(entity.kind, there), (self.clock)());
        self.store.put_written(self.tenant, entity, &written).await
    }

    pub(super) fn has_time(&self) -> Result<(), Trouble> {
        if (self.clock)() > self.last_call { Err(Trouble::OutOfTime) } else { Ok(()) }
    }
}

pub(super) fn found(answer: Result<Value, MoyskladError>) -> Result<Option<Value>, MoyskladError> {
    match answer {
        Ok(entity) => Ok(Some(entity)),
        Err(MoyskladError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}
