//! What keeping accounts in step needs of the outside.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::moysklad::{Action, EntityId, EntityKind};

/// What went wrong with a call. It holds nothing that MoySklad said in words: its sentences quote names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoyskladError {
    /// There is no such entity, or no longer (404, 1021).
    #[error("not_found")]
    NotFound,
    /// The token is not believed (401, 1056).
    #[error("credentials_refused")]
    CredentialsRefused,
    /// The token's owner may not do that (403, 1016, 1017).
    #[error("rights_missing")]
    RightsMissing,
    /// One call too many, for so long (429). It was not carried out.
    #[error("rate_limited")]
    RateLimited {
        /// For how long.
        after: SignedDuration,
    },
    /// Somebody else changed it at the same time, or it is not in the state it would have to be in (409, 412).
    #[error("conflict")]
    Conflict {
        /// MoySklad's number for it.
        code: Option<u32>,
    },
    /// It is refused, and will be refused again.
    #[error("refused")]
    Refused {
        /// The status; 200 for an item of a list.
        status: u16,
        /// MoySklad's number for it.
        code: Option<u32>,
    },
    /// Their trouble (5xx). It may have been carried out all the same.
    #[error("broken")]
    Broken {
        /// The status.
        status: u16,
    },
    /// No connection was made, or nothing was asked: nothing has happened.
    #[error("unreachable")]
    Unreachable,
    /// No answer came to a call that changes something. It may have been carried out.
    #[error("unknown_outcome")]
    UnknownOutcome,
    /// No answer came in time to a call that changes nothing.
    #[error("timeout")]
    Timeout,
    /// It was carried out, and what was answered cannot be read.
    #[error("unreadable")]
    Unreadable {
        /// The status.
        status: u16,
    },
    /// The call cannot be made: a setting is missing, or a value cannot be written in a filter.
    #[error("misconfigured")]
    Misconfigured,
}

impl MoyskladError {
    /// Whether it may be this one entity all the same that MoySklad cannot answer to.
    #[must_use]
    pub const fn may_be_of_the_entity(self) -> bool {
        matches!(self, Self::Broken { .. } | Self::UnknownOutcome | Self::Timeout)
    }

    /// Whether it says something of the account, and not of the entity: then there is no use in trying the next.
    #[must_use]
    pub const fn is_of_the_account(self) -> bool {
        match self {
            Self::CredentialsRefused
            | Self::RateLimited { .. }
            | Self::Broken { .. }
            | Self::Unreachable
            | Self::UnknownOutcome
            | Self::Timeout => true,
            Self::NotFound
            | Self::RightsMissing
            | Self::Conflict { .. }
            | Self::Refused { .. }
            | Self::Unreadable { .. }
            | Self::Misconfigured => false,
        }
    }
}

/// How a filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`; the same field several times means any of them.
    Is,
    /// `>=`.
    AtLeast,
}

/// A condition of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The field.
    pub field: &'static str,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what.
    pub value: String,
}

impl Condition {
    /// That a field is this.
    #[must_use]
    pub fn is(field: &'static str, value: impl Into<String>) -> Self {
        Self { field, comparison: Comparison::Is, value: value.into() }
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// What must hold of the rows.
    pub filter: Vec<Condition>,
    /// How many to leave out.
    pub offset: u32,
    /// How many at most; 1,000 are allowed, 100 with what rows refer to.
    pub limit: u32,
    /// By what they are sorted (`updated`, `updated,desc`); as MoySklad likes if empty.
    pub order: &'static str,
}

/// A page of rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    /// The rows.
    pub rows: Vec<Value>,
    /// Whether there are more behind them.
    pub more: bool,
}

/// Whether an entity came with some rows of this list of its only.
#[must_use]
pub fn is_cut_off(entity: &Value, list: &str) -> bool {
    let size = entity.get(list).and_then(|list| list.pointer("/meta/size")).and_then(Value::as_u64);
    let rows = entity.get(list).and_then(|list| list.get("rows")).and_then(Value::as_array);
    rows.is_some_and(|rows| size.is_some_and(|size| (rows.len() as u64) < size))
}

/// The entities of one account. Each client is one account's, and all its writes carry the header against loops.
pub trait Entities: Send + Sync {
    /// One entity as it is now, with all its positions or components in it.
    fn get(&self, kind: EntityKind, id: EntityId) -> impl Future<Output = Result<Value, MoyskladError>> + Send;

    /// A page of entities. Of their positions or components there may be some only: [`is_cut_off`] tells.
    fn list(&self, kind: EntityKind, query: &Query) -> impl Future<Output = Result<Rows, MoyskladError>> + Send;

    /// Makes an entity. A body with the `syncId` of one that is there is answered with that one.
    fn create(&self, kind: EntityKind, body: &Value) -> impl Future<Output = Result<Value, MoyskladError>> + Send;

    /// Changes the fields that the body names.
    fn update(
        &self,
        kind: EntityKind,
        id: EntityId,
        body: &Value,
    ) -> impl Future<Output = Result<Value, MoyskladError>> + Send;

    /// Makes and changes up to a thousand: those with a `meta` are changed. What became of each, in their order.
    fn save_many(
        &self,
        kind: EntityKind,
        bodies: &[Value],
    ) -> impl Future<Output = Result<Vec<Result<Value, MoyskladError>>, MoyskladError>> + Send;

    /// Puts an entity into the recycle bin.
    fn delete(&self, kind: EntityKind, id: EntityId) -> impl Future<Output = Result<(), MoyskladError>> + Send;
}

/// What an account has of its own, that the same things are called by in another.
pub trait Dictionaries: Send + Sync {
    /// Its price types, currencies, units of measure, additional fields.
    fn dictionary(
        &self,
        kinds: &[EntityKind],
    ) -> impl Future<Output = Result<super::dictionary::Dictionary, MoyskladError>> + Send;
}

/// A webhook as MoySklad keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Its identifier.
    pub id: EntityId,
    /// Of which kind of entity it tells.
    #[serde(rename = "entityType")]
    pub entity_type: String,
    /// Of what being done.
    pub action: String,
    /// Where it rings.
    pub url: String,
    /// Whether it does.
    #[serde(default)]
    pub enabled: bool,
    /// Whether it names the fields that changed.
    #[serde(rename = "diffType", default)]
    pub diff_type: Option<String>,
}

/// An account's webhooks.
pub trait Hooks: Send + Sync {
    /// All of them, also others'.
    fn hooks(&self) -> impl Future<Output = Result<Vec<Hook>, MoyskladError>> + Send;

    /// Makes one for each; updates name the fields that changed. What became of each, in their order.
    fn make_hooks(
        &self,
        url: &str,
        wanted: &[(EntityKind, Action)],
    ) -> impl Future<Output = Result<Vec<Result<Hook, MoyskladError>>, MoyskladError>> + Send;

    /// Switches one on or off.
    fn enable_hook(&self, id: EntityId, enabled: bool) -> impl Future<Output = Result<(), MoyskladError>> + Send;

    /// Deletes one.
    fn delete_hook(&self, id: EntityId) -> impl Future<Output = Result<(), MoyskladError>> + Send;
}

/// A deletion that the audit has noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// Of which entity.
    pub id: EntityId,
    /// When.
    pub at: Timestamp,
}

/// A page of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deletions {
    /// What was deleted.
    pub gone: Vec<Deletion>,
    /// How many contexts, each with what was done at one time, were read for it.
    pub n_contexts: u32,
    /// Whether there are older ones behind them.
    pub more: bool,
}

/// What the audit tells, newest first.
pub trait Audit: Send + Sync {
    /// What was deleted of a kind since then. `offset` is how many contexts were read so far.
    fn deletions(
        &self,
        kind: EntityKind,
        since: Timestamp,
        offset: u32,
    ) -> impl Future<Output = Result<Deletions, MoyskladError>> + Send;
}
