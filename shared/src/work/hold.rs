//! What work can wait behind: a switch somebody turned off, a breaker that opened.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::model::row::RowKey;

/// How many partitions the work behind one hold is spread over.
pub const PARKED_SHARDS: u8 = 4;

/// A name for what work waits behind: `switch:all`, `switch:tenant:ten_…`, `breaker:work_api`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hold(String);

/// The text names no hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("names nothing that work can wait behind")]
pub struct HoldError;

impl Hold {
    /// A switch turned off: `what` is `all`, `provider:…`, `source:…`, `tenant:…` or `subscription:…`.
    #[must_use]
    pub fn switch(what: &str) -> Self {
        Self(format!("switch:{what}"))
    }

    /// An open breaker of this name.
    #[must_use]
    pub fn breaker(name: &str) -> Self {
        Self(format!("breaker:{name}"))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition of the due index a row waits in.
    #[must_use]
    pub fn shard(&self, key: &RowKey) -> String {
        let hash = Sha256::digest(key.to_string().as_bytes());
        self.nth_shard(hash[0] % PARKED_SHARDS)
    }

    /// Every partition work behind this hold waits in.
    pub fn shards(&self) -> impl Iterator<Item = String> + '_ {
        (0..PARKED_SHARDS).map(|n| self.nth_shard(n))
    }

    fn nth_shard(&self, n: u8) -> String {
        format!("parked#{}#{n}", self.0)
    }
}

impl FromStr for Hold {
    type Err = HoldError;

    fn from_str(text: &str) -> Result<Self, HoldError> {
        let known = text.starts_with("switch:") || text.starts_with("breaker:");
        let sane = text.len() <= 128 && !text.contains('#') && text.split(':').all(|part| !part.is_empty());
        if known && sane { Ok(Self(text.to_owned())) } else { Err(HoldError) }
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
