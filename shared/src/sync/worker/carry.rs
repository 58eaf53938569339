//! One entity, brought into one account: decided step by step, each step taken before the next is decided.

use std::future::Future;
use std::pin::Pin;

use jiff::Timestamp;
use serde_json::Value;

use crate::model::ids::TenantId;
use crate::model::moysklad::{AccountId, Direction, EntityId, EntityRef, Groups, Mapping, Settings};
use crate::sync::dictionary::Translation;
use crate::sync::guards::Written;
use crate::sync::plan::{Blocked, Counterpart, Facts, Reason, References, Search, Step, decide, fingerprint};
use crate::sync::ports::{Entities, MoyskladError, Query};
use crate::sync::store::{SyncStore, counterpart_of};
use crate::work::StoreError;

/// Most steps of one entity. The longest way asks, loses, searches, creates, and compares.
const MOST_STEPS: usize = 16;
/// Most writes of one entity at a time: what would need more goes round in circles.
const MOST_WRITES: usize = 2;
/// How deep references are followed: folders in folders.
const DEEPEST: usize = 12;
/// Most candidates looked at.
const MOST_CANDIDATES: usize = 1_000;

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
}

/// Where an entity stands between two steps.
struct Course {
    mapping: Mapping,
    counterpart: Option<Option<Value>>,
    candidates: Option<Vec<Value>>,
    references: References,
    groups: Groups,
    n_writes: usize,
    written: bool,
}

impl Course {
    /// What stood for it is another, or none: everything is to be looked at.
    fn turn(&mut self, mapping: Mapping) {
        self.mapping = mapping;
        self.counterpart = None;
        self.candidates = None;
        self.groups = Groups::all();
    }
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
            let mut course = Course {
                mapping,
                counterpart: None,
                candidates: None,
                references: References::default(),
                groups: groups.clone(),
                n_writes: 0,
                written: false,
            };
            for _ in 0..MOST_STEPS {
                let step = decide(&Facts {
                    entity: entity.as_ref(),
                    mapping: &course.mapping,
                    counterpart: match &course.counterpart {
                        None => Counterpart::Unasked,
                        Some(None) => Counterpart::Gone,
                        Some(Some(there)) => Counterpart::There(there),
                    },
                    candidates: course.candidates.as_deref(),
                    groups: &course.groups,
                    settings: self.settings,
                    translation: self.translation,
                    references: &course.references,
                    base: self.base,
                });
                if let Some(outcome) = self.take(step, &mut course, depth).await? {
                    return Ok(outcome);
                }
            }
            Err(Trouble::Restless)
        })
    }

    async fn take(&self, step: Step, course: &mut Course, depth: usize) -> Result<Option<Outcome>, Trouble> {
        if step.is_write() {
            course.n_writes += 1;
            if course.n_writes > MOST_WRITES {
                return Err(Trouble::Restless);
            }
        }
        match step {
            Step::Nothing(Reason::Equal) if course.written => {
                return Ok(Some(Outcome::Written { counterpart: course.mapping.counterpart }));
            }
            Step::Nothing(reason) => return Ok(Some(Outcome::Nothing(reason))),
            Step::Blocked(blocked) => return Ok(Some(Outcome::Blocked(blocked))),
            Step::Ask(id) => course.counterpart = Some(self.ask(&course.mapping, id).await?),
            Step::Resolve(references) => {
                for reference in references {
                    let there = self.resolve(reference, depth).await?;
                    course.references.note(reference, there);
                }
            }
            Step::Search(search) => course.candidates = Some(self.search(&search).await?),
            Step::Lose => {
                let lost = self.put(course.mapping.lost()).await?;
                course.turn(lost);
            }
            Step::Adopt(id) => {
                let theirs = self.store.mapping_of(self.tenant, counterpart_of(&course.mapping, id)).await?;
                if theirs.is_some_and(|theirs| theirs.origin != course.mapping.origin) {
                    return Ok(Some(Outcome::Blocked(Blocked::Ambiguous(vec![id]))));
                }
                let mapping = self.put(course.mapping.to(id)).await?;
                course.turn(mapping);
            }
            Step::Create(body) => return self.create(&body, course).await,
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

    async fn create(&self, body: &Value, course: &mut Course) -> Result<Option<Outcome>, Trouble> {
        self.has_time()?;
        let kind = course.mapping.origin.kind.arrives_as();
        let made = self.to.create(kind, body).await?;
        let id = made.get("id").and_then(Value::as_str).and_then(|text| text.parse().ok());
        let id: EntityId = id.ok_or(MoyskladError::Unreadable { status: 200 })?;
        let mapping = self.put(course.mapping.to(id)).await?;
        // If an earlier attempt made it and it was deleted since, we were answered with what lies in the recycle bin; and
        // if that attempt is old, with what has changed since. So it is asked for, and compared.
        course.turn(mapping);
        course.counterpart = Some(self.ask(&course.mapping, id).await?);
        if let Some(Some(there)) = &course.counterpart {
            self.remember(&course.mapping, id, there).await?;
            course.written = true;
        }
        Ok(None)
    }

    async fn update(&self, id: EntityId, body: &Value, course: &mut Course) -> Result<Option<Outcome>, Trouble> {
        self.has_time()?;
        match self.to.update(course.mapping.origin.kind.arrives_as(), id, body).await {
            Ok(there) => {
                self.remember(&course.mapping, id, &there).await?;
                Ok(Some(Outcome::Written { counterpart: Some(id) }))
            }
            // Between the question and the write it was deleted.
            Err(MoyskladError::NotFound) => {
                course.counterpart = Some(None);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn ask(&self, mapping: &Mapping, id: EntityId) -> Result<Option<Value>, Trouble> {
        self.has_time()?;
        Ok(found(self.to.get(mapping.origin.kind.arrives_as(), id).await)?)
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
    async fn resolve(&self, reference: EntityRef, depth: usize) -> Result<Option<EntityId>, Trouble> {
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

    async fn mapping(&self, origin: EntityRef) -> Result<Mapping, StoreError> {
        let mapping = self.store.mapping(self.tenant, origin, self.target).await?;
        Ok(mapping.unwrap_or_else(|| Mapping::new(self.tenant.clone(), origin, self.target)))
    }

    async fn put(&self, mapping: Mapping) -> Result<Mapping, Trouble> {
        if self.store.put_mapping(&mapping).await? { Ok(mapping) } else { Err(Trouble::Overtaken) }
    }

    async fn remember(&self, mapping: &Mapping, id: EntityId, there: &Value) -> Result<(), StoreError> {
        let entity = counterpart_of(mapping, id);
        let written: Written = self.store.written(self.tenant, entity).await?.unwrap_or_default();
        let written = written.and(fingerprint(entity.kind, there), (self.clock)());
        self.store.put_written(self.tenant, entity, &written).await
    }

    fn has_time(&self) -> Result<(), Trouble> {
        if (self.clock)() > self.last_call { Err(Trouble::OutOfTime) } else { Ok(()) }
    }
}

fn found(answer: Result<Value, MoyskladError>) -> Result<Option<Value>, MoyskladError> {
    match answer {
        Ok(entity) => Ok(Some(entity)),
        Err(MoyskladError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}
