//! Switches: what an operator can hold back.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::event::Provider;
use super::ids::{SourceId, SubscriptionId, TenantId};
use super::schema::text_like;

/// What a switch switches. Its text form is its place in the API and in the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Switched {
    /// Everything.
    All,
    /// What one provider sent.
    Provider(Provider),
    /// What came in by one source.
    Source(SourceId),
    /// All of one tenant's.
    Tenant(TenantId),
    /// What goes out to one subscription.
    Subscription(SubscriptionId),
}

/// The text names nothing that can be switched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a switch is `all`, `provider:…`, `source:src_…`, `tenant:ten_…` or `subscription:sub_…`")]
pub struct NotSwitched;

impl PartialSchema for Switched {
    fn schema() -> RefOr<Schema> {
        let providers = Provider::ALL.map(Provider::name).join("|");
        let ids =
            [SourceId::PREFIX, TenantId::PREFIX, SubscriptionId::PREFIX].map(|prefix| format!("{prefix}[a-z0-9_]+"));
        let [source, tenant, subscription] = ids;
        let named = format!("provider:({providers})|source:{source}|tenant:{tenant}|subscription:{subscription}");
        text_like(format!("^(all|{named})$")).into()
    }
}

impl ToSchema for Switched {}

impl fmt::Display for Switched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Provider(provider) => write!(f, "provider:{}", provider.name()),
            Self::Source(id) => write!(f, "source:{id}"),
            Self::Tenant(id) => write!(f, "tenant:{id}"),
            Self::Subscription(id) => write!(f, "subscription:{id}"),
        }
    }
}

impl FromStr for Switched {
    type Err = NotSwitched;

    fn from_str(text: &str) -> Result<Self, NotSwitched> {
        match text.split_once(':') {
            None if text == "all" => Ok(Self::All),
            Some(("provider", name)) => name.parse().map(Self::Provider).map_err(|_| NotSwitched),
            Some(("source", id)) => id.parse().map(Self::Source).map_err(|_| NotSwitched),
            Some(("tenant", id)) => id.parse().map(Self::Tenant).map_err(|_| NotSwitched),
            Some(("subscription", id)) => id.parse().map(Self::Subscription).map_err(|_| NotSwitched),
            _ => Err(NotSwitched),
        }
    }
}

impl TryFrom<String> for Switched {
    type Error = NotSwitched;

    fn try_from(text: String) -> Result<Self, NotSwitched> {
        text.parse()
    }
}

impl From<Switched> for String {
    fn from(what: Switched) -> Self {
        what.to_string()
    }
}

/// A switch as an operator left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Switch {
    /// What it switches.
    pub what: Switched,
    /// Whether that is held back.
    pub paused: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when.
    pub changed_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_switch_survives_its_text_form() {
        for text in ["all", "provider:c2s", "source:src_1", "tenant:ten_1", "subscription:sub_1"] {
            assert_eq!(text.parse::<Switched>().unwrap().to_string(), text);
        }
        for bad in ["", "ALL", "all:", "provider:none", "source:ten_1", "queue:lead", "source:"] {
            assert_eq!(bad.parse::<Switched>(), Err(NotSwitched), "{bad}");
        }
    }
}
