//! An e-mail address, as far as it matters for looking somebody up.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address")]
pub struct NotAnEmail;

/// An address in lower case that could exist. Quoted local parts are refused: nobody's lead has one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

/// RFC 5321's limits on the whole and on the part before the `@`.
const MAX_LEN: usize = 254;
const MAX_LOCAL: usize = 64;

/// Digits that people and forms fill in when there is no address.
const PLACEHOLDER_DIGITS: [&str; 4] = ["999999", "111111", "000000", "123456789"];

/// The same in words, compared without punctuation.
const PLACEHOLDER_WORDS: [&str; 7] =
    ["naotem", "naopossui", "naoinformado", "sememail", "noemail", "semcontato", "noreply"];

impl Email {
    /// Reads an address, in any case, with white space around it.
    ///
    /// # Errors
    /// When no mail could ever arrive there.
    pub fn parse(text: &str) -> Result<Self, NotAnEmail> {
        let text = text.trim();
        if text.len() > MAX_LEN {
            return Err(NotAnEmail);
        }
        let text = text.to_lowercase();
        let (local, domain) = text.rsplit_once('@').ok_or(NotAnEmail)?;
        let local_is_sane = (1..=MAX_LOCAL).contains(&local.len())
            && local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_character));
        let domain_is_sane = domain.contains('.') && domain.split('.').all(is_label);
        // Lower-casing may lengthen.
        if local_is_sane && domain_is_sane && text.len() <= MAX_LEN { Ok(Self(text)) } else { Err(NotAnEmail) }
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.0
    }

    /// Whether it was made up to get past a form, so that asking a registry for it would find strangers.
    #[must_use]
    pub fn is_placeholder(&self) -> bool {
        let local = self.0.rsplit_once('@').map_or("", |(local, _)| local);
        let letters: String = local.chars().filter(|c| c.is_alphanumeric()).collect();
        PLACEHOLDER_DIGITS.iter().any(|digits| local.contains(digits)) || PLACEHOLDER_WORDS.contains(&letters.as_str())
    }
}

fn is_atom_character(c: char) -> bool {
    c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| c.is_alphanumeric() || c == '-')
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

impl TryFrom<String> for Email {
    type Error = NotAnEmail;

    fn try_from(text: String) -> Result<Self, NotAnEmail> {
        Self::parse(&text)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> String {
        email.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_and_white_space_do_not_make_another_address() {
        assert_eq!(Email::parse(" Ana.Souza@Example.COM ").unwrap().address(), "ana.souza@example.com");
    }

    #[test]
    fn what_cannot_receive_mail_is_refused() {
        for bad in [
            "",
            "ana",
            "@example.com",
            "ana@",
            "ana@example",
            "ana@@example.com",
            "a na@example.com",
            "ana..s@example.com",
            ".ana@example.com",
            "ana@-example.com",
            "ana@exa mple.com",
            "\"ana\"@example.com",
            "ana@example.com\r\nbcc: x@example.com",
            "<ana@example.com>",
        ] {
            assert_eq!(Email::parse(bad), Err(NotAnEmail), "{bad:?}");
        }
        assert!(Email::parse(&format!("{}@example.com", "a".repeat(65))).is_err());
        assert!(Email::parse(&format!("a@{}.com", "b.".repeat(200))).is_err());
    }

    #[test]
    fn made_up_addresses_are_told_apart() {
        for made_up in [
            "999999999@example.com",
            "a111111@example.com",
            "123456789@example.com",
            "nao.tem@example.com",
            "sem_email@example.com",
        ] {
            assert!(Email::parse(made_up).unwrap().is_placeholder(), "{made_up}");
        }
        for real in ["ana1990@example.com", "ana@000000.example.com", "semedo@example.com"] {
            assert!(!Email::parse(real).unwrap().is_placeholder(), "{real}");
        }
    }

    #[test]
    fn debug_shows_no_letter() {
        assert_eq!(format!("{:?}", Email::parse("ana@example.com").unwrap()), "Email(…)");
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_read_back_unchanged(text in "\\PC{0,12}@\\PC{0,12}\\.[a-z]{2,3}") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert_eq!(Email::parse(email.address()), Ok(email.clone()));
                let _ = email.is_placeholder();
            }
        }
    }
}
