//! MoySklad's times: Moscow's, without saying so.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, offset};

/// Moscow is three hours ahead, summer and winter.
const MOSCOW: Offset = offset(3);
/// Longest spelling: `2021-07-21 15:51:16.123`.
const LONGEST: usize = 23;

/// Reads `YYYY-MM-DD HH:MM:SS` with or without milliseconds; nothing if it is anything else.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let shape: Vec<u8> = text.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte }).collect();
    let known =
        [&b"0000-00-00 00:00:00"[..], b"0000-00-00 00:00:00.0", b"0000-00-00 00:00:00.00", b"0000-00-00 00:00:00.000"];
    if text.len() > LONGEST || !known.contains(&shape.as_slice()) {
        return None;
    }
    let civil: DateTime = text.parse().ok()?;
    MOSCOW.to_timestamp(civil).ok()
}

/// The text MoySklad reads as this moment, to the millisecond.
#[must_use]
pub fn text(at: Timestamp) -> String {
    MOSCOW.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moscow_is_three_hours_ahead() {
        assert_eq!(parse("2021-07-21 15:51:16").unwrap().to_string(), "2021-07-21T12:51:16Z");
        assert_eq!(parse("2021-01-01 01:00:00.250").unwrap().to_string(), "2020-12-31T22:00:00.25Z");
    }

    #[test]
    fn any_other_spelling_is_none() {
        for bad in [
            "",
            "2021-07-21",
            "2021-07-21T15:51:16",
            "2021-07-21 15:51:16Z",
            "2021-07-21 15:51:16+03",
            "2021-07-21 15:51:16.1234",
            "2021-13-21 15:51:16",
            "2021-02-30 15:51:16",
            "２021-07-21 15:51:16",
            " 2021-07-21 15:51:16",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_moment_survives_its_text(millis in 0_i64..4_000_000_000_000) {
            let at = Timestamp::from_millisecond(millis).unwrap();
            prop_assert_eq!(parse(&text(at)), Some(at));
        }
    }
}
