//! Whether an event is what its type's JSON Schema says.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::LocationSegment;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use crate::model::event_schema::schema;
use crate::model::event_type::EventType;
use crate::model::field_error::FieldError;

/// Most errors told of one event: the first few are what a person mends at a time.
const MOST_ERRORS: usize = 20;

/// The checks of the types a tenant may publish, each made when the first event of its type comes.
static CHECKS: LazyLock<HashMap<EventType, OnceLock<Option<Validator>>>> = LazyLock::new(|| {
    let publishable = EventType::ALL.iter().filter(|event_type| !event_type.is_platform());
    publishable.map(|event_type| (*event_type, OnceLock::new())).collect()
});

fn made(event_type: EventType) -> Option<Validator> {
    let schema: Value = serde_json::from_str(schema(event_type)).ok()?;
    jsonschema::options().should_validate_formats(true).build(&schema).ok()
}

/// Everything that is wrong with a published event, where it is wrong.
#[must_use]
pub fn check(event_type: EventType, event: &Value) -> Vec<FieldError> {
    let check = CHECKS.get(&event_type).and_then(|check| check.get_or_init(|| made(event_type)).as_ref());
    match check {
        Some(check) => check.iter_errors(event).take(MOST_ERRORS).map(|error| field_error(&error)).collect(),
        None => vec![FieldError::new("type", "event_type_not_publishable", "events of this type are not published")],
    }
}

fn field_error(error: &ValidationError<'_>) -> FieldError {
    let mut path = path_of(error);
    if let ValidationErrorKind::Required { property } = error.kind() {
        push_property(&mut path, property.as_str().unwrap_or_default());
        return FieldError::new(path, "missing", "this is needed");
    }
    // The text names the rule and not the value: it goes into answers, and from there into somebody's logs.
    FieldError::new(path, code(error.kind()), error.masked().to_string())
}

fn code(kind: &ValidationErrorKind) -> &'static str {
    match kind {
        ValidationErrorKind::Type { .. } => "invalid_type",
        ValidationErrorKind::Format { .. } | ValidationErrorKind::Pattern { .. } => "invalid_format",
        ValidationErrorKind::MaxLength { .. } => "too_long",
        ValidationErrorKind::MinLength { .. } => "too_short",
        ValidationErrorKind::MaxItems { .. } | ValidationErrorKind::MaxProperties { .. } => "too_many",
        ValidationErrorKind::Minimum { .. }
        | ValidationErrorKind::Maximum { .. }
        | ValidationErrorKind::ExclusiveMinimum { .. }
        | ValidationErrorKind::ExclusiveMaximum { .. } => "out_of_range",
        _ => "invalid_value",
    }
}

/// `data.items[0].amount`, as paths are written everywhere in the API.
fn path_of(error: &ValidationError<'_>) -> String {
    let mut path = String::new();
    for segment in error.instance_path() {
        match segment {
            LocationSegment::Property(name) => push_property(&mut path, &name),
            LocationSegment::Index(n) => path.push_str(&format!("[{n}]")),
        }
    }
    path
}

fn push_property(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_its_path_and_never_with_its_value() {
        let event = json!({"type": "payment.received", "timestamp": "yesterday", "data": {"amount": 12.5, "currency": "euro-secret"}});
        insta::assert_json_snapshot!(check(EventType::PaymentReceived, &event));
    }

    #[test]
    fn every_type_a_tenant_may_publish_has_its_check_and_no_other() {
        for event_type in EventType::ALL {
            let refused = check(*event_type, &json!({"type": event_type.as_str(), "data": 1}));
            let not_publishable = refused.iter().any(|error| error.code == "event_type_not_publishable");
            assert_eq!(not_publishable, event_type.is_platform(), "{event_type}");
            assert!(!refused.is_empty(), "{event_type}");
        }
    }
}
