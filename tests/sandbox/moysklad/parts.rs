//! Positions of documents and components of bundles: replaced whole, at most 1000, listed apart from their owner.

use serde_json::{Map, Value, json};

use super::books::{Books, new_id};
use super::errors::{self, Failure};
use super::fields::{Taken, array, object};
use super::kinds::Kind;
use super::meta;
use super::shelf::Entity;

const NUMBERS: [&str; 4] = ["price", "discount", "vat", "reserve"];

/// An array, or the list as it is answered; a list of which only the meta is given is left alone.
fn elements<'a>(name: &str, given: &'a Value) -> Result<Option<&'a Vec<Value>>, Failure> {
    match given {
        Value::Object(list) => list.get("rows").map(|rows| array(name, rows)).transpose(),
        given => array(name, given).map(Some),
    }
}

fn assortment(books: &Books, element: &Value) -> Result<Value, Failure> {
    let named = element.get("assortment").filter(|named| !named.is_null());
    let named = named.ok_or_else(|| errors::empty("assortment"))?;
    let (kind, entity) = books.resolve("assortment", named, Kind::ASSORTMENT)?;
    Ok(books.reference(kind, &entity.id))
}

fn quantity(element: &Value) -> Result<f64, Failure> {
    let given = element.get("quantity").filter(|given| !given.is_null()).ok_or_else(|| errors::empty("quantity"))?;
    let quantity = given.as_f64().ok_or_else(|| errors::wrong_type("quantity", "number"))?;
    // What rounds to nothing at the fourth digit is nothing.
    if quantity < 0.00005 {
        return Err(errors::not_positive("quantity"));
    }
    Ok(quantity)
}

pub(super) fn positions(
    books: &Books,
    kind: Kind,
    name: &str,
    given: &Value,
    current: Option<&Entity>,
) -> Result<Taken, Failure> {
    let Some(elements) = elements(name, given)? else {
        return Ok(Taken::Untouched);
    };
    let standing = current.map(|entity| entity.parts.as_slice()).unwrap_or_default();
    let mut positions = Vec::new();
    for element in elements {
        positions.push(position(books, kind, object(name, element)?, standing)?);
    }
    Ok(Taken::Parts(positions))
}

/// A position, new or of this very document: one of another document is refused.
pub(super) fn position(
    books: &Books,
    kind: Kind,
    given: &Map<String, Value>,
    standing: &[Value],
) -> Result<Value, Failure> {
    let element = Value::Object(given.clone());
    let of_meta = element["meta"]["href"].as_str().and_then(|href| href.rsplit('/').next());
    let id = match element["id"].as_str().or(of_meta) {
        None => new_id(),
        Some(id) if standing.iter().any(|position| position["id"] == id) => id.to_owned(),
        Some(_) => return Err(errors::foreign_child("positions")),
    };
    let mut position = Map::new();
    position.insert("id".into(), json!(id));
    position.insert("accountId".into(), json!(books.account_id));
    position.insert("assortment".into(), assortment(books, &element)?);
    position.insert("quantity".into(), json!(quantity(&element)?));
    for number in NUMBERS {
        match given.get(number) {
            None | Some(Value::Null) if matches!(number, "price" | "discount") => {
                position.insert(number.into(), json!(0.0));
            }
            None | Some(Value::Null) => {}
            Some(value) => {
                let value = value.as_f64().ok_or_else(|| errors::wrong_type(number, "number"))?;
                if value < 0.0 {
                    return Err(errors::negative(number));
                }
                let kept = if number == "vat" { json!(value as i64) } else { json!(value) };
                position.insert(number.into(), kept);
            }
        }
    }
    if let Some(vat_enabled) = given.get("vatEnabled").filter(|value| value.is_boolean()) {
        position.insert("vatEnabled".into(), vat_enabled.clone());
    }
    if kind == Kind::CustomerOrder {
        position.insert("shipped".into(), json!(0.0));
    }
    Ok(Value::Object(position))
}

pub(super) fn components(books: &Books, name: &str, given: &Value) -> Result<Taken, Failure> {
    let Some(elements) = elements(name, given)? else {
        return Ok(Taken::Untouched);
    };
    let mut components = Vec::new();
    for element in elements {
        object(name, element)?;
        components.push(json!({
            "id": new_id(), "accountId": books.account_id, "assortment": assortment(books, element)?,
            "quantity": quantity(element)?
        }));
    }
    match components.is_empty() {
        true => Err(errors::empty(name)),
        false => Ok(Taken::Parts(components)),
    }
}

/// The name of the list and the type of its elements.
pub(super) fn list_of(kind: Kind) -> Option<(&'static str, String)> {
    match kind {
        Kind::Bundle => Some(("components", "bundlecomponent".into())),
        kind if kind.is_document() => Some(("positions", format!("{}position", kind.name()))),
        _ => None,
    }
}

/// Puts metas on the parts, their number on the row, and the sum on a document.
pub(super) fn settle(base: &str, kind: Kind, entity: &mut Entity) {
    let Some((list, of_type)) = list_of(kind) else { return };
    let href = format!("{}/{list}", meta::href_of(base, kind, &entity.id));
    for part in &mut entity.parts {
        let id = part["id"].as_str().unwrap_or_default().to_owned();
        part["meta"] = meta::plain(&format!("{href}/{id}"), &of_type);
    }
    let mut collection = meta::plain(&href, &of_type);
    collection["size"] = json!(entity.parts.len());
    collection["limit"] = json!(1000);
    collection["offset"] = json!(0);
    entity.row.insert(list.into(), json!({"meta": collection}));
    if kind.is_document() {
        let number = |part: &Value, name: &str| part[name].as_f64().unwrap_or_default();
        let cost =
            |part: &Value| number(part, "price") * number(part, "quantity") * (1.0 - number(part, "discount") / 100.0);
        let sum: f64 = entity.parts.iter().map(cost).sum();
        entity.row.insert("sum".into(), json!((sum * 100.0).round() / 100.0));
    }
}

/// Whether two lists say the same, whatever the ids of their elements.
pub(super) fn same(before: &[Value], after: &[Value]) -> bool {
    let said = |part: &Value| {
        let mut said = part.clone();
        if let Some(fields) = said.as_object_mut() {
            fields.remove("id");
            fields.remove("meta");
        }
        said
    };
    before.len() == after.len() && before.iter().zip(after).all(|(a, b)| said(a) == said(b))
}
