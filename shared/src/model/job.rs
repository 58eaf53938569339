//! Housekeeping that is a row like any other: polls, and what is done for a data subject.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::event::Provider;
use super::ids::{JobId, SourceId, TenantId};
use super::row::{RowKey, WorkRow, WorkState};
use super::sealed::Sealed;

/// How far a job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// It will run.
    Waiting,
    /// A worker has it, or had it and will have it again.
    Running,
    /// It is done.
    Done,
    /// It was given up.
    Failed,
}

impl JobStatus {
    /// The name used on the wire and on rows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// The poll that asks a provider for what its webhooks missed. It never ends: each run says when the next is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Poll {
    /// Whose webhooks.
    pub source: SourceId,
    /// Whose source.
    pub tenant: TenantId,
    /// Who is asked.
    pub provider: Provider,
    /// Everything changed before this is known to be in.
    pub since: Timestamp,
    /// How far this run has come.
    pub status: JobStatus,
    /// What the last run found missing.
    #[serde(default)]
    pub missed: u32,
    /// The part the rules of work own.
    #[serde(flatten)]
    pub work: WorkState,
}

impl WorkRow for Poll {
    const CLAIMED: &'static str = JobStatus::Running.name();
    const LIST: Option<&'static str> = None;

    fn key(&self) -> RowKey {
        RowKey::Poll(self.source.clone())
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

/// What is done for a data subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectRequest {
    /// Tell what is held.
    Report,
    /// Blank it.
    Erase,
}

/// A data subject's request at work. It walks both tables page by page, so it outlives any one invocation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataSubjectJob {
    /// The job, and its receipt's number.
    pub id: JobId,
    /// The platform's own tenant: an operator asked.
    pub tenant: TenantId,
    /// What is done.
    pub request: SubjectRequest,
    /// What the person is known by (`phone`, `email` or `cpf`).
    pub known_by: String,
    /// The phone, e-mail or CPF, sealed. Taken away when the job ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needle: Option<Sealed>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// How far it has come.
    pub status: JobStatus,
    /// Where the walk goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Rows looked at.
    #[serde(default)]
    pub looked_at: u64,
    /// What was found: the receipt. Keys only, never what they hold.
    #[serde(default)]
    pub found: Vec<String>,
    /// How much was found; the receipt names only so many.
    #[serde(default)]
    pub found_total: u64,
    /// What was found and is not known to be blanked yet.
    #[serde(default)]
    pub pending: Vec<String>,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<Timestamp>,
    /// The part the rules of work own.
    #[serde(flatten)]
    pub work: WorkState,
}

impl WorkRow for DataSubjectJob {
    const CLAIMED: &'static str = JobStatus::Running.name();
    const LIST: Option<&'static str> = None;

    fn key(&self) -> RowKey {
        RowKey::DataSubject(self.id.clone())
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
