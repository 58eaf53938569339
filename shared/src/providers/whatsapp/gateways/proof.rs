//! Whether a request is from the gateway, where the gateway can prove it. The address is a secret already; this is what
//! some add.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;

use super::Dialect;
use crate::providers::whatsapp::signature::{self, Forged, HmacKey};
use crate::signing::{compare, hmac_sha256};

/// How far a gateway's clock may be behind or ahead of ours, in seconds.
const CLOCK_SKEW_S: i64 = 60;
/// Longest token looked at; a gateway's has some two hundred characters.
const LONGEST_TOKEN: usize = 2_048;

/// How a gateway proves itself, where it was given a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// `sha256=<hex HMAC of the body>` in this header.
    Signed {
        /// The header.
        header: &'static str,
        /// What stands in front of the signature.
        prefix: &'static str,
    },
    /// An HS256 token of ten minutes in `Authorization`. It does not cover the body.
    Token,
}

/// The header a token stands in.
const AUTHORIZATION: &str = "authorization";

impl Proof {
    /// How a dialect's gateway proves itself; not at all, where it cannot: then it is given no secret.
    #[must_use]
    pub const fn of(dialect: Dialect) -> Option<Self> {
        match dialect {
            // Whoever writes a program for Baileys can sign as Meta does.
            Dialect::Baileys | Dialect::Gowa => Some(Self::Signed { header: "x-hub-signature-256", prefix: "sha256=" }),
            Dialect::Wuzapi => Some(Self::Signed { header: "x-hmac-signature", prefix: "" }),
            Dialect::Evolution => Some(Self::Token),
            Dialect::Wppconnect => None,
        }
    }

    /// The header it stands in.
    #[must_use]
    pub const fn header(self) -> &'static str {
        match self {
            Self::Signed { header, .. } => header,
            Self::Token => AUTHORIZATION,
        }
    }

    /// Looks at the header's value, and at the body as it was received.
    ///
    /// # Errors
    /// It is not there, or was not made with this key, or is over.
    pub fn check(self, key: &HmacKey, value: Option<&str>, body: &[u8], now: Timestamp) -> Result<(), Forged> {
        match self {
            Self::Signed { prefix, .. } => signature::check(key, value, prefix, body),
            Self::Token => token(key, value.and_then(bearer).ok_or(Forged)?, now),
        }
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    iat: Option<i64>,
    exp: i64,
    app: String,
    action: String,
}

/// A JSON Web Token of exactly one kind: anything that its header asks for but HS256 is refused before it is obeyed.
fn token(key: &HmacKey, token: &str, now: Timestamp) -> Result<(), Forged> {
    if token.len() > LONGEST_TOKEN {
        return Err(Forged);
    }
    let (signed, theirs) = token.rsplit_once('.').ok_or(Forged)?;
    let (header, claims) = signed.split_once('.').ok_or(Forged)?;
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Forged);
    if !compare::same(&decoded(theirs)?, &hmac_sha256(key.bytes(), &[signed.as_bytes()])) {
        return Err(Forged);
    }
    let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| Forged)?;
    let claims: Claims = serde_json::from_slice(&decoded(claims)?).map_err(|_| Forged)?;
    let now = now.as_second();
    let in_time = now < claims.exp.saturating_add(CLOCK_SKEW_S)
        && claims.iat.is_none_or(|made| made <= now.saturating_add(CLOCK_SKEW_S));
    let ours = header.alg == "HS256" && claims.app == "evolution" && claims.action == "webhook";
    if ours && in_time { Ok(()) } else { Err(Forged) }
}

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;
