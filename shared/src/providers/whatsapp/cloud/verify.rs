//! Meta signs each request with the app's secret. Whose number an event is for, it says in the event.

use jiff::Timestamp;

use super::payload::split;
use crate::auth::SourceCaller;
use crate::model::whatsapp::Line;
use crate::providers::whatsapp::incoming::Arrival;
use crate::providers::whatsapp::line::Unstated;
use crate::providers::whatsapp::reading::{Reading, RequestError};
use crate::providers::whatsapp::signature::{self, Forged, HmacKey};

/// The header the signature stands in.
pub const SIGNATURE_HEADER: &str = "x-hub-signature-256";

/// A body that the app's secret has signed.
#[derive(Clone, Copy)]
pub struct Signed<'a>(&'a [u8]);

impl std::fmt::Debug for Signed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signed({} bytes)", self.0.len())
    }
}

/// Looks at a request's signature: over the bytes as received, before anything reads them.
///
/// # Errors
/// There is none, or it was not made with this secret.
pub fn signed<'a>(app_secret: &HmacKey, header: Option<&str>, unverified_body: &'a [u8]) -> Result<Signed<'a>, Forged> {
    signature::check(app_secret, header, "sha256=", unverified_body).map(|()| Signed(unverified_body))
}

/// Reads a request: each message and each status becomes its connection's, or is refused, or passed over.
///
/// # Errors
/// When there is nothing to look at event by event.
pub fn incoming(
    caller: &SourceCaller,
    lines: &[Line],
    headers: &[(String, String)],
    body: Signed<'_>,
    now: Timestamp,
) -> Result<Reading, RequestError> {
    Arrival { caller, lines, headers, unstated: Unstated::Refused, now }.take(|taking| split(body.0, taking))
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
