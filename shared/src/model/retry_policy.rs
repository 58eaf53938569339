//! How often, and in what rhythm, a delivery is tried again. `backoff` computes the times.

use serde::{Deserialize, Serialize};

/// Tries again after the first one, unless the subscription says otherwise.
pub const DEFAULT_RETRIES: u32 = 3;
/// With the 12 h cap, twenty retries take about four days: inside the five after which an endpoint is disabled.
pub const MAX_RETRIES: u32 = 20;
/// First wait of the exponential rhythm.
pub const DEFAULT_BASE_S: u32 = 1;
/// First wait for WhatsApp messages, whose receivers are chatbots behind a rate limit.
pub const WHATSAPP_BASE_S: u32 = 5;

/// The rhythm of retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum RetryKind {
    /// `base_s`, then twice as long each time.
    Exponential {
        /// The first wait, in seconds.
        base_s: u32,
    },
    /// The schedule that Standard Webhooks gives as its example: ten attempts in 75 hours.
    Standard,
}

impl RetryKind {
    /// The name of the rhythm.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exponential { .. } => "exponential",
            Self::Standard => "standard",
        }
    }

    /// The first wait, where the rhythm has one of its own.
    #[must_use]
    pub const fn base_s(self) -> Option<u32> {
        match self {
            Self::Exponential { base_s } => Some(base_s),
            Self::Standard => None,
        }
    }
}

/// When a delivery is tried again, and when no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// The rhythm.
    #[serde(flatten)]
    pub kind: RetryKind,
    /// Attempts after the first one.
    pub max_retries: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { kind: RetryKind::Exponential { base_s: DEFAULT_BASE_S }, max_retries: DEFAULT_RETRIES }
    }
}
