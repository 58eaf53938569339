//! A receiver's wish to be left alone for a while.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// The value of a `Retry-After` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// So long.
    Wait(Duration),
    /// Until then.
    Until(Timestamp),
}

impl RetryAfter {
    /// Reads seconds or an HTTP date; anything else is as if it had not been sent.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            // More digits than a number holds is a very long time, not none.
            return Some(Self::Wait(Duration::from_secs(text.parse().unwrap_or(u64::MAX))));
        }
        rfc2822::DateTimeParser::new().parse_timestamp(text).ok().map(Self::Until)
    }

    /// How long from `now`; nothing if that is past.
    #[must_use]
    pub fn wait(self, now: Timestamp) -> Duration {
        match self {
            Self::Wait(wait) => wait,
            Self::Until(then) => Duration::try_from(then.duration_since(now)).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood() {
        let now = Timestamp::from_second(1_445_412_400).unwrap();
        for (text, wait_s) in [
            ("0", 0),
            ("120", 120),
            (" 7 ", 7),
            ("99999999999999999999999", u64::MAX),
            ("Wed, 21 Oct 2015 07:28:00 GMT", 80),
            ("Wed, 21 Oct 2015 07:26:00 GMT", 0),
        ] {
            assert_eq!(RetryAfter::parse(text).unwrap().wait(now), Duration::from_secs(wait_s), "{text}");
        }
    }

    #[test]
    fn nonsense_is_as_if_not_sent() {
        for text in ["", "-1", "1.5", "soon", "Wed, 99 Oct 2015 07:28:00 GMT", "١٢"] {
            assert_eq!(RetryAfter::parse(text), None, "{text}");
        }
    }
}
