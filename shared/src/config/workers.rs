//! What `dispatch`, `deliver` and `sweep` are told.

use jiff::SignedDuration;

use super::{ConfigError, Variables, parsed_or, required, stack};
use crate::aws::{QueueUrls, Tables};
use crate::work::Timing;

/// The settings of `dispatch`.
#[derive(Debug, Clone)]
pub struct DispatchConfig {
    /// Events and subscriptions.
    pub tables: Tables,
    /// Who is rung.
    pub queues: QueueUrls,
    /// How work is timed.
    pub timing: Timing,
    /// How long an event is kept after its end.
    pub event_kept_for: SignedDuration,
    /// How much longer than in the cloud calls to AWS may take (1 there).
    pub patience: u32,
}

impl DispatchConfig {
    /// Reads the variables.
    ///
    /// # Errors
    /// When one is missing or does not parse.
    pub fn from_vars(vars: &impl Variables) -> Result<Self, ConfigError> {
        required(vars, "TABLE_EVENTS")?;
        required(vars, "TABLE_DIRECTORY")?;
        Ok(Self {
            tables: stack::tables(vars),
            queues: stack::queues(vars),
            timing: stack::timing(vars)?,
            event_kept_for: stack::event_kept_for(vars)?,
            patience: parsed_or(vars, "AWS_PATIENCE", 1)?,
        })
    }
}

/// The settings of `deliver`.
#[derive(Debug, Clone)]
pub struct DeliverConfig {
    /// What all fan-out shares.
    pub dispatch: DispatchConfig,
    /// The secret the stack key is in.
    pub stack_key_secret: String,
    /// `host:port` pairs that may be sent to over http whatever their address; empty in production.
    pub egress_allow: String,
    /// How much of an invocation is used. The rest of its time is never promised to a row.
    pub work_budget: SignedDuration,
}

impl DeliverConfig {
    /// Reads the variables.
    ///
    /// # Errors
    /// When one is missing or does not parse.
    pub fn from_vars(vars: &impl Variables) -> Result<Self, ConfigError> {
        Ok(Self {
            dispatch: DispatchConfig::from_vars(vars)?,
            stack_key_secret: required(vars, "SECRET_STACK_KEY")?,
            egress_allow: vars.get("EGRESS_ALLOW").unwrap_or_default(),
            work_budget: SignedDuration::from_secs(parsed_or(vars, "WORK_BUDGET_S", 900)?),
        })
    }
}

/// The settings of `sweep`.
#[derive(Debug, Clone)]
pub struct SweepConfig {
    /// The due index and the holds.
    pub tables: Tables,
    /// Who is rung.
    pub queues: QueueUrls,
    /// How work is timed.
    pub timing: Timing,
    /// How long an event is kept after its end.
    pub event_kept_for: SignedDuration,
    /// Rows rung in one run.
    pub cap: usize,
    /// The secret with the token of the C2S source that exists from the start.
    pub c2s_token_secret: String,
    /// Seconds between polls of a source for what its webhooks missed; 0 is never.
    pub poll_interval_s: u32,
    /// How much longer than in the cloud calls to AWS may take (1 there).
    pub patience: u32,
}

impl SweepConfig {
    /// Reads the variables.
    ///
    /// # Errors
    /// When one is missing or does not parse.
    pub fn from_vars(vars: &impl Variables) -> Result<Self, ConfigError> {
        required(vars, "TABLE_EVENTS")?;
        required(vars, "TABLE_SIGNALS")?;
        Ok(Self {
            tables: stack::tables(vars),
            queues: stack::queues(vars),
            timing: stack::timing(vars)?,
            event_kept_for: stack::event_kept_for(vars)?,
            cap: parsed_or(vars, "SWEEP_CAP", 20_000)?,
            c2s_token_secret: required(vars, "SECRET_C2S_TOKEN")?,
            poll_interval_s: parsed_or(vars, "POLL_INTERVAL_S", 3_600)?,
            patience: parsed_or(vars, "AWS_PATIENCE", 1)?,
        })
    }
}
