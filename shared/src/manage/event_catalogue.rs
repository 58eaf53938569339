//! The catalogue of event types, as a tenant reads it: each with its JSON Schema and an example that can be published
//! as it is. A type whose schema is not written yet is not in it.

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::model::event_schema::schema;
use crate::model::event_type::EventType;

/// An entry.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = EventTypeEntry)]
pub struct EventTypeView {
    #[serde(rename = "type")]
    event_type: EventType,
    description: &'static str,
    schema: Value,
    example: Value,
}

/// Every entry, in the order of the catalogue.
#[must_use]
pub fn catalogue() -> &'static [EventTypeView] {
    &CATALOGUE
}

static CATALOGUE: LazyLock<Vec<EventTypeView>> =
    LazyLock::new(|| EventType::ALL.iter().filter_map(|event_type| entry(*event_type)).collect());

fn entry(event_type: EventType) -> Option<EventTypeView> {
    let mut schema: Value = serde_json::from_str(schema(event_type)).ok()?;
    // A schema's own keyword for it; shown once, in its own place.
    let examples = schema.as_object_mut()?.remove("examples")?;
    let example = examples.get(0)?.clone();
    Some(EventTypeView { event_type, description: event_type.description(), schema, example })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::model::ids::SourceId;
    use crate::providers::c2s::payload::parse_event;
    use crate::providers::c2s::translate::lead_received;

    fn validator(event_type: EventType) -> jsonschema::Validator {
        let schema: Value = serde_json::from_str(schema(event_type)).unwrap();
        jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{event_type}: {error}"));
        jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
    }

    #[test]
    fn every_example_is_what_its_schema_says() {
        for EventTypeView { event_type, example, .. } in catalogue() {
            let wrong: Vec<String> =
                validator(*event_type).iter_errors(example).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{event_type}: {wrong:?}");
            assert_eq!(example["type"], event_type.as_str());
        }
    }

    #[test]
    fn a_schema_refuses_another_type_and_a_body_without_its_data() {
        for EventTypeView { event_type, example, .. } in catalogue() {
            let validator = validator(*event_type);
            let mut other = example.clone();
            other["type"] = json!("other");
            let mut empty = example.clone();
            empty["data"] = json!({});
            assert!(!validator.is_valid(&other) && !validator.is_valid(&empty), "{event_type}");
        }
    }

    #[test]
    fn amounts_are_decimal_strings() {
        let validator = validator(EventType::PaymentReceived);
        let body = |amount: Value| json!({"type": "payment.received", "data": {"payment_id": "1", "amount": amount, "currency": "EUR"}});
        for (amount, good) in [
            (json!("10.00"), true),
            (json!("-3"), true),
            (json!(10), false),
            (json!(10.5), false),
            (json!("1e3"), false),
            (json!("1,5"), false),
        ] {
            assert_eq!(validator.is_valid(&body(amount.clone())), good, "{amount}");
        }
    }

    #[test]
    fn a_received_lead_is_what_its_schema_says() {
        for body in [
            json!({"id": 7, "hook_action": "on_create_lead", "attributes": {"updated_at": "2025-01-20 07:00:00 -0300", "customer": {"name": "Ana", "phone": "11900000001"}}}),
            json!({"id": 8, "attributes": {"updated_at": "2025-01-20T10:00:00.123Z"}}),
        ] {
            let event = parse_event(body.to_string().as_bytes()).unwrap();
            let sent = json!({"type": "lead.received", "data": lead_received(&event, &SourceId::default_c2s())});
            assert!(validator(EventType::LeadReceived).is_valid(&sent), "{sent}");
        }
    }

    #[test]
    fn every_file_is_of_a_type_and_every_type_of_a_tenant_has_one() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().to_string_lossy().trim_end_matches(".json").to_owned())
            .collect();
        let listed: BTreeSet<String> = catalogue().iter().map(|entry| entry.event_type.to_string()).collect();
        assert_eq!(files, listed);
        for event_type in EventType::ALL.iter().filter(|one| !one.is_platform()) {
            assert!(listed.contains(event_type.as_str()), "{event_type}");
        }
    }
}
