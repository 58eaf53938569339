//! Whoever holds a tenant's key is the tenant. The key was looked at by `auth`; here what it published becomes the
//! tenant's.

use jiff::Timestamp;

use super::payload::Published;
use crate::auth::TenantCaller;
use crate::model::event::{Provider, RawBody};
use crate::model::ids::{EventId, SourceId};
use crate::model::row::Queue;
use crate::providers::Incoming;

/// Longest `Idempotency-Key`.
const LONGEST_KEY: usize = 255;

/// What a request calls itself, so that the same request sent twice is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// The header holds no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an Idempotency-Key has 1 to {LONGEST_KEY} visible ASCII characters")]
pub struct NotAKey;

impl std::str::FromStr for IdempotencyKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let sane = (1..=LONGEST_KEY).contains(&text.len()) && text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
        if sane { Ok(Self(text.to_owned())) } else { Err(NotAKey) }
    }
}

/// By what an event is known again: what the request is called, else what the event is called, else by nothing.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The request's key.
    pub key: Option<&'a IdempotencyKey>,
    /// The event's place among those of its request.
    pub index: Option<usize>,
    /// Chance, for an event that has no name: it is new, whatever it says.
    pub chance: [u8; 16],
}

/// Makes what a tenant published the tenant's.
#[must_use]
pub fn incoming(caller: &TenantCaller, event: Published, identity: Identity<'_>, now: Timestamp) -> Incoming {
    Incoming {
        id: id_of(caller, &event, identity),
        tenant: caller.tenant.clone(),
        source: SourceId::publishing(),
        provider: Provider::Tenant,
        event_type: event.event_type,
        subject: None,
        occurred_at: event.timestamp.unwrap_or(now),
        digest: event.digest[..32].to_owned(),
        queue: Queue::Dispatch,
        body: RawBody { bytes: event.data, headers: Vec::new() },
    }
}

/// In a request of several events, one with a name of its own is known by that, for the key names them all.
fn id_of(caller: &TenantCaller, event: &Published, identity: Identity<'_>) -> EventId {
    let id = |kind: &str, name: &str| EventId::derive(&[Provider::Tenant.name(), caller.tenant.as_str(), kind, name]);
    match (identity.key, identity.index, &event.id) {
        (Some(key), None, _) => id("key", &key.0),
        (_, _, Some(own)) => id("id", own),
        (Some(key), Some(index), None) => id("key", &format!("{index}/{}", key.0)),
        (None, _, None) => id("once", &hex::encode(identity.chance)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event_type::EventType;

    fn caller(tenant: &str) -> TenantCaller {
        TenantCaller { tenant: tenant.parse().unwrap(), key: "key_1".parse().unwrap() }
    }

    fn published(id: Option<&str>) -> Published {
        Published {
            event_type: EventType::InvoiceSent,
            id: id.map(str::to_owned),
            timestamp: None,
            data: "{}".into(),
            digest: "d".repeat(64),
        }
    }

    fn id(tenant: &str, own: Option<&str>, key: Option<&str>, index: Option<usize>, chance: u8) -> EventId {
        let key: Option<IdempotencyKey> = key.map(|key| key.parse().unwrap());
        let identity = Identity { key: key.as_ref(), index, chance: [chance; 16] };
        incoming(&caller(tenant), published(own), identity, Timestamp::UNIX_EPOCH).id().clone()
    }

    #[test]
    fn the_same_name_is_the_same_event_and_another_tenants_is_another() {
        assert_eq!(id("ten_a", Some("x"), None, None, 1), id("ten_a", Some("x"), None, Some(3), 2));
        assert_ne!(id("ten_a", Some("x"), None, None, 1), id("ten_b", Some("x"), None, None, 1));
    }

    #[test]
    fn the_requests_key_comes_first_for_one_event() {
        assert_eq!(id("ten_a", Some("x"), Some("k"), None, 1), id("ten_a", Some("y"), Some("k"), None, 2));
        assert_ne!(id("ten_a", Some("k"), None, None, 1), id("ten_a", None, Some("k"), None, 1));
    }

    #[test]
    fn in_a_batch_the_key_names_each_event_by_its_place() {
        assert_eq!(id("ten_a", None, Some("k"), Some(0), 1), id("ten_a", None, Some("k"), Some(0), 2));
        assert_ne!(id("ten_a", None, Some("k"), Some(0), 1), id("ten_a", None, Some("k"), Some(1), 1));
    }

    #[test]
    fn an_event_without_any_name_is_always_new() {
        assert_ne!(id("ten_a", None, None, None, 1), id("ten_a", None, None, None, 2));
    }

    #[test]
    fn a_key_is_short_and_visible() {
        for bad in ["", "a\nb", "ключ", &"k".repeat(256)] {
            assert_eq!(bad.parse::<IdempotencyKey>(), Err(NotAKey), "{bad}");
        }
        assert!("8e03978e-40d5-43e8-bc93-6894a57f9324".parse::<IdempotencyKey>().is_ok());
    }
}
