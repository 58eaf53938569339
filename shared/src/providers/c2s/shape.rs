//! Where the parts of a lead stand in a body, and how to say that one is missing without repeating what is there.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::updated_at;
use crate::model::contact::LeadId;

type Object = Map<String, Value>;

/// Where the lead stands in the body. Five shapes are in use:
///
/// | | body |
/// |---|---|
/// | a | `{id, hook_action, attributes: {…}}` |
/// | b | `{hook_action, lead: {id, attributes: {…}}}` |
/// | c | `{hook_action, data: {type, id, attributes: {…}}, timestamp}` |
/// | d | `{id, …fields}` |
/// | e | `{data: {…}}` without `hook_action` |
///
/// In b, c and e the inner object may itself be flat. `timestamp` is when the hook was sent, not when the lead changed.
pub(super) struct Shape<'a> {
    root: &'a Object,
    lead: &'a Object,
    lead_path: &'static str,
    pub(super) attributes: &'a Object,
    attributes_path: &'static str,
}

impl<'a> Shape<'a> {
    pub(super) fn of(root: &'a Object) -> Self {
        let object = |o: &'a Object, key: &str| o.get(key).and_then(Value::as_object);
        let at_root = object(root, "attributes").is_some() && root.contains_key("id");
        let (lead, lead_path, inner_path) = match (object(root, "lead"), object(root, "data")) {
            _ if at_root => (root, "", "attributes."),
            (Some(lead), _) => (lead, "lead.", "lead.attributes."),
            (None, Some(data)) => (data, "data.", "data.attributes."),
            (None, None) => (root, "", "attributes."),
        };
        let (attributes, attributes_path) = match object(lead, "attributes") {
            Some(attributes) => (attributes, inner_path),
            None => (lead, lead_path),
        };
        Self { root, lead, lead_path, attributes, attributes_path }
    }

    /// Which lead, or where none was found.
    pub(super) fn lead_id(&self) -> Result<LeadId, String> {
        let places = [
            (self.lead, self.lead_path, "id"),
            (self.lead, self.lead_path, "lead_id"),
            (self.attributes, self.attributes_path, "lead_id"),
            (self.root, "", "lead_id"),
        ];
        let Some((value, path)) = first_present(&places) else {
            return Err(format!("no {}", paths(&places)));
        };
        let id = match value {
            Value::String(text) => text.trim().parse().ok(),
            Value::Number(number) => number.as_u64().and_then(|n| n.to_string().parse().ok()),
            _ => None,
        };
        id.ok_or_else(|| {
            format!("{path} is {}; expected a whole number or 1 to 128 letters, digits, -_.:", kind(value))
        })
    }

    /// When it changed, or where no time was found.
    pub(super) fn updated_at(&self) -> Result<Timestamp, String> {
        let places = [
            (self.attributes, self.attributes_path, "updated_at"),
            (self.lead, self.lead_path, "updated_at"),
            (self.root, "", "updated_at"),
        ];
        let Some((value, path)) = first_present(&places) else {
            return Err(format!("no {}", paths(&places)));
        };
        value
            .as_str()
            .and_then(updated_at::parse)
            .ok_or_else(|| format!("{path} is {}; expected RFC 3339 or YYYY-MM-DD HH:MM:SS[.f] ±zzzz", kind(value)))
    }
}

type Place<'a> = (&'a Object, &'static str, &'static str);

fn first_present<'a>(places: &[Place<'a>]) -> Option<(&'a Value, String)> {
    places.iter().find_map(|(object, path, key)| {
        object.get(*key).filter(|value| !value.is_null()).map(|value| (value, format!("{path}{key}")))
    })
}

fn paths(places: &[Place<'_>]) -> String {
    let mut paths: Vec<String> = places.iter().map(|(_, path, key)| format!("{path}{key}")).collect();
    paths.dedup();
    paths.join(", ")
}

/// What kind of thing it is: all a detail may say of a value.
pub(super) fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "a boolean".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(text) => format!("a text of {} characters", text.chars().count()),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
