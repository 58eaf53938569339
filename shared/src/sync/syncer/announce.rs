//! What subscribers are told of what was carried.

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Backing, Memory, Syncer};
use crate::dispatch::{Keep, fan_out};
use crate::model::event::{Announcement, Event};
use crate::model::event_type::EventType;
use crate::model::ids::EventId;
use crate::model::moysklad::{Dirty, EntityRef};
use crate::sync::plan::Reason;
use crate::sync::store::Clients;
use crate::sync::worker::{Outcome, Told, Trouble};
use crate::work::StoreError;

/// What is said of a row that came to its end; nothing of one that goes on, or that concerned nobody.
pub(super) fn said_of(told: &Told<'_>) -> Option<(EventType, Value)> {
    let row = told.row;
    match told.result {
        Ok(Outcome::Written { counterpart }) => {
            let outcome = if counterpart.is_some() { "written" } else { "deleted" };
            Some((EventType::MoyskladSynced, synced(row, outcome)))
        }
        Ok(Outcome::Nothing(Reason::Equal)) => Some((EventType::MoyskladSynced, synced(row, "equal"))),
        Ok(Outcome::Nothing(_)) => None,
        Ok(Outcome::Blocked(blocked)) if !told.again => {
            Some((EventType::MoyskladSyncFailed, failed(row, blocked.code())))
        }
        Err(trouble) if !told.again => Some((EventType::MoyskladSyncFailed, failed(row, &reason_of(trouble)))),
        Ok(Outcome::Blocked(_)) | Err(_) => None,
    }
}

/// A stable word for what stood in the way.
pub(super) fn reason_of(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Store(_) => "store_unavailable".to_owned(),
        Trouble::Moysklad(_) | Trouble::Overtaken | Trouble::Restless | Trouble::OutOfTime => trouble.to_string(),
    }
}

fn synced(row: &Dirty, outcome: &str) -> Value {
    let mut data = carried(row);
    data["outcome"] = outcome.into();
    data
}

fn failed(row: &Dirty, reason: &str) -> Value {
    let mut data = carried(row);
    data["reason"] = reason.into();
    data["tries"] = (row.failures + 1).into();
    data
}

fn carried(row: &Dirty) -> Value {
    let mut data = of_entity(row.origin);
    data["target_account_id"] = json!(row.target);
    data
}

fn of_entity(entity: EntityRef) -> Value {
    json!({"account_id": entity.account, "entity_type": entity.kind, "entity_id": entity.id})
}

/// The same each time a row of this version is told of: told again after a crash, it is one event. It is found in the
/// story of the notice that gave the reason.
fn name_of(row: &Dirty) -> EventId {
    let of = [
        row.tenant.as_str(),
        &row.target.to_string(),
        &row.origin.to_string(),
        &row.since.to_string(),
        &row.version.to_string(),
    ];
    match &row.because {
        Some(event) => {
            let digest = Sha256::digest(of.join("|").as_bytes());
            event.child(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
        }
        None => EventId::derive(&[&["moysklad", "carried"], of.as_slice()].concat()),
    }
}

impl<S: Backing, M: Memory, C: Clients> Syncer<S, M, C> {
    /// Tells subscribers what came of a row.
    pub(super) async fn announce_row(&self, told: &Told<'_>, now: Timestamp) -> Result<(), StoreError> {
        let Some((event_type, data)) = said_of(told) else { return Ok(()) };
        let (id, tenant) = (name_of(told.row), told.row.tenant.clone());
        // The row's own time, not now: said again after a crash, it is said with the same bytes.
        let announcement = Announcement { id, tenant, event_type, at: told.row.since, data };
        fan_out(&self.store, &announcement, Keep::IfHeard, &self.settings.timing, now).await.map(|_| ())
    }

    /// Tells subscribers that an entity changes too often.
    pub(super) async fn announce_loop(
        &self,
        event: &Event,
        entity: EntityRef,
        held_until: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut data = of_entity(entity);
        data["held_until"] = json!(held_until);
        let announcement = Announcement {
            id: event.id.child(event.work.turn),
            tenant: event.tenant.clone(),
            event_type: EventType::MoyskladLoopSuspected,
            at: event.received_at,
            data,
        };
        fan_out(&self.store, &announcement, Keep::Always, &self.settings.timing, now).await.map(|_| ())
    }
}
