//! What several functions share: tables, queues, the timing of work.

use jiff::SignedDuration;

use super::{ConfigError, Variables, parsed_or};
use crate::aws::{QueueUrls, Tables};
use crate::work::Timing;

/// The tables this function was given.
#[must_use]
pub fn tables(vars: &impl Variables) -> Tables {
    let name = |name| vars.get(name).unwrap_or_default();
    Tables {
        events: name("TABLE_EVENTS"),
        directory: name("TABLE_DIRECTORY"),
        signals: name("TABLE_SIGNALS"),
        parties: name("TABLE_PARTIES"),
        sync: name("TABLE_SYNC"),
    }
}

/// The queues this function was given.
#[must_use]
pub fn queues(vars: &impl Variables) -> QueueUrls {
    QueueUrls {
        lead: vars.get("QUEUE_LEAD_URL"),
        dispatch: vars.get("QUEUE_DISPATCH_URL"),
        delivery: vars.get("QUEUE_DELIVERY_URL"),
        delivery_slow: vars.get("QUEUE_DELIVERY_SLOW_URL"),
        sync: vars.get("QUEUE_SYNC_URL"),
    }
}

/// How work is timed: `DUE_GRACE_S` and `LEASE_SLACK_S` are parameters, tests shorten them.
///
/// # Errors
/// When a variable does not parse.
pub fn timing(vars: &impl Variables) -> Result<Timing, ConfigError> {
    let default = Timing::default();
    let seconds =
        |name, default: SignedDuration| parsed_or(vars, name, default.as_secs()).map(SignedDuration::from_secs);
    Ok(Timing {
        grace: seconds("DUE_GRACE_S", default.grace)?,
        lease_slack: seconds("LEASE_SLACK_S", default.lease_slack)?,
        ..default
    })
}

/// How long an event is kept after its end: `EVENT_RETENTION_DAYS`.
///
/// # Errors
/// When the variable does not parse.
pub(super) fn event_kept_for(vars: &impl Variables) -> Result<SignedDuration, ConfigError> {
    let days: u32 = parsed_or(vars, "EVENT_RETENTION_DAYS", 90)?;
    Ok(SignedDuration::from_hours(24 * i64::from(days)))
}
