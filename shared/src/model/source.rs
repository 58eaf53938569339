//! A source: the doorbell one provider rings for one tenant.

use std::collections::BTreeSet;
use std::time::Duration;

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::business_hours::BusinessHours;
use super::event::Provider;
use super::ids::{SourceId, TenantId};
use super::moysklad::AccountId;
use super::whatsapp::Setup;

/// A source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its identifier.
    pub id: SourceId,
    /// Whose webhooks come in by it.
    pub tenant: TenantId,
    /// Who sends them.
    pub provider: Provider,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it lets anything in. (A pause is a switch: a paused source still stores.)
    pub enabled: bool,
    /// From where it may be rung; from everywhere if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_cidrs: Vec<IpNet>,
    /// When silence means that something is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_hours: Option<BusinessHours>,
    /// What opens it.
    pub token: SourceToken,
    /// What its doorbell goes by beside the token, at WhatsApp's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whatsapp: Option<Setup>,
    /// The MoySklad account whose changes it may tell of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moysklad: Option<AccountId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Raised by every change: two changes of one state cannot both go through.
    #[serde(default)]
    pub rev: u32,
}

impl Source {
    /// Whether it serves, or did, the numbers of other tenants.
    #[must_use]
    pub fn may_serve_others(&self) -> bool {
        self.whatsapp.as_ref().is_some_and(|setup| setup.made_for.is_none())
    }

    /// Whose events come in by it.
    #[must_use]
    pub fn tenants(&self) -> BTreeSet<&TenantId> {
        let lines = self.whatsapp.iter().flat_map(|setup| &setup.lines);
        lines.filter_map(|line| line.client.as_ref()).chain([&self.tenant]).collect()
    }
}

/// The hashes of a source's token and, while a rotation overlaps, of the one before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceToken {
    /// SHA-256 of the token: its card's name.
    pub hash: String,
    /// The token before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousToken>,
}

/// A token on its way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousToken {
    /// SHA-256 of it.
    pub hash: String,
    /// Until when it still opens.
    pub valid_until: Timestamp,
}

impl SourceToken {
    /// A source's first token.
    #[must_use]
    pub const fn first(hash: String) -> Self {
        Self { hash, previous: None }
    }

    /// The token after a rotation: the current one opens for `overlap` more, an older one no more.
    #[must_use]
    pub fn rotated(&self, hash: String, now: Timestamp, overlap: Duration) -> Self {
        let valid_until = now.checked_add(overlap).unwrap_or(Timestamp::MAX);
        let previous = (!overlap.is_zero()).then(|| PreviousToken { hash: self.hash.clone(), valid_until });
        Self { hash, previous }
    }

    /// The hashes of all tokens that open it or did until lately.
    pub fn hashes(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.hash.as_str()).chain(self.previous.iter().map(|previous| previous.hash.as_str()))
    }
}
