//! Connections in DynamoDB: a row in its tenant's partition, and a claim on the number.

use serde::{Deserialize, Serialize};

use super::items::{Item, from_item, to_item};
use super::keys;
use super::store::Store;
use crate::manage::connections::Connections;
use crate::model::ids::{ConnectionId, TenantId};
use crate::model::whatsapp::{Connection, WhatsappNumber};
use crate::work::StoreError;

/// What a claim names its holder by.
pub(super) const HOLDER: &str = "holder";

/// A claim on a number.
#[derive(Serialize, Deserialize)]
struct Claim {
    holder: ConnectionId,
    tenant: TenantId,
}

/// The claim of a connection on its number.
pub(super) fn claim(connection: &Connection) -> Result<Item, StoreError> {
    to_item(&Claim { holder: connection.id.clone(), tenant: connection.tenant.clone() })
}

impl Connections for Store {
    async fn connection(&self, tenant: &TenantId, id: &ConnectionId) -> Result<Option<Connection>, StoreError> {
        self.get(&self.tables.directory, keys::connection(tenant, id)).await?.map(from_item).transpose()
    }

    async fn connections_of(&self, tenant: &TenantId) -> Result<Vec<Connection>, StoreError> {
        let partition = keys::tenant(tenant).pk;
        let items = self.query_all(&self.tables.directory, &partition, Some(keys::CONNECTION_PLACE)).await?;
        items.into_iter().map(from_item).collect()
    }

    async fn holder_of(&self, number: &WhatsappNumber) -> Result<Option<Connection>, StoreError> {
        match self.get(&self.tables.directory, keys::number_claim(number)).await? {
            Some(item) => {
                let Claim { holder, tenant } = from_item(item)?;
                self.connection(&tenant, &holder).await
            }
            None => Ok(None),
        }
    }

    async fn connections(&self, before: Option<&ConnectionId>, limit: usize) -> Result<Vec<Connection>, StoreError> {
        self.of_kind(keys::CONNECTIONS, before.map(ConnectionId::as_str), limit).await
    }
}
