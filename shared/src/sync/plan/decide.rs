//! From what is known of an entity to the next step.

use serde_json::{Map, Value};

use super::fields::{Writing, text};
use super::matching::{Likeness, Search};
use super::references::{References, needed};
use super::sync_id::sync_id;
use crate::model::moysklad::{Direction, EntityId, EntityKind, EntityRef, Filter, Groups, Mapping, OnDelete, Settings};
use crate::sync::dictionary::Translation;

/// What is known of what stands for an entity in the target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Counterpart<'a> {
    /// It was not asked for.
    Unasked,
    /// The mapping names one that is not there.
    Gone,
    /// It is there, and this is it.
    There(&'a Value),
}

/// Everything a step is decided by.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The entity as it is now in its own account; nothing if it was deleted.
    pub entity: Option<&'a Value>,
    /// What stands for it.
    pub mapping: &'a Mapping,
    /// The same, as it is now.
    pub counterpart: Counterpart<'a>,
    /// What a search for it has found, if there was one.
    pub candidates: Option<&'a [Value]>,
    /// What may have changed.
    pub groups: &'a Groups,
    /// What is carried, and how.
    pub settings: &'a Settings,
    /// From the one account's words to the other's.
    pub translation: &'a Translation,
    /// What the entity refers to, in the target.
    pub references: &'a References,
    /// The base address of the target's API.
    pub base: &'a str,
}

/// Why nothing is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Everything is as it should be.
    Equal,
    /// This kind is not carried.
    NotCarried,
    /// The child's filters leave it out.
    Filtered,
    /// It was archived before it ever came.
    Archived,
    /// The order is not posted yet.
    NotPosted,
    /// It was deleted, and nothing stands for it.
    Gone,
    /// It was deleted, and what stands for it is kept.
    Kept,
}

/// Why something cannot be done until a person has changed something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// Several entities of the target could be it.
    #[error("ambiguous_match")]
    Ambiguous(Vec<EntityId>),
    /// What it refers to is not in the target, and does not come there.
    #[error("reference_missing")]
    ReferenceMissing(EntityRef),
    /// It refers to something that is not carried at all.
    #[error("unknown_position")]
    UnknownPosition,
    /// A price in a currency that the target has not.
    #[error("unknown_currency")]
    UnknownCurrency,
    /// It is not said for whom orders are made out.
    #[error("no_order_settings")]
    NoOrderSettings,
}

impl Blocked {
    /// A stable word.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Ambiguous(_) => "ambiguous_match",
            Self::ReferenceMissing(_) => "reference_missing",
            Self::UnknownPosition => "unknown_position",
            Self::UnknownCurrency => "unknown_currency",
            Self::NoOrderSettings => "no_order_settings",
        }
    }
}

/// What to do next. After a step that asks for something it is decided anew, with the answer among the facts.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Nothing.
    Nothing(Reason),
    /// Nothing can be done.
    Blocked(Blocked),
    /// Ask for what stands for it.
    Ask(EntityId),
    /// Find out what these are in the target; what is not there yet and is carried comes first.
    Resolve(Vec<EntityRef>),
    /// Look for it in the target.
    Search(Search),
    /// What stood for it is lost: say so in the mapping before anything else.
    Lose,
    /// This is it: say so in the mapping, and compare everything.
    Adopt(EntityId),
    /// Make it.
    Create(Value),
    /// Change these fields of it, and no others.
    Update(EntityId, Value),
    /// Delete it, and say in the mapping that it is lost.
    Delete(EntityId),
}

impl Step {
    /// Whether it changes anything in the target.
    #[must_use]
    pub const fn is_write(&self) -> bool {
        matches!(self, Self::Create(_) | Self::Update(..) | Self::Delete(_))
    }
}

/// The next step.
#[must_use]
pub fn decide(facts: &Facts<'_>) -> Step {
    let origin = facts.mapping.origin;
    if !carried(origin.kind, facts.settings) {
        return Step::Nothing(Reason::NotCarried);
    }
    match facts.entity {
        Some(entity) => present(facts, entity),
        None => deleted(facts),
    }
}

/// A folder comes along with what lies in it, if folders are made at all.
fn carried(kind: EntityKind, settings: &Settings) -> bool {
    settings.carries(kind) || (kind == EntityKind::ProductFolder && settings.folders)
}

fn deleted(facts: &Facts<'_>) -> Step {
    let Some(id) = facts.mapping.counterpart else {
        return Step::Nothing(Reason::Gone);
    };
    // An order that went up stays: the main account may have acted on it.
    if facts.mapping.origin.kind.direction() == Direction::Up {
        return Step::Nothing(Reason::Kept);
    }
    match (facts.settings.on_delete, facts.counterpart) {
        (OnDelete::Keep, _) => Step::Nothing(Reason::Kept),
        (OnDelete::Delete, Counterpart::Gone) | (OnDelete::Archive, Counterpart::Gone) => Step::Lose,
        (OnDelete::Delete, _) => Step::Delete(id),
        (OnDelete::Archive, _) if facts.mapping.origin.kind == EntityKind::ProductFolder => Step::Nothing(Reason::Kept),
        (OnDelete::Archive, Counterpart::Unasked) => Step::Ask(id),
        (OnDelete::Archive, Counterpart::There(there)) => match there.get("archived").and_then(Value::as_bool) {
            Some(true) => Step::Nothing(Reason::Kept),
            _ => Step::Update(id, Value::Object(Map::from_iter([("archived".to_owned(), true.into())]))),
        },
    }
}

fn present(facts: &Facts<'_>, entity: &Value) -> Step {
    let origin = facts.mapping.origin;
    if let Some(reason) = left_out(facts, entity) {
        return Step::Nothing(reason);
    }
    let everything = Groups::all();
    let groups = if facts.mapping.counterpart.is_some() { facts.groups } else { &everything };
    let unresolved: Vec<EntityRef> = needed(origin.account, origin.kind, entity, groups, facts.settings)
        .into_iter()
        .filter(|reference| !facts.references.is_known(*reference))
        .collect();
    let writing = |groups| Writing {
        origin,
        groups,
        settings: facts.settings,
        translation: facts.translation,
        references: facts.references,
        base: facts.base,
    };
    match (facts.mapping.counterpart, facts.counterpart) {
        (Some(id), Counterpart::Unasked) => Step::Ask(id),
        (Some(_), Counterpart::Gone) => Step::Lose,
        _ if !unresolved.is_empty() => Step::Resolve(unresolved),
        (Some(id), Counterpart::There(there)) => match writing(groups).differences(entity, Some(there)) {
            Ok(fields) if fields.is_empty() => Step::Nothing(Reason::Equal),
            Ok(fields) => Step::Update(id, Value::Object(fields)),
            Err(blocked) => Step::Blocked(blocked),
        },
        (None, _) => match found(facts, entity) {
            Found::Unasked(search) => Step::Search(search),
            Found::One(id) => Step::Adopt(id),
            Found::Several(ids) => Step::Blocked(Blocked::Ambiguous(ids)),
            Found::None => match writing(groups).differences(entity, None) {
                Ok(fields) => Step::Create(created(facts.mapping, fields)),
                Err(blocked) => Step::Blocked(blocked),
            },
        },
    }
}

enum Found {
    Unasked(Search),
    None,
    One(EntityId),
    Several(Vec<EntityId>),
}

fn found(facts: &Facts<'_>, entity: &Value) -> Found {
    let origin = facts.mapping.origin;
    let likeness = Likeness::of(origin.account, origin.kind, entity, facts.settings, facts.references);
    let (Some(likeness), candidates) = (likeness, facts.candidates) else {
        return Found::None;
    };
    let Some(candidates) = candidates else {
        return Found::Unasked(likeness.search(origin.kind));
    };
    let mut same = likeness.among(candidates);
    match (same.pop(), same.is_empty()) {
        (None, _) => Found::None,
        (Some(id), true) => Found::One(id),
        (Some(id), false) => {
            same.push(id);
            Found::Several(same)
        }
    }
}

fn created(mapping: &Mapping, mut fields: Map<String, Value>) -> Value {
    if mapping.origin.kind.arrives_as().has_sync_id() {
        fields.insert("syncId".to_owned(), sync_id(mapping).to_string().into());
    }
    Value::Object(fields)
}

fn left_out(facts: &Facts<'_>, entity: &Value) -> Option<Reason> {
    let is = |name: &str| entity.get(name).and_then(Value::as_bool);
    let new = facts.mapping.counterpart.is_none();
    match facts.mapping.origin.kind.direction() {
        Direction::Down => {
            // Folders come with what lies in them, whatever the filters say of other things.
            let filtered = facts.mapping.origin.kind != EntityKind::ProductFolder
                && !facts.settings.filters.iter().all(|filter| passes(filter, entity));
            if filtered {
                return Some(Reason::Filtered);
            }
            (new && is("archived") == Some(true)).then_some(Reason::Archived)
        }
        Direction::Up => {
            let only_posted = facts.settings.orders.as_ref().is_some_and(|orders| orders.only_posted);
            (new && only_posted && is("applicable") != Some(true)).then_some(Reason::NotPosted)
        }
    }
}

fn passes(filter: &Filter, entity: &Value) -> bool {
    match filter {
        Filter::InFolder(folder) => {
            let path = text(entity, "pathName").unwrap_or_default();
            path == folder || path.strip_prefix(folder.as_str()).is_some_and(|below| below.starts_with('/'))
        }
        Filter::Attribute { id, equals } => {
            let mut all = entity.get("attributes").and_then(Value::as_array).into_iter().flatten();
            let id = id.to_string();
            let own = all.find(|one| one.get("id").and_then(Value::as_str) == Some(&id));
            own.and_then(|one| one.get("value"))
                .is_some_and(|value| value == equals || value.get("name").is_some_and(|name| name == equals))
        }
    }
}
