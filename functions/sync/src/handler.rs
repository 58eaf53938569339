//! One batch of bells: notices, accounts to be drained, polls, resyncs.

use std::sync::Arc;
use std::time::Duration;

use gancho::aws::Store;
use gancho::clients::MoyskladClients;
use gancho::lambda::batch::Worker;
use gancho::lambda::metrics::{Unit, emit, emit_many};
use gancho::model::event::{Event, Provider};
use gancho::model::ids::{SourceId, TenantId};
use gancho::model::moysklad::{AccountId, DrainJob, ReconciliationJob, ResyncJob};
use gancho::model::row::RowKey;
use gancho::switches::{Subject, Switchboard};
use gancho::sync::store::Accounts as _;
use gancho::sync::syncer::{Answered, Brake, DrainTold, NoticeTold, Syncer};
use gancho::work::{Bell, Claimed, Hold, StoreError};
use jiff::Timestamp;

pub(crate) struct Shared {
    pub(crate) syncer: Syncer<Store, Store, MoyskladClients>,
    pub(crate) switches: Switchboard<Store>,
    pub(crate) clock: fn() -> Timestamp,
}

pub(crate) struct Sync {
    pub(crate) shared: Arc<Shared>,
    pub(crate) deadline: Timestamp,
}

pub(crate) enum Job {
    Notice(Box<Claimed<Event>>),
    Drain(Box<Claimed<DrainJob>>),
    Reconciliation(Box<Claimed<ReconciliationJob>>),
    Resync(Box<Claimed<ResyncJob>>),
}

impl Worker for Sync {
    type Job = Job;

    async fn take(&self, bell: &Bell) -> Result<Option<Job>, StoreError> {
        let syncer = &self.shared.syncer;
        Ok(match &bell.row {
            RowKey::Event(_) => match syncer.take_event(bell, self.deadline).await? {
                Answered::Yours(claimed) => Some(Job::Notice(claimed)),
                Answered::GivenUp(told) => {
                    tell_of_notice(&told, syncer.store.meter().take(), (self.shared.clock)());
                    None
                }
                Answered::Nothing => None,
            },
            RowKey::Drain(..) => syncer.take_drain(bell, self.deadline).await?.map(|row| Job::Drain(Box::new(row))),
            RowKey::Reconciliation(..) => {
                let claimed = syncer.take_reconciliation(bell, self.deadline).await?;
                claimed.map(|row| Job::Reconciliation(Box::new(row)))
            }
            RowKey::Resync(..) => syncer.take_resync(bell, self.deadline).await?.map(|row| Job::Resync(Box::new(row))),
            RowKey::Delivery(_) | RowKey::Poll(_) | RowKey::DataSubject(_) => {
                tracing::error!(row = %bell.row, "a bell on a queue that is not its own");
                None
            }
        })
    }

    fn deaths(job: &Job) -> u32 {
        match job {
            Job::Notice(claimed) => claimed.row.work.deaths,
            Job::Drain(claimed) => claimed.row.work.deaths,
            Job::Reconciliation(claimed) => claimed.row.work.deaths,
            Job::Resync(claimed) => claimed.row.work.deaths,
        }
    }

    async fn work(&self, job: Job) -> Result<(), StoreError> {
        let Shared { syncer, switches, clock } = &*self.shared;
        match job {
            Job::Notice(claimed) => {
                self.until(claimed.row.work.not_before).await;
                let held = switches.held_by(&Subject::event(&claimed.row), clock()).await?;
                let told = syncer.hear(*claimed, held, self.deadline).await?;
                tell_of_notice(&told, syncer.store.meter().take(), clock());
            }
            Job::Drain(claimed) => {
                self.until(claimed.row.work.not_before).await;
                let (tenant, account) = (claimed.row.tenant.clone(), claimed.row.account);
                let brake = Switched { shared: &self.shared, tenant: &tenant, account };
                let told = syncer.drain(*claimed, &brake, self.deadline).await?;
                tell_of_drain(&told, syncer.store.meter().take(), clock());
            }
            Job::Reconciliation(claimed) => {
                let (tenant, account, kind) = (claimed.row.tenant.clone(), claimed.row.account, claimed.row.kind);
                let held = self.shared.held(&tenant, Some(&claimed.row.source)).await?;
                let told = syncer.reconcile(*claimed, held, self.deadline).await?;
                tracing::info!(
                    account.id = %account,
                    entity_type = %kind,
                    shown = told.shown,
                    missed = told.missed,
                    trouble = told.trouble,
                    ended = told.ended,
                    poll_write_units = syncer.store.meter().take(),
                    "account polled"
                );
            }
            Job::Resync(claimed) => {
                let (tenant, account) = (claimed.row.tenant.clone(), claimed.row.account);
                let held = Switched { shared: &self.shared, tenant: &tenant, account }.held().await?;
                let told = syncer.resync(*claimed, held, self.deadline).await?;
                tracing::info!(
                    account.id = %account,
                    outcome = told.outcome,
                    reason = told.reason,
                    marked = told.marked,
                    resync_write_units = syncer.store.meter().take(),
                    "account walked"
                );
            }
        }
        Ok(())
    }
}

impl Sync {
    /// A bell may be a moment early.
    async fn until(&self, not_before: Timestamp) {
        if let Ok(wait) = Duration::try_from(not_before.duration_since((self.shared.clock)())) {
            tokio::time::sleep(wait).await;
        }
    }
}

impl Shared {
    async fn held(&self, tenant: &TenantId, source: Option<&SourceId>) -> Result<Option<Hold>, StoreError> {
        let subject = match source {
            Some(source) => Subject::source(tenant, Provider::Moysklad, source),
            None => Subject::provider(tenant, Provider::Moysklad),
        };
        self.switches.held_by(&subject, (self.clock)()).await
    }
}

/// The switches that concern the work of an account: whoever switches its source off stops what is written to it, too.
struct Switched<'a> {
    shared: &'a Shared,
    tenant: &'a TenantId,
    account: AccountId,
}

impl Brake for Switched<'_> {
    async fn held(&self) -> Result<Option<Hold>, StoreError> {
        let accounts = self.shared.syncer.memory.accounts(self.tenant).await?;
        let source = accounts.into_iter().find(|account| account.id == self.account).map(|account| account.source);
        self.shared.held(self.tenant, source.as_ref()).await
    }
}

/// What was done in one line, and the metrics from the same facts.
fn tell_of_notice(told: &NoticeTold, write_units: f64, now: Timestamp) {
    let seconds = told.processing.map(|took| took.as_secs_f64());
    tracing::info!(
        event.id = %told.event,
        outcome = told.outcome,
        reason = told.reason,
        targets = told.targets,
        processing_s = seconds,
        write_units,
        "notice heard"
    );
    let flag = |on: bool| f64::from(u8::from(on));
    if let Some(seconds) = seconds {
        emit(
            now,
            &[
                ("NoticeSeconds", seconds, Unit::Seconds),
                ("EventFailed", flag(told.outcome == "failed"), Unit::Count),
                ("EventCrashed", flag(told.reason.as_deref() == Some("crashed")), Unit::Count),
                ("LoopSuspected", flag(told.opened), Unit::Count),
                ("NoticeMissed", flag(told.missed), Unit::Count),
            ],
        );
    }
}

fn tell_of_drain(told: &DrainTold, write_units: f64, now: Timestamp) {
    tracing::info!(
        account.id = %told.account,
        outcome = told.outcome,
        reason = told.reason,
        written = told.tally.written,
        equal = told.tally.equal,
        put_off = told.tally.put_off,
        failed = told.tally.failed,
        failed_for = ?told.failures,
        waiting = told.waiting,
        write_units,
        "account drained"
    );
    let (seconds, failed): (Vec<f64>, Vec<f64>) =
        told.ended.iter().map(|(seconds, failed)| (*seconds, f64::from(u8::from(*failed)))).unzip();
    emit_many(now, &[("SyncSeconds", &seconds, Unit::Seconds), ("SyncFailed", &failed, Unit::Count)]);
    if let Some(waiting) = told.waiting {
        #[expect(clippy::cast_precision_loss, reason = "so many rows are not counted to the last one")]
        let waiting = waiting as f64;
        emit(now, &[("SyncWaiting", waiting, Unit::Count)]);
    }
    if told.crashed {
        emit(now, &[("EventCrashed", 1.0, Unit::Count)]);
    }
    if told.refused {
        tracing::error!(account.id = %told.account, "MoySklad refuses the account's token");
        emit(now, &[("UpstreamCredentialsRefused", 1.0, Unit::Count)]);
    }
}
