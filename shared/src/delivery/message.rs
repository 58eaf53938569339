//! What is said: an identifier, and the bytes that are signed and sent.

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;

use crate::model::event::Announcement;
use crate::model::ids::DeliveryId;

/// A body, serialised once: the bytes that are signed are the bytes that are sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    webhook_id: String,
    body: Bytes,
}

#[derive(Serialize)]
struct Envelope<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    event_type: &'static str,
    timestamp: Timestamp,
    data: &'a serde_json::Value,
}

#[derive(Serialize)]
struct BatchEnvelope<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    event_type: &'static str,
    timestamp: Timestamp,
    events: Vec<Envelope<'a>>,
}

impl<'a> Envelope<'a> {
    fn of(announcement: &'a Announcement) -> Self {
        Self {
            id: announcement.id.as_str(),
            event_type: announcement.event_type.as_str(),
            timestamp: announcement.at,
            data: &announcement.data,
        }
    }
}

impl Message {
    /// The message of one event. The same event gives the same bytes, at every attempt and every endpoint.
    #[must_use]
    pub fn of(announcement: &Announcement) -> Self {
        Self::new(announcement.id.as_str(), &Envelope::of(announcement))
    }

    /// The message of a batch: one identifier and one signature for all its events. `at` is when it was closed, which
    /// later attempts repeat.
    #[must_use]
    pub fn batch(id: &DeliveryId, at: Timestamp, events: &[Announcement]) -> Self {
        let events = events.iter().map(Envelope::of).collect();
        Self::new(id.as_str(), &BatchEnvelope { id: id.as_str(), event_type: "batch", timestamp: at, events })
    }

    fn new(webhook_id: &str, envelope: &impl Serialize) -> Self {
        #[expect(clippy::expect_used, reason = "texts and JSON values serialise always")]
        let body = serde_json::to_vec(envelope).expect("texts and JSON values serialise always");
        Self { webhook_id: webhook_id.to_owned(), body: body.into() }
    }

    /// The same over all attempts: receivers tell copies by it.
    #[must_use]
    pub fn webhook_id(&self) -> &str {
        &self.webhook_id
    }

    /// The bytes on the wire.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({}, {} bytes)", self.webhook_id, self.body.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event_type::EventType;
    use crate::model::ids::{EventId, TenantId};

    fn announcement(key: &str) -> Announcement {
        Announcement {
            id: EventId::derive(&[key]),
            tenant: TenantId::default_tenant(),
            event_type: EventType::PaymentReceived,
            at: Timestamp::from_second(1_763_800_000).unwrap(),
            data: serde_json::json!({"amount": "1500.00", "payer": "João"}),
        }
    }

    fn text(message: &Message) -> &str {
        std::str::from_utf8(message.body()).unwrap()
    }

    #[test]
    fn one_event_is_an_envelope_with_its_own_identifier() {
        let message = Message::of(&announcement("a"));
        insta::assert_snapshot!(text(&message), @r#"{"id":"evt_3b196fd4907bedf51c3090e9835f2f7c","type":"payment.received","timestamp":"2025-11-22T08:26:40Z","data":{"amount":"1500.00","payer":"João"}}"#);
        assert_eq!(message.webhook_id(), EventId::derive(&["a"]).as_str());
    }

    #[test]
    fn a_batch_has_an_identifier_of_its_own_and_keeps_those_of_its_events() {
        let at = Timestamp::from_second(1_763_800_060).unwrap();
        let message = Message::batch(&"dlv_1".parse().unwrap(), at, &[announcement("a"), announcement("b")]);
        insta::assert_snapshot!(text(&message), @r#"{"id":"dlv_1","type":"batch","timestamp":"2025-11-22T08:27:40Z","events":[{"id":"evt_3b196fd4907bedf51c3090e9835f2f7c","type":"payment.received","timestamp":"2025-11-22T08:26:40Z","data":{"amount":"1500.00","payer":"João"}},{"id":"evt_5c53585edd9ec296f5537f01ff9e47e2","type":"payment.received","timestamp":"2025-11-22T08:26:40Z","data":{"amount":"1500.00","payer":"João"}}]}"#);
        assert_eq!(message.webhook_id(), "dlv_1");
    }

    #[test]
    fn debug_shows_no_data() {
        assert!(!format!("{:?}", Message::of(&announcement("a"))).contains("João"));
    }
}
