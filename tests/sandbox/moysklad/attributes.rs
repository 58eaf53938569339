//! Attributes ("дополнительные поля") and a variant's characteristics: defined by the account, told by its metas only.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::books::{Books, new_id};
use super::errors::{self, Failure};
use super::fields::{Taken, array, object};
use super::kinds::Kind;
use super::shelf::Entity;
use super::{meta, moscow};

const TYPES: [&str; 9] = ["string", "text", "link", "long", "double", "boolean", "time", "file", "customentity"];

fn under(kind: Kind) -> String {
    format!("entity/{}/metadata/attributes", kind.attributes_of().name())
}

/// Only those given change; `value: null` clears one.
pub(super) fn values(books: &Books, kind: Kind, given: &Value, current: Option<&Entity>) -> Result<Taken, Failure> {
    let standing = current.and_then(|entity| entity.row.get("attributes")).and_then(Value::as_array);
    let mut values = standing.cloned().unwrap_or_default();
    let defined = books.attributes.get(&kind.attributes_of()).map(Vec::as_slice).unwrap_or_default();
    for element in array("attributes", given)? {
        object("attributes", element)?;
        let id = meta::id_under(&books.base, "attributes", element, &under(kind))?;
        let definition = defined.iter().find(|definition| definition["id"] == id.as_str());
        let definition =
            definition.ok_or_else(|| errors::reference_not_found("attributes", "attributemetadata", &id))?;
        values.retain(|value| value["id"] != id.as_str());
        if let Some(value) = value_of(books, definition, &element["value"])? {
            values.push(json!({
                "meta": definition["meta"], "id": id, "name": definition["name"], "type": definition["type"],
                "value": value
            }));
        }
    }
    Ok(if values.is_empty() { Taken::Cleared } else { Taken::Set(Value::Array(values)) })
}

/// The name of a required attribute that a new entity lacks.
pub(super) fn lacking(books: &Books, kind: Kind, row: &Map<String, Value>) -> Option<String> {
    let given = row.get("attributes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let defined = books.attributes.get(&kind.attributes_of()).into_iter().flatten();
    let mut required = defined.filter(|definition| definition["required"] == true);
    let lacking = required.find(|definition| !given.iter().any(|value| value["id"] == definition["id"]))?;
    lacking["name"].as_str().map(str::to_owned)
}

fn value_of(books: &Books, definition: &Value, given: &Value) -> Result<Option<Value>, Failure> {
    let name = definition["name"].as_str().unwrap_or_default();
    let of_type = definition["type"].as_str().unwrap_or_default();
    if given.is_null() {
        return Ok(None);
    }
    let text_of = |max: usize| {
        let text = given.as_str().ok_or_else(|| errors::wrong_type(name, "string"))?;
        match text.chars().count() {
            0 => Ok(None),
            long if long > max => Err(errors::too_long(name, max)),
            _ => Ok(Some(given.clone())),
        }
    };
    let right = |is_right: bool| match is_right {
        true => Ok(Some(given.clone())),
        false => Err(errors::wrong_type(name, of_type)),
    };
    match of_type {
        "string" => text_of(255),
        "text" | "link" => text_of(4096),
        "long" => right(given.is_i64() || given.is_u64()),
        "double" => right(given.is_number()),
        "boolean" => right(given.is_boolean()),
        "time" => match given.as_str().and_then(moscow::parse) {
            Some(moment) => Ok(Some(json!(moscow::text(moment)))),
            None => Err(errors::wrong_type(name, "datetime")),
        },
        "file" | "customentity" => Ok(Some(given.clone())),
        kind => {
            let kind = Kind::by_name(kind).ok_or_else(|| errors::wrong_type(name, of_type))?;
            let (kind, entity) = books.resolve(name, given, &[kind])?;
            let mut value = books.reference(kind, &entity.id);
            value["name"] = json!(entity.name());
            Ok(Some(value))
        }
    }
}

/// A new attribute of a kind.
pub(super) fn define(books: &mut Books, kind: Kind, given: &Value) -> Result<Value, Failure> {
    let given = object("attributes", given)?;
    let name = given.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| errors::empty("name"))?;
    let of_type = given.get("type").and_then(Value::as_str).ok_or_else(|| errors::empty("type"))?;
    if !TYPES.contains(&of_type) && Kind::by_name(of_type).is_none() {
        return Err(errors::wrong_value("type", of_type, &TYPES.join(", ")));
    }
    let id = new_id();
    let href = format!("{}/{}/{id}", books.base, under(kind));
    let mut made = json!({
        "meta": meta::plain(&href, "attributemetadata"), "id": id, "name": name, "type": of_type,
        "required": given.get("required").and_then(Value::as_bool).unwrap_or_default(),
        "show": given.get("show").and_then(Value::as_bool).unwrap_or(true)
    });
    if let Some(description) = given.get("description").filter(|text| text.is_string()) {
        made["description"] = description.clone();
    }
    books.attributes.entry(kind.attributes_of()).or_default().push(made.clone());
    Ok(made)
}

/// Takes name, description, `required` and `show`; the type is for good.
pub(super) fn redefine(definition: &mut Value, given: &Value) -> Result<(), Failure> {
    for (name, value) in object("attributes", given)? {
        match name.as_str() {
            "name" | "description" if value.is_string() => definition[name] = value.clone(),
            "required" | "show" if value.is_boolean() => definition[name] = value.clone(),
            "type" if *value != definition["type"] => {
                let text = "Ошибка сохранения объекта: поле 'type' не может быть изменено";
                return Err(Failure::new(StatusCode::BAD_REQUEST, 3001, text).at("type"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// As `updatedFields` has it: by the names people gave them.
pub(super) fn changed(before: &Value, after: &Value) -> Vec<String> {
    let list = |values: &Value| values.as_array().cloned().unwrap_or_default();
    let (before, after) = (list(before), list(after));
    let value_in = |values: &[Value], id: &Value| values.iter().find(|value| &value["id"] == id).cloned();
    let mut names: Vec<String> = Vec::new();
    for value in before.iter().chain(&after) {
        let is_changed = value_in(&before, &value["id"]) != value_in(&after, &value["id"]);
        let name = value["name"].as_str().unwrap_or_default();
        if is_changed && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// By id, by meta, or by name; a name that is new makes a characteristic.
pub(super) fn characteristics(books: &Books, name: &str, given: &Value) -> Result<Value, Failure> {
    let mut taken = Vec::new();
    for element in array(name, given)? {
        let fields = object(name, element)?;
        let value = fields.get("value").and_then(Value::as_str).filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| errors::empty("value"))?;
        let by_id = match (fields.get("meta"), fields.get("id").and_then(Value::as_str)) {
            (Some(_), _) => {
                Some(meta::id_under(&books.base, name, element, "entity/variant/metadata/characteristics")?)
            }
            (None, id) => id.map(str::to_owned),
        };
        let known = |field: &str, wanted: &str| books.characteristics.iter().find(|known| known[field] == wanted);
        let characteristic = match (by_id, fields.get("name").and_then(Value::as_str)) {
            (Some(id), _) => {
                known("id", &id).cloned().ok_or_else(|| errors::reference_not_found(name, "characteristic", &id))?
            }
            (None, Some(called)) => known("name", called).cloned().unwrap_or_else(|| characteristic(books, called)),
            (None, None) => return Err(errors::empty("id")),
        };
        taken.push(json!({
            "meta": characteristic["meta"], "id": characteristic["id"], "name": characteristic["name"], "value": value
        }));
    }
    match taken.is_empty() {
        true => Err(errors::empty(name)),
        false => Ok(Value::Array(taken)),
    }
}

fn characteristic(books: &Books, name: &str) -> Value {
    let id = new_id();
    let href = format!("{}/entity/variant/metadata/characteristics/{id}", books.base);
    json!({"meta": meta::plain(&href, "attributemetadata"), "id": id, "name": name, "type": "string"})
}

/// Those a variant brought along become the account's.
pub(super) fn adopt(books: &mut Books, taken: &Value) {
    for given in taken.as_array().into_iter().flatten() {
        if !books.characteristics.iter().any(|known| known["id"] == given["id"]) {
            let mut known = given.clone();
            if let Some(fields) = known.as_object_mut() {
                fields.remove("value");
            }
            known["type"] = json!("string");
            books.characteristics.push(known);
        }
    }
}
