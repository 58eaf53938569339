//! The work that is done for an account as a whole: rows like any other.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::AccountId;
use super::kind::EntityKind;
use crate::model::ids::{SourceId, TenantId};
use crate::model::job::JobStatus;
use crate::model::row::{RowKey, WorkRow, WorkState};

/// An account that is to be written. Its dirty rows say what; whoever has claimed this row works them off, alone. It
/// ends when there are none, and begins its next turn with the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrainJob {
    /// Whose.
    pub tenant: TenantId,
    /// The account that is written.
    pub account: AccountId,
    /// How far it has come.
    pub status: JobStatus,
    /// How often it was asked for. It only grows: a worker that found nothing left says so only if nobody has asked since.
    #[serde(default)]
    pub asked: u32,
    /// Until when the account is left alone, though it is asked for: MoySklad does not bear it, or refuses our token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub troubled_until: Option<Timestamp>,
    /// Why: a stable word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// The part the rules of work own.
    #[serde(flatten)]
    pub work: WorkState,
}

impl DrainJob {
    /// What a record of its worker is written on: nobody has asked since.
    pub const ASKED: &'static str = "asked";
}

impl WorkRow for DrainJob {
    const CLAIMED: &'static str = JobStatus::Running.name();
    const LIST: Option<&'static str> = None;

    fn key(&self) -> RowKey {
        RowKey::Drain(self.tenant.clone(), self.account)
    }

    fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    fn work(&self) -> &WorkState {
        &self.work
    }

    fn listed_at(&self) -> Timestamp {
        self.work.not_before
    }
}

/// How far an audit was read that was too long for one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPlace {
    /// Contexts read, from the newest.
    pub n_read: u32,
    /// When reading began: once all is read, everything deleted before this is in.
    pub until: Timestamp,
}

/// The poll for what an account's webhooks have missed of a kind. It runs as long as the account is kept in step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReconciliationJob {
    /// Whose.
    pub tenant: TenantId,
    /// The account that is asked.
    pub account: AccountId,
    /// The doorbell its webhooks would have come in by.
    pub source: SourceId,
    /// Of which kind.
    pub kind: EntityKind,
    /// Everything changed before this is known to be in.
    pub since: Timestamp,
    /// Everything deleted before this is known to be in.
    pub deletions_since: Timestamp,
    /// Where the next run goes on in the audit; nothing where the last has read all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditPlace>,
    /// How far this run has come.
    pub status: JobStatus,
    /// What the last run found missing.
    #[serde(default)]
    pub missed: u32,
    /// Why the last run did not come to its end: a stable word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// The part the rules of work own.
    #[serde(flatten)]
    pub work: WorkState,
}

impl WorkRow for ReconciliationJob {
    const CLAIMED: &'static str = JobStatus::Running.name();
    const LIST: Option<&'static str> = None;

    fn key(&self) -> RowKey {
        RowKey::Reconciliation(self.tenant.clone(), self.account, self.kind)
    }

    fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    fn work(&self) -> &WorkState {
        &self.work
    }

    fn listed_at(&self) -> Timestamp {
        self.since
    }
}

/// A full resync of a child: everything of its main account's catalogue is marked, page by page, and the drain compares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResyncJob {
    /// Whose.
    pub tenant: TenantId,
    /// The child.
    pub account: AccountId,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// How far it has come.
    pub status: JobStatus,
    /// The kind it is at; nothing before the first and after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<EntityKind>,
    /// How many of that kind were marked.
    #[serde(default)]
    pub offset: u32,
    /// How many were marked of all kinds.
    #[serde(default)]
    pub marked: u32,
    /// When everything was marked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<Timestamp>,
    /// Why it was given up, or waits: a stable word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// The part the rules of work own.
    #[serde(flatten)]
    pub work: WorkState,
}

impl WorkRow for ResyncJob {
    const CLAIMED: &'static str = JobStatus::Running.name();
    const LIST: Option<&'static str> = None;

    fn key(&self) -> RowKey {
        RowKey::Resync(self.tenant.clone(), self.account)
    }

    fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    fn work(&self) -> &WorkState {
        &self.work
    }

    fn listed_at(&self) -> Timestamp {
        self.asked_at
    }
}
