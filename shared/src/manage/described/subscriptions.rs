//! The bodies of subscriptions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use utoipa::ToSchema;

use crate::model::event_type::EventPattern;
use crate::model::ids::ConnectionId;
use crate::model::subscription::{BatchRule, SignatureStyle};
use crate::model::whatsapp::MessageFilter;

/// The rhythm of retries.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rhythm {
    /// From 1 s (of one WhatsApp connection: from 5 s), doubling, ±20 %, at most 12 h.
    Exponential,
    /// 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
    Standard,
}

/// A subscription that is asked for: `url`, and `event` or `events`.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSubscription, example = json!({"url": "https://receiver.example/in", "events": ["invoice.*", "payment.received"]}))]
pub struct NewSubscriptionBody {
    /// https, port 443 or from 1024 up, no user name, not an inner name or address in any spelling.
    #[schema(max_length = 2048, format = "uri")]
    pub url: String,
    /// What to send: a type, a family (`invoice.*`), or `*`. Together with `events` one set.
    #[schema(nullable = false)]
    pub event: Option<EventPattern>,
    /// What to send, where it is several.
    #[schema(max_items = 50, nullable = false)]
    pub events: Option<Vec<EventPattern>>,
    /// What to sign with; made if absent. After `whsec_` base64, any other text is its own bytes.
    #[schema(min_length = 8, max_length = 500, write_only)]
    pub secret: Option<String>,
    /// Only events of this WhatsApp connection, which is the tenant's.
    pub connection_id: Option<ConnectionId>,
    /// Which WhatsApp messages: unless given those that come in.
    pub filter: Option<MessageFilter>,
    /// What it is for.
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// Headers to add: at most 20, 4 KB together; not those that the platform or the connection sets.
    pub headers: Option<BTreeMap<String, String>>,
    /// Attempts after the first. Unless given 3, and with `"retry":"standard"` its whole schedule.
    #[schema(minimum = 0, maximum = 20)]
    pub max_retries: Option<u32>,
    /// The rhythm of retries; `exponential` unless given.
    pub retry: Option<Rhythm>,
    /// No more attempts a second than this; unless given, no limit.
    #[schema(minimum = 1, maximum = 1000)]
    pub rate_limit_per_s: Option<u32>,
    /// How long one attempt may take, seconds; 10 unless given.
    #[schema(minimum = 1, maximum = 30)]
    pub timeout_s: Option<u32>,
    /// Which signatures to send; `standard` unless given.
    pub signature: Option<SignatureStyle>,
    /// Whether events are gathered, and how.
    pub batch: Option<BatchRule>,
    /// Events match only while this is true; true unless given.
    pub active: Option<bool>,
}

/// A change: what is not named stays, null takes away what can be absent.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SubscriptionPatch, example = json!({"description": "billing", "batch": null}))]
pub struct SubscriptionPatchBody {
    /// As in a new one.
    #[schema(max_length = 2048, format = "uri", nullable = false)]
    pub url: Option<String>,
    /// As in a new one.
    #[schema(nullable = false)]
    pub event: Option<EventPattern>,
    /// As in a new one.
    #[schema(max_items = 50, nullable = false)]
    pub events: Option<Vec<EventPattern>>,
    /// As in a new one; null lifts the limit to one connection.
    pub connection_id: Option<ConnectionId>,
    /// As in a new one, whole.
    pub filter: Option<MessageFilter>,
    /// As in a new one.
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// All of its headers. One sent back as `•••` keeps its value.
    pub headers: Option<BTreeMap<String, String>>,
    /// As in a new one.
    #[schema(minimum = 0, maximum = 20)]
    pub max_retries: Option<u32>,
    /// As in a new one.
    pub retry: Option<Rhythm>,
    /// As in a new one.
    #[schema(minimum = 1, maximum = 1000)]
    pub rate_limit_per_s: Option<u32>,
    /// As in a new one.
    #[schema(minimum = 1, maximum = 30)]
    pub timeout_s: Option<u32>,
    /// As in a new one.
    pub signature: Option<SignatureStyle>,
    /// As in a new one.
    pub batch: Option<BatchRule>,
    /// True switches it on again, also where the platform switched it off.
    #[schema(nullable = false)]
    pub active: Option<bool>,
}

/// How a secret is changed. No body at all is an empty object.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RotateSecret, example = json!({"overlap_s": 86_400}))]
pub struct RotateSecretBody {
    /// How long the one before it signs as well, seconds; a day unless given.
    #[schema(minimum = 0, maximum = 2_592_000)]
    pub overlap_s: Option<u32>,
    /// The new secret; made if absent.
    #[schema(min_length = 8, max_length = 500, write_only)]
    pub secret: Option<String>,
}

/// What is to be replayed.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Recover, example = json!({"since": "2025-01-20T10:00:00Z"}))]
pub struct RecoverBody {
    /// Deliveries made at this time or later.
    pub since: Timestamp,
    /// A `next_cursor` of the call before.
    pub cursor: Option<String>,
}
