//! A tenant's key, as it is known once it was shown.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{KeyId, TenantId};

/// What every tenant key starts with.
pub const KEY_PREFIX: &str = "gch_";

/// The public part of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its public name.
    pub id: KeyId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// SHA-256 of the key: its card's name.
    pub hash: String,
    /// Its last four characters, all that is ever shown again.
    pub hint: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The hour in which it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// Until when it is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
}
