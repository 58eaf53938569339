//! What a receiver is told to answer.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sandbox::answer::{broken_off, filler, scripted};

/// One answer; nothing given is a 200.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    /// A text goes out as it is, anything else as JSON.
    body: Option<Value>,
    /// So many bytes of filler instead of `body`.
    body_bytes: Option<usize>,
    /// The filler comes byte by byte, with this pause before each.
    drip_ms: u64,
    pub(super) delay_ms: u64,
    pub(super) hang: bool,
    pub(super) drop: Option<Break>,
}

/// Where the connection breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Break {
    /// Before the status line.
    Before,
    /// After status and headers, in the body.
    Mid,
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            status: 200,
            headers: BTreeMap::new(),
            body: None,
            body_bytes: None,
            drip_ms: 0,
            delay_ms: 0,
            hang: false,
            drop: None,
        }
    }
}

impl Answer {
    pub(super) fn response(&self) -> Response {
        let mut response = scripted(self.status, &self.headers, self.body.as_ref());
        if let Some(bytes) = self.body_bytes {
            response.headers_mut().remove("content-length");
            *response.body_mut() = filler(bytes, Duration::from_millis(self.drip_ms));
        }
        match self.drop {
            Some(Break::Mid) => broken_off(response),
            Some(Break::Before) | None => response,
        }
    }
}

/// What a test tells a receiver; what is absent stays as it was.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Orders {
    #[serde(default)]
    pub(super) secret: Option<String>,
    /// Several, as during a rotation: each that verifies is named in `secrets_matched`.
    #[serde(default)]
    pub(super) secrets: Option<Vec<String>>,
    /// Used up one by one, before the default.
    #[serde(default)]
    pub(super) script: Option<VecDeque<Answer>>,
    #[serde(default)]
    pub(super) default: Option<Answer>,
}
