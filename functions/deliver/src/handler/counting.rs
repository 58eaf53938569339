//! Counting a batch: gathered as it goes, added once at its end.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gancho::aws::Store;
use gancho::counters::{Counters, Tally, Tried};
use gancho::delivery::courier::Attempted;
use gancho::delivery::judge::Why;
use gancho::model::delivery::{Delivery, DeliveryStatus};
use jiff::Timestamp;

/// What is left of the batch's time when adding is given up: an invocation that runs out of time over its counters
/// would fail with all its rows done.
const LEFT_ALONE: Duration = Duration::from_millis(500);

/// What a batch has counted so far.
#[derive(Default)]
pub(crate) struct Counting(Mutex<Tally>);

impl Counting {
    /// Counts an attempt that is recorded.
    pub(crate) fn note(&self, attempted: &Attempted) {
        let Attempted { delivery, attempt, judgement } = attempted;
        let why = judgement.why();
        let sent = !matches!(why, Some(Why::UrlNotAllowed(_)));
        self.add(&Tried {
            tenant: &delivery.tenant,
            subscription: &delivery.subscription,
            event_type: delivery.event_type,
            status: judgement.status(),
            http_status: attempt.http_status,
            why: why.map(Why::label),
            duration_ms: sent.then_some(attempt.duration_ms),
        });
    }

    /// Counts a delivery that killed its workers: one attempt, of which nothing is known but that it ended in failure.
    pub(super) fn note_given_up(&self, delivery: &Delivery) {
        self.add(&Tried {
            tenant: &delivery.tenant,
            subscription: &delivery.subscription,
            event_type: delivery.event_type,
            status: DeliveryStatus::Failed,
            http_status: None,
            why: Some("crashed"),
            duration_ms: None,
        });
    }

    fn add(&self, tried: &Tried<'_>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).note(tried);
    }

    /// Adds what was counted. Counters are for watching: a batch that cannot be added is logged and let go.
    pub(super) async fn write(&self, store: &Store, now: Timestamp, deadline: Timestamp) {
        let tally = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if tally.is_empty() {
            return;
        }
        let left = Duration::try_from(deadline.duration_since(now)).unwrap_or_default().saturating_sub(LEFT_ALONE);
        match tokio::time::timeout(left, store.count(&tally, now)).await {
            Ok(Ok(())) => tracing::info!(counter_units = store.meter().take(), "batch counted"),
            Ok(Err(error)) => tracing::warn!(%error, "a batch could not be counted"),
            Err(_) => tracing::warn!("a batch could not be counted in time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use gancho::model::ids::TenantId;
    use gancho::testing::samples::delivery;

    use super::*;

    #[test]
    fn a_delivery_that_killed_its_workers_is_counted_as_one_that_failed() {
        let counting = Counting::default();
        counting.note_given_up(&delivery("crash", &TenantId::default_tenant(), Timestamp::UNIX_EPOCH));
        let tally = counting.0.into_inner().unwrap_or_default();
        let counts: Vec<_> = tally.iter().map(|(_, counts)| counts.clone()).collect();
        let [counts] = counts.as_slice() else { panic!("one subscription: {counts:?}") };
        assert_eq!((counts.attempts, counts.failed, counts.silences.get("crashed")), (1, 1, Some(&1)));
        assert_eq!(counts.durations.count(), 0, "nothing is known of how long it took");
    }
}
