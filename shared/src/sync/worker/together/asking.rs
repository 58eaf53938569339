//! What several need to know is asked for at once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::carry::{Carrier, MOST_CANDIDATES, Trouble};
use super::filters::in_filters;
use super::{ARCHIVED, Fellow, MOST_TOGETHER, Resolved, some_at_a_time};
use crate::model::moysklad::{EntityId, EntityKind};
use crate::sync::plan::Step;
use crate::sync::ports::{Condition, Entities, Query, Rows, is_cut_off};
use crate::sync::store::SyncStore;

impl<S: SyncStore, C: Entities> Carrier<'_, S, C> {
    pub(super) async fn ask_together(&self, fellows: &mut [Fellow], steps: Vec<(usize, Step)>) -> Result<(), Trouble> {
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

    pub(super) async fn resolve_together(
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
    pub(super) async fn search_together(
        &self,
        fellows: &mut [Fellow],
        steps: Vec<(usize, Step)>,
    ) -> Result<(), Trouble> {
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
    pub(super) async fn those_of(
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
