//! What is kept of an event: itself, cleaned, and whose it is. The normal form is made of it anew each time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cloud;
use super::gateways::{self, Dialect};
use super::normal::Read;
use super::reading::RefusalCode;
use crate::model::ids::ConnectionId;
use crate::model::whatsapp::{Line, WhatsappNumber};

/// The version of this form. A reader that does not know it says so instead of guessing.
pub(super) const VERSION: u8 = 1;

/// Which of the two it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Message,
    Status,
}

/// Whose words they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Spoken {
    CloudApi,
    Gateway(Dialect),
}

/// The stored form.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) v: u8,
    pub(super) connection_id: ConnectionId,
    pub(super) number: WhatsappNumber,
    pub(super) spoken: Spoken,
    pub(super) kind: Kind,
    /// When it came: the time of events that have none of their own.
    pub(super) came_at: Timestamp,
    /// What the request said of the person beside the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) contact: Option<Value>,
    pub(super) event: Value,
}

impl Stored {
    /// What it says, and by what it is known again.
    pub(super) fn read(&self) -> Result<Read, RefusalCode> {
        let line = Line {
            connection: self.connection_id.clone(),
            number: self.number.clone(),
            phone_number_id: None,
            client: None,
            disabled: false,
        };
        match self.spoken {
            Spoken::CloudApi => cloud::translate::read(self, &line),
            Spoken::Gateway(dialect) => gateways::translate::read(dialect, self, &line),
        }
    }
}
