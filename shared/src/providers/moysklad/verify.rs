//! MoySklad signs nothing: whoever knows the source's token is MoySklad, if the account is the source's. The token was
//! looked at by `auth`; here the notices of a request become that source's events.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::payload::{Notice, Rejection, RequestError, parse_body};
use crate::auth::SourceCaller;
use crate::model::event::{Provider, RawBody};
use crate::model::event_type::EventType;
use crate::model::ids::{EventId, SourceId, TenantId};
use crate::model::moysklad::AccountId;
use crate::model::row::Queue;
use crate::providers::Incoming;

/// The query parameter that MoySklad repeats when it repeats a request.
pub const REQUEST_ID: &str = "requestId";
/// The header that says how an event came in otherwise than by a request.
const ORIGIN: &str = "x-gancho-origin";
/// By a poll.
const POLL: &str = "poll";
/// Longest `requestId` believed; it is a UUID.
const LONGEST_REQUEST_ID: usize = 128;

/// Reads a request of a caller that was let in: each notice becomes the source's, or a rejection. `account` is the one
/// that the source was made for.
///
/// # Errors
/// When there is nothing to look at event by event, or it is not the source's account.
pub fn incoming(
    caller: &SourceCaller,
    account: AccountId,
    request_id: Option<&str>,
    headers: &[(String, String)],
    unverified_body: &[u8],
    now: Timestamp,
) -> Result<Vec<Result<Incoming, Rejection>>, RequestError> {
    let notices = parse_body(unverified_body, account, now)?;
    let request = RequestId::of(request_id, unverified_body);
    Ok(notices
        .into_iter()
        .enumerate()
        .map(|(index, notice)| {
            notice.map(|notice| {
                let id = request.event(&caller.source, index);
                of_source(&caller.source, &caller.tenant, id, headers.to_vec(), &notice)
            })
        })
        .collect())
}

/// A change that a poll has found: we asked MoySklad ourselves, with our own credentials. Seen again, it is the same
/// event until the entity changes once more.
#[must_use]
pub fn polled(source: &SourceId, tenant: &TenantId, notice: &Notice) -> Incoming {
    let id = EventId::derive(&[
        Provider::Moysklad.name(),
        source.as_str(),
        "poll",
        &notice.account_id.to_string(),
        &notice.entity_type,
        &notice.entity_id.to_string(),
        notice.action.name(),
        &notice.at.to_string(),
    ]);
    let headers = vec![(ORIGIN.to_owned(), POLL.to_owned())];
    of_source(source, tenant, id, headers, notice)
}

/// Whether an event's headers say that a poll has found it. Headers of requests are kept by a list that this is not on.
#[must_use]
pub fn is_polled(headers: &[(String, String)]) -> bool {
    headers.iter().any(|(name, value)| name == ORIGIN && value == POLL)
}

/// What is the same in every copy of a request.
enum RequestId {
    Stated(String),
    /// It states none: then what it says must do. Its moment tells it from another.
    Digest(String),
}

impl RequestId {
    fn of(stated: Option<&str>, body: &[u8]) -> Self {
        let sane = |id: &&str| {
            (1..=LONGEST_REQUEST_ID).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        match stated.filter(sane) {
            Some(id) => Self::Stated(id.to_ascii_lowercase()),
            None => Self::Digest(hex::encode(Sha256::digest(body))),
        }
    }

    fn event(&self, source: &SourceId, index: usize) -> EventId {
        let (kind, id) = match self {
            Self::Stated(id) => ("request", id),
            Self::Digest(digest) => ("digest", digest),
        };
        EventId::derive(&[Provider::Moysklad.name(), source.as_str(), kind, id, &index.to_string()])
    }
}

fn of_source(
    source: &SourceId,
    tenant: &TenantId,
    id: EventId,
    headers: Vec<(String, String)>,
    notice: &Notice,
) -> Incoming {
    let bytes = serde_json::to_vec(notice).unwrap_or_default();
    Incoming {
        // A repeated request is a copy whatever it says: there is nobody to be told of a contradiction.
        digest: id.as_str().trim_start_matches(EventId::PREFIX).to_owned(),
        id,
        tenant: tenant.clone(),
        source: source.clone(),
        provider: Provider::Moysklad,
        event_type: EventType::MoyskladSynced,
        subject: Some(notice.entity_id.to_string()),
        occurred_at: notice.at,
        queue: Queue::Sync,
        body: RawBody { bytes: bytes.into(), headers },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::moysklad::{Action, EntityKind};

    const OURS: &str = "9171a53c-1b2c-4f7d-9c1a-000000000001";

    fn caller(source: &str) -> SourceCaller {
        let tenant = "ten_a".parse().unwrap();
        SourceCaller { source: source.parse().unwrap(), provider: Provider::Moysklad, tenant }
    }

    fn body(n_events: usize, action: &str) -> Vec<u8> {
        let event = json!({
            "meta": {"type": "product", "href": "https://x/entity/product/75c896d0-0a3d-11ec-0a80-0ffc000b2a4c"},
            "action": action, "accountId": OURS, "tenant_id": "ten_other",
        });
        json!({"events": vec![event; n_events]}).to_string().into_bytes()
    }

    fn read(source: &str, request_id: Option<&str>, body: &[u8]) -> Vec<Incoming> {
        let now = Timestamp::from_second(1_900_000_000).unwrap();
        let read = incoming(&caller(source), OURS.parse().unwrap(), request_id, &[], body, now);
        read.unwrap().into_iter().map(Result::unwrap).collect()
    }

    fn ids(source: &str, request_id: Option<&str>, body: &[u8]) -> Vec<EventId> {
        read(source, request_id, body).iter().map(|event| event.id().clone()).collect()
    }

    const REQUEST: Option<&str> = Some("640569eb-522d-427a-b07e-fa757c5d4217");

    #[test]
    fn a_repeated_request_is_the_same_events() {
        assert_eq!(ids("src_a", REQUEST, &body(2, "UPDATE")), ids("src_a", REQUEST, &body(2, "UPDATE")));
        assert_eq!(ids("src_a", REQUEST, &body(2, "UPDATE")), ids("src_a", REQUEST, &body(2, "DELETE")));
    }

    #[test]
    fn each_object_each_request_and_each_source_has_events_of_its_own() {
        let two = ids("src_a", REQUEST, &body(2, "UPDATE"));
        assert_ne!(two[0], two[1]);
        assert_ne!(two, ids("src_b", REQUEST, &body(2, "UPDATE")));
        assert_ne!(two, ids("src_a", Some("another"), &body(2, "UPDATE")));
    }

    #[test]
    fn a_request_that_states_no_identifier_is_known_by_what_it_says() {
        for none in [None, Some(""), Some("a b"), Some("é")] {
            assert_eq!(ids("src_a", none, &body(1, "UPDATE")), ids("src_a", None, &body(1, "UPDATE")));
        }
        assert_ne!(ids("src_a", None, &body(1, "UPDATE")), ids("src_a", None, &body(1, "DELETE")));
    }

    #[test]
    fn the_tenant_is_the_sources_whatever_the_body_says() {
        let event = read("src_a", REQUEST, &body(1, "UPDATE")).remove(0);
        assert_eq!((event.tenant().as_str(), event.queue()), ("ten_a", Queue::Sync));
        assert_eq!(event.subject(), Some("75c896d0-0a3d-11ec-0a80-0ffc000b2a4c"));
    }

    #[test]
    fn what_a_poll_sees_twice_is_one_event_until_it_changes() {
        let (source, tenant) = ("src_a".parse().unwrap(), TenantId::default_tenant());
        let seen = |second| {
            let at = Timestamp::from_second(second).unwrap();
            let id = "75c896d0-0a3d-11ec-0a80-0ffc000b2a4c".parse().unwrap();
            let notice = Notice::seen(OURS.parse().unwrap(), EntityKind::Product, id, Action::Update, at);
            polled(&source, &tenant, &notice).id().clone()
        };
        assert_eq!(seen(1), seen(1));
        assert_ne!(seen(1), seen(2));
    }
}
