//! The doorbells: one folder per provider, the same files inside.
//!
//! Bytes off the wire are unverified. Only a provider's `verify` (or its poll, which asked with our own credentials)
//! makes an [`Incoming`], and `intake` records nothing else.

pub mod batch;
pub mod c2s;
mod canonical;
pub mod moysklad;
pub mod tenant;
pub mod whatsapp;

use jiff::Timestamp;

use crate::model::event::{Announcement, Event, Provider, RawBody};
use crate::model::event_type::EventType;
use crate::model::ids::{EventId, SourceId, TenantId};
use crate::model::row::Queue;

/// The path of a provider's doorbells, in front of their tokens; none for a provider that has no sources.
#[must_use]
pub const fn doorbell(provider: Provider) -> Option<&'static str> {
    match provider {
        Provider::C2s => Some("/api/v1/webhooks/c2s"),
        // The back office publishes with its tenant's key.
        Provider::Tenant => None,
        Provider::WhatsappCloud => Some("/api/v1/webhooks/whatsapp"),
        Provider::Baileys => Some("/api/v1/webhooks/baileys"),
        Provider::Moysklad => Some("/api/webhooks/moysklad"),
    }
}

/// An event that is known to be the provider's, and not yet recorded. Outside this room it can be read, not made.
#[derive(Debug, Clone)]
pub struct Incoming {
    id: EventId,
    tenant: TenantId,
    source: SourceId,
    provider: Provider,
    event_type: EventType,
    subject: Option<String>,
    occurred_at: Timestamp,
    digest: String,
    queue: Queue,
    body: RawBody,
}

impl Incoming {
    /// Derived from the provider's dedupe key.
    #[must_use]
    pub const fn id(&self) -> &EventId {
        &self.id
    }

    /// Whose it is.
    #[must_use]
    pub const fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// By which doorbell it came.
    #[must_use]
    pub const fn source(&self) -> &SourceId {
        &self.source
    }

    /// Who sent it.
    #[must_use]
    pub const fn provider(&self) -> Provider {
        self.provider
    }

    /// What it is called going out.
    #[must_use]
    pub const fn event_type(&self) -> EventType {
        self.event_type
    }

    /// What it is about.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// When it happened, by the provider's clock.
    #[must_use]
    pub const fn occurred_at(&self) -> Timestamp {
        self.occurred_at
    }

    /// The digest of its canonical body.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Who works on it.
    #[must_use]
    pub const fn queue(&self) -> Queue {
        self.queue
    }

    /// What came in.
    #[must_use]
    pub const fn body(&self) -> &RawBody {
        &self.body
    }
}

/// A stored body that its own provider cannot read any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unreadable_body: {0}")]
pub struct Unreadable(pub String);

/// An event as subscribers hear of it, from its stored body: the one match on the provider.
///
/// # Errors
/// When the body cannot be read.
pub fn announce(event: &Event, body: &RawBody) -> Result<Announcement, Unreadable> {
    let data = match event.provider {
        Provider::C2s => {
            let lead = c2s::payload::parse_event(&body.bytes).map_err(|error| Unreadable(error.detail))?;
            c2s::translate::lead_received(&lead, &event.source)
        }
        Provider::Tenant => serde_json::from_slice(&body.bytes).map_err(|error| Unreadable(error.to_string()))?,
        Provider::WhatsappCloud | Provider::Baileys => {
            whatsapp::translate::announced(&body.bytes).map_err(Unreadable)?
        }
        Provider::Moysklad => {
            moysklad::translate::announced(&body.bytes).map_err(|error| Unreadable(error.to_string()))?
        }
    };
    Ok(Announcement {
        id: event.id.clone(),
        tenant: event.tenant.clone(),
        event_type: event.event_type,
        at: event.occurred_at,
        data,
    })
}
