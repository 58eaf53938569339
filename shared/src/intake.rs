//! A verified event is recorded once and handed on.

use std::future::Future;

use futures::stream::{self, StreamExt};
use jiff::Timestamp;

use crate::model::event::{Event, EventStatus, RawBody};
use crate::model::row::{RowKey, WorkState};
use crate::providers::Incoming;
use crate::work::{Bells, Ring, StoreError, Timing, home_shard};

/// Rows written at a time for one request: enough to keep a batch of 500 within a second or two, few enough not to
/// open 500 connections.
const PARALLEL: usize = 32;

/// What became of an event that came in. A duplicate is an answer, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// It was recorded now.
    New,
    /// It was recorded before; this copy adds nothing.
    Duplicate,
    /// It was recorded before with another body. This body is kept beside it; `ring` asks for a further turn where
    /// the work had already ended.
    Variant {
        /// The bell of that turn.
        ring: Option<Ring>,
    },
    /// It was recorded before with another body, and its provider does not send one event in two bodies: this body is
    /// not kept.
    Conflict,
}

/// Where events are recorded.
pub trait Inbox: Send + Sync {
    /// Records an event and its body, exactly once per id. Both are durable when this returns.
    fn record_event(&self, event: &Event, body: &RawBody) -> impl Future<Output = Result<Recorded, StoreError>> + Send;
}

/// The row of an event that comes in now.
#[must_use]
pub fn row(incoming: &Incoming, now: Timestamp, timing: &Timing) -> Event {
    let key = RowKey::Event(incoming.id().clone());
    Event {
        id: incoming.id().clone(),
        tenant: incoming.tenant().clone(),
        source: incoming.source().clone(),
        provider: incoming.provider(),
        event_type: incoming.event_type(),
        subject: incoming.subject().map(str::to_owned),
        occurred_at: incoming.occurred_at(),
        received_at: now,
        digest: incoming.digest().to_owned(),
        variants: 0,
        status: EventStatus::Received,
        processed_at: None,
        error: None,
        result: None,
        superseded_by: None,
        contact: None,
        turn_at: None,
        erased: false,
        work: WorkState::starting(incoming.queue(), now, timing.due_at(now), home_shard(&key)),
    }
}

/// Events that were recorded, and are to be rung for.
#[derive(Debug)]
#[must_use = "the events are recorded, and nobody has rung for them"]
pub struct Taken {
    outcomes: Vec<Result<Recorded, StoreError>>,
    rings: Vec<Ring>,
    now: Timestamp,
}

/// Records the events of a request. The outcomes are in the order of the events.
pub async fn record(store: &impl Inbox, incoming: &[Incoming], timing: &Timing, now: Timestamp) -> Taken {
    // Whole milliseconds: what is stored, compared and shown is one and the same.
    let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
    let rows: Vec<Event> = incoming.iter().map(|event| row(event, now, timing)).collect();
    let writes = rows.iter().zip(incoming).map(|(row, event)| store.record_event(row, event.body()));
    let outcomes: Vec<_> = stream::iter(writes.collect::<Vec<_>>()).buffered(PARALLEL).collect().await;

    let mut rings = Vec::new();
    for (row, outcome) in rows.iter().zip(&outcomes) {
        match outcome {
            Ok(Recorded::New) => rings.push(Ring::of(row)),
            Ok(Recorded::Variant { ring: Some(ring) }) => rings.push(ring.clone()),
            Ok(_) | Err(_) => {}
        }
    }
    Taken { outcomes, rings, now }
}

impl Taken {
    /// Rings for the new ones, whatever became of the others.
    ///
    /// A bell that cannot be rung does no harm: the row is due, and the sweep rings.
    pub async fn ring(&self, bells: &impl Bells) {
        for bell in bells.ring(&self.rings, self.now).await {
            tracing::warn!(row = %bell.row, why = %bell.why, "a bell could not be rung; the sweep will");
        }
    }

    /// What became of each event.
    ///
    /// # Errors
    /// When any event could not be stored: the whole request is to be refused, so that the sender sends it again. What
    /// was stored is stored, and counts as a duplicate then.
    pub fn recorded(&self) -> Result<Vec<Recorded>, StoreError> {
        self.outcomes.iter().cloned().collect()
    }
}

/// Records the events of a request and rings for the new ones. The answers are in the order of the events.
///
/// # Errors
/// As [`Taken::recorded`].
pub async fn take_in(
    store: &(impl Inbox + Bells),
    incoming: &[Incoming],
    timing: &Timing,
    now: Timestamp,
) -> Result<Vec<Recorded>, StoreError> {
    let taken = record(store, incoming, timing, now).await;
    taken.ring(store).await;
    taken.recorded()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::SourceCaller;
    use crate::model::event::Provider;
    use crate::model::ids::{SourceId, TenantId};
    use crate::providers::c2s::verify::incoming;
    use crate::testing::MemoryStore;

    fn leads(n: usize) -> Vec<Incoming> {
        let caller = SourceCaller {
            source: SourceId::default_c2s(),
            provider: Provider::C2s,
            tenant: TenantId::default_tenant(),
        };
        let body: Vec<_> = (0..n)
            .map(|n| serde_json::json!({"id": n, "attributes": {"updated_at": "2025-01-20T10:00:00Z"}}))
            .collect();
        let body = serde_json::to_vec(&body).unwrap();
        incoming(&caller, &[], &body).unwrap().into_iter().map(Result::unwrap).collect()
    }

    async fn take(store: &MemoryStore, leads: &[Incoming]) -> Result<Vec<Recorded>, StoreError> {
        take_in(store, leads, &Timing::default(), Timestamp::from_second(1_900_000_000).unwrap()).await
    }

    #[tokio::test]
    async fn a_lead_sent_twice_is_recorded_and_rung_once() {
        let store = MemoryStore::default();
        assert_eq!(take(&store, &leads(2)).await, Ok(vec![Recorded::New; 2]));
        assert_eq!(store.rung().len(), 2);
        assert_eq!(take(&store, &leads(3)).await, Ok(vec![Recorded::Duplicate, Recorded::Duplicate, Recorded::New]));
        assert_eq!(store.rung().len(), 1);
    }

    #[tokio::test]
    async fn a_request_with_an_event_that_could_not_be_stored_is_refused_and_taken_on_the_retry() {
        let store = MemoryStore::default();
        store.set_down(true);
        assert!(take(&store, &leads(2)).await.is_err());
        store.set_down(false);
        assert_eq!(take(&store, &leads(2)).await, Ok(vec![Recorded::New; 2]));
    }

    #[tokio::test]
    async fn a_bell_that_cannot_be_rung_does_not_lose_the_event() {
        use crate::work::{DueIndex, SweepLimits, sweep};
        let store = MemoryStore::default();
        store.set_deaf(true);
        assert_eq!(take(&store, &leads(1)).await, Ok(vec![Recorded::New]));
        store.set_deaf(false);
        assert!(store.rung().is_empty());
        let later = || Timestamp::from_second(1_900_000_090).unwrap();
        let report = sweep(&store, &Timing::default(), &SweepLimits::default(), &later, Timestamp::MAX).await.unwrap();
        assert_eq!((report.rung, store.rung().len()), (1, 1));
        assert!(store.holds().await.unwrap().is_empty());
    }
}
