//! `/api/v1/admin/switches`

use axum::Json;
use axum::extract::{Path, State as Extract};
use gancho::lambda::http::Problem;
use gancho::manage::switches::{self, Turn};
use gancho::model::field_error::FieldError;
use gancho::model::switch::{NotSwitched, Switched};
use serde_json::{Value, json};

use super::Backing;
use super::answer::listed_whole;
use crate::body::{Fields, unacceptable};
use crate::state::Shared;

/// `GET /switches`: those that were ever turned; all others are on.
pub(super) async fn list<S: Backing>(Extract(state): Extract<Shared<S>>) -> Result<Json<Value>, Problem> {
    let mut switches = state.store.switches().await?;
    switches.sort_by_key(|switch| std::cmp::Reverse(switch.changed_at));
    Ok(listed_whole(&switches, |switch| json!(switch)))
}

/// `PUT /switches/{what}`
pub(super) async fn turn<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Path(what): Path<String>,
    Fields(fields): Fields,
) -> Result<Json<Value>, Problem> {
    let what: Switched = what.parse().map_err(|error: NotSwitched| {
        unacceptable(vec![FieldError::new("what", "unknown_switch", error.to_string())])
    })?;
    let turn = Turn::read(fields)?;
    let turned = switches::turn(&state.store, what, turn, state.now()).await?;
    let switch = turned.ok_or_else(|| {
        unacceptable(vec![FieldError::new("what", "unknown_switch", "there is no source or tenant of that name")])
    })?;
    tracing::warn!(switch = %switch.what, paused = switch.paused, "a switch was turned");
    Ok(Json(json!(switch)))
}
