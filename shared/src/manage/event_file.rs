//! Everything that is known of one event.

use std::future::Future;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::enrichment::look_up::Step;
use crate::model::delivery::{Attempt, Delivery};
use crate::model::event::Event;
use crate::model::event_type::EventType;
use crate::model::ids::{DeliveryId, EventId};
use crate::work::StoreError;

/// What was said to subscribers, without what was in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// The `webhook-id`.
    pub id: EventId,
    /// What it is called.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// When it happened.
    pub at: Timestamp,
}

/// An event with what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct EventFile {
    /// The event.
    pub event: Event,
    /// When other bodies of the same event came in.
    pub variants: Vec<Timestamp>,
    /// The steps of the look-up it led to, or shares with another event of its subject.
    pub steps: Vec<Step>,
    /// What was said.
    pub announced: Vec<Announced>,
    /// To whom.
    pub deliveries: Vec<Delivery>,
    /// The tries that were kept whole.
    pub attempts: Vec<(DeliveryId, Attempt)>,
    /// Whether there is more than is shown.
    pub cut: bool,
}

/// Where events are looked up with all that belongs to them.
pub trait EventFiles: Send + Sync {
    /// The file of an event, if there is such an event.
    fn file(&self, id: &EventId, now: Timestamp) -> impl Future<Output = Result<Option<EventFile>, StoreError>> + Send;
}
