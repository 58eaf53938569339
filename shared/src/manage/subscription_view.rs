//! A subscription as its tenant sees it: what is secret is masked.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::subscription_fields::MASK;
use crate::model::event_type::EventPattern;
use crate::model::ids::{ConnectionId, SubscriptionId};
use crate::model::subscription::{BatchRule, DisabledReason, SignatureStyle, Subscription};
use crate::model::whatsapp::MessageFilter;

/// The JSON of a subscription.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Subscription)]
pub struct SubscriptionView {
    /// Its identifier.
    pub id: SubscriptionId,
    /// Where it is sent to.
    pub url: String,
    /// What is sent.
    pub events: Vec<EventPattern>,
    /// The only WhatsApp connection whose events are sent.
    pub connection_id: Option<ConnectionId>,
    /// Which WhatsApp messages are sent; none is every one that comes in.
    pub filter: Option<MessageFilter>,
    /// What it is for.
    pub description: Option<String>,
    /// Whether events match it.
    pub active: bool,
    /// When the platform switched it off.
    pub disabled_at: Option<Timestamp>,
    /// Why the platform switched it off.
    pub disabled_reason: Option<DisabledReason>,
    /// The mask and the last four characters; the whole secret in the answer that makes it, and nowhere else.
    pub secret: String,
    /// Until when the secret before this one signs as well.
    pub previous_secret_valid_until: Option<Timestamp>,
    #[schema(value_type = BTreeMap<String, String>)]
    /// The names of its headers; their values are never shown.
    pub headers: BTreeMap<String, &'static str>,
    /// The rhythm of its retries.
    pub retry: &'static str,
    /// The first wait of an exponential rhythm, seconds.
    pub retry_base_s: Option<u32>,
    /// Attempts after the first.
    pub max_retries: u32,
    /// Most deliveries a second.
    pub rate_limit_per_s: Option<u32>,
    /// How long one attempt may take.
    pub timeout_s: u32,
    /// Which signatures are sent.
    pub signature: SignatureStyle,
    /// Whether events are gathered.
    pub batch: Option<BatchRule>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl SubscriptionView {
    /// A subscription as it is shown at `now`.
    #[must_use]
    pub fn of(subscription: Subscription, now: Timestamp) -> Self {
        let previous = subscription.secrets.previous.map(|previous| previous.valid_until);
        Self {
            id: subscription.id,
            url: subscription.url,
            events: subscription.events,
            connection_id: subscription.connection,
            filter: subscription.filter,
            description: subscription.description,
            active: subscription.state.active,
            disabled_at: subscription.state.disabled_at,
            disabled_reason: subscription.state.disabled_reason,
            secret: format!("{MASK}{}", subscription.secrets.hint),
            previous_secret_valid_until: previous.filter(|until| now < *until),
            headers: subscription.headers.iter().map(|header| (header.name.as_str().to_owned(), MASK)).collect(),
            retry: subscription.retry.kind.name(),
            retry_base_s: subscription.retry.kind.base_s(),
            max_retries: subscription.retry.max_retries,
            rate_limit_per_s: subscription.rate_limit_per_s,
            timeout_s: subscription.timeout_s,
            signature: subscription.signature,
            batch: subscription.batch,
            created_at: subscription.created_at,
            updated_at: subscription.updated_at,
        }
    }
}
