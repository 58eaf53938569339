//! A tenant's wish to hear of some events at a URL.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::custom_header::CustomHeader;
use super::event_type::{EventPattern, EventType};
use super::ids::{SubscriptionId, TenantId};
use super::retry_policy::RetryPolicy;
use super::sealed::Sealed;

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
    /// Whether an event of this type is to be sent here.
    #[must_use]
    pub fn wants(&self, event_type: EventType) -> bool {
        self.state.active && self.events.iter().any(|pattern| pattern.matches(event_type))
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
