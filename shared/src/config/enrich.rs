//! What `enrich` is told.

use std::time::Duration;

use jiff::SignedDuration;

use super::{ConfigError, DispatchConfig, Variables, parsed_or, required};

/// The settings of `enrich`.
#[derive(Debug, Clone)]
pub struct EnrichConfig {
    /// What all fan-out shares.
    pub dispatch: DispatchConfig,
    /// The secret the stack key is in.
    pub stack_key_secret: String,
    /// The secret with the providers' credentials.
    pub providers_secret: String,
    /// Where C2S is.
    pub c2s_base_url: String,
    /// The header C2S takes its token in.
    pub c2s_auth_header: String,
    /// Where the Work API is; not asked if empty.
    pub work_api_base_url: Option<String>,
    /// Where Diretrix is; not asked if empty.
    pub diretrix_base_url: Option<String>,
    /// Whether Diretrix may be asked over plain http.
    pub diretrix_allow_http: bool,
    /// The legal basis for looking people up, in the operator's words. Nobody is looked up without one.
    pub legal_basis: Option<String>,
    /// Whether a message of unknown fate that is not found in the thread is sent once more.
    pub resend_after_unknown: bool,
    /// How long to wait before looking for a message of unknown fate.
    pub unknown_recheck: SignedDuration,
    /// Events of one lead a minute that are processed as they come.
    pub lead_rate: usize,
    /// How long the first event above the rate waits for others.
    pub coalesce: SignedDuration,
    /// Between two messages to C2S.
    pub c2s_spacing: SignedDuration,
    /// Between two look-ups at the Work API.
    pub work_spacing: SignedDuration,
    /// How long a person is kept without a new event of their lead, days.
    pub party_retention_days: u32,
    /// Between two polls of a source.
    pub poll_interval: SignedDuration,
    /// The path a source's address is registered at with C2S.
    pub c2s_subscribe_path: String,
    /// How long one call to an upstream may take.
    pub upstream_timeout: Duration,
    /// How much of an invocation is used. The rest of its time is never promised to a row.
    pub work_budget: SignedDuration,
    /// Failed calls after which an event is given up.
    pub max_tries: u32,
}

impl EnrichConfig {
    /// Reads the variables.
    ///
    /// # Errors
    /// When one is missing or does not parse.
    pub fn from_vars(vars: &impl Variables) -> Result<Self, ConfigError> {
        required(vars, "TABLE_PARTIES")?;
        let seconds = |name, default| parsed_or(vars, name, default).map(SignedDuration::from_secs);
        let millis = |name, default| parsed_or(vars, name, default).map(SignedDuration::from_millis);
        Ok(Self {
            dispatch: DispatchConfig::from_vars(vars)?,
            stack_key_secret: required(vars, "SECRET_STACK_KEY")?,
            providers_secret: required(vars, "SECRET_PROVIDERS")?,
            c2s_base_url: required(vars, "C2S_BASE_URL")?,
            c2s_auth_header: parsed_or(vars, "C2S_AUTH_HEADER", "authorization".to_owned())?,
            work_api_base_url: vars.get("WORK_API_BASE_URL"),
            diretrix_base_url: vars.get("DIRETRIX_BASE_URL"),
            diretrix_allow_http: parsed_or(vars, "DIRETRIX_ALLOW_HTTP", false)?,
            legal_basis: vars.get("ENRICHMENT_LEGAL_BASIS"),
            resend_after_unknown: parsed_or(vars, "RESEND_AFTER_UNKNOWN", false)?,
            unknown_recheck: seconds("UNKNOWN_RECHECK_S", 120)?,
            lead_rate: parsed_or(vars, "LEAD_RATE", 10)?,
            coalesce: seconds("COALESCE_S", 60)?,
            c2s_spacing: millis("C2S_SPACING_MS", 6_000)?,
            work_spacing: millis("WORK_SPACING_MS", 2_500)?,
            party_retention_days: parsed_or(vars, "PARTY_RETENTION_DAYS", 180)?,
            poll_interval: seconds("POLL_INTERVAL_S", 3_600)?,
            c2s_subscribe_path: parsed_or(vars, "C2S_SUBSCRIBE_PATH", "/integration/leads/subscribe".to_owned())?,
            upstream_timeout: Duration::from_secs(parsed_or(vars, "UPSTREAM_TIMEOUT_S", 30)?),
            work_budget: seconds("WORK_BUDGET_S", 900)?,
            max_tries: parsed_or(vars, "MAX_TRIES", 6)?,
        })
    }
}
