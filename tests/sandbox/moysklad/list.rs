//! Lists: filtered, ordered, by pages.

use std::cmp::Ordering;

use serde_json::Value;

use super::books::Books;
use super::errors::{self, Failure};
use super::expand::{self, expanded};
use super::kinds::{Field, Kind};
use super::matching::Filter;
use super::query::Query;
use super::shelf::Entity;

const MAX_PAGE: usize = 1000;
const SEARCHED: [&str; 4] = ["name", "code", "article", "externalCode"];

pub(super) fn entities(books: &Books, kind: Kind, query: &Query) -> Result<Value, Failure> {
    let page = query.page(MAX_PAGE, MAX_PAGE)?;
    let states = books.states.get(&kind).map(Vec::as_slice).unwrap_or_default();
    let filter = Filter::read(kind, &books.base, states, &query.conditions()?)?;
    let order = order(kind, query)?;
    let search = query.get("search").map(str::to_lowercase);
    let all = books.shelf(kind).into_iter().flat_map(|shelf| shelf.all());
    let found = |entity: &&Entity| search.as_ref().is_none_or(|text| is_found(entity, text));
    let mut held: Vec<&Entity> = all.filter(|entity| filter.holds(entity)).filter(found).collect();
    held.sort_by(|a, b| compare(a, b, &order));
    // Of a larger page `expand` is ignored.
    let wanted = if page.limit <= expand::MAX_PAGE { query.expand() } else { Vec::new() };
    let rows = page.of(&held).map(|entity| expanded(books, entity, &wanted)).collect();
    Ok(page.list(&books.base, query, kind.name(), held.len(), rows))
}

/// Positions of a document, components of a bundle.
pub(super) fn parts(books: &Books, entity: &Entity, of_type: &str, query: &Query) -> Result<Value, Failure> {
    let page = query.page(MAX_PAGE, MAX_PAGE)?;
    let wanted = if page.limit <= expand::MAX_PAGE { query.expand() } else { Vec::new() };
    let rows = page.of(&entity.parts).map(|part| expand::value(books, part, &wanted)).collect();
    Ok(page.list(&books.base, query, of_type, entity.parts.len(), rows))
}

fn is_found(entity: &Entity, text: &str) -> bool {
    let texts = SEARCHED.iter().filter_map(|field| entity.row.get(*field)?.as_str());
    texts.map(str::to_lowercase).any(|own| own.contains(text))
}

fn order(kind: Kind, query: &Query) -> Result<Vec<(&str, bool)>, Failure> {
    let order = query.order();
    for (field, _) in &order {
        let is_common = matches!(*field, "id" | "updated" | "created" | "pathName" | "sum");
        let is_plain = matches!(
            kind.field(field),
            Some(Field::Text(_) | Field::Int | Field::Number | Field::Bool | Field::Moment)
        );
        if !is_common && !is_plain {
            return Err(errors::wrong_order(field));
        }
    }
    Ok(order)
}

fn compare(a: &Entity, b: &Entity, order: &[(&str, bool)]) -> Ordering {
    for (field, descends) in order {
        let ordering = by_value(a.row.get(*field), b.row.get(*field));
        if ordering != Ordering::Equal {
            return if *descends { ordering.reverse() } else { ordering };
        }
    }
    Ordering::Equal
}

fn by_value(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    match (a, b) {
        (Some(Value::String(a)), Some(Value::String(b))) => a.cmp(b),
        (Some(Value::Bool(a)), Some(Value::Bool(b))) => a.cmp(b),
        (Some(a), Some(b)) => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}
