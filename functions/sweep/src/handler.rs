//! One run of the sweep.

use gancho::aws::Store;
use gancho::counters::undelivered;
use gancho::lambda::batch::deadline;
use gancho::lambda::metrics::{Unit, emit};
use gancho::manage::silence::silent_sources;
use gancho::model::row::Queue;
use gancho::work::{Bells as _, SweepLimits, SweepReport, Timing, sweep};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub(crate) struct Sweeper {
    pub(crate) store: Store,
    pub(crate) timing: Timing,
    pub(crate) limits: SweepLimits,
    pub(crate) clock: fn() -> Timestamp,
}

/// Time kept back at the end of an invocation for what is under way.
const MARGIN: SignedDuration = SignedDuration::from_secs(5);

impl Sweeper {
    /// Sweeps, unless another sweep is at it.
    pub(crate) async fn run(&self, context_deadline_ms: u64) -> Result<Value, lambda_runtime::Error> {
        let now = (self.clock)();
        let until = deadline(context_deadline_ms);
        if !self.store.lease_sweep(now, until).await? {
            tracing::info!("another sweep is at it");
            return Ok(json!({"swept": false}));
        }
        let stop = until.saturating_sub(MARGIN).unwrap_or(until);
        let swept = sweep(&self.store, &self.timing, &self.limits, &self.clock, stop).await;
        self.store.end_sweep(until).await?;
        let report = swept?;
        tell(&report, (self.clock)());
        self.tell_pending().await;
        self.tell_silence().await;
        self.tell_undelivered().await;
        Ok(json!({
            "swept": true,
            "rung": report.rung,
            "unparked": report.unparked,
            "moved": report.moved,
            "unrung": report.unrung,
        }))
    }
}

impl Sweeper {
    /// How many deliveries wait in the queues: a number to watch, so a queue that cannot be asked is let go.
    async fn tell_pending(&self) {
        let (usual, slow) = tokio::join!(self.store.waiting(Queue::Delivery), self.store.waiting(Queue::DeliverySlow));
        if let (Ok(usual), Ok(slow)) = (usual, slow) {
            #[expect(clippy::cast_precision_loss, reason = "queues are far below 2^52")]
            let pending = (usual + slow) as f64;
            emit((self.clock)(), &[("PendingDeliveries", pending, Unit::Count)]);
        }
    }
}

impl Sweeper {
    /// Which sources are silent in their business hours. Not to know is no reason not to sweep.
    async fn tell_silence(&self) {
        let now = (self.clock)();
        match silent_sources(&self.store, now).await {
            Ok(silent) => {
                for source in &silent {
                    tracing::warn!(source.id = %source, "a source is silent in its business hours");
                }
                if !silent.is_empty() {
                    #[expect(clippy::cast_precision_loss, reason = "sources are far below 2^52")]
                    let count = silent.len() as f64;
                    emit(now, &[("SourceSilent", count, Unit::Count)]);
                }
            }
            Err(error) => tracing::warn!(%error, "it is not known which sources are silent"),
        }
    }
}

impl Sweeper {
    /// What was tried for an hour and never arrived. Not to know is no reason not to sweep.
    async fn tell_undelivered(&self) {
        let now = (self.clock)();
        match undelivered(&self.store, now).await {
            Ok(found) => {
                for one in &found {
                    tracing::warn!(
                        tenant.id = %one.tenant,
                        event.type_ = %one.event_type,
                        attempts = one.attempts,
                        "nothing of this was delivered in an hour"
                    );
                }
                if !found.is_empty() {
                    #[expect(clippy::cast_precision_loss, reason = "at most some thousands")]
                    let count = found.len() as f64;
                    emit(now, &[("EventUndelivered", count, Unit::Count)]);
                }
            }
            Err(error) => tracing::warn!(%error, "it is not known what was not delivered"),
        }
    }
}

fn tell(report: &SweepReport, now: Timestamp) {
    tracing::info!(
        rung = report.rung,
        unparked = report.unparked,
        moved = report.moved,
        unrung = report.unrung,
        crowded = ?report.crowded,
        "swept"
    );
    #[expect(clippy::cast_precision_loss, reason = "at most some thousands")]
    let rung = report.rung as f64;
    emit(now, &[("SweepRung", rung, Unit::Count)]);
}
