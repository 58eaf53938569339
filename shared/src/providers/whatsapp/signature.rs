//! `sha256=<hex of HMAC-SHA256 over the body as received>`: how Meta signs, and some gateways.

use std::fmt;

use crate::signing::{compare, hmac_sha256};

/// How long a shared key's text may be. The shortest refuses the word `secret`, which a gateway has by default.
const CHARS: std::ops::RangeInclusive<usize> = 8..=500;

/// A key that both sides know: an app's secret, a gateway's.
#[derive(Clone, PartialEq, Eq)]
pub struct HmacKey(String);

/// The text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a shared secret has {} to {} characters", CHARS.start(), CHARS.end())]
pub struct NotAKey;

/// A request that is not signed with our key, or not signed at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request is not signed with this key")]
pub struct Forged;

impl HmacKey {
    /// Reads a key's text.
    ///
    /// # Errors
    /// It is too short or too long.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        if CHARS.contains(&text.chars().count()) { Ok(Self(text.to_owned())) } else { Err(NotAKey) }
    }

    /// The text, to be sealed.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey(…)")
    }
}

/// Whether the header's value is the body's signature. The body is what was received, byte for byte: Meta writes `ä`
/// as `\u00e4`, and signs that.
pub(super) fn check(key: &HmacKey, header: Option<&str>, prefix: &str, body: &[u8]) -> Result<(), Forged> {
    let theirs = header.and_then(|value| value.strip_prefix(prefix)).ok_or(Forged)?;
    let mut mac = [0; 32];
    hex::decode_to_slice(theirs, &mut mac).map_err(|_| Forged)?;
    if compare::same(&mac, &hmac_sha256(key.bytes(), &[body])) { Ok(()) } else { Err(Forged) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;

    const PREFIX: &str = "sha256=";

    /// HMAC as RFC 2104 writes it down, on the bare hash: a second implementation.
    fn rfc_2104(key: &[u8], text: &[u8]) -> String {
        let mut block = [0_u8; 64];
        if key.len() > 64 {
            block[..32].copy_from_slice(&Sha256::digest(key));
        } else {
            block[..key.len()].copy_from_slice(key);
        }
        let pad = |with: u8| block.map(|byte| byte ^ with);
        let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
        hex::encode(Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize())
    }

    #[test]
    fn escaped_text_is_signed_as_it_was_sent() {
        let key = HmacKey::parse("an-app-secret").unwrap();
        let (escaped, plain) = (br#"{"body":"\u00e4"}"#.as_slice(), r#"{"body":"ä"}"#.as_bytes());
        let signature = format!("{PREFIX}{}", rfc_2104(b"an-app-secret", escaped));
        assert_eq!(check(&key, Some(&signature), PREFIX, escaped), Ok(()));
        assert_eq!(check(&key, Some(&signature), PREFIX, plain), Err(Forged));
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let key = HmacKey::parse("an-app-secret").unwrap();
        let good = rfc_2104(b"an-app-secret", b"body");
        for bad in [
            None,
            Some(""),
            Some(PREFIX),
            Some(&*good),
            Some("sha256=00"),
            Some("sha1=00"),
            Some(&*format!("{PREFIX}{good}00")),
        ] {
            assert_eq!(check(&key, bad, PREFIX, b"body"), Err(Forged), "{bad:?}");
        }
    }

    #[test]
    fn a_key_everybody_knows_is_none_and_no_key_is_shown() {
        assert_eq!(HmacKey::parse("secret"), Err(NotAKey));
        assert_eq!(format!("{:?}", HmacKey::parse("correct horse").unwrap()), "HmacKey(…)");
    }

    proptest! {
        #[test]
        fn the_check_says_what_a_second_implementation_says(
            key in "[ -~]{8,100}", body in proptest::collection::vec(any::<u8>(), 0..200), flipped in any::<u8>()
        ) {
            let signature = format!("{PREFIX}{}", rfc_2104(key.as_bytes(), &body));
            let key = HmacKey::parse(&key).unwrap();
            prop_assert_eq!(check(&key, Some(&signature), PREFIX, &body), Ok(()));
            let mut other = body.clone();
            other.push(flipped);
            prop_assert_eq!(check(&key, Some(&signature), PREFIX, &other), Err(Forged));
        }

        #[test]
        fn no_header_makes_it_panic(header in "\\PC{0,100}") {
            let key = HmacKey::parse("an-app-secret").unwrap();
            prop_assert!(check(&key, Some(&header), PREFIX, b"x").is_err());
        }
    }
}
