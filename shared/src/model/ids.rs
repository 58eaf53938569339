//! Identifiers: prefixed strings that cannot be put in each other's place.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::schema::text_like;

/// Why a text is not an identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of the form `{prefix}…`")]
pub struct IdError {
    /// The prefix the identifier should have had.
    pub prefix: &'static str,
}

/// Longest identifier accepted, prefix included. Longer input is refused before it is looked at.
const MAX_LEN: usize = 80;

fn checked(text: &str, prefix: &'static str) -> Result<String, IdError> {
    let tail = text.strip_prefix(prefix).unwrap_or_default();
    let sane = !tail.is_empty()
        && text.len() <= MAX_LEN
        && tail.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if sane { Ok(text.to_owned()) } else { Err(IdError { prefix }) }
}

macro_rules! prefixed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The prefix every identifier of this kind starts with.
            pub const PREFIX: &'static str = $prefix;

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                text_like(format!("^{}[a-z0-9_]+$", $prefix)).max_length(Some(MAX_LEN)).into()
            }
        }

        impl ToSchema for $name {}

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                checked(text, $prefix).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                checked(&text, $prefix).map(Self)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

macro_rules! sortable_id {
    ($name:ident) => {
        impl $name {
            /// A new identifier that sorts by its time of making (milliseconds), with 74 bits of chance in it.
            #[must_use]
            pub fn new(now: Timestamp, chance: [u8; 10]) -> Self {
                Self(format!("{}{}", Self::PREFIX, sortable(now, chance)))
            }
        }
    };
}

fn sortable(now: Timestamp, chance: [u8; 10]) -> String {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &chance).into_uuid().simple().to_string()
}

prefixed_id!(
    /// An event's identifier, derived from its dedupe key; the `webhook-id` of what it causes.
    EventId,
    "evt_"
);
prefixed_id!(
    /// One event on its way to one subscription.
    DeliveryId,
    "dlv_"
);
prefixed_id!(
    /// A tenant's wish to hear of some events at a URL.
    SubscriptionId,
    "sub_"
);
prefixed_id!(
    /// A doorbell: where one provider's webhooks for one tenant come in.
    SourceId,
    "src_"
);
prefixed_id!(
    /// A tenant.
    TenantId,
    "ten_"
);
prefixed_id!(
    /// An API key's public name (not the key).
    KeyId,
    "key_"
);
prefixed_id!(
    /// A piece of housekeeping that is a row of its own: a poll, an erasure.
    JobId,
    "job_"
);
prefixed_id!(
    /// A WhatsApp number that is linked to a tenant.
    ConnectionId,
    "con_"
);

sortable_id!(SubscriptionId);
sortable_id!(SourceId);
sortable_id!(TenantId);
sortable_id!(KeyId);
sortable_id!(JobId);
sortable_id!(ConnectionId);

/// First 128 bits of SHA-256 over the parts, each preceded by its length, so that no two lists of parts share a text.
fn derived(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(&hash.finalize()[..16])
}

impl EventId {
    /// The identifier of the event with this dedupe key. The same key gives the same identifier, for ever.
    #[must_use]
    pub fn derive(dedupe_key: &[&str]) -> Self {
        Self(format!("evt_{}", derived(dedupe_key)))
    }

    /// The identifier of the event that this event's work ended in, in its `turn`: it names its parent,
    /// so that it is found in the parent's timeline.
    #[must_use]
    pub fn child(&self, turn: u32) -> Self {
        Self(format!("{}_{turn}", self.parent().0))
    }

    /// The event whose timeline this one is found in: itself, unless it is a child.
    #[must_use]
    pub fn parent(&self) -> Self {
        match self.0["evt_".len()..].split_once('_') {
            Some((root, _)) => Self(format!("evt_{root}")),
            None => self.clone(),
        }
    }

    /// Whether this event was emitted by the work of another.
    #[must_use]
    pub fn is_child(&self) -> bool {
        self.0["evt_".len()..].contains('_')
    }
}

impl DeliveryId {
    /// The delivery of `event`, known since `since`, to `subscription`: derived, so that fanning out twice makes it
    /// once; it sorts by time, and it names the event, so that it is found without an index.
    #[must_use]
    pub fn derive(event: &EventId, since: Timestamp, subscription: &SubscriptionId) -> Self {
        let millis = u64::try_from(since.as_millisecond()).unwrap_or_default();
        let event = event.as_str().trim_start_matches(EventId::PREFIX);
        let to = &derived(&[subscription.as_str()])[..10];
        Self(format!("dlv_{millis:012x}_{to}_{event}"))
    }

    /// The event this delivery carries; `None` where the text was made up by somebody else.
    #[must_use]
    pub fn event(&self) -> Option<EventId> {
        let event = self.0["dlv_".len()..].splitn(3, '_').nth(2)?;
        format!("evt_{event}").parse().ok()
    }
}

impl TenantId {
    /// The tenant that exists from the start.
    #[must_use]
    pub fn default_tenant() -> Self {
        Self("ten_default".to_owned())
    }
}

impl SourceId {
    /// The C2S source that exists from the start.
    #[must_use]
    pub fn default_c2s() -> Self {
        Self("src_default".to_owned())
    }

    /// What stands for the source of events that tenants publish with their keys.
    #[must_use]
    pub fn publishing() -> Self {
        Self("src_publishing".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gives_the_same_event_id_for_ever() {
        insta::assert_snapshot!(EventId::derive(&["c2s", "src_default", "lead-1", "2025-01-20T10:00:00Z"]), @"evt_6c90360d92c641a6dadf4cf82c167007");
    }

    #[test]
    fn moving_a_letter_between_parts_of_the_key_changes_the_id() {
        assert_ne!(EventId::derive(&["ab", "c"]), EventId::derive(&["a", "bc"]));
    }

    #[test]
    fn a_child_names_its_parent_and_its_turn() {
        let parent = EventId::derive(&["x"]);
        let child = parent.child(2);
        assert_eq!(child.parent(), parent);
        assert!(child.is_child() && !parent.is_child());
        assert_eq!(child.child(3).parent(), parent);
    }

    #[test]
    fn a_delivery_names_its_event_and_sorts_by_time() {
        let subscription = SubscriptionId::new(Timestamp::UNIX_EPOCH, [1; 10]);
        let at = |s| Timestamp::from_second(s).unwrap();
        for event in [EventId::derive(&["x"]), EventId::derive(&["x"]).child(3)] {
            let delivery = DeliveryId::derive(&event, at(1_700_000_000), &subscription);
            assert_eq!(delivery.event(), Some(event.clone()));
            assert_eq!(delivery.as_str().parse(), Ok(delivery.clone()));
            assert!(delivery < DeliveryId::derive(&event, at(1_700_000_001), &subscription));
        }
        assert_eq!("dlv_x".parse::<DeliveryId>().unwrap().event(), None);
    }

    #[test]
    fn ids_made_later_sort_later() {
        let early = SubscriptionId::new(Timestamp::from_second(1_700_000_000).unwrap(), [255; 10]);
        let late = SubscriptionId::new(Timestamp::from_second(1_700_000_001).unwrap(), [0; 10]);
        assert!(early < late);
    }

    #[test]
    fn an_id_of_another_kind_or_with_odd_letters_is_refused() {
        for bad in ["", "evt_", "dlv_abc", "evt_ABC", "evt_a/b", "evt_a#b", "evt_é"] {
            assert!(bad.parse::<EventId>().is_err(), "{bad}");
        }
        assert!(format!("evt_{}", "a".repeat(77)).parse::<EventId>().is_err());
    }
}
