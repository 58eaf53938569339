//! What a queue message says: which row, in which turn. Never a payload.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::times::Delay;
use crate::model::ids::TenantId;
use crate::model::row::{Queue, RowKey, WorkRow};

/// The version written; a reader refuses what it does not know, and the message ends in the dead-letter queue.
const VERSION: u8 = 1;

/// A queue message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bell {
    v: u8,
    /// The row that wants work.
    pub row: RowKey,
    /// The turn it was rung for.
    pub turn: u32,
}

/// The message cannot be read: nothing can be done with it but keep it for a person to see.
#[derive(Debug, thiserror::Error)]
pub enum BellError {
    /// Not the JSON of a bell.
    #[error("not a bell: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// Written by a newer version.
    #[error("a bell of version {0}")]
    Version(u8),
}

impl Bell {
    /// A bell for this row's turn.
    #[must_use]
    pub const fn new(row: RowKey, turn: u32) -> Self {
        Self { v: VERSION, row, turn }
    }

    /// Reads a message body.
    ///
    /// # Errors
    /// When it is not the text of a bell, or of another version.
    pub fn read(text: &str) -> Result<Self, BellError> {
        let bell: Self = serde_json::from_str(text)?;
        if bell.v == VERSION { Ok(bell) } else { Err(BellError::Version(bell.v)) }
    }

    /// The message body.
    #[must_use]
    pub fn write(&self) -> String {
        format!(r#"{{"v":{},"row":"{}","turn":{}}}"#, self.v, self.row, self.turn)
    }
}

/// A bell with where and when to ring it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    /// The queue.
    pub queue: Queue,
    /// The fairness group.
    pub tenant: TenantId,
    /// The message.
    pub bell: Bell,
    /// When its row may run: the ringer turns it into the queue's delay.
    pub not_before: Timestamp,
}

impl Ring {
    /// The ring that a row asks for as it stands.
    #[must_use]
    pub fn of<R: WorkRow>(row: &R) -> Self {
        let work = row.work();
        Self {
            queue: work.queue,
            tenant: row.tenant().clone(),
            bell: Bell::new(row.key(), work.turn),
            not_before: work.not_before,
        }
    }

    /// The queue's delay, as of `now`.
    #[must_use]
    pub fn delay(&self, now: Timestamp) -> Delay {
        Delay::until(self.not_before, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::EventId;

    #[test]
    fn a_bell_on_the_wire_is_three_fields() {
        let bell = Bell::new(RowKey::Event(EventId::derive(&["x"])), 2);
        insta::assert_snapshot!(bell.write(), @r#"{"v":1,"row":"event/evt_028f0df5b8596fbcd10c9720b7a4784f","turn":2}"#);
        assert_eq!(Bell::read(&bell.write()).unwrap(), bell);
    }

    #[test]
    fn a_bell_that_cannot_be_read_is_an_error_not_a_guess() {
        for bad in ["", "{}", "null", r#"{"v":1,"row":"event/evt_1"}"#, r#"{"v":1,"row":"x","turn":1}"#] {
            assert!(matches!(Bell::read(bad), Err(BellError::Unreadable(_))), "{bad}");
        }
        assert!(matches!(Bell::read(r#"{"v":2,"row":"event/evt_1","turn":1}"#), Err(BellError::Version(2))));
    }

    #[test]
    fn a_field_added_by_a_later_version_does_not_stop_this_one() {
        assert!(Bell::read(r#"{"v":1,"row":"event/evt_1","turn":1,"hint":"x"}"#).is_ok());
    }
}
