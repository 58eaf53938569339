//! Counting what comes in: in memory, and now and then in the store.

use std::sync::PoisonError;
use std::time::Duration;

use gancho::counters::Arrivals;
use gancho::intake::{Recorded, Taken};
use gancho::model::event::Provider;
use gancho::work::StoreError;

use crate::handler::{Backing, State};

/// How long a sender waits for counters at most; and only the one whose request they are written in.
const AT_MOST: Duration = Duration::from_millis(150);

/// What a request brought: what became of its events, and how many were not acceptable. A request in which no event
/// could be looked at is one of those: nobody knows how many were meant.
pub(crate) fn arrivals(recorded: &[Recorded], rejected: usize) -> Arrivals {
    let mut arrivals = Arrivals { rejected: rejected as u64, ..Arrivals::default() };
    for recorded in recorded {
        match recorded {
            Recorded::New => arrivals.received += 1,
            Recorded::Duplicate | Recorded::Variant { .. } => arrivals.duplicate += 1,
            Recorded::Conflict => arrivals.rejected += 1,
        }
    }
    arrivals
}

/// Rings for what a request brought, and counts it beside that: a sender that waits for the counters waits for the bells
/// anyway. A request of which something could not be stored is not counted, since it comes again.
///
/// # Errors
/// When any event could not be stored.
pub(crate) async fn ring_and_count<S: Backing>(
    state: &State<S>,
    provider: Provider,
    taken: &Taken,
    arrivals: impl FnOnce(&[Recorded]) -> Arrivals,
) -> Result<Vec<Recorded>, StoreError> {
    let recorded = taken.recorded();
    let arrivals = recorded.as_ref().ok().map(|recorded| arrivals(recorded));
    let counting = async {
        if let Some(arrivals) = arrivals {
            count(state, provider, arrivals).await;
        }
    };
    tokio::join!(taken.ring(&state.store), counting);
    recorded
}

/// Counts what a request brought. Counters are for watching: no request is refused for them.
pub(crate) async fn count<S: Backing>(state: &State<S>, provider: Provider, arrivals: Arrivals) {
    let lock = || state.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(due) = lock().note(provider, arrivals, (state.clock)()) else { return };
    match tokio::time::timeout(AT_MOST * state.patience, state.store.count_arrivals(&due)).await {
        Ok(Ok(())) => tracing::info!(counter_units = state.meter.take(), "arrivals counted"),
        Ok(Err(error)) => {
            tracing::warn!(%error, "arrivals could not be counted");
            lock().put_back(due);
        }
        Err(_) => {
            tracing::warn!("arrivals could not be counted in time");
            lock().put_back(due);
        }
    }
}
