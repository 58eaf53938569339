//! A Brazilian telephone number in its one normal form.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is not a number that can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAPhone {
    /// Not the digits of an area code and a subscriber.
    #[error("not a telephone number")]
    Shape,
    /// Has another country's code.
    #[error("not a brazilian number")]
    Foreign,
    /// Made up to get past a form: one digit repeated, or counting up or down.
    #[error("a placeholder")]
    Placeholder,
}

/// `55`, area code, subscriber: twelve digits for a landline, thirteen for a mobile.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Phone(String);

/// Digits and generous punctuation; longer input is refused before it is looked at.
const MAX_TEXT: usize = 40;

/// The area codes in use (Anatel's numbering plan).
const AREA_CODES: [&str; 67] = [
    "11", "12", "13", "14", "15", "16", "17", "18", "19", "21", "22", "24", "27", "28", "31", "32", "33", "34", "35",
    "37", "38", "41", "42", "43", "44", "45", "46", "47", "48", "49", "51", "53", "54", "55", "61", "62", "63", "64",
    "65", "66", "67", "68", "69", "71", "73", "74", "75", "77", "79", "81", "82", "83", "84", "85", "86", "87", "88",
    "89", "91", "92", "93", "94", "95", "96", "97", "98", "99",
];

impl Phone {
    /// Reads a number with or without country code, trunk zero and punctuation. A mobile number from before the
    /// ninth digit (eight digits, the first 6 to 9) gets it, since that is the same line.
    ///
    /// ```
    /// use gancho::model::person::Phone;
    /// let phone = Phone::parse("(11) 90000-0001").unwrap();
    /// assert_eq!(phone.e164_digits(), "5511900000001");
    /// assert_eq!(phone.national(), "11900000001");
    /// ```
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, NotAPhone> {
        let text = text.trim();
        if text.len() > MAX_TEXT {
            return Err(NotAPhone::Shape);
        }
        let (text, international) = match text.strip_prefix('+') {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let mut digits = String::with_capacity(16);
        for c in text.chars() {
            match c {
                '0'..='9' => digits.push(c),
                ' ' | '\u{a0}' | '\t' | '(' | ')' | '-' | '.' | '\u{2010}'..='\u{2013}' => {}
                _ => return Err(NotAPhone::Shape),
            }
        }
        let international = international || digits.starts_with("00");
        let digits = digits.trim_start_matches('0');
        let national = match (digits.len(), digits.strip_prefix("55")) {
            (12 | 13, Some(rest)) => rest,
            _ if international => return Err(NotAPhone::Foreign),
            (10 | 11, _) => digits,
            _ => return Err(NotAPhone::Shape),
        };
        let (area, subscriber) = national.split_at(2);
        if !AREA_CODES.contains(&area) {
            return Err(NotAPhone::Shape);
        }
        let subscriber = match (subscriber.len(), subscriber.as_bytes()[0]) {
            (9, b'9') | (8, b'2'..=b'5') => subscriber.to_owned(),
            (8, b'6'..=b'9') => format!("9{subscriber}"),
            // All the same digit is the commoner mistake than a first digit no line has; say that.
            _ if made_up(subscriber) => return Err(NotAPhone::Placeholder),
            _ => return Err(NotAPhone::Shape),
        };
        if made_up(&subscriber[subscriber.len() - 8..]) {
            return Err(NotAPhone::Placeholder);
        }
        Ok(Self(format!("55{area}{subscriber}")))
    }

    /// Country code, area code and subscriber, digits only.
    #[must_use]
    pub fn e164_digits(&self) -> &str {
        &self.0
    }

    /// Area code and subscriber, as Brazilian registries want it.
    #[must_use]
    pub fn national(&self) -> &str {
        &self.0[2..]
    }

    /// Whether it is a mobile number.
    #[must_use]
    pub fn is_mobile(&self) -> bool {
        self.0.len() == 13
    }
}

/// One digit repeated, or digits that count up or down by one.
fn made_up(digits: &str) -> bool {
    let steps: Vec<i16> = digits.as_bytes().windows(2).map(|pair| i16::from(pair[1]) - i16::from(pair[0])).collect();
    [0, 1, -1].iter().any(|step| steps.iter().all(|s| s == step))
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(…)")
    }
}

impl TryFrom<String> for Phone {
    type Error = NotAPhone;

    fn try_from(text: String) -> Result<Self, NotAPhone> {
        Self::parse(&text)
    }
}

impl From<Phone> for String {
    fn from(phone: Phone) -> String {
        phone.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_of_a_number_is_one_number() {
        for spelling in [
            "5511900000001",
            "+55 11 90000-0001",
            "+55 (11) 90000.0001",
            "0055 11 900000001",
            "011 90000-0001",
            "11900000001",
            "(11)\u{a0}90000\u{2013}0001",
            "551100000001",
        ] {
            let parsed = Phone::parse(spelling);
            if spelling == "551100000001" {
                assert_eq!(parsed, Err(NotAPhone::Shape), "no line starts with a zero");
            } else {
                assert_eq!(parsed.unwrap().e164_digits(), "5511900000001", "{spelling}");
            }
        }
    }

    #[test]
    fn a_mobile_from_before_the_ninth_digit_gets_it() {
        assert_eq!(Phone::parse("11 8000-0001").unwrap(), Phone::parse("11 98000-0001").unwrap());
    }

    #[test]
    fn a_landline_keeps_its_eight_digits() {
        let phone = Phone::parse("+55 11 3000-0001").unwrap();
        assert_eq!((phone.national(), phone.is_mobile()), ("1130000001", false));
    }

    #[test]
    fn area_code_55_is_not_taken_for_the_country() {
        assert_eq!(Phone::parse("55 90000-0001").unwrap().e164_digits(), "5555900000001");
        assert_eq!(Phone::parse("5555900000001").unwrap().national(), "55900000001");
    }

    #[test]
    fn placeholders_are_refused() {
        for bad in ["11999999999", "5511900000000", "11 98765-4321", "11 91234-5678", "1122222222", "11111111111"] {
            assert_eq!(Phone::parse(bad), Err(NotAPhone::Placeholder), "{bad}");
        }
    }

    #[test]
    fn what_is_no_brazilian_number_is_refused() {
        for bad in ["", "0", "900000001", "2090000001", "11 90000-0001 ramal 2", "11 10000-0001", &"1".repeat(500)] {
            assert_eq!(Phone::parse(bad), Err(NotAPhone::Shape), "{bad}");
        }
        assert_eq!(Phone::parse("+1 212 555 0100"), Err(NotAPhone::Foreign));
        assert_eq!(Phone::parse("001 212 555 0100"), Err(NotAPhone::Foreign));
    }

    #[test]
    fn debug_shows_no_digit() {
        assert_eq!(format!("{:?}", Phone::parse("11900000001").unwrap()), "Phone(…)");
    }

    proptest! {
        #[test]
        fn the_normal_form_is_read_back_unchanged(text in "(\\+?55)? ?\\(?[1-9][1-9]\\)? ?9?[2-9][0-9]{3}-?[0-9]{4}") {
            if let Ok(phone) = Phone::parse(&text) {
                prop_assert_eq!(Phone::parse(phone.e164_digits()), Ok(phone.clone()));
                prop_assert_eq!(Phone::parse(phone.national()), Ok(phone.clone()));
                prop_assert!(matches!(phone.e164_digits().len(), 12 | 13));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = Phone::parse(&text);
        }
    }
}
