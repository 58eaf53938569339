//! Every recorded C2S request is read as it says it should be. A file added under `events/c2s` is a test added here.

#![expect(clippy::unwrap_used, reason = "a recording that cannot be read is a failed test")]

mod recorded;

use std::collections::HashSet;

use gancho::model::person::Cpf;
use gancho::providers::c2s::payload::{BodyError, LeadEvent, RejectionCode, parse_body, parse_event};
use serde::Deserialize;
use serde_json::{Value, json};

use self::recorded::{Recorded, files, name_of, read};

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Expect {
    status: u16,
    received: usize,
    processed: usize,
    duplicates: usize,
    rejected: usize,
    codes: Vec<String>,
}

/// The answer that follows from what was read, for a source that has seen none of it before.
fn answer(body: &[u8]) -> (Expect, Vec<LeadEvent>) {
    let batch = match parse_body(body) {
        Ok(batch) => batch,
        Err(error) => {
            let status = match error {
                BodyError::BodyTooLarge | BodyError::TooManyEvents => 413,
                BodyError::InvalidJson | BodyError::EmptyBatch => 400,
            };
            return (Expect { status, codes: vec![error.code().to_owned()], ..Expect::default() }, vec![]);
        }
    };
    let received = batch.len();
    let codes: Vec<RejectionCode> = batch.iter().filter_map(|event| event.as_ref().err().map(|r| r.code)).collect();
    let events: Vec<LeadEvent> = batch.into_iter().filter_map(Result::ok).collect();
    let distinct: HashSet<_> = events.iter().map(|event| (&event.lead_id, event.updated_at)).collect();
    let (processed, rejected) = (distinct.len(), codes.len());
    let expect = Expect {
        status: if rejected == received { 400 } else { 200 },
        received,
        processed,
        duplicates: events.len() - processed,
        rejected,
        codes: codes.into_iter().map(|code| code.as_str().to_owned()).collect(),
    };
    (expect, events)
}

/// An event in normal form. Everybody in `events/` is invented, so it may be shown.
fn shown(event: &LeadEvent) -> Value {
    json!({
        "lead_id": event.lead_id,
        "updated_at": event.updated_at,
        "hook_action": event.hook_action,
        "contact": {
            "name": event.contact.name,
            "phones": event.contact.phones,
            "emails": event.contact.emails,
            "cpfs": event.contact.cpfs.iter().map(Cpf::masked).collect::<Vec<_>>(),
        },
    })
}

#[test]
fn every_recorded_request_is_read_as_it_expects() {
    for path in files("c2s") {
        let name = name_of(&path);
        let Recorded { description, request, expect } = read::<Expect>(&path, |text| text);
        assert!(!description.is_empty() && name.starts_with("lead."), "{name}");
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/api/v1/webhooks/c2s"), "{name}");
        let body = request.body();
        // Whoever comes without the token is answered before a byte is read.
        if request.headers.get("x-webhook-token").map(String::as_str) != Some("{{c2s_token}}") {
            assert_eq!(expect.status, 401, "{name}");
            continue;
        }
        let (read, events) = answer(&body);
        assert_eq!(read, expect, "{name}: {description}");
        for event in &events {
            assert_eq!(parse_event(&event.raw).as_ref(), Ok(event), "{name}: what is stored is read back the same");
        }
        if events.is_empty() {
            continue;
        }
        let events: Vec<Value> = events.iter().map(shown).collect();
        insta::with_settings!({prepend_module_to_snapshot => false, description => description, omit_expression => true}, {
            insta::assert_json_snapshot!(format!("c2s.{name}"), events);
        });
    }
}

#[test]
fn no_recorded_request_shows_anyone_in_debug_or_details() {
    for path in files("c2s") {
        let body = read::<Expect>(&path, |text| text).request.body();
        let shown = format!("{:?}", parse_body(&body));
        for secret in ["Ana", "Exemplo", "1190000", "@example.com", "000.000", "000000001"] {
            assert!(!shown.contains(secret), "{}: {shown}", path.display());
        }
    }
}
