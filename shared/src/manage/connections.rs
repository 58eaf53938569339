//! Connections: the numbers that are linked to tenants.

use std::future::Future;

use jiff::Timestamp;

use super::chance::Chance;
use super::connection_body::NewConnection;
use super::directory::{ChangeError, Directory};
use super::json_fields::{BodyError, JsonFields};
use super::page::Page;
use super::query_fields::QueryFields;
use super::refusal::{Conflict, Refusal};
use super::source_lines::take_away;
use super::source_settings::phone_number;
use super::sources::{self, Opened, SourceError};
use crate::model::ids::{ConnectionId, TenantId};
use crate::model::whatsapp::{Connection, WhatsappNumber};
use crate::work::StoreError;

/// Connections of one tenant that it may make itself. Two wishes at the same instant may both be the last one: it is a
/// bound on cost, not a promise.
pub const MAX_CONNECTIONS: usize = 100;
/// How often a release is tried anew, because somebody else changed the source in between.
const TRIES: u32 = 4;

/// Where connections are read. They are written with the rest of the [`directory`](super::directory). Reads are strong,
/// but for the list of everybody's.
pub trait Connections: Send + Sync {
    /// A tenant's connection.
    fn connection(
        &self,
        tenant: &TenantId,
        id: &ConnectionId,
    ) -> impl Future<Output = Result<Option<Connection>, StoreError>> + Send;

    /// A tenant's connections, oldest first.
    fn connections_of(&self, tenant: &TenantId) -> impl Future<Output = Result<Vec<Connection>, StoreError>> + Send;

    /// The connection of a number's line, whoever holds it and whichever way it is written.
    fn holder_of(&self, number: &WhatsappNumber)
    -> impl Future<Output = Result<Option<Connection>, StoreError>> + Send;

    /// A tenant's connection of a number's line. Somebody else's is as good as none.
    fn connection_of(
        &self,
        tenant: &TenantId,
        number: &WhatsappNumber,
    ) -> impl Future<Output = Result<Option<Connection>, StoreError>> + Send {
        async move { Ok(self.holder_of(number).await?.filter(|holder| holder.tenant == *tenant)) }
    }

    /// Connections before `before` in the order of their identifiers, the last first.
    fn connections(
        &self,
        before: Option<&ConnectionId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Connection>, StoreError>> + Send;
}

/// A number that was linked, with what is shown this once.
#[derive(Debug, Clone)]
pub struct Linked {
    /// The connection.
    pub connection: Connection,
    /// The source that was made for it.
    pub opened: Opened,
}

/// Links a number to a tenant: it gets a source of its own.
///
/// # Errors
/// The line is linked already, the tenant has too many, or the store does not answer.
pub async fn link(
    directory: &impl Directory,
    tenant: &TenantId,
    new: NewConnection,
    chance: &Chance<'_>,
    now: Timestamp,
) -> Result<Linked, Refusal> {
    if directory.connections_of(tenant).await?.len() >= MAX_CONNECTIONS {
        return Err(Conflict::TooManyConnections { max: MAX_CONNECTIONS }.into());
    }
    let number = new.number.clone();
    let opened = match sources::make(directory, new.into_source(tenant.clone()), true, chance, now).await {
        Ok(opened) => opened,
        // Everything else in the write is made of fresh chance: somebody else was quicker to claim the line.
        Err(SourceError::NumberLinked | SourceError::Change(ChangeError::Conflict)) => {
            return Err(Conflict::NumberLinked.into());
        }
        Err(SourceError::Unacceptable(errors)) => {
            return Err(Refusal::Input(BodyError::Fields(errors)));
        }
        Err(SourceError::Change(error)) => return Err(changed(error)),
    };
    let connection = directory.connection_of(tenant, &number).await?.ok_or(Refusal::NotFound)?;
    tracing::info!(connection.id = %connection.id, source.id = %connection.source, tenant.id = %tenant, "a number was linked");
    Ok(Linked { connection, opened })
}

/// Releases a tenant's connection: within ten seconds nothing comes in for it any more, and whoever may link the number.
/// What came in goes out.
///
/// # Errors
/// There is none of that name, or the store does not answer.
pub async fn release(directory: &impl Directory, tenant: &TenantId, id: &ConnectionId) -> Result<(), Refusal> {
    for _ in 0..TRIES {
        let connection = directory.connection(tenant, id).await?.ok_or(Refusal::NotFound)?;
        match release_once(directory, &connection).await {
            Ok(()) => {
                tracing::info!(connection.id = %id, tenant.id = %tenant, "a number was released");
                return Ok(());
            }
            Err(ChangeError::Conflict | ChangeError::Unknown) => {}
            Err(error) => return Err(changed(error)),
        }
    }
    Err(StoreError::Unavailable("a source was changed again and again".into()).into())
}

/// Takes a number from whoever holds it.
///
/// # Errors
/// Nobody does, or the store does not answer.
pub async fn release_number(directory: &impl Directory, number: &WhatsappNumber) -> Result<Connection, Refusal> {
    let connection = directory.holder_of(number).await?.ok_or(Refusal::NotFound)?;
    release(directory, &connection.tenant, &connection.id).await?;
    Ok(connection)
}

/// Reads the number in an operator's body.
///
/// # Errors
/// It is none, or there is more in the body.
pub fn number(mut fields: JsonFields) -> Result<WhatsappNumber, BodyError> {
    let number = phone_number(&mut fields);
    fields.refuse_rest();
    fields.finish(number)
}

/// A tenant's connections, newest first, from behind the query's cursor on.
///
/// # Errors
/// The query is not acceptable, or the store does not answer.
pub async fn list(
    directory: &impl Directory,
    tenant: &TenantId,
    query: Option<&str>,
) -> Result<Page<Connection>, Refusal> {
    let (limit, cursor) = QueryFields::page::<ConnectionId>(query)?;
    let mut all = directory.connections_of(tenant).await?;
    all.sort_by(|a, b| b.id.cmp(&a.id));
    let mut rest = all.into_iter().filter(|one| cursor.as_ref().is_none_or(|cursor| one.id < *cursor));
    let data: Vec<_> = rest.by_ref().take(limit).collect();
    let next_cursor = data.last().filter(|_| rest.next().is_some()).map(|last| last.id.to_string());
    Ok(Page { data, next_cursor })
}

/// A source that was made for the connection goes with it; another goes on serving its other numbers.
async fn release_once(directory: &impl Directory, connection: &Connection) -> Result<(), ChangeError> {
    let mut source = directory.source(&connection.source).await?.ok_or(ChangeError::Unknown)?;
    let is_own = source.whatsapp.as_ref().is_some_and(|setup| {
        setup.made_for.as_ref() == Some(&connection.id)
            && setup.lines.iter().all(|line| line.connection == connection.id)
    });
    if is_own {
        return sources::remove(directory, &source.id).await;
    }
    let connections = take_away(&mut source, |line| line.connection == connection.id);
    sources::replace(directory, source, None, connections).await.map(drop)
}

fn changed(error: ChangeError) -> Refusal {
    match error {
        ChangeError::Store(error) => error.into(),
        other => StoreError::Unavailable(other.to_string()).into(),
    }
}

#[cfg(test)]
#[path = "connections_tests.rs"]
mod tests;
