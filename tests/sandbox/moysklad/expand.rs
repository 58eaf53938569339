//! `expand`: what a meta points to in its place, at most three deep.

use serde_json::{Value, json};

use super::books::Books;
use super::meta;
use super::shelf::Entity;

/// Of a larger page nothing is expanded, without a word.
pub(super) const MAX_PAGE: usize = 100;
const MAX_DEPTH: usize = 3;

pub(super) fn expanded(books: &Books, entity: &Entity, wanted: &[Vec<&str>]) -> Value {
    value(books, &Value::Object(entity.row.clone()), wanted)
}

/// A row or a part of one.
pub(super) fn value(books: &Books, row: &Value, wanted: &[Vec<&str>]) -> Value {
    let mut row = row.clone();
    for path in wanted {
        follow(books, &mut row, &path[..path.len().min(MAX_DEPTH)]);
    }
    row
}

fn follow(books: &Books, row: &mut Value, path: &[&str]) {
    let Some((field, below)) = path.split_first() else { return };
    if matches!(*field, "positions" | "components") {
        add_parts(books, row, field);
        for part in row[*field]["rows"].as_array_mut().into_iter().flatten() {
            follow(books, part, below);
        }
        return;
    }
    let Some(place) = row.get_mut(*field) else { return };
    if place.get("id").is_none() {
        let Ok((kind, id)) = meta::target(&books.base, field, place) else { return };
        let Some(entity) = books.shelf(kind).and_then(|shelf| shelf.get(&id)) else { return };
        *place = Value::Object(entity.row.clone());
    }
    follow(books, place, below);
}

/// The rows of a list within an entity, of which one hundred at most.
fn add_parts(books: &Books, row: &mut Value, field: &str) {
    let Ok((kind, id)) = meta::target(&books.base, field, row) else { return };
    let Some(entity) = books.shelf(kind).and_then(|shelf| shelf.get(&id)) else { return };
    if row.get(field).is_some_and(|list| list.get("rows").is_none()) {
        row[field]["rows"] = json!(entity.parts.iter().take(MAX_PAGE).collect::<Vec<_>>());
        row[field]["meta"]["limit"] = json!(MAX_PAGE);
    }
}
