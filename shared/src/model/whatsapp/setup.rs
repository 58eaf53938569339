//! What a WhatsApp source's doorbell goes by: who may ring, and for which numbers.

use serde::{Deserialize, Serialize};

use super::dialect::Dialect;
use super::number::WhatsappNumber;
use crate::model::ids::{ConnectionId, TenantId};
use crate::model::sealed::Sealed;

/// What a source goes by. It stands on the source and on its card, so that an event costs no further read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// How its sender speaks and proves itself.
    pub sender: Sender,
    /// The numbers it serves. An event of any other is refused.
    #[serde(default)]
    pub lines: Vec<Line>,
    /// The client's connection it was made for, and goes with; none of an operator's source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_for: Option<ConnectionId>,
}

/// How a sender speaks and proves itself. Secrets are sealed for the source's tenant and the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sender {
    /// Meta: it signs.
    CloudApi {
        /// What it signs with.
        app_secret: Sealed,
        /// SHA-256 of the word it shows before it sends anything.
        verify_token: String,
    },
    /// A gateway: its address is a secret, and some can prove themselves beyond that.
    Gateway {
        /// What it speaks.
        dialect: Dialect,
        /// What it proves itself with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<Sealed>,
    },
}

impl Sender {
    /// What the sender proves itself with.
    #[must_use]
    pub const fn secret(&self) -> Option<&Sealed> {
        match self {
            Self::CloudApi { app_secret, .. } => Some(app_secret),
            Self::Gateway { secret, .. } => secret.as_ref(),
        }
    }

    /// What a gateway speaks.
    #[must_use]
    pub const fn dialect(&self) -> Option<Dialect> {
        match self {
            Self::CloudApi { .. } => None,
            Self::Gateway { dialect, .. } => Some(*dialect),
        }
    }
}

/// A number that a source serves: a connection as it is needed at the door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The connection.
    pub connection: ConnectionId,
    /// Its number.
    pub number: WhatsappNumber,
    /// The number as Meta names it. Where it is known, it alone decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number_id: Option<String>,
    /// Whose number it is, where an operator's source serves the numbers of several clients; else the source's
    /// tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<TenantId>,
    /// Whether the client is disabled. What comes for it is refused, as it is at a disabled tenant's own source.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
}
