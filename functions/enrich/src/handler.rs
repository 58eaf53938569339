//! One batch of lead bells: events, and the polls of their sources.

use std::sync::Arc;
use std::time::Duration;

use gancho::aws::Store;
use gancho::clients::{C2sClient, DiretrixClient, WorkApiClient};
use gancho::data_subjects;
use gancho::enrichment::workflow::{Answered, Enricher, Worked};
use gancho::lambda::batch::Worker;
use gancho::lambda::metrics::{Unit, emit};
use gancho::model::event::Event;
use gancho::model::job::{DataSubjectJob, Poll};
use gancho::model::row::RowKey;
use gancho::switches::{Subject, Switchboard};
use gancho::work::{Bell, Claimed, StoreError};
use jiff::Timestamp;

pub(crate) struct Shared {
    pub(crate) enricher: Enricher<Store, DiretrixClient, WorkApiClient, C2sClient>,
    pub(crate) switches: Switchboard<Store>,
    pub(crate) clock: fn() -> Timestamp,
}

pub(crate) struct Enrich {
    pub(crate) shared: Arc<Shared>,
    pub(crate) deadline: Timestamp,
}

pub(crate) enum Job {
    Event(Box<Claimed<Event>>),
    Poll(Box<Claimed<Poll>>),
    DataSubject(Box<Claimed<DataSubjectJob>>),
}

impl Worker for Enrich {
    type Job = Job;

    async fn take(&self, bell: &Bell) -> Result<Option<Job>, StoreError> {
        let enricher = &self.shared.enricher;
        Ok(match &bell.row {
            RowKey::Event(_) => match enricher.take(bell, self.deadline).await? {
                Answered::Yours(claimed) => Some(Job::Event(claimed)),
                Answered::GivenUp(worked) => {
                    tell(&worked, enricher.store.meter().take(), (self.shared.clock)());
                    None
                }
                Answered::Nothing => None,
            },
            RowKey::Poll(_) => enricher.take_poll(bell, self.deadline).await?.map(|row| Job::Poll(Box::new(row))),
            RowKey::DataSubject(_) => {
                let (timing, now) = (&enricher.settings.timing, (self.shared.clock)());
                let job = data_subjects::take_job(&enricher.store, bell, timing, now, self.deadline).await?;
                job.map(|row| Job::DataSubject(Box::new(row)))
            }
            RowKey::Delivery(_) | RowKey::Drain(..) | RowKey::Reconciliation(..) | RowKey::Resync(..) => {
                tracing::error!(row = %bell.row, "a bell on a queue that is not its own");
                None
            }
        })
    }

    fn deaths(job: &Job) -> u32 {
        match job {
            Job::Event(claimed) => claimed.row.work.deaths,
            Job::Poll(claimed) => claimed.row.work.deaths,
            Job::DataSubject(claimed) => claimed.row.work.deaths,
        }
    }

    async fn work(&self, job: Job) -> Result<(), StoreError> {
        let Shared { enricher, switches, clock } = &*self.shared;
        match job {
            Job::Event(claimed) => {
                self.until(claimed.row.work.not_before).await;
                let held = switches.held_by(&Subject::event(&claimed.row), clock()).await?;
                let worked = enricher.work(*claimed, held, self.deadline).await?;
                tell(&worked, enricher.store.meter().take(), clock());
            }
            Job::DataSubject(claimed) => {
                data_subjects::walk(&enricher.store, &enricher.keys, *claimed, clock, self.deadline).await?;
                tracing::info!(job_write_units = enricher.store.meter().take(), "data subject's job worked");
            }
            Job::Poll(claimed) => {
                let source = claimed.row.source.clone();
                let polled = enricher.poll(*claimed, self.deadline).await?;
                tracing::info!(
                    source.id = %source,
                    shown = polled.shown,
                    missed = polled.missed,
                    trouble = polled.trouble,
                    poll_write_units = enricher.store.meter().take(),
                    "source polled"
                );
            }
        }
        Ok(())
    }
}

impl Enrich {
    /// A bell may be a moment early.
    async fn until(&self, not_before: Timestamp) {
        if let Ok(wait) = Duration::try_from(not_before.duration_since((self.shared.clock)())) {
            tokio::time::sleep(wait).await;
        }
    }
}

/// What was done in one line, and the metrics from the same facts.
fn tell(worked: &Worked, write_units: f64, now: Timestamp) {
    let seconds = worked.processing.map(|took| took.as_secs_f64());
    tracing::info!(
        event.id = %worked.event,
        outcome = worked.outcome,
        reason = worked.reason,
        processing_s = seconds,
        write_units,
        "lead worked"
    );
    let flag = |on: bool| f64::from(u8::from(on));
    if let Some(seconds) = seconds {
        emit(
            now,
            &[
                ("ProcessingSeconds", seconds, Unit::Seconds),
                ("EventFailed", flag(worked.outcome == "failed"), Unit::Count),
                ("EventCrashed", flag(worked.reason.as_deref() == Some("crashed")), Unit::Count),
                ("MessageUnconfirmed", flag(worked.unconfirmed), Unit::Count),
            ],
        );
    } else if worked.unconfirmed {
        // Its turn is over, though the work goes on in the next.
        emit(now, &[("MessageUnconfirmed", 1.0, Unit::Count)]);
    }
    if let Some(upstream) = worked.refused_by {
        tracing::error!(%upstream, "an upstream refuses our credentials or our account");
        emit(now, &[("UpstreamCredentialsRefused", 1.0, Unit::Count)]);
    }
}
