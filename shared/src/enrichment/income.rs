//! Money as the registries write it, and how much of it a broker may know.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is not an income.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an amount of money")]
pub struct NotAnIncome;

/// A monthly income in reais: a decimal string with two places, above zero.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Income(String);

/// An income as it is told: wide enough that nobody's salary can be read from it.
/// Each band holds its lower limit and not its upper one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncomeBand {
    /// Below R$ 2.000.
    Below2k,
    /// R$ 2.000 to R$ 5.000.
    From2kTo5k,
    /// R$ 5.000 to R$ 10.000.
    From5kTo10k,
    /// R$ 10.000 to R$ 20.000.
    From10kTo20k,
    /// R$ 20.000 to R$ 50.000.
    From20kTo50k,
    /// R$ 50.000 and more.
    Above50k,
}

/// Digits before the decimal comma: no income has more, and the cents fit a `u64` with room to spare.
const MAX_WHOLE_DIGITS: usize = 12;

impl Income {
    /// Reads Brazilian notation (`6089,28`, `1.234,56`, `R$ 500`) and the plain decimal (`6089.28`). A single dot is a
    /// decimal point unless exactly three digits follow it. Zero means that nothing is known, and is refused.
    ///
    /// # Errors
    /// When it is no amount above zero.
    pub fn parse(text: &str) -> Result<Self, NotAnIncome> {
        if text.len() > 40 {
            return Err(NotAnIncome);
        }
        let text = text.trim();
        let text = text.strip_prefix("R$").unwrap_or(text).trim();
        let (whole, cents) = match text.split_once(',') {
            Some((whole, cents)) => (ungrouped(whole)?, cents),
            None => match text.rsplit_once('.') {
                Some((whole, cents)) if cents.len() != 3 => (whole.to_owned(), cents),
                _ => (ungrouped(text)?, ""),
            },
        };
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || whole.len() > MAX_WHOLE_DIGITS || cents.len() > 2 || !digits(&whole) || !digits(cents) {
            return Err(NotAnIncome);
        }
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        let decimal = format!("{whole}.{cents:0<2}");
        if decimal == "0.00" { Err(NotAnIncome) } else { Ok(Self(decimal)) }
    }

    /// The amount, with a decimal point and two places.
    #[must_use]
    pub fn decimal(&self) -> &str {
        &self.0
    }

    /// The band it lies in.
    #[must_use]
    pub fn band(&self) -> IncomeBand {
        let whole = self.0.split_once('.').map_or("", |(whole, _)| whole);
        // All digits and at most MAX_WHOLE_DIGITS of them, so it always parses.
        match whole.parse::<u64>().unwrap_or(u64::MAX) {
            0..2_000 => IncomeBand::Below2k,
            2_000..5_000 => IncomeBand::From2kTo5k,
            5_000..10_000 => IncomeBand::From5kTo10k,
            10_000..20_000 => IncomeBand::From10kTo20k,
            20_000..50_000 => IncomeBand::From20kTo50k,
            50_000.. => IncomeBand::Above50k,
        }
    }
}

/// Digits without their thousands dots, which must stand where they belong.
fn ungrouped(text: &str) -> Result<String, NotAnIncome> {
    let mut groups = text.split('.');
    let first = groups.next().unwrap_or_default();
    let mut digits = first.to_owned();
    for group in groups {
        if group.len() != 3 || first.is_empty() || first.len() > 3 {
            return Err(NotAnIncome);
        }
        digits.push_str(group);
    }
    Ok(digits)
}

impl IncomeBand {
    /// The band in Portuguese.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Below2k => "até R$ 2 mil",
            Self::From2kTo5k => "R$ 2 mil a R$ 5 mil",
            Self::From5kTo10k => "R$ 5 mil a R$ 10 mil",
            Self::From10kTo20k => "R$ 10 mil a R$ 20 mil",
            Self::From20kTo50k => "R$ 20 mil a R$ 50 mil",
            Self::Above50k => "acima de R$ 50 mil",
        }
    }
}

impl fmt::Debug for Income {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Income(…)")
    }
}

impl TryFrom<String> for Income {
    type Error = NotAnIncome;

    fn try_from(text: String) -> Result<Self, NotAnIncome> {
        Self::parse(&text)
    }
}

impl From<Income> for String {
    fn from(income: Income) -> String {
        income.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn brazilian_and_plain_notation_are_one_amount() {
        for (text, decimal) in [
            ("6089,28", "6089.28"),
            ("6.089,28", "6089.28"),
            ("R$ 6.089,28", "6089.28"),
            ("6089.28", "6089.28"),
            ("6089,2", "6089.20"),
            ("6089", "6089.00"),
            ("6.089", "6089.00"),
            ("1.234.567,80", "1234567.80"),
            ("0,50", "0.50"),
            ("007,00", "7.00"),
        ] {
            assert_eq!(Income::parse(text).map(|i| i.decimal().to_owned()), Ok(decimal.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for bad in [
            "",
            ",",
            ".",
            "0",
            "0,00",
            "-5,00",
            "1,234,56",
            "1.23.456,00",
            "12.34,56",
            "1e9",
            "SEM INFORMACAO",
            "١٢",
            &"9".repeat(13),
        ] {
            assert_eq!(Income::parse(bad), Err(NotAnIncome), "{bad}");
        }
    }

    #[test]
    fn a_band_holds_its_lower_limit() {
        for (amount, band) in [
            ("0,01", IncomeBand::Below2k),
            ("1999,99", IncomeBand::Below2k),
            ("2000", IncomeBand::From2kTo5k),
            ("5000,00", IncomeBand::From5kTo10k),
            ("9999,99", IncomeBand::From5kTo10k),
            ("10000", IncomeBand::From10kTo20k),
            ("20000", IncomeBand::From20kTo50k),
            ("50000", IncomeBand::Above50k),
            ("999999999999,99", IncomeBand::Above50k),
        ] {
            assert_eq!(Income::parse(amount).unwrap().band(), band, "{amount}");
        }
    }

    #[test]
    fn debug_shows_no_amount() {
        assert_eq!(format!("{:?}", Income::parse("6089,28").unwrap()), "Income(…)");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(whole in 1..999_999_999_u64, cents in 0..100_u64) {
            let income = Income::parse(&format!("{whole},{cents:02}")).unwrap();
            prop_assert_eq!(income.decimal(), format!("{whole}.{cents:02}"));
            prop_assert_eq!(Income::parse(income.decimal()), Ok(income.clone()));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = Income::parse(&text);
        }
    }
}
