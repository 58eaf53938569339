//! The hours in which webhooks are to be expected.

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Hours of a day in a place, on some days of the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct BusinessHours {
    from: Time,
    to: Time,
    /// Monday is 1.
    days: Vec<i8>,
    zone: TimeZone,
}

/// The form it is sent and stored in: `{"from":"09:00","to":"18:00","zone":"America/Sao_Paulo","days":[1,2,3,4,5]}`.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "09:00")]
    from: String,
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "18:00")]
    to: String,
    /// A name of the IANA time zone database.
    #[schema(example = "America/Sao_Paulo")]
    zone: String,
    /// Monday is 1; Monday to Friday unless given.
    #[schema(schema_with = days)]
    #[serde(default = "weekdays")]
    days: Vec<i8>,
}

fn days() -> Array {
    let day = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(7));
    ArrayBuilder::new().items(day).min_items(Some(1)).build()
}

fn weekdays() -> Vec<i8> {
    (1..=5).collect()
}

/// Why hours are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotHours {
    /// Not `HH:MM`.
    #[error("`from` and `to` are times like 09:00")]
    Time,
    /// They end before they begin.
    #[error("`from` comes before `to`")]
    Order,
    /// No zone of the IANA database.
    #[error("`zone` is a name of the IANA time zone database, like America/Sao_Paulo")]
    Zone,
    /// Not days of the week.
    #[error("`days` are numbers from 1 (Monday) to 7")]
    Days,
}

impl BusinessHours {
    /// Whether this is a time at which webhooks are to be expected.
    #[must_use]
    pub fn cover(&self, at: Timestamp) -> bool {
        let local = at.to_zoned(self.zone.clone());
        let today = local.weekday().to_monday_one_offset();
        self.days.contains(&today) && (self.from..self.to).contains(&local.time())
    }
}

impl PartialSchema for BusinessHours {
    fn schema() -> RefOr<Schema> {
        Written::schema()
    }
}

impl ToSchema for BusinessHours {}

impl TryFrom<Written> for BusinessHours {
    type Error = NotHours;

    fn try_from(written: Written) -> Result<Self, NotHours> {
        let time = |text: &str| Time::strptime("%H:%M", text).map_err(|_| NotHours::Time);
        let (from, to) = (time(&written.from)?, time(&written.to)?);
        if from >= to {
            return Err(NotHours::Order);
        }
        let mut days = written.days;
        days.sort_unstable();
        days.dedup();
        if days.is_empty() || !days.iter().all(|day| (1..=7).contains(day)) {
            return Err(NotHours::Days);
        }
        let zone = TimeZone::get(&written.zone).map_err(|_| NotHours::Zone)?;
        zone.iana_name().ok_or(NotHours::Zone)?;
        Ok(Self { from, to, days, zone })
    }
}

impl From<BusinessHours> for Written {
    fn from(hours: BusinessHours) -> Self {
        let time = |time: Time| time.strftime("%H:%M").to_string();
        let zone = hours.zone.iana_name().unwrap_or("UTC").to_owned();
        Self { from: time(hours.from), to: time(hours.to), zone, days: hours.days }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(text: &str) -> Result<BusinessHours, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    const OFFICE: &str = r#"{"from":"09:00","to":"18:00","zone":"America/Sao_Paulo"}"#;

    #[test]
    fn hours_are_those_of_the_place() {
        let hours = hours(OFFICE).unwrap();
        // A Monday; São Paulo is three hours behind.
        assert!(!hours.cover("2025-01-20T11:59:59Z".parse().unwrap()));
        assert!(hours.cover("2025-01-20T12:00:00Z".parse().unwrap()));
        assert!(!hours.cover("2025-01-20T21:00:00Z".parse().unwrap()));
        assert!(!hours.cover("2025-01-19T15:00:00Z".parse().unwrap()), "a Sunday");
    }

    #[test]
    fn hours_are_stored_as_they_are_sent() {
        let stored = serde_json::to_string(&hours(OFFICE).unwrap()).unwrap();
        insta::assert_snapshot!(stored, @r#"{"from":"09:00","to":"18:00","zone":"America/Sao_Paulo","days":[1,2,3,4,5]}"#);
        assert_eq!(hours(&stored), hours(OFFICE));
    }

    #[test]
    fn what_is_no_hours_is_told_why() {
        for (bad, why) in [
            (OFFICE.replace("09:00", "9am"), "times"),
            (OFFICE.replace("18:00", "08:00"), "before"),
            (OFFICE.replace("Sao_Paulo", "Atlantis"), "IANA"),
            (OFFICE.replace('}', r#","days":[0]}"#), "Monday"),
            (OFFICE.replace("zone", "place"), "place"),
        ] {
            let error = hours(&bad).unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
        }
    }
}
