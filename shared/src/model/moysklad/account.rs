//! A MoySklad account that the platform keeps in step.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::AccountId;
use super::settings::Settings;
use crate::model::ids::{SourceId, TenantId};
use crate::model::sealed::Sealed;

/// What an account is to the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Role {
    /// Its catalogue is its children's.
    Main,
    /// It has its catalogue from a main account, and gives it its orders.
    Child {
        /// Which.
        main: AccountId,
        /// What is carried between the two, and how.
        settings: Box<Settings>,
    },
}

/// An account. Its tenant's, and no other's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// MoySklad's own identifier of it.
    pub id: AccountId,
    /// Whose.
    pub tenant: TenantId,
    /// The doorbell its webhooks come in by.
    pub source: SourceId,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is to the others.
    #[serde(flatten)]
    pub role: Role,
    /// Whether anything is carried to or from it.
    pub enabled: bool,
    /// What opens its API.
    pub token: Sealed,
    /// The token of its doorbell, sealed: its webhooks' address is told apart from others by it. Nothing until webhooks
    /// were first set up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doorbell: Option<Sealed>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Raised by every change.
    #[serde(default)]
    pub rev: u32,
}

impl Account {
    /// Its main account, and what is carried between the two; nothing for a main account.
    #[must_use]
    pub fn as_child(&self) -> Option<(AccountId, &Settings)> {
        match &self.role {
            Role::Main => None,
            Role::Child { main, settings } => Some((*main, settings)),
        }
    }

    /// What its token is sealed for, beside the tenant: a sealed token opens for this account only.
    #[must_use]
    pub fn seal_name(&self) -> String {
        format!("moysklad/{}/token", self.id)
    }

    /// What its doorbell's token is sealed for.
    #[must_use]
    pub fn doorbell_seal_name(&self) -> String {
        format!("moysklad/{}/doorbell", self.id)
    }
}
