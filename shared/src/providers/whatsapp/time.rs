//! When something happened, by the clock of whoever tells of it.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::fields::whole;
use super::reading::RefusalCode;

/// Seconds above this are milliseconds: as seconds they are in the year 5138.
const MOST_SECONDS: u64 = 100_000_000_000;
/// How old an event may be. It must not be longer than an event is kept (`EventRetentionDays`): then a request that was
/// taken down and is sent again is known, or refused here. Meta gives up after seven days.
const OLDEST: SignedDuration = SignedDuration::from_hours(24 * 30);
/// How far ahead of ours their clock may be.
const MOST_AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// Seconds or milliseconds since 1970, however they were written, or RFC 3339.
pub(super) fn read(value: &Value) -> Option<Timestamp> {
    if let Some(number) = whole(value) {
        let at = if number.unsigned_abs() > MOST_SECONDS {
            Timestamp::from_millisecond(number)
        } else {
            Timestamp::from_second(number)
        };
        return at.ok();
    }
    value.as_str().filter(|text| text.len() <= 64).and_then(|text| text.parse().ok())
}

/// Refuses what is too old to be told from a replay, and what has not happened yet.
pub(super) fn check(at: Timestamp, now: Timestamp) -> Result<(), RefusalCode> {
    let age = now.duration_since(at);
    if age > OLDEST {
        return Err(RefusalCode::Stale);
    }
    if -age > MOST_AHEAD {
        return Err(RefusalCode::FromTheFuture);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn seconds_milliseconds_and_texts_are_one_time() {
        let at = Timestamp::from_second(1_749_416_383).unwrap();
        for spelling in [
            json!(1_749_416_383),
            json!("1749416383"),
            json!(1_749_416_383_000_i64),
            json!({"low": 1_749_416_383, "high": 0, "unsigned": false}),
            json!("2025-06-08T20:59:43Z"),
            json!("2025-06-08T17:59:43-03:00"),
        ] {
            assert_eq!(read(&spelling), Some(at), "{spelling}");
        }
        for odd in [json!(null), json!(true), json!("ontem"), json!(i64::MAX), json!(i64::MIN), json!({})] {
            assert_eq!(read(&odd), None, "{odd}");
        }
    }

    #[test]
    fn a_month_is_taken_and_no_more_and_a_day_ahead() {
        let now = Timestamp::from_second(1_749_416_383).unwrap();
        let at = |seconds: i64| check(Timestamp::from_second(1_749_416_383 + seconds).unwrap(), now);
        assert_eq!((at(-30 * 86_400), at(0), at(86_400)), (Ok(()), Ok(()), Ok(())));
        assert_eq!(at(-30 * 86_400 - 1), Err(RefusalCode::Stale));
        assert_eq!(at(86_401), Err(RefusalCode::FromTheFuture));
        assert_eq!(check(Timestamp::MIN, Timestamp::MAX), Err(RefusalCode::Stale));
        assert_eq!(check(Timestamp::MAX, Timestamp::MIN), Err(RefusalCode::FromTheFuture));
    }
}
