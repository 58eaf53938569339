//! What `sync` is told.

use std::time::Duration;

use jiff::SignedDuration;

use super::{ConfigError, DispatchConfig, Variables, parsed_or, required};

/// The settings of `sync`.
#[derive(Debug, Clone)]
pub struct SyncConfig {
    /// What all fan-out shares.
    pub dispatch: DispatchConfig,
    /// The secret the stack key is in.
    pub stack_key_secret: String,
    /// Where MoySklad is.
    pub moysklad_base_url: String,
    /// The base of our own addresses: what we write rings none of the webhooks below it.
    pub public_url: String,
    /// How long one call to MoySklad may take.
    pub upstream_timeout: Duration,
    /// Between two polls of an account for what its webhooks missed of a kind.
    pub poll_interval: SignedDuration,
    /// How much of an invocation is used. The rest of its time is never promised to a row.
    pub work_budget: SignedDuration,
}

impl SyncConfig {
    /// Reads the variables.
    ///
    /// # Errors
    /// When one is missing or does not parse.
    pub fn from_vars(vars: &impl Variables) -> Result<Self, ConfigError> {
        required(vars, "TABLE_SYNC")?;
        let seconds = |name, default| parsed_or(vars, name, default).map(SignedDuration::from_secs);
        Ok(Self {
            dispatch: DispatchConfig::from_vars(vars)?,
            stack_key_secret: required(vars, "SECRET_STACK_KEY")?,
            moysklad_base_url: required(vars, "MOYSKLAD_BASE_URL")?,
            public_url: required(vars, "PUBLIC_URL")?.trim_end_matches('/').to_owned(),
            upstream_timeout: Duration::from_secs(parsed_or(vars, "UPSTREAM_TIMEOUT_S", 30)?),
            poll_interval: seconds("MOYSKLAD_POLL_S", 600)?,
            work_budget: seconds("WORK_BUDGET_S", 900)?,
        })
    }
}
