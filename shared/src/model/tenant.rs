//! A tenant: whose events, subscriptions and keys they are.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::TenantId;

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its identifier.
    pub id: TenantId,
    /// What people call it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether its keys and its sources open anything.
    pub enabled: bool,
    /// Raised by every change: two changes of one state cannot both go through.
    #[serde(default)]
    pub rev: u32,
}

impl Tenant {
    /// The tenant that exists from the start.
    #[must_use]
    pub fn default_tenant(now: Timestamp) -> Self {
        Self { id: TenantId::default_tenant(), name: "default".into(), created_at: now, enabled: true, rev: 0 }
    }
}
