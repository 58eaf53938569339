//! A webhook as its client sees it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::{attempts, heard};
use crate::manage::subscription_view::SubscriptionView;
use crate::model::ids::{ConnectionId, SubscriptionId, TenantId};
use crate::model::subscription::{BatchRule, DisabledReason, SignatureStyle, Subscription};
use crate::model::whatsapp::{MessageFilter, WhatsappNumber};

/// A webhook, alone.
#[derive(Clone, PartialEq, Serialize, ToSchema)]
pub struct WebhookAnswer {
    /// `success`.
    pub status: &'static str,
    /// The webhook.
    pub webhook: WebhookView,
}

impl WebhookAnswer {
    pub(super) const fn of(webhook: WebhookView) -> Self {
        Self { status: "success", webhook }
    }
}

/// The JSON of a webhook.
#[derive(Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub struct WebhookView {
    /// Its identifier: the subscription's.
    pub id: SubscriptionId,
    /// Whose it is.
    pub client_id: TenantId,
    /// The number whose messages are sent; null where it is linked no more.
    pub phone_number: Option<String>,
    /// The number, as messages name it.
    pub connection_id: ConnectionId,
    /// Where they are sent to.
    pub webhook_url: String,
    /// What is sent: `message`, `status`, or both.
    pub events: Vec<&'static str>,
    /// Which messages; none is every one that comes in.
    pub filter: Option<MessageFilter>,
    /// Whether anything is sent.
    pub is_active: bool,
    /// How it stands.
    pub status: WebhookStatus,
    /// When the platform switched it off.
    pub disabled_at: Option<Timestamp>,
    /// Why the platform switched it off.
    pub disabled_reason: Option<DisabledReason>,
    /// Attempts, the first among them.
    pub max_retries: u32,
    /// The rhythm of its retries.
    pub retry: &'static str,
    /// The first wait of an exponential rhythm, seconds.
    pub retry_base_s: Option<u32>,
    /// Most deliveries a second.
    pub rate_limit_per_s: Option<u32>,
    /// How long one attempt may take.
    pub timeout_s: u32,
    /// Which signatures are sent.
    pub signature: SignatureStyle,
    /// Whether messages are gathered.
    pub batch: Option<BatchRule>,
    #[schema(value_type = BTreeMap<String, String>)]
    /// The names of its headers; their values are never shown.
    pub headers: BTreeMap<String, &'static str>,
    /// What it is for.
    pub description: Option<String>,
    /// The mask and the last four characters; the whole secret in the answer that makes it, and nowhere else.
    pub secret: String,
    /// Until when the secret before this one signs as well.
    pub previous_secret_valid_until: Option<Timestamp>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// How a webhook stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookStatus {
    /// It is sent to.
    Active,
    /// Switched off by its client.
    Inactive,
    /// Switched off by the platform.
    Failed,
}

impl WebhookView {
    /// A subscription as it is shown at `now`; nothing where it is of no connection.
    #[must_use]
    pub(super) fn of(subscription: Subscription, number: Option<&WhatsappNumber>, now: Timestamp) -> Option<Self> {
        let client_id = subscription.tenant.clone();
        let connection_id = subscription.connection.clone()?;
        let events = heard(&subscription);
        let shown = SubscriptionView::of(subscription, now);
        Some(Self {
            id: shown.id,
            client_id,
            phone_number: number.map(|number| number.digits().to_owned()),
            connection_id,
            webhook_url: shown.url,
            events,
            filter: shown.filter,
            is_active: shown.active,
            status: match (shown.active, shown.disabled_reason) {
                (true, _) => WebhookStatus::Active,
                (false, None) => WebhookStatus::Inactive,
                (false, Some(_)) => WebhookStatus::Failed,
            },
            disabled_at: shown.disabled_at,
            disabled_reason: shown.disabled_reason,
            max_retries: attempts(shown.max_retries),
            retry: shown.retry,
            retry_base_s: shown.retry_base_s,
            rate_limit_per_s: shown.rate_limit_per_s,
            timeout_s: shown.timeout_s,
            signature: shown.signature,
            batch: shown.batch,
            headers: shown.headers,
            description: shown.description,
            secret: shown.secret,
            previous_secret_valid_until: shown.previous_secret_valid_until,
            created_at: shown.created_at,
            updated_at: shown.updated_at,
        })
    }
}
