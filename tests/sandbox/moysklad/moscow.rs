//! Times as MoySklad writes them: Moscow's, without a word of it.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

/// Moscow has kept no summer time since 2014, so that its zone is an offset.
fn zone() -> TimeZone {
    TimeZone::fixed(Offset::constant(3))
}

/// To the millisecond, as fields have it.
pub(super) fn text(at: Timestamp) -> String {
    at.to_zoned(zone()).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

/// To the second, as notifications and the audit have it.
pub(super) fn to_the_second(at: Timestamp) -> String {
    at.to_zoned(zone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `YYYY-MM-DD HH:MM:SS[.mmm]`, and nothing else.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let has_no_zone = text.len() <= 23 && text.as_bytes().get(10) == Some(&b' ');
    let time: DateTime = has_no_zone.then(|| DateTime::strptime("%Y-%m-%d %H:%M:%S%.f", text).ok())??;
    time.to_zoned(zone()).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_three_hours_ahead_and_comes_back_to_the_millisecond() {
        let at: Timestamp = "2026-11-22T21:30:00.042Z".parse().unwrap();
        assert_eq!(text(at), "2026-11-23 00:30:00.042");
        assert_eq!(to_the_second(at), "2026-11-23 00:30:00");
        assert_eq!(parse(&text(at)), Some(at));
        assert_eq!(parse("2026-11-23 00:30:00"), Some("2026-11-22T21:30:00Z".parse().unwrap()));
    }

    #[test]
    fn a_zone_a_t_or_a_day_alone_is_no_time() {
        for wrong in ["2026-11-23", "2026-11-23T00:30:00", "2026-11-23 00:30:00Z", "2026-11-23 00:30", "soon", ""] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
