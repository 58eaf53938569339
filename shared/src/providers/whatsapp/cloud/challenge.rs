//! Before Meta sends anything to an address, it asks there for proof that the app's owner set it up.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::signing::compare;

/// How long a verify token may be.
const CHARS: std::ops::RangeInclusive<usize> = 8..=200;
/// Meta's challenges have some ten digits.
const LONGEST_CHALLENGE: usize = 128;

/// The word that the owner gave to Meta together with the address.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyToken(String);

/// The text is no verify token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a verify token has {} to {} visible ASCII characters", CHARS.start(), CHARS.end())]
pub struct NotAToken;

/// The question is not the one, or the word is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a verification with the right token")]
pub struct NotVerified;

impl VerifyToken {
    /// Reads a token.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, NotAToken> {
        let sane = CHARS.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if sane { Ok(Self(text.to_owned())) } else { Err(NotAToken) }
    }

    /// A token made of this chance.
    #[must_use]
    pub fn generate(chance: [u8; 16]) -> Self {
        Self(hex::encode(chance))
    }

    /// What is stored in its place: nobody needs to read it back.
    #[must_use]
    pub fn hash(&self) -> String {
        hash(&self.0)
    }

    /// The text, to be shown to its owner once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for VerifyToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyToken(…)")
    }
}

fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// What to answer to a verification's query, as plain text: its challenge, if the token is the one with this hash. It is digits and nothing else, so nobody
/// can have the platform say something of his own.
///
/// # Errors
/// The query is not a verification, or its token is not ours.
pub fn answer(token_hash: &str, query: &str) -> Result<String, NotVerified> {
    let one = |wanted: &str| {
        let mut values = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == wanted);
        let first = values.next().map(|(_, value)| value.into_owned());
        first.filter(|_| values.next().is_none()).ok_or(NotVerified)
    };
    let (mode, theirs, challenge) = (one("hub.mode")?, one("hub.verify_token")?, one("hub.challenge")?);
    let right = compare::same(hash(&theirs).as_bytes(), token_hash.as_bytes());
    let digits = (1..=LONGEST_CHALLENGE).contains(&challenge.len()) && challenge.bytes().all(|b| b.is_ascii_digit());
    if mode == "subscribe" && right && digits { Ok(challenge) } else { Err(NotVerified) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answered(query: &str) -> Result<String, NotVerified> {
        answer(&VerifyToken::parse("a+verify/token").unwrap().hash(), query)
    }

    #[test]
    fn the_right_token_is_answered_with_the_challenge() {
        let query = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=a%2Bverify%2Ftoken";
        assert_eq!(answered(query).as_deref(), Ok("1158201444"));
    }

    #[test]
    fn all_else_is_refused() {
        for query in [
            "",
            "hub.mode=subscribe&hub.challenge=1&hub.verify_token=another-token",
            "hub.mode=subscribe&hub.challenge=1&hub.verify_token=",
            "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=a%2Bverify%2Ftoken",
            "hub.mode=subscribe&hub.challenge=%3Cb%3E&hub.verify_token=a%2Bverify%2Ftoken",
            "hub.mode=subscribe&hub.challenge=&hub.verify_token=a%2Bverify%2Ftoken",
            "hub.mode=subscribe&hub.challenge=1&hub.challenge=2&hub.verify_token=a%2Bverify%2Ftoken",
            "hub_mode=subscribe&hub_challenge=1&hub_verify_token=a%2Bverify%2Ftoken",
        ] {
            assert_eq!(answered(query), Err(NotVerified), "{query}");
        }
    }

    #[test]
    fn a_token_is_long_enough_and_shown_to_nobody() {
        for bad in ["", "1234567", "with spaces in", "öffentlich", &"a".repeat(201)] {
            assert_eq!(VerifyToken::parse(bad), Err(NotAToken), "{bad}");
        }
        let made = VerifyToken::generate([7; 16]);
        assert_eq!(VerifyToken::parse(made.expose()).as_ref(), Ok(&made));
        assert_eq!(format!("{made:?}"), "VerifyToken(…)");
    }

    proptest! {
        #[test]
        fn no_query_without_the_token_is_answered(query in "\\PC{0,200}") {
            prop_assert_eq!(answered(&query), Err(NotVerified));
        }
    }
}
