//! A connection: a number that is linked to a tenant.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::number::WhatsappNumber;
use crate::model::event::Provider;
use crate::model::ids::{ConnectionId, SourceId, TenantId};

/// A number that is linked to a tenant. A line is linked once, to one tenant, in whichever way it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its identifier: what messages name the number by.
    pub id: ConnectionId,
    /// Whose number it is.
    pub tenant: TenantId,
    /// By which source its messages come in. One that an operator made may serve several tenants' numbers.
    pub source: SourceId,
    /// Who sends them.
    pub provider: Provider,
    /// The number, as it was given.
    pub phone_number: WhatsappNumber,
    /// The number as Meta names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number_id: Option<String>,
    /// When it was linked.
    pub created_at: Timestamp,
}
