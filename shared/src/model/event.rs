//! An event: what came in, recorded once.

use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::event_type::EventType;
use super::ids::{EventId, SourceId, TenantId};
use super::row::{RowKey, WorkRow, WorkState};

/// Who sends to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Contact2Sale, a lead manager.
    C2s,
    /// The tenant's own back office.
    Tenant,
    /// WhatsApp, by Meta's Cloud API.
    WhatsappCloud,
    /// WhatsApp, by a gateway that is a linked device: Baileys and those like it.
    Baileys,
    /// MoySklad, a warehouse.
    Moysklad,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 5] = [Self::C2s, Self::Tenant, Self::WhatsappCloud, Self::Baileys, Self::Moysklad];

    /// Whether a copy of an event with another body is kept beside the first and worked on with it. Where not, it
    /// contradicts the first, and the sender is told so.
    #[must_use]
    pub const fn keeps_variants(self) -> bool {
        match self {
            // Its times are precise to the second: two changes within one have one dedupe key.
            Self::C2s => true,
            Self::Tenant | Self::WhatsappCloud | Self::Baileys | Self::Moysklad => false,
        }
    }

    /// Whether what goes out is its event's own body, read anew each time. Where not, what the work came to is kept
    /// beside the event.
    #[must_use]
    pub const fn speaks_for_itself(self) -> bool {
        match self {
            Self::C2s | Self::Moysklad => false,
            Self::Tenant | Self::WhatsappCloud | Self::Baileys => true,
        }
    }

    /// The name used on the wire, in logs and on rows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::C2s => "c2s",
            Self::Tenant => "tenant",
            Self::WhatsappCloud => "whatsapp_cloud",
            Self::Baileys => "baileys",
            Self::Moysklad => "moysklad",
        }
    }
}

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, UnknownProvider> {
        Self::ALL.into_iter().find(|provider| provider.name() == text).ok_or(UnknownProvider)
    }
}

/// There is no provider of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no provider of that name")]
pub struct UnknownProvider;

/// How far an event has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventStatus {
    /// Recorded, not yet worked on.
    Received,
    /// A worker has it, or had it and will have it again.
    Processing,
    /// Its work is done.
    Completed,
    /// Its work was given up; `error` says why.
    Failed,
    /// A newer event of the same subject was processed in its place; `superseded_by` names it.
    Superseded,
}

impl EventStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Received, Self::Processing, Self::Completed, Self::Failed, Self::Superseded];

    /// The name used on the wire and on rows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
        }
    }
}

impl FromStr for EventStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL.into_iter().find(|status| status.name() == text).ok_or(UnknownStatus)
    }
}

/// There is no status of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no status of that name")]
pub struct UnknownStatus;

/// The stored row of an event. The body lies beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Derived from the dedupe key.
    pub id: EventId,
    /// Whose event it is: the credential's tenant, never the body's.
    pub tenant: TenantId,
    /// The doorbell it came in by.
    pub source: SourceId,
    /// Who sent it.
    pub provider: Provider,
    /// What it is called going out.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// What it is about, in the provider's words: a lead's id. Events of one subject are found together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it happened, by the provider's clock.
    pub occurred_at: Timestamp,
    /// When it was recorded, by ours.
    pub received_at: Timestamp,
    /// SHA-256 (hex, first 128 bits) of the canonical body: tells a copy from a variant.
    pub digest: String,
    /// How many variants of the body are kept beside it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub variants: u32,
    /// How far it has come.
    pub status: EventStatus,
    /// When its work ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processed_at: Option<Timestamp>,
    /// Why it failed: a stable word, then a sentence. Nothing of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What its work came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<serde_json::Value>,
    /// The event that was processed in this one's place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<EventId>,
    /// Which piece of subject work it led to: the digest of the contact data it was looked up with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Its place in an upstream's queue, taken while it waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_at: Option<UpstreamTurn>,
    /// Whether its data was erased at the request of the person it is about.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
    /// The part the rules of work own.
    #[serde(flatten)]
    pub work: WorkState,
}

/// A place in an upstream's queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamTurn {
    /// Whose queue.
    pub upstream: String,
    /// When it is this event's turn.
    pub at: Timestamp,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl WorkRow for Event {
    const CLAIMED: &'static str = EventStatus::Processing.name();
    const LIST: Option<&'static str> = Some("event");

    fn key(&self) -> RowKey {
        RowKey::Event(self.id.clone())
    }

    fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    fn work(&self) -> &WorkState {
        &self.work
    }

    fn listed_at(&self) -> Timestamp {
        self.received_at
    }
}

/// What came in, kept beside the row as it was received.
#[derive(Clone, PartialEq, Eq)]
pub struct RawBody {
    /// The bytes of this event as received (one element of a batch: that element's bytes).
    pub bytes: bytes::Bytes,
    /// The request's headers worth keeping: content type, user agent, signature headers, the base64 flag.
    pub headers: Vec<(String, String)>,
}

impl std::fmt::Debug for RawBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RawBody({} bytes, {} headers)", self.bytes.len(), self.headers.len())
    }
}

/// An event about to go out to subscribers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    /// The `webhook-id`, and the body's `id`.
    pub id: EventId,
    /// Whose subscribers hear of it.
    pub tenant: TenantId,
    /// What it is called.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// When it happened: the body's `timestamp`.
    pub at: Timestamp,
    /// The body's `data`.
    pub data: serde_json::Value,
}
