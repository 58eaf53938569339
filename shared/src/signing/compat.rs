//! The older signature some receivers know: hex over the body alone.

use super::hmac_sha256;
use super::secret::Secret;

/// The header it is sent in.
pub const HEADER: &str = "x-webhook-signature";

/// `sha256=<hex of HMAC-SHA256 of the body>`. It covers neither identifier nor time, so whoever has seen one request
/// can send it again for ever: it is added to the standard headers on demand, never sent instead of them.
///
/// A receiver that knows this form knows one secret only, so it is made with one.
#[must_use]
pub fn sha256_hex(secret: &Secret, body: &[u8]) -> String {
    format!("sha256={}", hex::encode(hmac_sha256(secret.key(), &[body])))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As GitHub's documentation of the same form has it.
    #[test]
    fn the_signature_is_the_published_one() {
        let secret = Secret::parse("It's a Secret to Everybody").unwrap();
        assert_eq!(
            sha256_hex(&secret, b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}
