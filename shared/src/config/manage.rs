//! What the two faces of `manage` are told.

use jiff::SignedDuration;

use super::{ConfigError, Variables, parsed_or, required, stack};
use crate::aws::{QueueUrls, Tables};
use crate::work::Timing;

/// Where MoySklad is, unless it is said.
const MOYSKLAD: &str = "https://api.moysklad.ru/api/remap/1.2";

/// The settings of `manage`.
#[derive(Debug, Clone)]
pub struct ManageConfig {
    /// Which of its two APIs this process serves.
    pub face: Face,
    /// Everything managed.
    pub tables: Tables,
    /// Who is rung after a replay, a reprocess, or a wish.
    pub queues: QueueUrls,
    /// How work is timed.
    pub timing: Timing,
    /// The secret the stack key is in.
    pub stack_key_secret: String,
    /// Where the platform is reached from outside; taken from the request's own address where it is not set.
    pub public_url: Option<String>,
    /// `host:port` pairs that may be sent to over http whatever their address; empty in production.
    pub egress_allow: String,
    /// How long an event is kept after its end.
    pub event_kept_for: SignedDuration,
    /// How much longer than in the cloud calls to AWS may take (1 there).
    pub patience: u32,
}

/// Which API a process of `manage` serves.
#[derive(Debug, Clone)]
pub enum Face {
    /// The tenants' and their clients'.
    Portal,
    /// The operator's.
    Operate(Box<OperateSettings>),
}

/// What only the operator's API is told.
#[derive(Debug, Clone)]
pub struct OperateSettings {
    /// The secret the operator's token is in.
    pub admin_token_secret: String,
    /// Where messages that could not be read end up, a queue each.
    pub dead_letters: QueueUrls,
    /// The secret with the providers' credentials; C2S is not subscribed to without it.
    pub providers_secret: Option<String>,
    /// Where C2S is.
    pub c2s_base_url: Option<String>,
    /// The header C2S takes its token in.
    pub c2s_auth_header: String,
    /// Where C2S is told of addresses.
    pub c2s_subscribe_path: String,
    /// Where MoySklad is.
    pub moysklad_base_url: String,
}

impl ManageConfig {
    /// Reads the variables.
    ///
    /// # Errors
    /// When one is missing or does not parse.
    pub fn from_vars(vars: &impl Variables) -> Result<Self, ConfigError> {
        required(vars, "TABLE_EVENTS")?;
        required(vars, "TABLE_DIRECTORY")?;
        Ok(Self {
            face: face(vars)?,
            tables: stack::tables(vars),
            queues: stack::queues(vars),
            timing: stack::timing(vars)?,
            stack_key_secret: required(vars, "SECRET_STACK_KEY")?,
            public_url: vars.get("PUBLIC_URL").map(|url| url.trim_end_matches('/').to_owned()),
            egress_allow: vars.get("EGRESS_ALLOW").unwrap_or_default(),
            event_kept_for: stack::event_kept_for(vars)?,
            patience: parsed_or(vars, "AWS_PATIENCE", 1)?,
        })
    }
}

fn face(vars: &impl Variables) -> Result<Face, ConfigError> {
    match required(vars, "GANCHO_FACE")?.as_str() {
        "portal" => Ok(Face::Portal),
        "operate" => Ok(Face::Operate(Box::new(OperateSettings {
            admin_token_secret: required(vars, "SECRET_ADMIN_TOKEN")?,
            dead_letters: QueueUrls {
                lead: vars.get("QUEUE_LEAD_DLQ_URL"),
                dispatch: vars.get("QUEUE_DISPATCH_DLQ_URL"),
                delivery: vars.get("QUEUE_DELIVERY_DLQ_URL"),
                delivery_slow: vars.get("QUEUE_DELIVERY_SLOW_DLQ_URL"),
                sync: vars.get("QUEUE_SYNC_DLQ_URL"),
            },
            providers_secret: vars.get("SECRET_PROVIDERS"),
            c2s_base_url: vars.get("C2S_BASE_URL"),
            c2s_auth_header: parsed_or(vars, "C2S_AUTH_HEADER", "authorization".to_owned())?,
            c2s_subscribe_path: parsed_or(vars, "C2S_SUBSCRIBE_PATH", "/integration/leads/subscribe".to_owned())?,
            moysklad_base_url: parsed_or(vars, "MOYSKLAD_BASE_URL", MOYSKLAD.to_owned())?,
        }))),
        _ => Err(ConfigError::Bad { name: "GANCHO_FACE".into(), why: "it is `portal` or `operate`".into() }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn the_face_is_one_of_two_and_the_operators_needs_its_token() {
        let mut vars = HashMap::from([("TABLE_EVENTS", "e"), ("TABLE_DIRECTORY", "d"), ("SECRET_STACK_KEY", "k")]);
        assert!(ManageConfig::from_vars(&vars).unwrap_err().to_string().starts_with("GANCHO_FACE"));
        vars.insert("GANCHO_FACE", "janus");
        assert!(ManageConfig::from_vars(&vars).unwrap_err().to_string().starts_with("GANCHO_FACE"));
        vars.insert("GANCHO_FACE", "portal");
        assert!(ManageConfig::from_vars(&vars).is_ok());
        vars.insert("GANCHO_FACE", "operate");
        assert!(ManageConfig::from_vars(&vars).unwrap_err().to_string().starts_with("SECRET_ADMIN_TOKEN"));
    }
}
