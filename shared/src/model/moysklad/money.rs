//! Money as MoySklad writes it: kopecks, and fractions of them.

use serde_json::Number;

/// Places behind the kopeck that are kept: more than MoySklad computes with.
const PLACES: usize = 8;
const SCALE: i128 = 100_000_000;
/// Largest amount accepted, in kopecks: ten trillion roubles either way.
const LARGEST: i128 = 1_000_000_000_000_000;

/// An amount of money: two spellings of one amount are equal. Never a float, once read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kopecks(i128);

impl Kopecks {
    /// Reads an amount in kopecks; nothing if it is absurd.
    #[must_use]
    pub fn read(number: &Number) -> Option<Self> {
        if let Some(whole) = number.as_i64() {
            return Self::within(i128::from(whole).checked_mul(SCALE)?);
        }
        // Rust writes a float without an exponent and in the fewest digits that are read back as the same.
        let text = number.as_f64()?.to_string();
        let (sign, digits) = text.strip_prefix('-').map_or((1, text.as_str()), |digits| (-1, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let fraction: String = fraction.chars().chain(std::iter::repeat('0')).take(PLACES).collect();
        let whole: i128 = whole.parse().ok()?;
        Self::within(sign * (whole.checked_mul(SCALE)?.checked_add(fraction.parse().ok()?)?))
    }

    fn within(scaled: i128) -> Option<Self> {
        (scaled.abs() <= LARGEST * SCALE).then_some(Self(scaled))
    }

    /// The amount in roubles as a decimal text: kopecks always, more places only where they are not zero.
    #[must_use]
    pub fn roubles(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let amount = self.0.unsigned_abs();
        let unit = (SCALE * 100).unsigned_abs();
        let fraction = format!("{:0width$}", amount % unit, width = PLACES + 2);
        let shown = fraction.trim_end_matches('0').len().max(2);
        format!("{sign}{}.{}", amount / unit, &fraction[..shown])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<Kopecks> {
        Kopecks::read(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn spellings_of_one_amount_are_one_amount() {
        for same in ["15000", "15000.0", "1.5e4"] {
            assert_eq!(read(same), read("15000"), "{same}");
        }
        assert_ne!(read("15000.5"), read("15000"));
    }

    #[test]
    fn roubles_are_a_decimal_text() {
        for (kopecks, roubles) in [
            ("15000", "150.00"),
            ("1", "0.01"),
            ("0", "0.00"),
            ("-5", "-0.05"),
            ("10.5", "0.105"),
            ("123456789.25", "1234567.8925"),
        ] {
            assert_eq!(read(kopecks).unwrap().roubles(), roubles, "{kopecks}");
        }
    }

    #[test]
    fn what_is_absurd_is_no_amount() {
        for bad in ["1e300", "-1e300", "18446744073709551615", "1000000000000001"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whole_kopecks_survive_their_text(kopecks in -1_000_000_000_000_i64..1_000_000_000_000) {
            let roubles = Kopecks::read(&kopecks.into()).unwrap().roubles();
            let back: i64 = roubles.replace('.', "").parse().unwrap();
            prop_assert_eq!(back, kopecks);
        }
    }
}
