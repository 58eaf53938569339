//! What is measured, as `make bench` says it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The variable `GANCHO_BENCH`, JSON.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Settings {
    /// The binary of `deliver`.
    pub(crate) deliver: PathBuf,
    /// How it was compiled, in words.
    pub(crate) profile: String,
    /// Where results and logs go.
    pub(crate) out: PathBuf,
    /// Deliveries of each run.
    pub(crate) deliveries: usize,
    /// Endpoints where there are many.
    pub(crate) endpoints: usize,
    /// Endpoints of which one in ten is slow.
    pub(crate) mixed: usize,
    /// How long a slow one takes, ms; one is slow from 2 s on.
    pub(crate) slow_ms: u64,
}

impl Settings {
    pub(crate) fn read() -> Result<Self> {
        let text = std::env::var("GANCHO_BENCH").context("GANCHO_BENCH is not set: run `make bench ONLY=deliver`")?;
        serde_json::from_str(&text).context("GANCHO_BENCH")
    }
}
