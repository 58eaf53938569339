//! Creating, updating and deleting: checked as a whole first, written then.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::books::{Books, MAX_ENTITIES, external_code, is_uuid, new_id};
use super::changes::{Action, Change, between};
use super::errors::{self, Failure};
use super::fields::{Taken, take};
use super::kinds::{Field, Kind};
use super::shelf::Entity;
use super::{attributes, derived, meta, moscow, parts};

/// What a body says of an entity, checked.
struct Draft {
    taken: Vec<(&'static str, Field, Taken)>,
}

impl Draft {
    /// What a body names besides the fields of its kind is ignored, what may not be written included.
    fn read(books: &Books, kind: Kind, body: &Map<String, Value>, current: Option<&Entity>) -> Result<Self, Failure> {
        let mut taken = Vec::new();
        for (name, field) in kind.fields() {
            if let Some(given) = body.get(name) {
                taken.push((name, field, take(books, kind, name, field, given, current)?));
            }
        }
        let draft = Self { taken };
        for required in kind.required() {
            let said = draft.taken.iter().find(|(name, ..)| name == required);
            let is_missing = match said {
                None => current.is_none(),
                Some((.., taken)) => matches!(taken, Taken::Cleared),
            };
            if is_missing {
                return Err(errors::empty(required));
            }
        }
        Ok(draft)
    }

    fn apply(self, books: &mut Books, entity: &mut Entity) {
        for (name, field, taken) in self.taken {
            match taken {
                Taken::Set(value) => {
                    if field == Field::Characteristics {
                        attributes::adopt(books, &value);
                    }
                    entity.row.insert(name.into(), value);
                }
                Taken::Cleared if matches!(field, Field::Positions | Field::Components) => entity.parts.clear(),
                Taken::Cleared => {
                    entity.row.remove(name);
                }
                Taken::Parts(parts) => entity.parts = parts,
                Taken::Untouched => {}
            }
        }
    }
}

/// An item of a body: an update if it carries a meta, else a creation. The id of what there is now.
pub(super) fn save(
    books: &mut Books,
    kind: Kind,
    item: &Value,
    now: Timestamp,
    changes: &mut Vec<Change>,
) -> Result<String, Failure> {
    let body = item.as_object().ok_or_else(errors::neither_object_nor_array)?;
    if body.get("meta").is_none_or(Value::is_null) {
        return create(books, kind, body, now, changes);
    }
    let (named, id) = meta::target(&books.base, "meta", item)?;
    if named != kind {
        return Err(errors::wrong_kind("meta", named.name(), kind.name()));
    }
    update(books, kind, &id, body, now, changes)?;
    Ok(id)
}

fn create(
    books: &mut Books,
    kind: Kind,
    body: &Map<String, Value>,
    now: Timestamp,
    changes: &mut Vec<Change>,
) -> Result<String, Failure> {
    let sync_id = match body.get("syncId") {
        None | Some(Value::Null) => None,
        Some(given) => {
            let sync_id = given.as_str().filter(|text| is_uuid(text)).ok_or_else(|| errors::not_a_uuid("syncId"))?;
            Some(sync_id.to_lowercase())
        }
    };
    // In the recycle bin or not: the entity of a known syncId is answered as it is.
    if let Some(known) = sync_id.as_deref().and_then(|sync_id| books.shelf(kind)?.by_sync_id(sync_id)) {
        return Ok(known.id.clone());
    }
    let draft = Draft::read(books, kind, body, None)?;
    if books.shelf_mut(kind).len() >= MAX_ENTITIES {
        return Err(Failure::new(StatusCode::BAD_REQUEST, 1022, "Ошибка при создании объекта"));
    }
    let mut entity =
        Entity { id: new_id(), sync_id, row: Map::new(), parts: Vec::new(), updated: now, is_trashed: false };
    derived::defaults(books, kind, &mut entity, now);
    draft.apply(books, &mut entity);
    if let Some(lacking) = attributes::lacking(books, kind, &entity.row) {
        return Err(errors::empty(&lacking));
    }
    entity.row.entry("externalCode").or_insert_with(|| json!(external_code()));
    if kind.is_document() && !entity.row.contains_key("name") {
        let number = books.shelf_mut(kind).next_number();
        entity.row.insert("name".into(), json!(number));
    }
    derived::settle(books, kind, &mut entity)?;
    let id = entity.id.clone();
    let change = Change::of(kind, &entity, Action::Create);
    books.shelf_mut(kind).put(entity);
    derived::spread(books, &change);
    changes.push(change);
    Ok(id)
}

pub(super) fn update(
    books: &mut Books,
    kind: Kind,
    id: &str,
    body: &Map<String, Value>,
    now: Timestamp,
    changes: &mut Vec<Change>,
) -> Result<(), Failure> {
    let current = books.live(kind, id).ok_or_else(|| errors::not_found(kind.name(), id))?.clone();
    if let Some(given) = body.get("syncId").filter(|given| !given.is_null())
        && given.as_str().map(str::to_lowercase) != current.sync_id
    {
        return Err(errors::sync_id_is_fixed());
    }
    let draft = Draft::read(books, kind, body, Some(&current))?;
    let mut entity = current.clone();
    draft.apply(books, &mut entity);
    write(books, kind, &current, entity, now, changes)
}

/// Puts a changed entity in the place of the old one.
pub(super) fn write(
    books: &mut Books,
    kind: Kind,
    current: &Entity,
    mut entity: Entity,
    now: Timestamp,
    changes: &mut Vec<Change>,
) -> Result<(), Failure> {
    derived::settle(books, kind, &mut entity)?;
    entity.updated = now;
    entity.row.insert("updated".into(), json!(moscow::text(now)));
    let change = between(kind, current, &entity);
    if let Some(place) = books.shelf_mut(kind).get_mut(&change.id) {
        *place = entity;
    }
    derived::spread(books, &change);
    changes.push(change);
    Ok(())
}

/// Into the recycle bin, unless something live points to it.
pub(super) fn delete(
    books: &mut Books,
    kind: Kind,
    id: &str,
    now: Timestamp,
    changes: &mut Vec<Change>,
) -> Result<(), Failure> {
    books.live(kind, id).ok_or_else(|| errors::not_found(kind.name(), id))?;
    let dependencies = dependencies(books, kind, id);
    if !dependencies.is_empty() {
        return Err(errors::in_use(dependencies));
    }
    if let Some(entity) = books.shelf_mut(kind).get_mut(id) {
        entity.is_trashed = true;
        entity.updated = now;
        entity.row.insert("deleted".into(), json!(moscow::text(now)));
        let change = Change::of(kind, entity, Action::Delete);
        derived::spread(books, &change);
        changes.push(change);
    }
    Ok(())
}

/// More are not listed.
const MAX_DEPENDENCIES: usize = 10;

fn dependencies(books: &Books, kind: Kind, id: &str) -> Vec<Value> {
    let href = meta::href_of(&books.base, kind, id);
    let names = |value: &Value| value["meta"]["href"] == href.as_str();
    let mut found = Vec::new();
    for (owner, shelf) in books.shelves() {
        let refers = owner.fields().any(|(_, field)| match field {
            Field::Ref(kinds) => kinds.contains(&kind),
            Field::Positions | Field::Components => kind.is_assortment(),
            _ => false,
        });
        if !refers {
            continue;
        }
        let live = shelf.all().filter(|entity| !entity.is_trashed);
        let referring = live
            .filter(|entity| entity.row.values().any(names) || entity.parts.iter().any(|p| names(&p["assortment"])));
        found.extend(referring.take(MAX_DEPENDENCIES).map(|entity| meta::of(&books.base, owner, &entity.id)));
    }
    found.truncate(MAX_DEPENDENCIES);
    found
}

/// What a position's place in the list of a document becomes.
pub(super) fn add_positions(
    books: &mut Books,
    kind: Kind,
    id: &str,
    given: &[Value],
    now: Timestamp,
    changes: &mut Vec<Change>,
) -> Result<Vec<Value>, Failure> {
    let current = books.live(kind, id).ok_or_else(|| errors::not_found(kind.name(), id))?.clone();
    let mut added = Vec::new();
    for element in given {
        let element = element.as_object().ok_or_else(errors::neither_object_nor_array)?;
        added.push(parts::position(books, kind, element, &[])?);
    }
    let mut entity = current.clone();
    entity.parts.extend(added);
    let before = current.parts.len();
    write(books, kind, &current, entity, now, changes)?;
    let written = books.live(kind, id).map(|entity| entity.parts[before..].to_vec());
    Ok(written.unwrap_or_default())
}
