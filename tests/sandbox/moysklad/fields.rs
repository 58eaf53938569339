//! What a body says of one field, checked and brought into the form it is answered in.

use serde_json::{Map, Value, json};

use super::books::{Books, new_id};
use super::errors::{self, Failure};
use super::kinds::{Field, Kind};
use super::shelf::Entity;
use super::{attributes, moscow, parts, prices};

const BARCODES: [&str; 5] = ["ean13", "ean8", "code128", "gtin", "upc"];
const MAX_BARCODE: usize = 255;
const MAX_ELEMENTS: usize = 1000;

/// What becomes of a field.
#[derive(Debug)]
pub(super) enum Taken {
    Set(Value),
    /// Of `null`, and of a text without letters: what is empty is omitted.
    Cleared,
    /// Positions or components, all of them anew.
    Parts(Vec<Value>),
    /// As it was: a collection given by its meta only.
    Untouched,
}

/// `current` is what an update changes.
pub(super) fn take(
    books: &Books,
    kind: Kind,
    name: &str,
    field: Field,
    given: &Value,
    current: Option<&Entity>,
) -> Result<Taken, Failure> {
    if given.is_null() {
        return Ok(Taken::Cleared);
    }
    let set = |value: Value| Ok(Taken::Set(value));
    match field {
        Field::Text(max) => text(name, given, max),
        Field::Bool => set(json!(given.as_bool().ok_or_else(|| errors::wrong_type(name, "boolean"))?)),
        Field::Number => set(json!(given.as_f64().ok_or_else(|| errors::wrong_type(name, "number"))?)),
        Field::Int => set(json!(given.as_i64().ok_or_else(|| errors::wrong_type(name, "int"))?)),
        Field::Moment => {
            let moment = given.as_str().and_then(moscow::parse);
            set(json!(moscow::text(moment.ok_or_else(|| errors::wrong_type(name, "datetime"))?)))
        }
        Field::Object => {
            given.as_object().ok_or_else(|| errors::wrong_type(name, "object"))?;
            set(given.clone())
        }
        Field::Texts => {
            let texts = array(name, given)?;
            match texts.iter().all(Value::is_string) {
                true => set(given.clone()),
                false => Err(errors::wrong_type(name, "array of string")),
            }
        }
        Field::Barcodes => barcodes(name, given),
        Field::Packs => packs(books, name, given),
        Field::Ref(allowed) => {
            let (kind, entity) = books.resolve(name, given, allowed)?;
            set(books.reference(kind, &entity.id))
        }
        Field::State => state(books, kind, name, given),
        Field::Price => prices::single(books, name, given).map(Taken::Set),
        Field::SalePrices => prices::all(books, name, given, current).map(Taken::Set),
        Field::Attributes => attributes::values(books, kind, given, current),
        Field::Rate => {
            let (kind, currency) = books.resolve("currency", &given["currency"], &[Kind::Currency])?;
            set(json!({"currency": books.reference(kind, &currency.id)}))
        }
        Field::Positions => parts::positions(books, kind, name, given, current),
        Field::Components => parts::components(books, name, given),
        Field::Characteristics => attributes::characteristics(books, name, given).map(Taken::Set),
    }
}

/// At most 1000 elements.
pub(super) fn array<'a>(name: &str, given: &'a Value) -> Result<&'a Vec<Value>, Failure> {
    let elements = given.as_array().ok_or_else(|| errors::wrong_type(name, "array"))?;
    if elements.len() > MAX_ELEMENTS {
        return Err(errors::too_many(name));
    }
    Ok(elements)
}

pub(super) fn object<'a>(name: &str, given: &'a Value) -> Result<&'a Map<String, Value>, Failure> {
    given.as_object().ok_or_else(|| errors::wrong_type(name, "object"))
}

fn text(name: &str, given: &Value, max: usize) -> Result<Taken, Failure> {
    let text = given.as_str().ok_or_else(|| errors::wrong_type(name, "string"))?;
    match text.chars().count() {
        0 => Ok(Taken::Cleared),
        long if long > max => Err(errors::too_long(name, max)),
        _ => Ok(Taken::Set(given.clone())),
    }
}

fn barcodes(name: &str, given: &Value) -> Result<Taken, Failure> {
    let elements = array(name, given)?;
    for element in elements {
        let fields = object(name, element)?;
        let one = fields.iter().next().filter(|_| fields.len() == 1);
        let known = one.filter(|(kind, code)| BARCODES.contains(&kind.as_str()) && code.is_string());
        let (_, code) = known.ok_or_else(|| errors::wrong_value(name, &element.to_string(), &BARCODES.join(", ")))?;
        if code.as_str().is_none_or(|code| code.len() > MAX_BARCODE) {
            return Err(errors::too_long(name, MAX_BARCODE));
        }
    }
    // The whole list anew, and an empty one is omitted.
    Ok(if elements.is_empty() { Taken::Cleared } else { Taken::Set(given.clone()) })
}

fn packs(books: &Books, name: &str, given: &Value) -> Result<Taken, Failure> {
    let mut packs = Vec::new();
    for element in array(name, given)? {
        let mut pack = object(name, element)?.clone();
        let (kind, uom) = books.resolve("uom", &element["uom"], &[Kind::Uom])?;
        let quantity = element["quantity"].as_f64().ok_or_else(|| errors::wrong_type("quantity", "number"))?;
        pack.insert("uom".into(), books.reference(kind, &uom.id));
        pack.insert("quantity".into(), json!(quantity));
        pack.entry("id").or_insert_with(|| json!(new_id()));
        packs.push(Value::Object(pack));
    }
    Ok(if packs.is_empty() { Taken::Cleared } else { Taken::Set(Value::Array(packs)) })
}

fn state(books: &Books, kind: Kind, name: &str, given: &Value) -> Result<Taken, Failure> {
    let under = format!("entity/{}/metadata/states", kind.name());
    let id = super::meta::id_under(&books.base, name, given, &under)?;
    let states = books.states.get(&kind).into_iter().flatten();
    let state = states.clone().find(|state| state["id"] == id.as_str());
    let state = state.ok_or_else(|| errors::reference_not_found(name, "state", &id))?;
    Ok(Taken::Set(json!({"meta": state["meta"]})))
}
