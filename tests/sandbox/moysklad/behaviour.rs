//! How an account behaves, as a test wants it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An order names what changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Whether the 45 units per three seconds are counted.
    pub(super) rate_limited: bool,
    /// Each request takes so long, and counts as under way.
    pub(super) latency_ms: u64,
    /// Whether answers are compressed: MoySklad itself does not promise it.
    pub(super) compressed: bool,
    /// The status of a bulk request of which something failed: not documented.
    pub(super) bulk_failure_status: u16,
    /// Whether an update that changes nothing is told: not documented, so the louder is assumed.
    pub(super) fires_unchanged: bool,
    /// Whether the tariff has webhooks.
    pub(super) paid: bool,
    /// How long an answer to a notification is waited for.
    pub(super) patience_ms: u64,
    /// So many notifications are lost before they are sent.
    pub(super) lose: u32,
    /// Each notification is sent twice, under the same request id.
    pub(super) double: bool,
    /// Notifications wait until they are released.
    pub(super) hold: bool,
    /// Notifications wait until there are so many, and go out last first.
    pub(super) reorder: usize,
    /// A webhook is disabled when it has lost so many in a row; 0 is never.
    pub(super) disable_after: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rate_limited: true,
            latency_ms: 0,
            compressed: true,
            bulk_failure_status: 200,
            fires_unchanged: true,
            paid: true,
            patience_ms: 1500,
            lose: 0,
            double: false,
            hold: false,
            reorder: 0,
            disable_after: 0,
        }
    }
}

impl Settings {
    /// With what an order names.
    pub(super) fn with(&self, order: Map<String, Value>) -> Result<Self, String> {
        let mut all = serde_json::to_value(self).map_err(|error| error.to_string())?;
        if let Value::Object(fields) = &mut all {
            fields.extend(order);
        }
        serde_json::from_value(all).map_err(|error| error.to_string())
    }
}
