//! Who asks: by which token, and with which weight.

use jiff::Timestamp;
use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};

/// What a token belongs to; it decides what a request costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TokenKind {
    /// A public or private solution.
    Solution,
    /// A solution that is a draft, or being moderated.
    Draft,
    /// A user, by token or by login and password.
    User,
}

impl TokenKind {
    /// Units of the limit a request costs, by the published timetable.
    pub(super) fn weight(self, at: Timestamp) -> u32 {
        let day = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        let since = |first: Date| day >= first;
        match self {
            Self::Solution => 1,
            Self::Draft if since(date(2026, 4, 13)) => 4,
            Self::User if since(date(2026, 12, 1)) => 4,
            Self::User if since(date(2026, 9, 1)) => 3,
            Self::User if since(date(2026, 5, 12)) => 2,
            Self::Draft | Self::User => 1,
        }
    }
}

/// Who changes something.
#[derive(Clone, Debug)]
pub(super) struct Author {
    /// As the audit has it: `admin@company`.
    pub(super) uid: String,
    pub(super) is_admin: bool,
    pub(super) is_paid: bool,
    /// The id of a solution.
    pub(super) application: Option<String>,
    /// As the audit has it.
    pub(super) source: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_costs_what_its_token_and_its_day_say() {
        let on = |kind: TokenKind, day: &str| kind.weight(format!("{day}T12:00:00Z").parse().unwrap());
        for (kind, day, weight) in [
            (TokenKind::Solution, "2026-12-31", 1),
            (TokenKind::Draft, "2026-04-12", 1),
            (TokenKind::Draft, "2026-04-13", 4),
            (TokenKind::User, "2026-05-11", 1),
            (TokenKind::User, "2026-05-12", 2),
            (TokenKind::User, "2026-09-01", 3),
            (TokenKind::User, "2026-12-01", 4),
        ] {
            assert_eq!(on(kind, day), weight, "{kind:?} {day}");
        }
    }
}
