//! One batch of delivery bells.

mod counting;

use std::sync::Arc;
use std::time::Duration;

use gancho::aws::Store;
use gancho::clients::receiver::Receiver;
use gancho::delivery::courier::{Answered, Attempted, Courier};
use gancho::delivery::judge::{Judgement, Why};
use gancho::lambda::batch::Worker;
use gancho::lambda::metrics::{Unit, emit};
use gancho::model::delivery::Delivery;
use gancho::switches::{Subject, Switchboard};
use gancho::work::{Bell, Claimed, StoreError};
use jiff::Timestamp;

pub(crate) use self::counting::Counting;

pub(crate) struct Deliver {
    pub(crate) courier: Arc<Courier<Store, Receiver>>,
    pub(crate) switches: Arc<Switchboard<Store>>,
    pub(crate) deadline: Timestamp,
    pub(crate) counting: Counting,
}

impl Worker for Deliver {
    type Job = Claimed<Delivery>;

    async fn take(&self, bell: &Bell) -> Result<Option<Self::Job>, StoreError> {
        Ok(match self.courier.take(bell, self.deadline).await? {
            Answered::Yours(claimed) => Some(*claimed),
            Answered::GivenUp(delivery) => {
                self.counting.note_given_up(&delivery);
                emit((self.courier.clock)(), &[("EventCrashed", 1.0, Unit::Count)]);
                None
            }
            Answered::Nothing => None,
        })
    }

    fn deaths(job: &Self::Job) -> u32 {
        job.row.work.deaths
    }

    async fn work(&self, job: Self::Job) -> Result<(), StoreError> {
        self.until(job.row.work.not_before).await;
        let now = (self.courier.clock)();
        let subject = Subject::delivery(&job.row);
        let held = self.switches.held_by(&subject, now).await?;
        if let Some(attempted) = self.courier.deliver(job, held, self.deadline).await? {
            tell(&attempted, (self.courier.clock)());
            self.counting.note(&attempted);
        }
        tracing::info!(write_units = self.courier.store.meter().take(), "row worked");
        Ok(())
    }

    async fn finish(&self) {
        self.counting.write(&self.courier.store, (self.courier.clock)(), self.deadline).await;
    }
}

impl Deliver {
    /// A bell may be a moment early.
    async fn until(&self, not_before: Timestamp) {
        if let Ok(wait) = Duration::try_from(not_before.duration_since((self.courier.clock)())) {
            tokio::time::sleep(wait).await;
        }
    }
}

/// The whole attempt in one line, and the metrics from the same facts.
fn tell(attempted: &Attempted, now: Timestamp) {
    let Attempted { delivery, attempt, judgement } = attempted;
    tracing::info!(
        delivery.id = %delivery.id,
        event.id = %delivery.event,
        event.type_ = delivery.event_type.as_str(),
        tenant.id = %delivery.tenant,
        subscription.id = %delivery.subscription,
        attempt = attempt.n,
        turn = delivery.work.turn,
        http_status = attempt.http_status,
        duration_ms = attempt.duration_ms,
        outcome = judgement.status().name(),
        reason = judgement.why().map(Why::label),
        next_retry_at = attempt.next_retry_at.map(tracing::field::display),
        "delivery attempted"
    );
    let failed = f64::from(u8::from(*judgement != Judgement::Delivered));
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of one attempt")]
    let duration = attempt.duration_ms as f64;
    let retried = f64::from(u8::from(attempt.n > 1));
    emit(
        now,
        &[
            ("DeliveryFailed", failed, Unit::Count),
            ("DeliveryRetried", retried, Unit::Count),
            ("DeliveryDurationMs", duration, Unit::Milliseconds),
        ],
    );
}
