//! The directory: tenants, their keys, their sources, connections and MoySklad accounts, and the card of every credential.

use std::future::Future;

use super::connections::Connections;
use super::moysklad::book::MoyskladAccounts;
use crate::auth::Card;
use crate::model::api_key::ApiKey;
use crate::model::ids::{ConnectionId, KeyId, SourceId, TenantId};
use crate::model::moysklad::{Account, AccountId};
use crate::model::source::Source;
use crate::model::tenant::Tenant;
use crate::model::whatsapp::{Connection, WhatsappNumber};
use crate::work::StoreError;

/// Something to put into the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A tenant.
    Tenant(Tenant),
    /// The public part of a key.
    Key(ApiKey),
    /// A source.
    Source(Source),
    /// A connection, and the claim on its number: a line is claimed once, whoever claims it.
    Connection(Connection),
    /// A MoySklad account, and its tenant's claim on it: an account is claimed once, whoever claims it.
    Account(Account),
    /// The card of a credential.
    Card(Card),
}

/// The name of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryName {
    /// A tenant, and the subscriptions in it.
    Tenant(TenantId),
    /// One of a tenant's keys.
    Key(TenantId, KeyId),
    /// One of a tenant's sources.
    Source(TenantId, SourceId),
    /// One of a tenant's connections, and its claim on the number. What it does not hold, it does not give back.
    Connection(TenantId, ConnectionId, WhatsappNumber),
    /// One of a tenant's MoySklad accounts and the claim on it, as of this `rev`: one that was changed since stays.
    Account(TenantId, AccountId, u32),
    /// The card of the credential with this hash.
    Card(String),
}

/// One change among those that are made together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Puts what is not there yet.
    Create(Entry),
    /// Puts a tenant, source or account over the one whose `rev` is one less, or a connection over itself: its line stays.
    Replace(Entry),
    /// Puts, whatever was there. Never a connection or an account: its number, or itself, may be another's.
    Put(Entry),
    /// Takes away, there or not.
    Drop(EntryName),
}

/// Most changes that can be made together.
pub const MAX_TOGETHER: usize = 50;

/// Where the directory is kept. Reads of one tenant's things are strong; lists of everybody's may lag.
pub trait Directory: Connections + MoyskladAccounts + Send + Sync {
    /// A tenant.
    fn tenant(&self, id: &TenantId) -> impl Future<Output = Result<Option<Tenant>, StoreError>> + Send;

    /// Tenants before `before` in the order of their identifiers, the last first.
    fn tenants(
        &self,
        before: Option<&TenantId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Tenant>, StoreError>> + Send;

    /// A tenant's keys, oldest first.
    fn keys_of(&self, tenant: &TenantId) -> impl Future<Output = Result<Vec<ApiKey>, StoreError>> + Send;

    /// A source.
    fn source(&self, id: &SourceId) -> impl Future<Output = Result<Option<Source>, StoreError>> + Send;

    /// Sources before `before` in the order of their identifiers, the last first.
    fn sources(
        &self,
        before: Option<&SourceId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Source>, StoreError>> + Send;

    /// A tenant's sources, oldest first.
    fn sources_of(&self, tenant: &TenantId) -> impl Future<Output = Result<Vec<Source>, StoreError>> + Send;

    /// Makes all of at most `MAX_TOGETHER` changes, or none of them because one could not be made: `false`.
    fn commit(&self, changes: &[Change]) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// Why the directory was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// It has no such entry.
    #[error("there is no such entry")]
    Unknown,
    /// Somebody else changed it at the same time.
    #[error("it was changed at the same time")]
    Conflict,
    /// It exists from the start, and is not to be taken away.
    #[error("it exists from the start and stays")]
    Default,
    /// There are too many of its kind already.
    #[error("there are {0} already")]
    TooMany(usize),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes changes that need not be made together, after those that must: the first are an entry and what hangs on it,
/// the rest may be repeated by making the same change again.
pub(super) async fn commit_then(
    directory: &impl Directory,
    first: &[Change],
    rest: &[Change],
) -> Result<(), ChangeError> {
    if !directory.commit(first).await? {
        return Err(ChangeError::Conflict);
    }
    for chunk in rest.chunks(MAX_TOGETHER) {
        directory.commit(chunk).await?;
    }
    Ok(())
}
