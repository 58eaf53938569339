//! A delivery as its tenant sees it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::attempts::AttemptView;
use crate::model::delivery::{Delivery, DeliveryStatus};
use crate::model::event_type::EventType;
use crate::model::ids::{DeliveryId, EventId, SubscriptionId};

/// The JSON of a delivery in a list.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub struct DeliveryView {
    id: DeliveryId,
    event_id: EventId,
    event: EventType,
    /// The events gathered into it; absent where it is of one.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    events: BTreeSet<EventId>,
    subscription_id: SubscriptionId,
    status: DeliveryStatus,
    created_at: Timestamp,
    attempt_count: u32,
    turn: u32,
    http_status: Option<u16>,
    error: Option<String>,
    last_attempt_at: Option<Timestamp>,
    next_retry_at: Option<Timestamp>,
}

/// The JSON of a delivery alone.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DeliveryDetail {
    #[serde(flatten)]
    delivery: DeliveryView,
    attempts: Vec<AttemptView>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let last = delivery.last;
        Self {
            id: delivery.id,
            event_id: delivery.event,
            event: delivery.event_type,
            events: delivery.batch_events,
            subscription_id: delivery.subscription,
            status: delivery.status,
            created_at: delivery.created_at,
            attempt_count: delivery.work.attempts,
            turn: delivery.work.turn,
            // An attempt that is due later is due when the row may run: a pause may have moved it on.
            next_retry_at: (delivery.status == DeliveryStatus::Retrying).then_some(delivery.work.not_before),
            http_status: last.as_ref().and_then(|last| last.http_status),
            error: last.as_ref().and_then(|last| last.error.clone()),
            last_attempt_at: last.as_ref().map(|last| last.at),
        }
    }
}

impl DeliveryDetail {
    /// A delivery with its attempts.
    #[must_use]
    pub fn of(delivery: Delivery, attempts: Vec<AttemptView>) -> Self {
        Self { delivery: delivery.into(), attempts }
    }
}
