//! A number as WhatsApp names it: country code and subscriber, digits only.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// E.164 allows fifteen digits; fewer than seven are nobody's.
const DIGITS: RangeInclusive<usize> = 7..=15;
/// Digits and generous punctuation; longer input is refused before it is looked at.
const MAX_TEXT: usize = 40;
/// A Brazilian mobile number without its ninth digit: 55, area code, and eight digits of which the first is 6 to 9.
const OLD_MOBILE_DIGITS: usize = 12;

/// The text is no telephone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a number has {} to {} digits, the country code first", DIGITS.start(), DIGITS.end())]
pub struct NotANumber;

/// A number of a WhatsApp account, of any country.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WhatsappNumber(String);

impl WhatsappNumber {
    /// Reads a number with its country code, with or without plus sign and punctuation. Nothing is added to it or taken
    /// from it: whoever answers must use the digits that WhatsApp knows.
    ///
    /// ```
    /// use gancho::model::whatsapp::WhatsappNumber;
    /// let number = WhatsappNumber::parse("+55 11 90000-0001").unwrap();
    /// assert_eq!(number.digits(), "5511900000001");
    /// ```
    ///
    /// # Errors
    /// It is not one.
    pub fn parse(text: &str) -> Result<Self, NotANumber> {
        if text.len() > MAX_TEXT {
            return Err(NotANumber);
        }
        let mut digits = String::with_capacity(*DIGITS.end());
        let text = text.trim();
        for c in text.strip_prefix('+').unwrap_or(text).chars() {
            match c {
                '0'..='9' => digits.push(c),
                ' ' | '\u{a0}' | '(' | ')' | '-' | '.' => {}
                _ => return Err(NotANumber),
            }
        }
        if DIGITS.contains(&digits.len()) && !digits.starts_with('0') { Ok(Self(digits)) } else { Err(NotANumber) }
    }

    /// The digits.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// Whether both name one line. WhatsApp knows many Brazilian mobile numbers without the ninth digit they have had
    /// since 2016, and their owners write them with it.
    #[must_use]
    pub fn same_line(&self, other: &Self) -> bool {
        self.with_ninth_digit() == other.with_ninth_digit()
    }

    /// The number by which a line is found, whichever way it was written.
    #[must_use]
    pub fn with_ninth_digit(&self) -> String {
        let digits = &self.0;
        match (digits.len(), digits.strip_prefix("55"), digits.as_bytes().get(4)) {
            (OLD_MOBILE_DIGITS, Some(_), Some(b'6'..=b'9')) => format!("{}9{}", &digits[..4], &digits[4..]),
            _ => digits.clone(),
        }
    }
}

impl fmt::Debug for WhatsappNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WhatsappNumber(…)")
    }
}

impl TryFrom<String> for WhatsappNumber {
    type Error = NotANumber;

    fn try_from(text: String) -> Result<Self, NotANumber> {
        Self::parse(&text)
    }
}

impl From<WhatsappNumber> for String {
    fn from(number: WhatsappNumber) -> String {
        number.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> WhatsappNumber {
        WhatsappNumber::parse(text).unwrap()
    }

    #[test]
    fn every_spelling_is_the_same_number_and_of_any_country() {
        for spelling in ["5511900000001", "+55 11 90000-0001", "+55 (11) 90000.0001"] {
            assert_eq!(number(spelling).digits(), "5511900000001");
        }
        assert_eq!(number("+1 212 555 0100").digits(), "12125550100");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for bad in
            ["", "+", "123456", "0055119000000", "1234567890123456", "55 11 9x", "5511900000001@c.us", &"1".repeat(99)]
        {
            assert_eq!(WhatsappNumber::parse(bad), Err(NotANumber), "{bad}");
        }
    }

    #[test]
    fn the_ninth_digit_makes_no_other_line_of_a_brazilian_mobile() {
        assert!(number("551190000001").same_line(&number("5511990000001")));
        assert!(!number("551130000001").same_line(&number("5511930000001")), "a landline has eight digits");
        assert!(!number("551190000001").same_line(&number("5511990000002")));
        assert!(
            !number("4411900000001").same_line(&number("44119900000001")),
            "another country's numbers are as they are"
        );
    }

    #[test]
    fn debug_shows_no_digit() {
        assert_eq!(format!("{:?}", number("5511900000001")), "WhatsappNumber(…)");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            if let Ok(number) = WhatsappNumber::parse(&text) {
                prop_assert_eq!(WhatsappNumber::parse(number.digits()).unwrap(), number.clone());
                prop_assert!(number.same_line(&number));
            }
        }
    }
}
