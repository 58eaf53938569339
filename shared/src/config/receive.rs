//! What `receive` is told.

use jiff::SignedDuration;

use super::{ConfigError, Variables, parsed_or, required, stack};
use crate::aws::{QueueUrls, Tables};
use crate::work::Timing;

/// The settings of `receive`.
#[derive(Debug, Clone)]
pub struct ReceiveConfig {
    /// Cards and events.
    pub tables: Tables,
    /// Who is rung.
    pub queues: QueueUrls,
    /// How work is timed.
    pub timing: Timing,
    /// How long an event is kept after its end.
    pub event_kept_for: SignedDuration,
    /// The header a C2S proxy or test script puts the token in.
    pub c2s_token_header: String,
    /// The secret the stack key is in.
    pub stack_key_secret: String,
    /// How much longer than in the cloud calls to AWS may take (1 there).
    pub patience: u32,
}

impl ReceiveConfig {
    /// Reads the variables.
    ///
    /// # Errors
    /// When one is missing or does not parse.
    pub fn from_vars(vars: &impl Variables) -> Result<Self, ConfigError> {
        required(vars, "TABLE_EVENTS")?;
        required(vars, "TABLE_DIRECTORY")?;
        required(vars, "QUEUE_LEAD_URL")?;
        Ok(Self {
            tables: stack::tables(vars),
            queues: stack::queues(vars),
            timing: stack::timing(vars)?,
            event_kept_for: stack::event_kept_for(vars)?,
            c2s_token_header: parsed_or(vars, "C2S_TOKEN_HEADER", "x-webhook-token".to_owned())?.to_ascii_lowercase(),
            stack_key_secret: required(vars, "SECRET_STACK_KEY")?,
            patience: parsed_or(vars, "AWS_PATIENCE", 1)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_missing_variable_is_named() {
        let vars = HashMap::from([("TABLE_EVENTS", "e"), ("TABLE_DIRECTORY", "")]);
        assert_eq!(ReceiveConfig::from_vars(&vars).unwrap_err().to_string(), "TABLE_DIRECTORY is not set");
    }

    #[test]
    fn a_value_that_cannot_be_used_is_named_but_not_repeated() {
        let vars = HashMap::from([
            ("TABLE_EVENTS", "e"),
            ("TABLE_DIRECTORY", "d"),
            ("QUEUE_LEAD_URL", "q"),
            ("SECRET_STACK_KEY", "k"),
            ("DUE_GRACE_S", "secret"),
        ]);
        let error = ReceiveConfig::from_vars(&vars).unwrap_err().to_string();
        assert!(error.starts_with("DUE_GRACE_S cannot be used") && !error.contains("secret"), "{error}");
    }
}
