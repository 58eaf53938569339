//! The bodies of a client's webhooks.

use std::collections::BTreeMap;

use utoipa::ToSchema;

use super::subscriptions::Rhythm;
use crate::model::subscription::{BatchRule, SignatureStyle};
use crate::model::whatsapp::MessageFilter;

/// What a webhook hears of.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookHears {
    /// Messages: `whatsapp.message`.
    Message,
    /// What became of sent ones: `whatsapp.status`.
    Status,
}

/// A webhook that is asked for.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWebhook, example = json!({"phone_number": "5511999999999", "webhook_url": "https://receiver.example/in"}))]
pub struct NewWebhookBody {
    /// A number that is linked to the client, in any spelling.
    #[schema(max_length = 40)]
    pub phone_number: String,
    /// https, port 443 or from 1024 up, no user name, not an inner name or address in any spelling.
    #[schema(max_length = 2048, format = "uri")]
    pub webhook_url: String,
    /// What to send; messages unless given.
    #[schema(min_items = 1, max_items = 2)]
    pub events: Option<Vec<WebhookHears>>,
    /// Which messages: unless given those that come in.
    pub filter: Option<MessageFilter>,
    /// Attempts, the first among them. Unless given 3, and with `"retry":"standard"` its whole schedule.
    #[schema(minimum = 1, maximum = 21)]
    pub max_retries: Option<u32>,
    /// Messages are sent only while this is true; true unless given.
    pub is_active: Option<bool>,
    /// What to sign with; made if absent. After `whsec_` base64, any other text is its own bytes.
    #[schema(min_length = 8, max_length = 500, write_only)]
    pub secret: Option<String>,
    /// What it is for.
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// Headers to add: at most 20, 4 KB together; not those that the platform or the connection sets.
    pub headers: Option<BTreeMap<String, String>>,
    /// The rhythm of retries; `exponential`, from 5 s, unless given.
    pub retry: Option<Rhythm>,
    /// No more attempts a second than this; unless given, no limit.
    #[schema(minimum = 1, maximum = 1000)]
    pub rate_limit_per_s: Option<u32>,
    /// How long one attempt may take, seconds; 10 unless given.
    #[schema(minimum = 1, maximum = 30)]
    pub timeout_s: Option<u32>,
    /// Which signatures to send; `standard` unless given.
    pub signature: Option<SignatureStyle>,
    /// Whether messages are gathered, and how.
    pub batch: Option<BatchRule>,
}

/// A change of a webhook: what is not named stays, null takes away what can be absent.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookPatch, example = json!({"is_active": true, "batch": null}))]
pub struct WebhookPatchBody {
    /// As in a new one.
    #[schema(max_length = 40, nullable = false)]
    pub phone_number: Option<String>,
    /// As in a new one.
    #[schema(max_length = 2048, format = "uri", nullable = false)]
    pub webhook_url: Option<String>,
    /// As in a new one.
    #[schema(min_items = 1, max_items = 2, nullable = false)]
    pub events: Option<Vec<WebhookHears>>,
    /// As in a new one, whole.
    pub filter: Option<MessageFilter>,
    /// As in a new one.
    #[schema(minimum = 1, maximum = 21)]
    pub max_retries: Option<u32>,
    /// True switches it on again, also where the platform switched it off.
    #[schema(nullable = false)]
    pub is_active: Option<bool>,
    /// As in a new one.
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// All of its headers. One sent back as `•••` keeps its value.
    pub headers: Option<BTreeMap<String, String>>,
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
}
