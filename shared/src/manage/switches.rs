//! The operator's side of the switches.

use std::future::Future;

use jiff::Timestamp;

use super::directory::Directory;
use super::json_fields::{BodyError, JsonFields};
use crate::model::switch::{Switch, Switched};
use crate::work::StoreError;

/// Longest reason: it is shown in a list.
const MAX_REASON_CHARS: usize = 500;

/// Where switches are turned.
pub trait SwitchPanel: Send + Sync {
    /// Every switch that was ever turned.
    fn switches(&self) -> impl Future<Output = Result<Vec<Switch>, StoreError>> + Send;

    /// Turns a switch.
    fn turn(&self, switch: &Switch) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// What a body says of a switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Whether work is to wait.
    pub paused: bool,
    /// Why.
    pub reason: Option<String>,
}

impl Turn {
    /// Reads the body of `PUT …/switches/{what}`.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn read(mut fields: JsonFields) -> Result<Self, BodyError> {
        if fields.is_missing("paused") {
            fields.refuse("paused", "missing", "whether work is to wait: true or false");
        }
        let paused = fields.boolean("paused");
        let reason = reason(&mut fields);
        fields.refuse_rest();
        fields.finish(paused.map(|paused| Self { paused, reason }))
    }

    /// Reads a body that says no more than why.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub(super) fn read_reason(mut fields: JsonFields, paused: bool) -> Result<Self, BodyError> {
        let reason = reason(&mut fields);
        fields.refuse_rest();
        fields.finish(Some(Self { paused, reason }))
    }
}

fn reason(fields: &mut JsonFields) -> Option<String> {
    fields.text("reason").and_then(|text| match text.trim() {
        "" => None,
        text if text.chars().count() <= MAX_REASON_CHARS => Some(text.to_owned()),
        _ => fields.refused("reason", "too_long", format!("at most {MAX_REASON_CHARS} characters")),
    })
}

/// Turns a switch; nothing if there is no such source or tenant. A subscription is its tenant's own affair, and is
/// taken on trust: a switch for one that does not exist does no harm.
///
/// # Errors
/// When the store does not answer.
pub async fn turn(
    store: &(impl SwitchPanel + Directory),
    what: Switched,
    turn: Turn,
    now: Timestamp,
) -> Result<Option<Switch>, StoreError> {
    let known = match &what {
        Switched::All | Switched::Provider(_) | Switched::Subscription(_) => true,
        // What is no more may still hold work, and must be able to let it go.
        Switched::Source(id) => !turn.paused || store.source(id).await?.is_some(),
        Switched::Tenant(id) => !turn.paused || store.tenant(id).await?.is_some(),
    };
    if !known {
        return Ok(None);
    }
    let switch = Switch { what, paused: turn.paused, reason: turn.reason, changed_at: now };
    store.turn(&switch).await?;
    Ok(Some(switch))
}
