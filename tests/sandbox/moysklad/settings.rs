//! What an account is set up with: company settings, price types, metadata of its entities.

use serde_json::{Value, json};

use super::books::Books;
use super::errors::{self, Failure};
use super::fields::array;
use super::kinds::Kind;
use super::{attributes, meta};

pub(super) fn company(books: &Books) -> Value {
    let href = format!("{}/context/companysettings", books.base);
    json!({
        "meta": meta::plain(&href, "companysettings"),
        "currency": books.default_currency(),
        "priceTypes": books.price_types,
        "discountStrategy": "bySum",
        "globalOperationNumbering": false,
        "checkShippingStock": false,
        "checkMinPrice": false,
        "useRecycleBin": true,
        "useCompanyAddress": true
    })
}

pub(super) fn employee(books: &Books) -> Value {
    let row = books.first(Kind::Employee).map(|employee| employee.row.clone()).unwrap_or_default();
    Value::Object(row)
}

pub(super) fn price_type(books: &Books, id: &str) -> Result<Value, Failure> {
    let found = match id {
        "default" => books.price_types.first(),
        id => books.price_types.iter().find(|price_type| price_type["id"] == id),
    };
    found.cloned().ok_or_else(|| errors::not_found("pricetype", id))
}

/// The whole list anew: those named by their meta or id stay, others are made, what is left out goes.
pub(super) fn replace_price_types(books: &mut Books, given: &Value) -> Result<Value, Failure> {
    let mut kept = Vec::new();
    let mut named = Vec::new();
    for element in array("priceTypes", given)? {
        let name = element["name"].as_str().filter(|name| !name.is_empty()).ok_or_else(|| errors::empty("name"))?;
        let of_meta = element["meta"]["href"].as_str().and_then(|href| href.rsplit('/').next());
        let id = element["id"].as_str().or(of_meta);
        if let Some(id) = id {
            let mut known = price_type(books, id)?;
            known["name"] = json!(name);
            kept.push(known);
        } else {
            named.push(name.to_owned());
        }
    }
    if kept.is_empty() && named.is_empty() {
        return Err(errors::nothing_given());
    }
    books.price_types = kept;
    for name in named {
        books.add_price_type(&name);
    }
    Ok(json!(books.price_types))
}

/// `GET /entity/{type}/metadata`.
pub(super) fn metadata(books: &Books, kind: Kind) -> Value {
    let href = format!("{}/entity/{}/metadata", books.base, kind.name());
    let mut shown = json!({"meta": {"href": href, "mediaType": meta::MEDIA_TYPE}, "createShared": false});
    if kind.field("attributes").is_some() {
        let mut list = meta::plain(&format!("{href}/attributes"), "attributemetadata");
        list["size"] = json!(books.attributes.get(&kind.attributes_of()).map_or(0, Vec::len));
        list["limit"] = json!(1000);
        list["offset"] = json!(0);
        shown["attributes"] = json!({"meta": list});
    }
    if kind.is_document() {
        shown["states"] = json!(books.states.get(&kind).cloned().unwrap_or_default());
    }
    if kind == Kind::Variant {
        shown["characteristics"] = json!(books.characteristics);
    }
    shown
}

/// One collection of metadata: attributes, states, characteristics.
pub(super) fn collection(books: &Books, kind: Kind, of: &str) -> Result<Vec<Value>, Failure> {
    match of {
        "attributes" if kind.field("attributes").is_some() => {
            Ok(books.attributes.get(&kind.attributes_of()).cloned().unwrap_or_default())
        }
        "states" if kind.is_document() => Ok(books.states.get(&kind).cloned().unwrap_or_default()),
        "characteristics" if kind == Kind::Variant => Ok(books.characteristics.clone()),
        _ => Err(errors::unknown_path(&format!("entity/{}/metadata/{of}", kind.name()))),
    }
}

pub(super) fn listed(books: &Books, kind: Kind, of: &str) -> Result<Value, Failure> {
    let rows = collection(books, kind, of)?;
    let href = format!("{}/entity/{}/metadata/{of}", books.base, kind.name());
    Ok(json!({
        "meta": {"href": href, "mediaType": meta::MEDIA_TYPE, "size": rows.len(), "limit": 1000, "offset": 0},
        "rows": rows
    }))
}

pub(super) fn element(books: &Books, kind: Kind, of: &str, id: &str) -> Result<Value, Failure> {
    let found = collection(books, kind, of)?.into_iter().find(|element| element["id"] == id);
    found.ok_or_else(|| errors::not_found(of, id))
}

/// One, or several at once; one with a meta is changed.
pub(super) fn define(books: &mut Books, kind: Kind, of: &str, given: &Value) -> Result<Value, Failure> {
    collection(books, kind, of)?;
    match given {
        Value::Array(elements) => {
            let made: Result<Vec<_>, _> = elements.iter().map(|element| define_one(books, kind, of, element)).collect();
            made.map(Value::Array)
        }
        one => define_one(books, kind, of, one),
    }
}

fn define_one(books: &mut Books, kind: Kind, of: &str, given: &Value) -> Result<Value, Failure> {
    let name = || given["name"].as_str().filter(|name| !name.is_empty()).ok_or_else(|| errors::empty("name"));
    match of {
        "attributes" if given.get("meta").is_some() => {
            let under = format!("entity/{}/metadata/attributes", kind.attributes_of().name());
            let id = meta::id_under(&books.base, "meta", given, &under)?;
            redefine(books, kind, &id, given)
        }
        "attributes" => attributes::define(books, kind, given),
        "states" => Ok(books.add_state(kind, name()?)),
        "characteristics" => {
            let taken = json!([{"name": name()?, "value": "-"}]);
            let made = attributes::characteristics(books, "characteristics", &taken)?;
            attributes::adopt(books, &made);
            element(books, kind, of, made[0]["id"].as_str().unwrap_or_default())
        }
        _ => Err(errors::not_allowed("POST")),
    }
}

pub(super) fn redefine(books: &mut Books, kind: Kind, id: &str, given: &Value) -> Result<Value, Failure> {
    let defined = books.attributes.entry(kind.attributes_of()).or_default();
    let definition = defined.iter_mut().find(|definition| definition["id"] == id);
    let definition = definition.ok_or_else(|| errors::not_found("attributemetadata", id))?;
    attributes::redefine(definition, given)?;
    Ok(definition.clone())
}

/// Its values go with it.
pub(super) fn undefine(books: &mut Books, kind: Kind, id: &str) -> Result<(), Failure> {
    element(books, kind, "attributes", id)?;
    let home = kind.attributes_of();
    books.attributes.entry(home).or_default().retain(|definition| definition["id"] != id);
    for entity in books.entities_mut(|kind| kind.attributes_of() == home) {
        if let Some(values) = entity.row.get_mut("attributes").and_then(Value::as_array_mut) {
            values.retain(|value| value["id"] != id);
            if values.is_empty() {
                entity.row.remove("attributes");
            }
        }
    }
    Ok(())
}
