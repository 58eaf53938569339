//! What several are to be written is written at once.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::carry::{Carrier, Outcome, Trouble};
use super::{Fellow, some_at_a_time};
use crate::model::moysklad::{EntityId, EntityKind, Mapping};
use crate::sync::plan::{Step, to_entity};
use crate::sync::ports::{Entities, MoyskladError};
use crate::sync::store::SyncStore;

/// Most entities written in one call: MoySklad must be done with all of them before the call is given up.
const MOST_WRITTEN: usize = 50;

impl<S: SyncStore, C: Entities> Carrier<'_, S, C> {
    pub(super) async fn write_together(
        &self,
        fellows: &mut [Fellow],
        steps: Vec<(usize, Step)>,
    ) -> Result<(), Trouble> {
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
