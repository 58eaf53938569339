//! C2S signs nothing: whoever knows the source's token is C2S. The token was looked at by `auth`; here the events of
//! a request become that source's.

use super::payload::{BodyError, LeadEvent, Rejection, parse_body};
use crate::auth::SourceCaller;
use crate::model::event::{Provider, RawBody};
use crate::model::event_type::EventType;
use crate::model::ids::{EventId, SourceId, TenantId};
use crate::model::row::Queue;
use crate::providers::Incoming;

/// Reads a request of a caller that was let in: each event becomes the source's, or a rejection.
///
/// # Errors
/// When there is nothing to look at event by event.
pub fn incoming(
    caller: &SourceCaller,
    headers: &[(String, String)],
    unverified_body: &[u8],
) -> Result<Vec<Result<Incoming, Rejection>>, BodyError> {
    let events = parse_body(unverified_body)?;
    Ok(events
        .into_iter()
        .map(|event| event.map(|event| of_source(&caller.source, &caller.tenant, headers.to_vec(), event)))
        .collect())
}

/// A lead that a poll brought: we asked C2S ourselves, with our own credentials.
#[must_use]
pub fn polled(source: &SourceId, tenant: &TenantId, event: LeadEvent) -> Incoming {
    of_source(source, tenant, vec![("x-gancho-origin".to_owned(), "poll".to_owned())], event)
}

/// The identity of a lead's event: two spellings of one instant are one event.
#[must_use]
pub fn event_id(source: &SourceId, event: &LeadEvent) -> EventId {
    EventId::derive(&[Provider::C2s.name(), source.as_str(), event.lead_id.as_str(), &event.updated_at.to_string()])
}

fn of_source(source: &SourceId, tenant: &TenantId, headers: Vec<(String, String)>, event: LeadEvent) -> Incoming {
    Incoming {
        id: event_id(source, &event),
        tenant: tenant.clone(),
        source: source.clone(),
        provider: Provider::C2s,
        event_type: EventType::LeadReceived,
        subject: Some(event.lead_id.as_str().to_owned()),
        occurred_at: event.updated_at,
        digest: event.body_digest[..32].to_owned(),
        queue: Queue::Lead,
        body: RawBody { bytes: event.raw, headers },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(source: &str) -> SourceCaller {
        SourceCaller { source: source.parse().unwrap(), provider: Provider::C2s, tenant: TenantId::default_tenant() }
    }

    fn one(source: &str, updated_at: &str) -> Incoming {
        let body = format!(r#"{{"id":"lead-1","attributes":{{"updated_at":"{updated_at}"}},"tenant_id":"ten_other"}}"#);
        incoming(&caller(source), &[], body.as_bytes()).unwrap().remove(0).unwrap()
    }

    #[test]
    fn one_instant_in_two_spellings_is_one_event() {
        let ids = ["2025-01-20T10:00:00Z", "2025-01-20 07:00:00 -0300", "2025-01-20T07:00:00.000-03:00"]
            .map(|spelling| one("src_a", spelling).id().clone());
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }

    #[test]
    fn a_lead_of_another_source_is_another_event() {
        assert_ne!(one("src_a", "2025-01-20T10:00:00Z").id(), one("src_b", "2025-01-20T10:00:00Z").id());
    }

    #[test]
    fn the_tenant_is_the_sources_whatever_the_body_says() {
        assert_eq!(*one("src_a", "2025-01-20T10:00:00Z").tenant(), TenantId::default_tenant());
    }
}
