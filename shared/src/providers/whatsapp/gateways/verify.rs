//! Whoever knows a source's address is its gateway; where the gateway was given a secret, it has to prove that as well.

use jiff::Timestamp;

use super::Dialect;
use super::payload::split;
use super::proof::Proof;
use crate::auth::SourceCaller;
use crate::model::whatsapp::Line;
use crate::providers::whatsapp::incoming::Arrival;
use crate::providers::whatsapp::line::Unstated;
use crate::providers::whatsapp::reading::{Reading, RequestError};
use crate::providers::whatsapp::signature::{Forged, HmacKey};

/// A body that came from the gateway, as far as the gateway can prove it.
#[derive(Clone, Copy)]
pub struct Proven<'a> {
    dialect: Dialect,
    body: &'a [u8],
}

impl std::fmt::Debug for Proven<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proven({}, {} bytes)", self.dialect.name(), self.body.len())
    }
}

/// Looks at a request's proof. `header` finds the value of a header by its name, in lower case.
///
/// # Errors
/// The source has a secret, and the request does not prove to know it.
pub fn proven<'a, 'h>(
    dialect: Dialect,
    secret: Option<&HmacKey>,
    header: impl FnOnce(&str) -> Option<&'h str>,
    unverified_body: &'a [u8],
    now: Timestamp,
) -> Result<Proven<'a>, Forged> {
    if let Some(secret) = secret {
        let proof = Proof::of(dialect).ok_or(Forged)?;
        proof.check(secret, header(proof.header()), unverified_body, now)?;
    }
    Ok(Proven { dialect, body: unverified_body })
}

/// Reads a request: each message and each status becomes its connection's, or is refused, or passed over.
///
/// # Errors
/// When there is nothing to look at event by event.
pub fn incoming(
    caller: &SourceCaller,
    lines: &[Line],
    headers: &[(String, String)],
    body: Proven<'_>,
    now: Timestamp,
) -> Result<Reading, RequestError> {
    let arrival = Arrival { caller, lines, headers, unstated: Unstated::IsTheOnlyOne, now };
    arrival.take(|taking| split(body.dialect, body.body, taking))
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
