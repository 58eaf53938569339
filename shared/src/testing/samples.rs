//! Rows as they are when they begin, for tests. All data is invented.

use jiff::Timestamp;

use crate::model::event::{Event, EventStatus, Provider};
use crate::model::event_type::EventType;
use crate::model::ids::{EventId, SourceId, TenantId};
use crate::model::row::{Queue, RowKey, WorkState};
use crate::work::{Timing, home_shard};

/// The state of work that may run from `not_before`.
#[must_use]
pub fn work(key: &RowKey, queue: Queue, not_before: Timestamp, timing: &Timing) -> WorkState {
    WorkState::starting(queue, not_before, timing.due_at(not_before), home_shard(key))
}

/// A C2S lead event that may run from `now`; `name` makes it another event.
#[must_use]
pub fn lead_event(name: &str, now: Timestamp, timing: &Timing) -> Event {
    let id = EventId::derive(&["sample", name]);
    Event {
        work: work(&RowKey::Event(id.clone()), Queue::Lead, now, timing),
        id,
        tenant: TenantId::default_tenant(),
        source: SourceId::default_c2s(),
        provider: Provider::C2s,
        event_type: EventType::LeadReceived,
        subject: Some(name.to_owned()),
        occurred_at: now,
        received_at: now,
        digest: "d".repeat(32),
        variants: 0,
        status: EventStatus::Received,
        processed_at: None,
        error: None,
        result: None,
        superseded_by: None,
        contact: None,
        turn_at: None,
        erased: false,
    }
}
