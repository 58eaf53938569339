//! The rows of accounts, as they begin.

use jiff::Timestamp;

use crate::model::ids::{SourceId, TenantId};
use crate::model::job::JobStatus;
use crate::model::moysklad::{AccountId, DrainJob, EntityKind, ReconciliationJob, ResyncJob};
use crate::model::row::{Queue, RowKey, WorkState};
use crate::work::{Timing, home_shard};

fn starting(key: &RowKey, now: Timestamp, timing: &Timing) -> WorkState {
    WorkState::starting(Queue::Sync, now, timing.due_at(now), home_shard(key))
}

/// An account that is asked to be drained for the first time.
#[must_use]
pub fn drain(tenant: &TenantId, account: AccountId, now: Timestamp, timing: &Timing) -> DrainJob {
    DrainJob {
        tenant: tenant.clone(),
        account,
        status: JobStatus::Waiting,
        asked: 1,
        troubled_until: None,
        trouble: None,
        work: starting(&RowKey::Drain(tenant.clone(), account), now, timing),
    }
}

/// A poll that runs from now on. What happened before it is a resync's.
#[must_use]
pub fn reconciliation(
    tenant: &TenantId,
    (account, source): (AccountId, &SourceId),
    kind: EntityKind,
    now: Timestamp,
    timing: &Timing,
) -> ReconciliationJob {
    ReconciliationJob {
        tenant: tenant.clone(),
        account,
        source: source.clone(),
        kind,
        since: now,
        deletions_since: now,
        audit: None,
        status: JobStatus::Waiting,
        missed: 0,
        trouble: None,
        work: starting(&RowKey::Reconciliation(tenant.clone(), account, kind), now, timing),
    }
}

/// A full resync of a child.
#[must_use]
pub fn resync(tenant: &TenantId, account: AccountId, now: Timestamp, timing: &Timing) -> ResyncJob {
    ResyncJob {
        tenant: tenant.clone(),
        account,
        asked_at: now,
        status: JobStatus::Waiting,
        kind: None,
        offset: 0,
        marked: 0,
        done_at: None,
        trouble: None,
        work: starting(&RowKey::Resync(tenant.clone(), account), now, timing),
    }
}
