//! What is measured, as `make bench` says it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The variable `GANCHO_BENCH`, JSON.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Settings {
    /// The binary of `receive`.
    pub(crate) receive: PathBuf,
    /// The binary of the floor.
    pub(crate) floor: PathBuf,
    /// How both were compiled, in words.
    pub(crate) profile: String,
    /// Where `events/` is.
    pub(crate) events_folder: PathBuf,
    /// Where results and logs go.
    pub(crate) out: PathBuf,
    /// What else does the same work.
    #[serde(default)]
    pub(crate) peers: Vec<Peer>,
    /// Cold starts of each.
    pub(crate) starts: usize,
    /// Events that each is given warm.
    pub(crate) events: u64,
}

/// How a peer is started.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) argv: Vec<String>,
    pub(crate) cwd: PathBuf,
    pub(crate) env: std::collections::BTreeMap<String, String>,
}

impl Settings {
    pub(crate) fn read() -> Result<Self> {
        let text = std::env::var("GANCHO_BENCH").context("GANCHO_BENCH is not set: run `make bench ONLY=receive`")?;
        serde_json::from_str(&text).context("GANCHO_BENCH")
    }
}
