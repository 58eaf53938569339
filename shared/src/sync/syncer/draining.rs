//! An account's row: claimed, its dirty rows drained, and recorded.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::announce::reason_of;
use super::{AFTER_CRASHES, Backing, Client, Memory, Syncer, later};
use crate::model::job::JobStatus;
use crate::model::moysklad::{AccountId, DrainJob, Tally};
use crate::model::row::WorkRow as _;
use crate::sync::plan::Reason;
use crate::sync::ports::MoyskladError;
use crate::sync::store::Clients;
use crate::sync::worker::{Drain, Drained, Listener, Outcome, Told, drain};
use crate::work::{Bell, Claimed, Hold, Known, Next, Record, Ring, StoreError, Taken, Written, take};

/// How long an account is drained before it is handed over with a bell: what came in meanwhile has its turn first, and
/// an order is not kept waiting by the resyncs of others.
const SLICE: SignedDuration = SignedDuration::from_secs(20);
/// Rows told of one by one in the log. More are counted.
const MOST_NAMED: usize = 20;

/// What a run left: for the log and the metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct DrainTold {
    /// The account.
    pub account: AccountId,
    /// One word.
    pub outcome: &'static str,
    /// Why it waits.
    pub reason: Option<String>,
    /// What was counted.
    pub tally: Tally,
    /// How long each row waited that came to an end, in seconds, and whether it was given up.
    pub ended: Vec<(f64, bool)>,
    /// Rows that failed, by what stood in the way.
    pub failures: BTreeMap<String, u32>,
    /// How many rows are left; none where the account is clean.
    pub waiting: Option<u64>,
    /// Whether MoySklad refuses the account's token.
    pub refused: bool,
    /// Whether it killed its workers before.
    pub crashed: bool,
}

#[derive(Debug, Default, Serialize)]
struct Patch {
    #[serde(skip_serializing_if = "Option::is_none")]
    troubled_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

const TROUBLE: &[&str] = &["troubled_until", "trouble"];

/// What came of the rows so far.
#[derive(Debug, Default)]
struct Ledger {
    tally: Tally,
    ended: Vec<(f64, bool)>,
    failures: BTreeMap<String, u32>,
}

/// Writes down what it is told, and tells subscribers.
struct Bookkeeper<'a, S, M, C, H> {
    syncer: &'a Syncer<S, M, C>,
    ledger: Mutex<Ledger>,
    held: &'a H,
}

impl<S: Backing, M: Memory, C: Clients, H> Bookkeeper<'_, S, M, C, H> {
    fn note(&self, told: &Told<'_>, now: Timestamp) {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = now.duration_since(told.row.since).max(SignedDuration::ZERO);
        let ledger = &mut *ledger;
        let tally = &mut ledger.tally;
        let failed = match told.result {
            Ok(Outcome::Written { .. }) => {
                tally.written += 1;
                None
            }
            Ok(Outcome::Nothing(Reason::Equal)) => {
                tally.equal += 1;
                None
            }
            Ok(Outcome::Nothing(_)) => return,
            Ok(Outcome::Blocked(blocked)) => Some(blocked.code().to_owned()),
            Err(trouble) => Some(reason_of(trouble)),
        };
        if let Some(reason) = failed {
            if ledger.failures.len() < MOST_NAMED || ledger.failures.contains_key(&reason) {
                *ledger.failures.entry(reason).or_default() += 1;
            }
            if told.again {
                tally.put_off += 1;
                return;
            }
            tally.failed += 1;
            ledger.ended.push((waited.as_secs_f64(), true));
        } else {
            tally.waited_ms += u64::try_from(waited.as_millis()).unwrap_or_default();
            ledger.ended.push((waited.as_secs_f64(), false));
        }
    }
}

impl<S, M, C, H> Listener for Bookkeeper<'_, S, M, C, H>
where
    S: Backing,
    M: Memory,
    C: Clients,
    H: Brake,
{
    async fn told(&self, told: &Told<'_>) -> Result<(), StoreError> {
        let now = (self.syncer.clock)();
        self.syncer.announce_row(told, now).await?;
        self.note(told, now);
        Ok(())
    }

    async fn held(&self) -> Result<Option<Hold>, StoreError> {
        self.held.held().await
    }
}

/// What stops the work of an account.
pub trait Brake: Send + Sync {
    /// What the work waits behind now, if anything.
    fn held(&self) -> impl Future<Output = Result<Option<Hold>, StoreError>> + Send;
}

impl<S: Backing, M: Memory, C: Clients> Syncer<S, M, C>
where
    C::Client: Client,
{
    /// Answers the bell of an account.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn take_drain(&self, bell: &Bell, deadline: Timestamp) -> Result<Option<Claimed<DrainJob>>, StoreError> {
        match take::<DrainJob>(&self.store, bell, &self.settings.timing, (self.clock)(), deadline).await? {
            // An account has no end to be given up to: its rows would never be carried.
            Taken::Yes(claimed) | Taken::Crashed(claimed) => Ok(Some(*claimed)),
            Taken::Left(_) => Ok(None),
        }
    }

    /// Drains a claimed account as far as it goes, and records it. `held` says what it waits behind, before it begins
    /// and as it goes.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn drain(
        &self,
        claimed: Claimed<DrainJob>,
        held: &impl Brake,
        deadline: Timestamp,
    ) -> Result<DrainTold, StoreError> {
        let Claimed { row: job, fence } = claimed;
        let now = (self.clock)();
        let keeper = Bookkeeper { syncer: self, ledger: Mutex::default(), held };
        let crashed = job.work.deaths > self.settings.timing.max_deaths;
        let spared = job.troubled_until.filter(|until| *until > now);
        let drained = if let Some(until) = spared {
            Ok(Drained::Later(until))
        } else if crashed {
            tracing::error!(account.id = %job.account, "draining an account killed its workers; it rests");
            Ok(Drained::Later(later(now, AFTER_CRASHES)))
        } else {
            let (last_call, clock) = (self.last_call(deadline).min(later(now, SLICE)), self.clock);
            let clock = move || clock();
            let asked = Drain { tenant: &job.tenant, target: job.account, last_call, clock: &clock, listener: &keeper };
            drain(&self.memory, &self.clients, &asked).await
        };
        let Ledger { tally, ended, failures } = keeper.ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
        let now = (self.clock)();
        if tally != Tally::default() {
            self.memory.tally(&job.tenant, job.account, &tally, now).await?;
        }
        let mut told = DrainTold {
            account: job.account,
            outcome: "clean",
            reason: None,
            tally,
            ended,
            failures,
            waiting: None,
            refused: false,
            crashed,
        };
        let drained = drained?;
        if drained != Drained::Clean {
            told.waiting = Some(self.memory.n_dirty(&job.tenant, job.account).await?);
        }
        let (next, patch) = Self::after(drained, spared.is_some(), &mut told, now);
        let remove = if patch.trouble.is_some() || spared.is_some() { &[] } else { TROUBLE };
        let status = if matches!(next, Next::End { .. }) { JobStatus::Done } else { JobStatus::Waiting };
        let mut rings = None;
        if let Next::Again { not_before, .. } = &next {
            rings = Some(*not_before);
        }
        let record = Record { status: status.name(), next, counted: true, patch, remove };
        // Whoever asked since this worker claimed the row may have marked what it did not see.
        let known = Known { name: DrainJob::ASKED, count: job.asked };
        let written = match record.next {
            Next::Park { .. } => {
                let written = self.store.record::<DrainJob, _>(&fence, &record).await?;
                if written { Written::Yes } else { Written::Fenced }
            }
            _ => self.store.record_if::<DrainJob, _>(&fence, &record, known).await?,
        };
        if written == Written::Outgrown {
            // A troubled account is left alone whoever asks.
            let at = spared.or(record.patch.troubled_until).unwrap_or(now);
            let next = Next::Again { not_before: at, queue: None };
            let record = Record { status: JobStatus::Waiting.name(), next, ..record };
            rings = self.store.record::<DrainJob, _>(&fence, &record).await?.then_some(at);
        } else if written == Written::Fenced {
            rings = None;
        }
        if let Some(not_before) = rings {
            let bell = Bell::new(job.key(), job.work.turn);
            self.ring(&[Ring { bell, not_before, ..Ring::of(&job) }], now).await;
        }
        Ok(told)
    }

    fn after(drained: Drained, spared: bool, told: &mut DrainTold, now: Timestamp) -> (Next, Patch) {
        let again = |not_before| Next::Again { not_before, queue: None };
        match drained {
            Drained::Clean => (Self::job_ends(now), Patch::default()),
            Drained::Later(at) => {
                told.outcome = if spared { "spared" } else { "later" };
                (again(at), Patch::default())
            }
            Drained::Unfinished => {
                told.outcome = "unfinished";
                (again(now), Patch::default())
            }
            Drained::Troubled(error, until) => {
                told.outcome = "troubled";
                told.reason = Some(error.to_string());
                told.refused = error == MoyskladError::CredentialsRefused;
                (again(until), Patch { troubled_until: Some(until), trouble: Some(error.to_string()) })
            }
            Drained::Held(hold) => {
                told.outcome = "held";
                told.reason = Some(hold.to_string());
                (Next::Park { hold, now }, Patch::default())
            }
        }
    }
}
