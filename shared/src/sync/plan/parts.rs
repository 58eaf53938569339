//! What bundles and orders are made of. Such lists are replaced whole.

use serde_json::{Map, Value, json};

use super::decide::Blocked;
use super::fields::{Writing, same_number};
use super::meta::{entity_of, id_of, to_entity};
use super::references::rows;

/// The fields of a position that are carried beside what it is of.
const POSITION: [&str; 5] = ["quantity", "price", "discount", "vat", "vatEnabled"];
const COMPONENT: [&str; 1] = ["quantity"];

/// The list in the target's words.
pub(super) fn wanted(writing: &Writing<'_>, entity: &Value, list: &str) -> Result<Vec<Value>, Blocked> {
    let fields: &[&str] = if list == "components" { &COMPONENT } else { &POSITION };
    let mut wanted = Vec::new();
    for row in rows(entity, list) {
        let assortment = row.get("assortment").and_then(|reference| entity_of(writing.origin.account, reference));
        let assortment = assortment.ok_or(Blocked::UnknownPosition)?;
        let there = writing.references.get(assortment).ok_or(Blocked::ReferenceMissing(assortment))?;
        let mut part = Map::new();
        part.insert("assortment".to_owned(), to_entity(writing.base, assortment.kind, there));
        for field in fields {
            if let Some(value) = row.get(*field).filter(|value| !value.is_null()) {
                part.insert((*field).to_owned(), value.clone());
            }
        }
        wanted.push(Value::Object(part));
    }
    Ok(wanted)
}

/// Whether the list there is already so: the same parts in the same order.
pub(super) fn same(wanted: &[Value], entity: &Value, list: &str) -> bool {
    let fields: &[&str] = if list == "components" { &COMPONENT } else { &POSITION };
    let current = rows(entity, list);
    let same_part = |(a, b): (&Value, &Value)| {
        let assortment = |part: &Value| part.get("assortment").and_then(id_of);
        assortment(a) == assortment(b)
            && fields.iter().all(|field| match (a.get(*field), b.get(*field)) {
                (Some(Value::Number(a)), Some(Value::Number(b))) => same_number(a, b),
                // What was not said of a part is the target's own affair.
                (None, _) => true,
                (a, b) => a == b,
            })
    };
    current.len() == wanted.len() && wanted.iter().zip(current).all(same_part)
}

/// The parts reduced to what counts of them.
pub(super) fn essence(entity: &Value, list: &str) -> Value {
    let parts = rows(entity, list).iter().map(|row| {
        let numbers: Vec<Value> = POSITION.iter().map(|field| row.get(*field).cloned().unwrap_or_default()).collect();
        json!([row.get("assortment").and_then(id_of), numbers])
    });
    Value::Array(parts.collect())
}
