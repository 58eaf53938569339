//! What was done for an account within an hour, counted.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Counts of an hour, or of several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MoyskladTally)]
#[serde(default)]
pub struct Tally {
    /// Notices that were worked on.
    pub notices: u64,
    /// Of these, what we had written ourselves and was told all the same.
    pub echoes: u64,
    /// Of these, what was held because its entity changes too often.
    pub held: u64,
    /// Changes that a poll found and no webhook had told.
    pub missed: u64,
    /// Entities that were written.
    pub written: u64,
    /// Entities that were looked at and needed nothing.
    pub equal: u64,
    /// Entities that were put off, to be tried again.
    pub put_off: u64,
    /// Entities that were given up.
    pub failed: u64,
    /// From the first reason until an entity was done, in milliseconds, summed over `written` and `equal`.
    pub waited_ms: u64,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            notices: self.notices.saturating_add(other.notices),
            echoes: self.echoes.saturating_add(other.echoes),
            held: self.held.saturating_add(other.held),
            missed: self.missed.saturating_add(other.missed),
            written: self.written.saturating_add(other.written),
            equal: self.equal.saturating_add(other.equal),
            put_off: self.put_off.saturating_add(other.put_off),
            failed: self.failed.saturating_add(other.failed),
            waited_ms: self.waited_ms.saturating_add(other.waited_ms),
        }
    }

    /// Of all that came to an end, the share that was carried; nothing where nothing came to one.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share of so many is not shown to the last digit")]
    pub fn success_rate(&self) -> Option<f64> {
        let carried = self.written.saturating_add(self.equal);
        let ended = carried.saturating_add(self.failed);
        (ended > 0).then(|| carried as f64 / ended as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_success_rate_is_of_what_came_to_an_end() {
        assert_eq!(Tally::default().success_rate(), None);
        let tally = Tally { written: 2, equal: 1, failed: 1, put_off: 9, ..Tally::default() };
        assert_eq!(tally.and(tally).success_rate(), Some(0.75));
    }
}
