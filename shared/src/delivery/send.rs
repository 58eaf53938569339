//! What came of sending.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::prepare::Prepared;
use super::retry_after::RetryAfter;
use crate::address::ip::Reason;

/// How much of an answer is kept. A tenant reads it to mend the endpoint; it is not a channel.
pub const MAX_HEAD_BYTES: usize = 4096;

/// Sends one prepared attempt. A failing receiver is an outcome, so there is no error.
pub trait Sender {
    /// Sends, waits no longer than the attempt may take, and tells what happened.
    fn send(&self, prepared: &Prepared) -> impl Future<Output = Sent> + Send;
}

/// An attempt that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The time that was signed.
    pub at: Timestamp,
    /// From connecting to the answer, or to giving up.
    pub duration: Duration,
    /// What happened.
    pub answer: Answer,
}

/// What the receiver did.
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// It answered.
    Status {
        /// The status.
        code: u16,
        /// When it wants to hear again.
        retry_after: Option<RetryAfter>,
        /// The first bytes of the body, at most `MAX_HEAD_BYTES`.
        head: Bytes,
    },
    /// There was no answer.
    Failed(TransportFailure),
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status { code, head, .. } => write!(f, "Status({code}, {} bytes)", head.len()),
            Self::Failed(failure) => write!(f, "Failed({failure})"),
        }
    }
}

/// Why there was no answer. The words are stable: they are in metrics, and tenants see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TransportFailure {
    /// The name leads to an address that may not be sent to.
    #[error("address_refused: {0}")]
    AddressRefused(Reason),
    /// The name leads nowhere.
    #[error("dns")]
    Dns,
    /// No connection.
    #[error("connect")]
    Connect,
    /// No trust: a certificate that is expired, of another name, of nobody known.
    #[error("tls")]
    Tls,
    /// Not in time.
    #[error("timeout")]
    Timeout,
    /// The connection ended, or broke off, before the head of an answer had come.
    #[error("reset")]
    Reset,
}

impl TransportFailure {
    /// The word alone, for metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::AddressRefused(_) => "address_refused",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
        }
    }
}
