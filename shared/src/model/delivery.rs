//! A delivery: one event on its way to one subscription, and what came of each try.

use std::collections::BTreeSet;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::event::UnknownStatus;
use super::event_type::EventType;
use super::ids::{DeliveryId, EventId, SubscriptionId, TenantId};
use super::row::{RowKey, WorkRow, WorkState};

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Not yet tried.
    Pending,
    /// A worker has it.
    Delivering,
    /// The endpoint took it.
    Delivered,
    /// Tried, and to be tried again.
    Retrying,
    /// The endpoint gave an answer that is not retried.
    Failed,
    /// The tries are used up.
    Exhausted,
    /// Its subscription went.
    Cancelled,
}

impl DeliveryStatus {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Delivering,
        Self::Delivered,
        Self::Retrying,
        Self::Failed,
        Self::Exhausted,
        Self::Cancelled,
    ];

    /// The name used on the wire and on rows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivering => "delivering",
            Self::Delivered => "delivered",
            Self::Retrying => "retrying",
            Self::Failed => "failed",
            Self::Exhausted => "exhausted",
            Self::Cancelled => "cancelled",
        }
    }
}

impl FromStr for DeliveryStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL.into_iter().find(|status| status.name() == text).ok_or(UnknownStatus)
    }
}

/// The stored row of a delivery. It lives in its event's partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Derived from the event and the subscription.
    pub id: DeliveryId,
    /// What is delivered; the `webhook-id` of every attempt.
    pub event: EventId,
    /// Whose.
    pub tenant: TenantId,
    /// To whom.
    pub subscription: SubscriptionId,
    /// What the event is called.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// When it was fanned out.
    pub created_at: Timestamp,
    /// How far it has come.
    pub status: DeliveryStatus,
    /// Where events are gathered into it: which, in the order of their names. Empty for a delivery of one event.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub batch_events: BTreeSet<EventId>,
    /// About how many bytes their bodies have together.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub batch_bytes: u64,
    /// Its place among the deliveries of a subscription that takes only so many a second, while it waits for it.
    #[serde(
        with = "jiff::fmt::serde::timestamp::millisecond::optional",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub slot_at: Option<Timestamp>,
    /// The newest attempt, with at most `INLINE_RESPONSE` bytes of its response. A row of its own holds it whole
    /// where it failed or said more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Attempt>,
    /// The part the rules of work own.
    #[serde(flatten)]
    pub work: WorkState,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Delivery {
    /// Whether it gathers events.
    #[must_use]
    pub fn is_batch(&self) -> bool {
        !self.batch_events.is_empty()
    }

    /// Whether a further event may be gathered into it: nobody has tried to send it yet.
    #[must_use]
    pub fn gathers(&self) -> bool {
        let work = &self.work;
        let untouched = work.turn == 1 && work.attempts == 0 && work.deaths == 0 && work.lease_until.is_none();
        self.is_batch() && untouched && !work.ended()
    }
}

/// How much of a response is kept on the delivery's own row, bytes. The row must stay under one write unit (1 KB).
pub const INLINE_RESPONSE: usize = 128;

impl WorkRow for Delivery {
    const CLAIMED: &'static str = DeliveryStatus::Delivering.name();
    const LIST: Option<&'static str> = Some("delivery");

    fn key(&self) -> RowKey {
        RowKey::Delivery(self.id.clone())
    }

    fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    fn work(&self) -> &WorkState {
        &self.work
    }

    fn listed_at(&self) -> Timestamp {
        self.created_at
    }
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number, from 1, over all turns.
    pub n: u32,
    /// When it was sent.
    pub at: Timestamp,
    /// The status of the answer; none where none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// From the first byte sent to the answer, or to giving up.
    pub duration_ms: u64,
    /// Why it did not count as delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The head of the response body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    /// When it is tried again; none at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_retry_at: Option<Timestamp>,
}

impl Attempt {
    /// Whether its response may be the whole one, as far as it was kept: one as long as the delivery's own row bears
    /// was cut there, and its whole is in a row of its own.
    #[must_use]
    pub fn response_is_whole(&self) -> bool {
        self.response.as_ref().is_none_or(|response| response.len() + MAX_LETTER <= INLINE_RESPONSE)
    }
}

/// A letter that does not fit whole is left out.
const MAX_LETTER: usize = 4;
