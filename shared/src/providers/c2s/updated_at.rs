//! The spellings of time seen in C2S bodies.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// RFC 3339 with any offset and either case, `YYYY-MM-DD HH:MM:SS[.f] ±zzzz`, `… UTC`, and no zone at all, which is UTC.
/// Numbers are not read: no sender has been seen to use them, and one taken for the wrong unit would be a wrong key.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    // 29 characters of date, time and nanoseconds, a zone, and some generosity with fractions.
    if text.len() > 64 || !text.is_ascii() {
        return None;
    }
    let text = text.trim();
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let (nanos, zone) = fraction(rest)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    // A leap second is the second before it, as everywhere else.
    let second = if second == 60 { 59 } else { second };
    let narrow = |n: i16| i8::try_from(n).ok();
    let civil =
        DateTime::new(year, narrow(month)?, narrow(day)?, narrow(hour)?, narrow(minute)?, narrow(second)?, nanos)
            .ok()?;
    offset(zone.trim_start())?.to_timestamp(civil).ok()
}

fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[i16; 3]> {
    let mut parts = text.split(separator);
    let mut values = [0; 3];
    for (value, width) in values.iter_mut().zip(widths) {
        let part = parts.next()?;
        *value = digits(part, width)?;
    }
    parts.next().is_none().then_some(values)
}

/// A number of exactly this many digits: `parse` alone would take a sign.
fn digits(text: &str, width: usize) -> Option<i16> {
    (text.len() == width && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Nanoseconds and what follows them. Digits past the ninth are dropped.
fn fraction(text: &str) -> Option<(i32, &str)> {
    let Some(rest) = text.strip_prefix(['.', ',']) else {
        return Some((0, text));
    };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (fraction, rest) = rest.split_at(end);
    let nanos = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    (!fraction.is_empty()).then_some((nanos, rest))
}

fn offset(zone: &str) -> Option<Offset> {
    if zone.is_empty() || ["z", "utc", "gmt"].iter().any(|name| zone.eq_ignore_ascii_case(name)) {
        return Some(Offset::UTC);
    }
    let (sign, rest) = match zone.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, zone.strip_prefix('+')?),
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some((hours, minutes)) => (hours, minutes),
        None => rest.split_at_checked(2)?,
    };
    let hours = digits(hours, 2)?;
    let minutes = if minutes.is_empty() && !rest.contains(':') { 0 } else { digits(minutes, 2)? };
    if minutes > 59 || hours > 23 {
        return None;
    }
    Offset::from_seconds(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_of_an_instant_is_one_instant() {
        for spelling in [
            "2025-01-20T10:00:00Z",
            "2025-01-20t10:00:00z",
            "2025-01-20T10:00:00.000Z",
            "2025-01-20T10:00:00.000000000000Z",
            "2025-01-20T07:00:00-03:00",
            "2025-01-20T07:00:00.0-0300",
            "2025-01-20T07:00:00-03",
            "2025-01-20T15:30:00+05:30",
            "2025-01-20 10:00:00 +0000",
            "2025-01-20 07:00:00 -0300",
            "2025-01-20 07:00:00.000 -03:00",
            "2025-01-20 10:00:00 UTC",
            "2025-01-20 10:00:00",
            "2025-01-20T10:00:00",
            " 2025-01-20T10:00:00Z ",
        ] {
            assert_eq!(parse(spelling).map(|t| t.to_string()), Some("2025-01-20T10:00:00Z".to_owned()), "{spelling}");
        }
    }

    #[test]
    fn fractions_are_kept() {
        assert_eq!(parse("2025-01-20 07:00:00.25 -0300").unwrap().to_string(), "2025-01-20T10:00:00.25Z");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in [
            "",
            "invalid-timestamp",
            "2025-01-20",
            "2025-01-20T",
            "2025-01-20T10:00",
            "2025-13-20T10:00:00Z",
            "2025-02-29T10:00:00Z",
            "2025-01-20T25:00:00Z",
            "2025-01-20T24:00:00Z",
            "2025-01-20T10:60:00Z",
            "2025-01-20T10:00:61Z",
            "2025-01-20T10:00:00.Z",
            "2025-01-20T10:00:00+",
            "2025-01-20T10:00:00+3",
            "2025-01-20T10:00:00+03:",
            "2025-01-20T10:00:00+24:00",
            "2025-01-20T10:00:00 America/Sao_Paulo",
            "2025-01-20T10:00:00Z[UTC]",
            "2025-01-20T10:00:00ZZ",
            "20/01/2025 10:00:00",
            "1737367200",
            "+025-01-20T10:00:00Z",
            "２０２５-01-20T10:00:00Z",
            "9999-12-31T23:59:59-23:59",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_jiff_writes_is_read_back(seconds in 0..4_000_000_000_i64, nanos in 0..1_000_000_000_i32) {
            let instant = Timestamp::new(seconds, nanos).unwrap();
            prop_assert_eq!(parse(&instant.to_string()), Some(instant));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}|[0-9T:. +Z-]{0,40}") {
            let _ = parse(&text);
        }
    }
}
