//! The verb of `sync`: a bell for a notice, for an account that is to be drained, for a poll or for a resync is answered,
//! the work done, and recorded on its row.

mod announce;
mod draining;
mod hearing;
mod reconciling;
mod resyncing;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

pub use draining::{Brake, DrainTold};
pub use hearing::{Answered, NoticeTold};
pub use reconciling::ReconciliationTold;
pub use resyncing::ResyncTold;

use super::ports::{Audit, Dictionaries, Entities};
use super::store::{Clients, Drains, Notices, SyncStore, Tallies};
use crate::dispatch::{Batches, Outbox, Subscribers};
use crate::intake::Inbox;
use crate::model::ids::TenantId;
use crate::model::moysklad::AccountId;
use crate::work::{Bells, Next, Ring, Rows, StoreError, Timing};

/// What the verb needs of the store that holds rows of work.
pub trait Backing: Rows + Bells + Inbox + Notices + Drains + Subscribers + Outbox + Batches {}
impl<S: Rows + Bells + Inbox + Notices + Drains + Subscribers + Outbox + Batches> Backing for S {}

/// What the verb needs of the store that remembers what accounts hold.
pub trait Memory: SyncStore + Tallies {}
impl<M: SyncStore + Tallies> Memory for M {}

/// A client with all that the verb asks of an account.
pub trait Client: Entities + Dictionaries + Audit {}
impl<C: Entities + Dictionaries + Audit> Client for C {}

/// How the verb behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The longest an outward call takes, waits included. It starts only if the time left covers it.
    pub call_time: SignedDuration,
    /// Between two polls of an account for a kind.
    pub poll_interval: SignedDuration,
    /// How long an event is kept after its end.
    pub event_kept_for: SignedDuration,
    /// How rows are timed.
    pub timing: Timing,
}

/// What keeps accounts in step.
pub struct Syncer<S, M, C> {
    /// Rows of work, bells, what goes out.
    pub store: S,
    /// Accounts, dirty rows, mappings, guards.
    pub memory: M,
    /// The accounts' clients.
    pub clients: C,
    /// How it behaves.
    pub settings: Settings,
    /// The time.
    pub clock: fn() -> Timestamp,
}

/// Time a run needs beside its outward calls: to read, to record, to ring.
const BOOKKEEPING: SignedDuration = SignedDuration::from_secs(3);
/// How long the row of a piece of an account's work is kept after its end.
const JOB_KEPT_FOR: SignedDuration = SignedDuration::from_hours(24 * 30);
/// When a piece of work that killed its workers is tried again.
const AFTER_CRASHES: SignedDuration = SignedDuration::from_mins(10);

impl<S: Backing, M: Memory, C: Clients> Syncer<S, M, C> {
    /// After this no call is begun.
    fn last_call(&self, deadline: Timestamp) -> Timestamp {
        earlier(deadline, self.settings.call_time + BOOKKEEPING)
    }

    /// Asks for accounts to be drained, and rings for it.
    async fn ask_drains(
        &self,
        tenant: &TenantId,
        targets: impl IntoIterator<Item = AccountId> + Send,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let targets: std::collections::BTreeSet<AccountId> = targets.into_iter().collect();
        let mut rings = Vec::new();
        for target in targets {
            rings.push(self.store.ask_drain(tenant, target, now).await?);
        }
        self.ring(&rings, now).await;
        Ok(())
    }

    async fn ring(&self, rings: &[Ring], now: Timestamp) {
        for bell in self.store.ring(rings, now).await {
            tracing::warn!(row = %bell.row, why = %bell.why, "a bell could not be rung; the sweep will");
        }
    }

    /// What an account's work ends with.
    fn job_ends(now: Timestamp) -> Next {
        Next::End { now, expires_at: later(now, JOB_KEPT_FOR), failed: false }
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(at)
}

fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(at)
}
