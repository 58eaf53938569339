//! What a tenant is told when a lead comes in.

use serde_json::{Value, json};

use super::payload::LeadEvent;
use crate::model::ids::SourceId;

/// The `data` of `lead.received`: which lead, when, and its customer as given, since the lead is the tenant's own.
/// Nothing found elsewhere stands in it, and no CPF.
#[must_use]
pub fn lead_received(event: &LeadEvent, source: &SourceId) -> Value {
    json!({
        "lead_id": event.lead_id,
        "updated_at": event.updated_at,
        "hook_action": event.hook_action,
        "source": source,
        "customer": {
            "name": event.given.name,
            "phones": event.given.phones,
            "emails": event.given.emails,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::c2s::payload::parse_event;

    #[test]
    fn a_tenant_gets_its_customer_as_given_and_no_cpf() {
        let body = json!({
            "id": 7,
            "hook_action": "on_create_lead",
            "attributes": {
                "updated_at": "2025-01-20 07:00:00 -0300",
                "description": "CPF 123.456.789-09",
                "customer": {"name": "Ana Souza", "email": "Ana@example.com", "phone": "(11) 90000-0001"},
                "seller": {"name": "Outra Pessoa"},
            },
        });
        let event = parse_event(body.to_string().as_bytes()).unwrap();
        insta::assert_json_snapshot!(lead_received(&event, &SourceId::default_c2s()), @r#"
        {
          "customer": {
            "emails": [
              "Ana@example.com"
            ],
            "name": "Ana Souza",
            "phones": [
              "(11) 90000-0001"
            ]
          },
          "hook_action": "on_create_lead",
          "lead_id": "7",
          "source": "src_default",
          "updated_at": "2025-01-20T10:00:00Z"
        }
        "#);
    }
}
