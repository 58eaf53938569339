//! The Brazilian taxpayer number of a person.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is not a CPF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotACpf {
    /// Not eleven digits in one of the usual spellings.
    #[error("not eleven digits")]
    Shape,
    /// The same digit eleven times: passes the arithmetic, belongs to nobody.
    #[error("one digit repeated")]
    Repeated,
    /// The last two digits do not follow from the first nine.
    #[error("check digits do not match")]
    CheckDigits,
}

/// A CPF whose check digits are right. It says nothing of whether anyone bears it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cpf(String);

/// `000.000.000-00` with a little white space around it; longer input is refused before it is looked at.
const MAX_TEXT: usize = 24;

impl Cpf {
    /// Reads eleven digits, bare or with the usual separators.
    ///
    /// ```
    /// use gancho::model::person::Cpf;
    /// assert_eq!(Cpf::parse("000.000.001-91").unwrap().masked(), "***.000.001-**");
    /// assert!(Cpf::parse("000.000.001-92").is_err());
    /// ```
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, NotACpf> {
        if text.len() > MAX_TEXT {
            return Err(NotACpf::Shape);
        }
        let mut digits = String::with_capacity(11);
        for c in text.trim().chars() {
            match c {
                '0'..='9' => digits.push(c),
                '.' | '-' | ' ' => {}
                _ => return Err(NotACpf::Shape),
            }
        }
        Self::from_digits(digits)
    }

    /// Reads the fourteen characters some registries use for CPF and CNPJ alike: a person's number has three zeros in front.
    ///
    /// # Errors
    /// A number that does not start with three zeros is a company's.
    pub fn parse_padded(text: &str) -> Result<Self, NotACpf> {
        match text.trim() {
            padded if padded.len() == 14 && padded.bytes().all(|b| b.is_ascii_digit()) => {
                Self::parse(padded.strip_prefix("000").ok_or(NotACpf::Shape)?)
            }
            plain => Self::parse(plain),
        }
    }

    fn from_digits(digits: String) -> Result<Self, NotACpf> {
        let values: Vec<u32> = digits.bytes().map(|b| u32::from(b - b'0')).collect();
        if values.len() != 11 {
            return Err(NotACpf::Shape);
        }
        if values.iter().all(|d| *d == values[0]) {
            return Err(NotACpf::Repeated);
        }
        if check_digit(&values[..9]) != values[9] || check_digit(&values[..10]) != values[10] {
            return Err(NotACpf::CheckDigits);
        }
        Ok(Self(digits))
    }

    /// The eleven digits: for a registry's query and for storage, never for a text that people read.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// What may be shown to somebody who knows the person: `***.456.789-**`.
    #[must_use]
    pub fn masked(&self) -> String {
        format!("***.{}.{}-**", &self.0[3..6], &self.0[6..9])
    }
}

fn check_digit(digits: &[u32]) -> u32 {
    let sum: u32 =
        digits.iter().zip((2..=u32::try_from(digits.len() + 1).unwrap_or(11)).rev()).map(|(d, w)| d * w).sum();
    match sum * 10 % 11 {
        10 => 0,
        digit => digit,
    }
}

impl fmt::Debug for Cpf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cpf(…)")
    }
}

impl TryFrom<String> for Cpf {
    type Error = NotACpf;

    fn try_from(text: String) -> Result<Self, NotACpf> {
        Self::parse(&text)
    }
}

impl From<Cpf> for String {
    fn from(cpf: Cpf) -> String {
        cpf.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_usual_spellings_are_one_number() {
        let bare = Cpf::parse("12345678909").unwrap();
        for spelling in ["123.456.789-09", " 123456789-09 ", "123 456 789 09"] {
            assert_eq!(Cpf::parse(spelling).unwrap(), bare, "{spelling}");
        }
        assert_eq!(bare.masked(), "***.456.789-**");
        assert_eq!(bare.digits(), "12345678909");
    }

    #[test]
    fn repeated_digits_are_refused_though_their_check_digits_are_right() {
        for digit in '0'..='9' {
            assert_eq!(Cpf::parse(&digit.to_string().repeat(11)), Err(NotACpf::Repeated));
        }
    }

    #[test]
    fn anything_but_eleven_digits_is_refused() {
        for bad in [
            "",
            "1234567890",
            "123456789091",
            "1234567890x",
            "123.456.789/09",
            "１２３４５６７８９０９",
            &"1".repeat(1000),
        ] {
            assert_eq!(Cpf::parse(bad), Err(NotACpf::Shape), "{bad}");
        }
    }

    #[test]
    fn a_padded_number_is_a_persons_only_behind_three_zeros() {
        assert_eq!(Cpf::parse_padded("00012345678909").unwrap().digits(), "12345678909");
        assert_eq!(Cpf::parse_padded("12345678909").unwrap().digits(), "12345678909");
        assert_eq!(Cpf::parse_padded("123.456.789-09").unwrap().digits(), "12345678909");
        assert_eq!(Cpf::parse_padded("11222333000181"), Err(NotACpf::Shape));
    }

    #[test]
    fn debug_and_errors_show_no_digit() {
        let cpf = Cpf::parse("12345678909").unwrap();
        assert_eq!(format!("{cpf:?}"), "Cpf(…)");
        let refused = serde_json::from_str::<Cpf>("\"12345678900\"").unwrap_err();
        assert_eq!(refused.to_string(), "check digits do not match");
    }

    proptest! {
        #[test]
        fn a_wrong_check_digit_is_noticed(nine in "[0-9]{9}", place in 9..11_usize, add in 1..10_u32) {
            let values: Vec<u32> = nine.bytes().map(|b| u32::from(b - b'0')).collect();
            let first = check_digit(&values);
            let ten: Vec<u32> = values.into_iter().chain([first]).collect();
            let eleven: Vec<u32> = ten.iter().copied().chain([check_digit(&ten)]).collect();
            let text = |v: &[u32]| v.iter().map(ToString::to_string).collect::<String>();
            prop_assume!(eleven.iter().any(|d| *d != eleven[0]));

            let cpf = Cpf::parse(&text(&eleven)).unwrap();
            let stored: Cpf = serde_json::from_str(&serde_json::to_string(&cpf).unwrap()).unwrap();
            prop_assert_eq!(&stored, &cpf);

            let mut wrong = eleven;
            wrong[place] = (wrong[place] + add) % 10;
            prop_assert!(Cpf::parse(&text(&wrong)).is_err());
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = Cpf::parse(&text);
            let _ = Cpf::parse_padded(&text);
        }
    }
}
