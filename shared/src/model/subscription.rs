//! A tenant's wish to hear of some events at a URL.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::custom_header::CustomHeader;
use super::event::Announcement;
use super::event_type::{EventPattern, EventType};
use super::ids::{ConnectionId, SubscriptionId, TenantId};
use super::retry_policy::RetryPolicy;
use super::sealed::Sealed;
use super::whatsapp::{MessageFilter, MessageTraits};

/// Most patterns of one subscription: more than the catalogue has types is never needed.
pub const MAX_PATTERNS: usize = 50;
/// Longest description: it is shown in a list.
pub const MAX_DESCRIPTION_CHARS: usize = 500;
/// Shortest and longest time-out of one attempt. The longest must fit into a delivering function's time together with
/// its bookkeeping.
pub const TIMEOUT_S: std::ops::RangeInclusive<u32> = 1..=30;
/// Time-out of one attempt, unless the subscription says otherwise.
pub const DEFAULT_TIMEOUT_S: u32 = 10;
/// Deliveries per second that can be asked for; above it a limit is none.
pub const RATE_LIMIT_PER_S: std::ops::RangeInclusive<u32> = 1..=1000;
/// Events of one batch: at 256 KB an event, a hundred ids are what one delivery row and one body can bear.
pub const BATCH_EVENTS: std::ops::RangeInclusive<u32> = 1..=100;
/// Longest wait for a batch to fill. A bell can be delayed by 900 s at most.
pub const BATCH_WAIT_S: std::ops::RangeInclusive<u32> = 1..=300;

/// Where, what, and how a tenant wants to be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    /// Its identifier.
    pub id: SubscriptionId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Where to send, normalised. Text, not proof: the address rules are asked again before every attempt.
    pub url: String,
    /// What to send.
    pub events: Vec<EventPattern>,
    /// The only WhatsApp connection whose events are sent; `None` is every one, and what is of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionId>,
    /// Which WhatsApp messages are sent; `None` is what a filter is that says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<MessageFilter>,
    /// What the tenant says it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Headers to add, their values sealed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<CustomHeader<Sealed>>,
    /// When to try again.
    pub retry: RetryPolicy,
    /// Most deliveries a second; `None` is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit_per_s: Option<u32>,
    /// How long one attempt may take, in seconds.
    pub timeout_s: u32,
    /// Which signatures to send.
    #[serde(default)]
    pub signature: SignatureStyle,
    /// Whether events are gathered, and how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchRule>,
    /// What signs.
    pub secrets: SigningSecrets,
    /// Whether events match it at all.
    #[serde(flatten)]
    pub state: SubscriptionState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the tenant, or the platform, last changed it.
    pub updated_at: Timestamp,
}

impl Subscription {
    /// Whether this is to be sent here.
    #[must_use]
    pub fn wants(&self, said: &Announcement) -> bool {
        self.state.active && self.hears(said.event_type) && self.is_in_scope(said) && self.passes_filter(said)
    }

    /// Whether it is about events of this type.
    #[must_use]
    pub fn hears(&self, event_type: EventType) -> bool {
        self.events.iter().any(|pattern| pattern.matches(event_type))
    }

    fn is_in_scope(&self, said: &Announcement) -> bool {
        let of = || said.data.get("connection_id").and_then(serde_json::Value::as_str);
        match &self.connection {
            // What a tenant publishes may have a member of that name, and is of no connection all the same.
            Some(connection) => said.event_type.is_of_a_connection() && of() == Some(connection.as_str()),
            None => true,
        }
    }

    fn passes_filter(&self, said: &Announcement) -> bool {
        if said.event_type != EventType::WhatsappMessage {
            return true;
        }
        // What cannot be told apart from an own message is taken for one.
        let Some(message) = MessageTraits::of(&said.data) else { return false };
        match &self.filter {
            Some(filter) => filter.wants(&message),
            None => MessageFilter::default().wants(&message),
        }
    }

    /// How long one attempt may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_s.into())
    }
}

/// Which signatures an attempt carries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignatureStyle {
    /// The Standard Webhooks headers.
    #[default]
    Standard,
    /// Those, and `X-Webhook-Signature: sha256=<hex>` for receivers that know only that. It covers neither id nor
    /// time, so it is never sent alone.
    Sha256Hex,
}

/// How events are gathered into one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRule {
    /// Send when so many are waiting.
    #[schema(minimum = 1, maximum = 100)]
    pub max_events: u32,
    /// Send when the first has waited so long.
    #[schema(minimum = 1, maximum = 300)]
    pub max_wait_s: u32,
}

/// The secrets an attempt is signed with: one, or two while a rotation overlaps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SigningSecrets {
    /// The newest.
    pub current: Sealed,
    /// Its last four characters, all that is ever shown again.
    pub hint: String,
    /// The one before it, while it still signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousSecret>,
}

/// A secret on its way out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// The secret.
    pub sealed: Sealed,
    /// Until when it signs beside the current one.
    pub valid_until: Timestamp,
}

impl SigningSecrets {
    /// The secrets that sign at this time, the newest first.
    pub fn valid(&self, now: Timestamp) -> impl Iterator<Item = &Sealed> {
        let previous = self.previous.iter().filter(move |previous| now < previous.valid_until);
        std::iter::once(&self.current).chain(previous.map(|previous| &previous.sealed))
    }

    /// The secrets after a rotation: the current one signs on for `overlap`, an older one no more.
    #[must_use]
    pub fn rotated(self, current: Sealed, hint: String, now: Timestamp, overlap: Duration) -> Self {
        let valid_until = now.checked_add(overlap).unwrap_or(Timestamp::MAX);
        let previous = (!overlap.is_zero()).then_some(PreviousSecret { sealed: self.current, valid_until });
        Self { current, hint, previous }
    }
}

/// Whether a subscription is heard, and if the platform switched it off, when and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubscriptionState {
    /// Whether events match. What happens while it is false is not kept for later.
    pub active: bool,
    /// When the platform switched it off; `None` when the tenant did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
    /// Why the platform switched it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<DisabledReason>,
}

impl SubscriptionState {
    /// As the tenant set it. Switching on forgets why it was off.
    #[must_use]
    pub const fn set_by_tenant(active: bool) -> Self {
        Self { active, disabled_at: None, disabled_reason: None }
    }

    /// Switched off by the platform.
    #[must_use]
    pub const fn disabled(at: Timestamp, reason: DisabledReason) -> Self {
        Self { active: false, disabled_at: Some(at), disabled_reason: Some(reason) }
    }
}

/// Why the platform switches a subscription off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// The endpoint answered 410.
    Gone,
    /// Five days of nothing but failure.
    KeptFailing,
    /// An operator did it.
    Operator,
}

impl DisabledReason {
    /// The name used on the wire, in logs and on rows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::KeptFailing => "kept_failing",
            Self::Operator => "operator",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::ids::EventId;
    use crate::testing::samples::subscription;

    fn said(event_type: EventType, data: Value) -> Announcement {
        Announcement {
            id: EventId::derive(&["x"]),
            tenant: TenantId::default_tenant(),
            event_type,
            at: Timestamp::UNIX_EPOCH,
            data,
        }
    }

    fn message(of: &str, direction: &str, kind: &str, group: Option<&str>) -> Announcement {
        let data = json!({"connection_id": of, "direction": direction, "type": kind, "group": group});
        said(EventType::WhatsappMessage, data)
    }

    fn told(pattern: &str, connection: Option<&str>, filter: Value, of: &Announcement) -> bool {
        let connection = connection.map(|id| id.parse().unwrap());
        let filter = serde_json::from_value(filter).unwrap();
        Subscription { connection, filter, ..subscription("sub_1", pattern) }.wants(of)
    }

    #[test]
    fn who_is_told_of_what() {
        let incoming = || message("con_1", "in", "text", None);
        let own = || message("con_1", "out", "text", None);
        let in_group = || message("con_1", "in", "image", Some("1@g.us"));
        let status = |of: &str| said(EventType::WhatsappStatus, json!({"connection_id": of, "direction": "out"}));
        let invoice = |of: &str| said(EventType::InvoiceSent, json!({"connection_id": of}));
        let both_ways = || json!({"directions": ["in", "out"]});
        for (pattern, scope, filter, of, wanted) in [
            // Without a scope: of every connection, and what is of none.
            ("*", None, Value::Null, incoming(), true),
            ("whatsapp.*", None, Value::Null, message("con_2", "in", "text", None), true),
            ("*", None, Value::Null, invoice("con_1"), true),
            ("whatsapp.status", None, Value::Null, incoming(), false),
            // With one: of that connection alone, whatever else says that it is.
            ("*", Some("con_1"), Value::Null, incoming(), true),
            ("*", Some("con_2"), Value::Null, incoming(), false),
            ("*", Some("con_1"), Value::Null, status("con_1"), true),
            ("*", Some("con_1"), Value::Null, status("con_2"), false),
            ("*", Some("con_1"), Value::Null, invoice("con_1"), false),
            ("*", Some("con_1"), Value::Null, said(EventType::WhatsappStatus, json!({})), false),
            ("*", Some("con_1"), Value::Null, said(EventType::WhatsappStatus, json!(null)), false),
            // Own messages where they are asked for.
            ("*", None, Value::Null, own(), false),
            ("*", None, json!({}), own(), false),
            ("*", None, both_ways(), own(), true),
            ("*", None, json!({"directions": ["out"]}), incoming(), false),
            ("*", Some("con_1"), both_ways(), message("con_2", "out", "text", None), false),
            // Kinds, and groups.
            ("*", None, Value::Null, in_group(), true),
            ("*", None, json!({"groups": false}), in_group(), false),
            ("*", None, json!({"groups": false}), incoming(), true),
            ("*", None, json!({"types": ["image"]}), in_group(), true),
            ("*", None, json!({"types": ["image"]}), incoming(), false),
            // A filter is of messages.
            ("*", None, json!({"types": ["image"], "groups": false}), status("con_1"), true),
            ("*", None, json!({"types": ["image"]}), invoice("con_1"), true),
            // What cannot be told apart from an own message.
            ("*", None, both_ways(), said(EventType::WhatsappMessage, json!({"type": "text"})), false),
        ] {
            assert_eq!(told(pattern, scope, filter.clone(), &of), wanted, "{pattern} {scope:?} {filter}: {of:?}");
        }
    }

    #[test]
    fn one_that_is_off_is_told_of_nothing() {
        let off = Subscription { state: SubscriptionState::set_by_tenant(false), ..subscription("sub_1", "*") };
        assert!(!off.wants(&message("con_1", "in", "text", None)));
    }

    #[test]
    fn one_that_was_stored_before_there_were_scopes_is_read_as_it_was_meant() {
        let mut stored = serde_json::to_value(subscription("sub_1", "*")).unwrap();
        assert!(stored.get("connection").is_none() && stored.get("filter").is_none());
        stored["filter"] = json!({"directions": ["in"], "groups": false});
        let read: Subscription = serde_json::from_value(stored).unwrap();
        assert_eq!(read.filter, Some(MessageFilter { groups: false, ..MessageFilter::default() }));
    }
}
