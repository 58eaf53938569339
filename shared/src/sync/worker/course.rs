//! Where an entity stands between two steps, whether it goes by itself or with others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::carry::{Outcome, Trouble};
use crate::model::moysklad::{EntityId, EntityRef, FieldGroup, Groups, Mapping, Settings, parse_moscow_time};
use crate::sync::dictionary::Translation;
use crate::sync::plan::{Counterpart, Facts, Reason, References, Step, essence};

/// Most steps of one entity. The longest way asks, loses, searches, creates, asks, and compares.
const MOST_STEPS: usize = 16;
/// Most writes of one entity at a time: what would need more goes round in circles.
const MOST_WRITES: usize = 2;

pub(super) struct Course {
    pub(super) entity: Option<Value>,
    pub(super) mapping: Mapping,
    pub(super) counterpart: Option<Option<Value>>,
    /// Those who searched together share what was found.
    pub(super) candidates: Option<Arc<[Value]>>,
    /// What it was searched by.
    pub(super) known_by: BTreeSet<String>,
    pub(super) references: References,
    groups: Groups,
    n_steps: usize,
    n_writes: usize,
    pub(super) written: bool,
    /// It was made, and is to be remembered once it was seen.
    pub(super) fresh: bool,
}

impl Course {
    /// What is to be looked at is what was told of, and whatever else has changed since all was carried last.
    pub(super) fn new(entity: Option<Value>, mapping: Mapping, told_of: &Groups) -> Self {
        let groups = match (&entity, &mapping.essence) {
            (Some(entity), Some(before)) => {
                let changed = essence(entity).changed_since(before);
                let groups = told_of.and(&changed);
                if changed.contains(FieldGroup::State) { groups } else { groups.without(FieldGroup::State) }
            }
            _ => Groups::all(),
        };
        Self {
            entity,
            mapping,
            counterpart: None,
            candidates: None,
            known_by: BTreeSet::new(),
            references: References::default(),
            groups,
            n_steps: 0,
            n_writes: 0,
            written: false,
            fresh: false,
        }
    }

    pub(super) fn facts<'a>(
        &'a self,
        settings: &'a Settings,
        translation: &'a Translation,
        base: &'a str,
    ) -> Facts<'a> {
        Facts {
            entity: self.entity.as_ref(),
            mapping: &self.mapping,
            counterpart: match &self.counterpart {
                None => Counterpart::Unasked,
                Some(None) => Counterpart::Gone,
                Some(Some(there)) => Counterpart::There(there),
            },
            candidates: self.candidates.as_deref(),
            groups: &self.groups,
            settings,
            translation,
            references: &self.references,
            base,
        }
    }

    /// Counts a step before it is taken.
    pub(super) fn count(&mut self, step: &Step) -> Result<(), Trouble> {
        self.n_steps += 1;
        self.n_writes += usize::from(step.is_write());
        if self.n_steps > MOST_STEPS || self.n_writes > MOST_WRITES { Err(Trouble::Restless) } else { Ok(()) }
    }

    /// A write that was counted was not made, nor anything else in its place.
    pub(super) fn uncount_write(&mut self) {
        self.n_writes = self.n_writes.saturating_sub(1);
    }

    /// What stood for it is another, or none: everything is to be looked at.
    pub(super) fn turn(&mut self, mapping: Mapping) {
        self.mapping = mapping;
        self.counterpart = None;
        self.candidates = None;
        self.groups = Groups::all();
    }

    /// It was made. If an earlier attempt made it and it was deleted since, we were answered with what lies in the recycle
    /// bin; and if that attempt is old, with what has changed since. So it is asked for, and compared.
    pub(super) fn made(&mut self, mapping: Mapping) {
        self.turn(mapping);
        self.fresh = true;
    }

    /// What was made, now that it was seen.
    pub(super) fn unseen(&self) -> Option<(EntityId, &Value)> {
        let there = self.counterpart.as_ref()?.as_ref().filter(|_| self.fresh)?;
        Some((self.mapping.counterpart?, there))
    }

    /// What it comes to when nothing is to be done.
    pub(super) fn nothing(&self, reason: Reason) -> Outcome {
        if reason == Reason::Equal && self.written {
            Outcome::Written { counterpart: self.mapping.counterpart }
        } else {
            Outcome::Nothing(reason)
        }
    }

    /// The mapping with the time and the contents of the entity that is there now; nothing if it says so already.
    pub(super) fn carried(&self, outcome: &Outcome) -> Option<Mapping> {
        if !matches!(outcome, Outcome::Nothing(Reason::Equal) | Outcome::Written { counterpart: Some(_) }) {
            return None;
        }
        let entity = self.entity.as_ref()?;
        let updated = entity.get("updated").and_then(Value::as_str).filter(|text| parse_moscow_time(text).is_some());
        let essence = essence(entity);
        let news = self.mapping.carried.as_deref() != updated || self.mapping.essence.as_ref() != Some(&essence);
        news.then(|| self.mapping.carried_at(updated, essence))
    }
}

/// For what entities of the target were made or found during one drain: what was written a moment ago need not be
/// found yet by whoever asks the store from that side.
#[derive(Default)]
pub(super) struct Taken(Mutex<BTreeMap<EntityRef, EntityRef>>);

impl Taken {
    /// Takes an entity of the target for an origin; false if another has it.
    pub(super) fn take(&self, counterpart: EntityRef, origin: EntityRef) -> bool {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *taken.entry(counterpart).or_insert(origin) == origin
    }
}
