//! An event that has ended, worked on once more.

use jiff::Timestamp;

use crate::model::event::{Event, EventStatus};
use crate::model::ids::EventId;
use crate::model::row::RowKey;
use crate::work::{Bells, Ring, Rows, StoreError};

/// Why an event is not worked on again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAgain {
    /// There is no such event, or it is one that another's work led to.
    #[error("there is no such event")]
    Unknown,
    /// It is being worked on, or will be.
    #[error("its work has not ended")]
    NotEnded,
    /// Its data was erased: there is nothing to work with.
    #[error("its data was erased")]
    Erased,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Starts the event's next turn. Nothing of the turn before can write any more; its attempts are kept.
///
/// # Errors
/// When there is nothing to start, or the store does not answer.
pub async fn reprocess(store: &(impl Rows + Bells), id: &EventId, now: Timestamp) -> Result<Event, NotAgain> {
    if id.is_child() {
        return Err(NotAgain::Unknown);
    }
    let key = RowKey::Event(id.clone());
    let Some(event) = store.begin_turn::<Event>(&key, EventStatus::Received.name(), now).await? else {
        let event: Event = store.read(&key).await?.ok_or(NotAgain::Unknown)?;
        return Err(if event.erased { NotAgain::Erased } else { NotAgain::NotEnded });
    };
    for bell in store.ring(&[Ring::of(&event)], now).await {
        tracing::warn!(row = %bell.row, why = %bell.why, "a bell could not be rung; the sweep will");
    }
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MemoryStore;
    use crate::testing::samples::lead_event;
    use crate::work::Timing;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + seconds).unwrap()
    }

    fn ended(name: &str) -> Event {
        let mut event = lead_event(name, at(0), &Timing::default());
        event.status = EventStatus::Failed;
        event.error = Some("rejected".into());
        (event.work.due_shard, event.work.due_at) = (None, None);
        event.work.attempts = 3;
        event
    }

    #[tokio::test]
    async fn an_event_that_ended_gets_another_turn_and_a_bell() {
        let store = MemoryStore::default();
        store.insert(&ended("a")).await.unwrap();
        let event = reprocess(&store, &ended("a").id, at(60)).await.unwrap();
        assert_eq!((event.work.turn, event.work.attempts, event.status), (2, 3, EventStatus::Received));
        assert_eq!(event.error, None);
        assert_eq!(store.rung(), [Ring::of(&event)]);
        assert_eq!(reprocess(&store, &event.id, at(61)).await, Err(NotAgain::NotEnded));
    }

    #[tokio::test]
    async fn an_erased_an_unknown_and_a_child_event_are_not_worked_on() {
        let store = MemoryStore::default();
        let erased = Event { erased: true, ..ended("e") };
        store.insert(&erased).await.unwrap();
        assert_eq!(reprocess(&store, &erased.id, at(60)).await, Err(NotAgain::Erased));
        assert_eq!(reprocess(&store, &"evt_none".parse().unwrap(), at(60)).await, Err(NotAgain::Unknown));
        assert_eq!(reprocess(&store, &erased.id.child(1), at(60)).await, Err(NotAgain::Unknown));
        assert!(store.rung().is_empty());
    }
}
