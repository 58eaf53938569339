//! What a person is known by, and how it is recognised in what others wrote.

use std::fmt;

use serde_json::Value;

use crate::model::person::{Cpf, Email, Phone};
use crate::signing::seal::StackKeys;

/// Digits of a number with its country code.
const LONGEST_PHONE: usize = 13;
/// Digits of the shortest thing looked for in digits: a landline without its country code.
const SHORTEST_RUN: usize = 10;

/// What a data subject is known by.
#[derive(Clone, PartialEq, Eq)]
pub enum Needle {
    /// A telephone number.
    Phone(Phone),
    /// An e-mail address.
    Email(Email),
    /// A CPF.
    Cpf(Cpf),
}

impl fmt::Debug for Needle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Needle({}: …)", self.known_by())
    }
}

impl Needle {
    /// What people may be known by.
    pub const KINDS: [&'static str; 3] = ["phone", "email", "cpf"];

    /// Reads what a person is known by; nothing if it is none of its kind.
    #[must_use]
    pub fn parse(known_by: &str, text: &str) -> Option<Self> {
        match known_by {
            "phone" => Phone::parse(text).ok().map(Self::Phone),
            "email" => Email::parse(text).ok().map(Self::Email),
            "cpf" => Cpf::parse(text).ok().map(Self::Cpf),
            _ => None,
        }
    }

    /// Of which kind it is.
    #[must_use]
    pub const fn known_by(&self) -> &'static str {
        match self {
            Self::Phone(_) => "phone",
            Self::Email(_) => "email",
            Self::Cpf(_) => "cpf",
        }
    }

    /// Its normal form, to be sealed.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Phone(phone) => phone.e164_digits(),
            Self::Email(email) => email.address(),
            Self::Cpf(cpf) => cpf.digits(),
        }
    }
}

/// Looks for one person.
pub struct Finder {
    needle: Needle,
    /// What the person stands under in our own keys.
    hashes: Vec<String>,
}

impl fmt::Debug for Finder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Finder({:?})", self.needle)
    }
}

impl Finder {
    /// One that looks for the person known by this.
    #[must_use]
    pub fn new(needle: Needle, keys: &StackKeys) -> Self {
        let mut hashes = keys.person_hashes(needle.text().as_bytes());
        if let Needle::Phone(phone) = &needle {
            hashes.extend(keys.person_hashes(format!("+{}", phone.e164_digits()).as_bytes()));
        }
        Self { needle, hashes }
    }

    /// Whether the person occurs in a value: in its texts and numbers, in the names of its fields, and in texts that
    /// are JSON themselves.
    #[must_use]
    pub fn is_in(&self, value: &Value) -> bool {
        match value {
            Value::Null | Value::Bool(_) => false,
            Value::Number(number) => self.is_number(&number.to_string()),
            Value::String(text) => self.is_in_text(text) || is_json(text).is_some_and(|inner| self.is_in(&inner)),
            Value::Array(items) => items.iter().any(|item| self.is_in(item)),
            Value::Object(fields) => fields.iter().any(|(name, value)| self.is_in_text(name) || self.is_in(value)),
        }
    }

    /// Whether the person occurs in bytes as they came in: JSON, or else text.
    #[must_use]
    pub fn is_in_bytes(&self, bytes: &[u8]) -> bool {
        match serde_json::from_slice(bytes) {
            Ok(value) => self.is_in(&value),
            Err(_) => self.is_in_text(&String::from_utf8_lossy(bytes)),
        }
    }

    fn is_in_text(&self, text: &str) -> bool {
        self.hashes.iter().any(|hash| text.contains(hash.as_str()))
            || match &self.needle {
                Needle::Email(email) => holds_address(text, email.address()),
                Needle::Phone(phone) => digit_runs(text).any(|run| is_phone(&run, phone)),
                Needle::Cpf(cpf) => digit_runs(text).any(|run| run.contains(cpf.digits())),
            }
    }

    fn is_number(&self, number: &str) -> bool {
        match &self.needle {
            // A number loses its leading zeros.
            Needle::Cpf(cpf) => format!("{number:0>11}") == cpf.digits(),
            Needle::Phone(phone) => Phone::parse(number).is_ok_and(|other| other == *phone),
            Needle::Email(_) => false,
        }
    }
}

/// A run is one number in any spelling, or several with nothing but space between them.
fn is_phone(run: &str, phone: &Phone) -> bool {
    Phone::parse(run).is_ok_and(|other| other == *phone)
        || (run.len() > LONGEST_PHONE && run.contains(phone.national()))
}

fn is_json(text: &str) -> Option<Value> {
    let first = text.trim_start().bytes().next()?;
    if matches!(first, b'{' | b'[' | b'"') { serde_json::from_str(text).ok() } else { None }
}

/// The digits of a text in runs, what people write between the digits of one number left out.
fn digit_runs(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_ascii_digit() && !is_between_digits(c))
        .map(|run| run.chars().filter(char::is_ascii_digit).collect::<String>())
        .filter(|digits| digits.len() >= SHORTEST_RUN)
}

fn is_between_digits(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\t' | '(' | ')' | '+' | '-' | '.' | '\u{2010}'..='\u{2013}')
}

/// Whether the address stands in the text by itself, and not as part of a longer one.
fn holds_address(text: &str, address: &str) -> bool {
    let text = text.to_lowercase();
    text.match_indices(address).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let mut after = text[at + found.len()..].chars();
        let follows = match after.next() {
            Some('.') => after.next().is_some_and(char::is_alphanumeric),
            Some(c) => c.is_alphanumeric() || c == '-' || c == '@',
            None => false,
        };
        !follows && !before.is_some_and(|c| c.is_alphanumeric() || "._%+-".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::samples::stack_keys;

    fn finder(known_by: &str, text: &str) -> Finder {
        Finder::new(Needle::parse(known_by, text).unwrap(), &stack_keys())
    }

    #[test]
    fn a_phone_is_found_in_every_spelling_and_place() {
        let finder = finder("phone", "+55 11 98765-0001");
        for value in [
            json!("(11) 98765-0001"),
            json!("11987650001"),
            json!("+55 (11) 9 8765 0001"),
            json!("0055 11 98765\u{2011}0001"),
            json!(5_511_987_650_001_u64),
            json!({"a": [{"b": "Liga para 11 98765.0001, por favor"}]}),
            json!({"11987650001": true}),
            json!("{\"phone\":\"11987650001\"}"),
            json!("(11) 8765-0001"),
            json!("11987650001 / 1133334444"),
            json!("1133334444 11987650001"),
        ] {
            assert!(finder.is_in(&value), "{value}");
        }
        for value in [
            json!("(11) 98765-0002"),
            json!("(21) 98765-0001"),
            json!("98765-0001"),
            json!(1),
            json!(null),
            json!(1_187_650_001_123_u64),
        ] {
            assert!(!finder.is_in(&value), "{value}");
        }
    }

    #[test]
    fn a_cpf_is_found_with_its_dots_without_and_without_its_zeros() {
        let finder = finder("cpf", "000.000.001-91");
        for value in [json!("000.000.001-91"), json!("CPF:00000000191."), json!(191), json!("cpf 000 000 001 91")] {
            assert!(finder.is_in(&value), "{value}");
        }
        assert!(!finder.is_in(&json!("00000000192")) && !finder.is_in(&json!(1191)));
    }

    #[test]
    fn an_address_is_found_by_itself_only() {
        let finder = finder("email", "Ana.Souza@Example.com");
        for text in [
            "ana.souza@example.com",
            "<ANA.SOUZA@EXAMPLE.COM>",
            "Escreva a ana.souza@example.com.",
            "mailto:ana.souza@example.com?x",
        ] {
            assert!(finder.is_in(&json!(text)), "{text}");
        }
        for text in [
            "mariana.souza@example.com",
            "ana.souza@example.com.br",
            "ana.souza@example.community",
            "x-ana.souza@example.com",
        ] {
            assert!(!finder.is_in(&json!(text)), "{text}");
        }
    }

    #[test]
    fn what_stands_under_a_key_is_found_by_its_hash() {
        let hash = stack_keys().person_hash(b"00000000191");
        assert!(finder("cpf", "00000000191").is_in(&json!({"party": {"cpf_hash": hash}})));
        assert!(!finder("cpf", "123.456.789-09").is_in(&json!(hash)));
    }

    #[test]
    fn bytes_that_are_no_json_are_looked_through_as_text() {
        let finder = finder("phone", "11900000001");
        assert!(finder.is_in_bytes(b"phone=11900000001&x=1"));
        assert!(finder.is_in_bytes(br#"{"phone":11900000001}"#));
        assert!(!finder.is_in_bytes(b"\xff\xfe"));
    }

    #[test]
    fn a_needle_is_in_no_debug_text() {
        let needle = Needle::parse("email", "ana@example.com").unwrap();
        assert_eq!(format!("{needle:?}"), "Needle(email: …)");
    }
}
