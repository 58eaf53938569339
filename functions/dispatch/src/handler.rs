//! One batch of events to fan out. No claims: all that is written has derived names, so twice is once.

use std::sync::Arc;

use gancho::aws::Store;
use gancho::dispatch::{Keep, fan_out};
use gancho::lambda::batch::Worker;
use gancho::model::event::{Event, EventStatus};
use gancho::model::row::WorkRow;
use gancho::providers;
use gancho::switches::{Subject, Switchboard};
use gancho::work::{Bell, Fence, Next, Record, Rows, StoreError, Timing};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) switches: Switchboard<Store>,
    pub(crate) timing: Timing,
    pub(crate) kept_for: SignedDuration,
    pub(crate) clock: fn() -> Timestamp,
}

pub(crate) struct Dispatch(pub(crate) Arc<Shared>);

impl Worker for Dispatch {
    type Job = Event;

    async fn take(&self, bell: &Bell) -> Result<Option<Event>, StoreError> {
        let event: Option<Event> = self.0.store.read(&bell.row).await?;
        Ok(event.filter(|event| !event.work.ended() && event.work.turn == bell.turn))
    }

    fn deaths(_: &Event) -> u32 {
        0
    }

    async fn work(&self, event: Event) -> Result<(), StoreError> {
        let Shared { store, switches, timing, kept_for, clock } = &*self.0;
        let now = clock();
        let fence = Fence::unclaimed(&event);
        if let Some(hold) = switches.held_by(&Subject::event(&event), now).await? {
            let status = EventStatus::Received.name();
            let record =
                Record { status, next: Next::Park { hold, now }, counted: false, patch: json!({}), remove: &[] };
            return store.record::<Event, _>(&fence, &record).await.map(|_| ());
        }
        let expires_at = now.saturating_add(*kept_for).unwrap_or(Timestamp::MAX);
        let bodies = store.bodies(&event).await?;
        let announced = bodies.first().map(|body| providers::announce(&event, body));
        let (status, patch) = match announced {
            Some(Ok(announcement)) => {
                let keep = if event.provider.speaks_for_itself() { Keep::Already } else { Keep::IfHeard };
                let heard_by = fan_out(store, &announcement, keep, timing, now).await?;
                (EventStatus::Completed, json!({"processed_at": now, "result": {"deliveries": heard_by}}))
            }
            Some(Err(error)) => (EventStatus::Failed, json!({"processed_at": now, "error": error.to_string()})),
            None => (EventStatus::Failed, json!({"processed_at": now, "error": "body_missing"})),
        };
        let next = Next::End { now, expires_at, failed: status == EventStatus::Failed };
        let record = Record { status: status.name(), next, counted: true, patch, remove: &[] };
        store.record::<Event, _>(&fence, &record).await?;
        tracing::info!(event.id = %event.key(), outcome = status.name(), write_units = store.meter().take(), "event dispatched");
        Ok(())
    }
}
