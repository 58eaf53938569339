//! What the workflow needs of the outside, and how the outside may fail.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use crate::enrichment::income::Income;
use crate::model::contact::LeadId;
use crate::model::person::{Cpf, Email, PersonName, Phone};

/// The other side of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Upstream {
    /// Where the leads live.
    C2s,
    /// Finds people by telephone number and e-mail.
    Diretrix,
    /// Knows people by CPF.
    WorkApi,
}

impl Upstream {
    /// The name in logs, metrics, keys and errors.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::C2s => "c2s",
            Self::Diretrix => "diretrix",
            Self::WorkApi => "work_api",
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A call that gave no answer. It holds no URL, body, token or person, so it may be logged and stored as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{upstream}: {kind}")]
pub struct UpstreamError {
    /// Whom we asked.
    pub upstream: Upstream,
    /// What happened.
    pub kind: UpstreamErrorKind,
}

/// What happened to a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamErrorKind {
    /// What the call was about does not exist there (a lead that was deleted). A person not found is an answer, not this.
    #[error("it does not exist there")]
    NotFound,
    /// Our token, user or password was not accepted.
    #[error("our credentials were refused")]
    CredentialsRefused,
    /// The account is used up.
    #[error("our account there has no credits left")]
    OutOfCredits,
    /// Too many calls; ask again later.
    #[error("too many calls")]
    RateLimited {
        /// How long they want us to wait, if they said.
        retry_after: Option<Duration>,
    },
    /// They understood and said no.
    #[error("refused with status {status}")]
    Rejected {
        /// The HTTP status, or the one stated inside a 200.
        status: u16,
    },
    /// They failed, or answered what cannot be understood.
    #[error("they failed, with status {status}")]
    Broken {
        /// The HTTP status.
        status: u16,
    },
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// No connection could be made, or it broke where asking again does no harm.
    #[error("could not be reached")]
    Unreachable,
    /// A message was handed over and no word of its fate came back: it may or may not stand in the thread.
    #[error("it is not known whether the call was acted on")]
    UnknownOutcome,
    /// The setting that the call needs is missing here.
    #[error("not configured")]
    Misconfigured,
}

/// What to do about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// Ask again later.
    Transient,
    /// Asking again is useless.
    Permanent,
    /// Nothing helps until an operator has seen to our account or settings: hold back all work that needs it.
    Credentials,
    /// Neither repeat nor forget: look first.
    Unknown,
}

impl UpstreamErrorKind {
    /// What to do about it.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::RateLimited { .. } | Self::Broken { .. } | Self::Timeout | Self::Unreachable => {
                FailureClass::Transient
            }
            Self::NotFound | Self::Rejected { .. } => FailureClass::Permanent,
            Self::CredentialsRefused | Self::OutOfCredits | Self::Misconfigured => FailureClass::Credentials,
            Self::UnknownOutcome => FailureClass::Unknown,
        }
    }

    /// A stable word for rows and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::CredentialsRefused => "credentials_refused",
            Self::OutOfCredits => "out_of_credits",
            Self::RateLimited { .. } => "rate_limited",
            Self::Rejected { .. } => "rejected",
            Self::Broken { .. } => "broken",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Misconfigured => "misconfigured",
        }
    }
}

impl UpstreamError {
    /// An error of this upstream.
    #[must_use]
    pub fn new(upstream: Upstream, kind: UpstreamErrorKind) -> Self {
        Self { upstream, kind }
    }

    /// What to do about it.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        self.kind.class()
    }

    /// How long they want us to wait, if they said.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.kind {
            UpstreamErrorKind::RateLimited { retry_after } => retry_after,
            _ => None,
        }
    }
}

/// Somebody a number or an address is registered to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundPerson {
    /// The name on the registry.
    pub name: PersonName,
    /// Their CPF.
    pub cpf: Cpf,
}

/// What is kept of a registry's record. The registry knows far more (health, tax, relatives); what has no field here
/// is not read, and nothing more may be added without a legal basis for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRecord {
    /// The name on the registry.
    pub name: PersonName,
    /// The income stated or presumed there.
    pub income: Option<Income>,
    /// Telephone numbers on record.
    pub phones: Vec<Phone>,
    /// E-mail addresses on record.
    pub emails: Vec<Email>,
}

/// Finds the people behind a number or an address.
pub trait PersonFinder: Send + Sync {
    /// Everybody the number is registered to; nobody is an empty answer.
    fn by_phone(&self, phone: &Phone) -> impl Future<Output = Result<Vec<FoundPerson>, UpstreamError>> + Send;

    /// Everybody the address is registered to; nobody is an empty answer.
    fn by_email(&self, email: &Email) -> impl Future<Output = Result<Vec<FoundPerson>, UpstreamError>> + Send;
}

/// Knows people by CPF.
pub trait PersonRegistry: Send + Sync {
    /// The record of this person, if there is one.
    fn by_cpf(&self, cpf: &Cpf) -> impl Future<Output = Result<Option<PersonRecord>, UpstreamError>> + Send;
}

/// Whether a message stands in a lead's thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It does.
    Yes,
    /// The thread was shown and it is not in it.
    No,
    /// The answer did not show the thread: nothing is known.
    NotShown,
}

/// One page of leads. The items are as received; `providers::c2s::payload` reads them.
#[derive(Clone, PartialEq, Eq)]
pub struct LeadPage {
    /// Each lead's JSON.
    pub items: Vec<Bytes>,
    /// Whether there may be a next page.
    pub more: bool,
}

impl fmt::Debug for LeadPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeadPage").field("items", &self.items.len()).field("more", &self.more).finish()
    }
}

/// Which changes C2S is asked to tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HookAction {
    /// A lead came in.
    OnCreateLead,
    /// A lead changed.
    OnUpdateLead,
    /// A lead was closed.
    OnCloseLead,
}

impl HookAction {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::OnCreateLead, Self::OnUpdateLead, Self::OnCloseLead];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnCreateLead => "on_create_lead",
            Self::OnUpdateLead => "on_update_lead",
            Self::OnCloseLead => "on_close_lead",
        }
    }
}

/// The leads at C2S.
pub trait LeadThread: Send + Sync {
    /// Writes into the lead's thread, where brokers read it; answers with the message's id if one was given.
    /// It cannot be repeated safely: `UnknownOutcome` must be looked into with [`LeadThread::has_message`].
    fn post_message(
        &self,
        lead: &LeadId,
        text: &str,
    ) -> impl Future<Output = Result<Option<String>, UpstreamError>> + Send;

    /// Whether a message with this reference stands in the lead's thread.
    fn has_message(&self, lead: &LeadId, reference: &str) -> impl Future<Output = Result<Seen, UpstreamError>> + Send;

    /// Leads changed since then, oldest first; pages count from 1.
    fn leads_updated_since(
        &self,
        since: Timestamp,
        page: u32,
    ) -> impl Future<Output = Result<LeadPage, UpstreamError>> + Send;

    /// Asks to be told of `action` at `url`. C2S keeps one address per token and forgets the one before.
    fn subscribe(&self, action: HookAction, url: &Url) -> impl Future<Output = Result<(), UpstreamError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_outcome_is_neither_repeated_nor_forgotten() {
        assert_eq!(UpstreamErrorKind::UnknownOutcome.class(), FailureClass::Unknown);
    }

    #[test]
    fn what_only_an_operator_can_mend_holds_the_work_back() {
        for kind in
            [UpstreamErrorKind::CredentialsRefused, UpstreamErrorKind::OutOfCredits, UpstreamErrorKind::Misconfigured]
        {
            assert_eq!(kind.class(), FailureClass::Credentials, "{kind}");
        }
    }

    #[test]
    fn an_error_reads_as_a_sentence_about_the_upstream() {
        let error = UpstreamError::new(Upstream::WorkApi, UpstreamErrorKind::Broken { status: 502 });
        insta::assert_snapshot!(error, @"work_api: they failed, with status 502");
    }
}
