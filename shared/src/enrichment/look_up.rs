//! The row of a lead's look-up: step record, outbox of the message, and what is kept of the person, in one.
//!
//! One per (source, lead, contact data): a create and an update of one new lead meet in it, and the update that our
//! own message causes does, too.

use std::future::Future;
use std::io::Read;

use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::income::IncomeBand;
use super::message::Reference;
use super::ports::PersonRecord;
use super::resolve::{Answer, FoundBy};
use crate::model::contact::LeadId;
use crate::model::ids::{EventId, SourceId, TenantId};
use crate::model::sealed::Sealed;
use crate::work::StoreError;

/// How far a look-up has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookUpState {
    /// Questions are being asked.
    Asking,
    /// What can be known is known; a message may follow.
    Known,
    /// The message is on its way, or was when its sender died: look before sending.
    Intended,
    /// The message stands in the thread.
    Sent,
    /// Nobody can say whether the message stands in the thread.
    Unconfirmed,
    /// There is nothing to say.
    Silent,
    /// It was given up; another event of the lead may take it over.
    GivenUp,
}

/// Why nobody is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    /// Nobody was found.
    NotFound,
    /// Several could be behind the lead.
    Ambiguous,
    /// The lead has nothing to look up by.
    NoContactData,
    /// Nobody may be looked up: the operator has named no legal basis.
    NoLegalBasis,
}

impl Silence {
    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Ambiguous => "ambiguous",
            Self::NoContactData => "no_contact_data",
            Self::NoLegalBasis => "no_legal_basis",
        }
    }

    /// The same for a reader.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::NotFound => "Nobody is registered under the lead's contact data.",
            Self::Ambiguous => "Several people are registered under the lead's contact data, and no name decides.",
            Self::NoContactData => "The lead has no CPF, telephone number or e-mail address that could be looked up.",
            Self::NoLegalBasis => "No legal basis for looking people up is configured.",
        }
    }
}

/// What is kept of a person. No health, tax or family data: there is no field for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The name on the registry.
    pub name: String,
    /// The middle of the CPF: all but its first three digits and its last two.
    pub cpf_masked: String,
    /// The CPF under a key: the same person can be found again, and nobody else can.
    pub cpf_hash: String,
    /// The band of income.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub income_band: Option<IncomeBand>,
    /// Telephone numbers, E.164 digits; at most three.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phones: Vec<String>,
    /// E-mail addresses; at most three.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emails: Vec<String>,
    /// On what ground this is kept, in the operator's words.
    pub legal_basis: String,
}

/// A step that was taken, for the timeline. Words and times, nothing of the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// What: `diretrix`, `work_api`, `message`, …
    pub step: String,
    /// What came of it: a stable word.
    pub outcome: String,
    /// More, for a reader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What is known while the work goes on. Sealed on the row, and taken off it when the work ends.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Working {
    /// The answers so far, in the order of the questions: what was paid for is not asked again.
    pub answers: Vec<Answer>,
    /// The registry's answer; absent until it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Registered>,
}

/// What the registry of persons says of a CPF.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registered {
    /// This.
    Known(PersonRecord),
    /// It has never heard of it.
    Unknown,
}

impl Working {
    /// The registry's record, if it has one.
    #[must_use]
    pub fn known_record(&self) -> Option<&PersonRecord> {
        match &self.record {
            Some(Registered::Known(record)) => Some(record),
            Some(Registered::Unknown) | None => None,
        }
    }

    /// The bytes to seal: compressed, since the row must stay under one write unit (1 KB) while the work goes on.
    ///
    /// # Errors
    /// Never for what can be made here; the store's error, so that a caller need not tell.
    pub fn pack(&self) -> Result<Vec<u8>, StoreError> {
        let refused = |error: String| StoreError::Refused(error);
        let plain = serde_json::to_vec(self).map_err(|error| refused(error.to_string()))?;
        let mut packed = Vec::new();
        DeflateEncoder::new(&plain[..], Compression::best())
            .read_to_end(&mut packed)
            .map_err(|error| refused(error.to_string()))?;
        Ok(packed)
    }

    /// What was packed; nothing where it cannot be read.
    #[must_use]
    pub fn unpack(packed: &[u8]) -> Option<Self> {
        let mut plain = Vec::new();
        DeflateDecoder::new(packed).take(MAX_UNPACKED).read_to_end(&mut plain).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

/// Largest working state read back, bytes.
const MAX_UNPACKED: u64 = 1024 * 1024;

impl std::fmt::Debug for Working {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Working({} answers, record: {})", self.answers.len(), self.record.is_some())
    }
}

/// The stored row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LookUp {
    /// Whose.
    pub tenant: TenantId,
    /// The lead's source.
    pub source: SourceId,
    /// The lead.
    pub lead: LeadId,
    /// The contact data, as a keyed digest.
    pub contact: String,
    /// The event whose worker looks up.
    pub owner: EventId,
    /// In which turn of that event.
    pub owner_turn: u32,
    /// Raised by every write: of two workers that saw the same row, one writes.
    pub version: u32,
    /// How far it has come.
    pub state: LookUpState,
    /// What is known so far, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working: Option<Sealed>,
    /// Who was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<Party>,
    /// By what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_by: Option<FoundBy>,
    /// Why there is nothing to say, where there is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_because: Option<Silence>,
    /// Failed calls in this turn.
    #[serde(default)]
    pub tries: u32,
    /// The mark of its message.
    pub reference: Reference,
    /// When the message was last handed over.
    #[serde(
        with = "jiff::fmt::serde::timestamp::millisecond::optional",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub intended_at: Option<Timestamp>,
    /// Whether it was handed over a second time, its first fate being unknown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resent: bool,
    /// What was done, in order.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// When it was last written.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub updated_at: Timestamp,
    /// When it is forgotten, seconds: pushed on by every event of the lead.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub expires_at: Timestamp,
}

/// Most steps kept: retries of one step are told by the event, so there are few.
const MAX_STEPS: usize = 30;

impl LookUp {
    /// The row's name: what its sealed values are bound to.
    #[must_use]
    pub fn name(&self) -> String {
        format!("look_up|{}|{}|{}", self.source, self.lead, self.contact)
    }

    /// Notes a step.
    pub fn note(&mut self, at: Timestamp, step: &str, outcome: &str, detail: Option<String>) {
        if self.steps.len() < MAX_STEPS {
            // Whole milliseconds are enough for a reader, and shorter.
            let at = Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
            self.steps.push(Step { at, step: step.to_owned(), outcome: outcome.to_owned(), detail });
        }
    }
}

/// Where look-ups are kept.
pub trait LookUps: Send + Sync {
    /// Puts a new row; the row that is there, if there is one.
    fn begin(&self, row: &LookUp) -> impl Future<Output = Result<Option<LookUp>, StoreError>> + Send;

    /// The row of this contact data of a lead, if there is one. Read strongly.
    fn find(
        &self,
        source: &SourceId,
        lead: &LeadId,
        contact: &str,
    ) -> impl Future<Output = Result<Option<LookUp>, StoreError>> + Send;

    /// Writes a row over the version it was read at, raising it; `false` if it has moved on.
    fn save(&self, row: &mut LookUp) -> impl Future<Output = Result<bool, StoreError>> + Send;
}
