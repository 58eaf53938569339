//! What the environment says, parsed into the model's types. A bad value fails the cold start, with its name.

mod enrich;
mod manage;
mod receive;
mod stack;
mod sync;
mod workers;

use std::fmt::Display;
use std::str::FromStr;

pub use enrich::EnrichConfig;
pub use manage::{Face, ManageConfig, OperateSettings};
pub use receive::ReceiveConfig;
pub use stack::{queues, tables, timing};
pub use sync::SyncConfig;
pub use workers::{DeliverConfig, DispatchConfig, SweepConfig};

/// A variable that is missing or does not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is not set.
    #[error("{0} is not set")]
    Missing(String),
    /// It says nothing we can use.
    #[error("{name} cannot be used: {why}")]
    Bad {
        /// The variable.
        name: String,
        /// What is wrong with it. Never its value: it may be in the wrong variable.
        why: String,
    },
}

/// Where variables come from: the environment, or a test's table.
pub trait Variables {
    /// The value of a variable, if it is set to something.
    fn get(&self, name: &str) -> Option<String>;
}

/// The process's own environment.
#[derive(Debug, Clone, Copy)]
pub struct Environment;

impl Variables for Environment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }
}

impl Variables for std::collections::HashMap<&str, &str> {
    fn get(&self, name: &str) -> Option<String> {
        self.get(name).filter(|value| !value.is_empty()).map(|value| (*value).to_owned())
    }
}

/// A variable that must be set.
///
/// # Errors
/// When it is not.
pub fn required(vars: &impl Variables, name: &str) -> Result<String, ConfigError> {
    vars.get(name).ok_or_else(|| ConfigError::Missing(name.to_owned()))
}

/// A variable that may be set, parsed.
///
/// # Errors
/// When it is set and does not parse.
pub fn parsed<T: FromStr<Err: Display>>(vars: &impl Variables, name: &str) -> Result<Option<T>, ConfigError> {
    vars.get(name)
        .map(|value| value.parse().map_err(|e: T::Err| ConfigError::Bad { name: name.to_owned(), why: e.to_string() }))
        .transpose()
}

/// A variable with a default.
///
/// # Errors
/// When it is set and does not parse.
pub fn parsed_or<T: FromStr<Err: Display>>(vars: &impl Variables, name: &str, default: T) -> Result<T, ConfigError> {
    Ok(parsed(vars, name)?.unwrap_or(default))
}
