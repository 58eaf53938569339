//! Connections: the numbers that are linked to tenants.

use std::future::Future;

use crate::model::ids::{ConnectionId, TenantId};
use crate::model::whatsapp::{Connection, WhatsappNumber};
use crate::work::StoreError;

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
