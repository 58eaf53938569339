//! The secret a tenant's webhooks are signed with.

use std::fmt;
use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// What a secret in the Standard Webhooks form starts with.
pub const PREFIX: &str = "whsec_";
/// How long a given secret's text may be.
pub const CHARS: RangeInclusive<usize> = 8..=500;
/// Shortest key a text may stand for: `whsec_` must not be a way around the eight characters.
const MIN_KEY_BYTES: usize = 8;

/// Padded on the way out; on the way in, people lose the `=` when they copy.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A signing secret: its text, as the receiver was given it, and the key that the text stands for.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    text: String,
    key: Vec<u8>,
}

/// Why a text is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Too short or too long.
    #[error("a secret has {} to {} characters", CHARS.start(), CHARS.end())]
    Length,
    /// It says `whsec_`, and what follows is no base64 of at least eight bytes.
    #[error("after `whsec_` comes base64 of at least {MIN_KEY_BYTES} bytes")]
    Base64,
}

impl Secret {
    /// Reads a secret's text: after `whsec_` base64, any other text stands for its own UTF-8 bytes.
    ///
    /// # Errors
    /// The text is too short, too long, or not the base64 it claims to be.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        if !CHARS.contains(&text.chars().count()) {
            return Err(SecretError::Length);
        }
        let key = match text.strip_prefix(PREFIX) {
            Some(encoded) => BASE64.decode(encoded).map_err(|_| SecretError::Base64)?,
            None => text.as_bytes().to_vec(),
        };
        if key.len() < MIN_KEY_BYTES {
            return Err(SecretError::Base64);
        }
        Ok(Self { text: text.to_owned(), key })
    }

    /// A new secret made of this chance.
    #[must_use]
    pub fn generate(chance: [u8; 32]) -> Self {
        Self { text: format!("{PREFIX}{}", BASE64.encode(chance)), key: chance.to_vec() }
    }

    /// The text, to be shown to its owner once, or sealed. There is no other way to it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The last four characters: enough to tell two secrets apart.
    #[must_use]
    pub fn hint(&self) -> String {
        let n_chars = self.text.chars().count();
        self.text.chars().skip(n_chars.saturating_sub(4)).collect()
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn after_whsec_comes_base64_and_any_other_text_is_its_own_bytes() {
        assert_eq!(Secret::parse("whsec_YWJjZGVmZ2g=").unwrap().key(), b"abcdefgh");
        assert_eq!(Secret::parse("whsec_YWJjZGVmZ2g").unwrap().key(), b"abcdefgh");
        assert_eq!(Secret::parse("pässword").unwrap().key(), "pässword".as_bytes());
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert_eq!(Secret::parse("1234567"), Err(SecretError::Length));
        assert!(Secret::parse("éééééééé").is_ok());
        assert!(Secret::parse(&"é".repeat(500)).is_ok());
        assert_eq!(Secret::parse(&"a".repeat(501)), Err(SecretError::Length));
    }

    #[test]
    fn a_whsec_text_that_is_not_base64_or_too_short_is_refused() {
        for bad in ["whsec_!!!!!!!!", "whsec_YWJj", "whsec_-_-_-_-_-_-_"] {
            assert_eq!(Secret::parse(bad), Err(SecretError::Base64), "{bad}");
        }
    }

    #[test]
    fn debug_shows_nothing_and_the_hint_four_letters() {
        let secret = Secret::parse("correct horse battery").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(secret.hint(), "tery");
    }

    proptest! {
        #[test]
        fn a_generated_secret_is_read_back(chance: [u8; 32]) {
            let made = Secret::generate(chance);
            prop_assert_eq!(Secret::parse(made.expose()).unwrap(), made);
        }
    }
}
