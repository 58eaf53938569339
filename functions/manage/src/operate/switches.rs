//! `/api/v1/admin/switches`

use axum::Json;
use axum::extract::State as Extract;
use gancho::lambda::http::Problem;
use gancho::manage::described::operator::TurnBody;
use gancho::manage::page::Page;
use gancho::manage::switches::{self, Turn};
use gancho::model::field_error::FieldError;
use gancho::model::switch::{NotSwitched, Switch, Switched};

use super::Backing;
use super::answer::listed_whole;
use crate::body::{Fields, Named, unacceptable};
use crate::state::Shared;

/// The switches that were ever turned; all others are on.
#[utoipa::path(get, path = "/switches", operation_id = "list_switches", tag = "running", security(("admin_token" = [])),
    responses((status = 200, description = "All of them.", body = Page<Switch>)),
)]
pub(super) async fn list<S: Backing>(Extract(state): Extract<Shared<S>>) -> Result<Json<Page<Switch>>, Problem> {
    let mut switches = state.store.switches().await?;
    switches.sort_by_key(|switch| std::cmp::Reverse(switch.changed_at));
    Ok(listed_whole(switches))
}

/// Holds work back, or lets it go.
#[utoipa::path(put, path = "/switches/{what}", operation_id = "turn_switch", tag = "running", security(("admin_token" = [])),
    params(("what" = Switched, Path, description = "What it switches.")),
    request_body = TurnBody,
    responses((status = 200, description = "The switch after it.", body = Switch)),
)]
pub(super) async fn turn<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(what): Named<String>,
    Fields(fields): Fields,
) -> Result<Json<Switch>, Problem> {
    let what: Switched = what.parse().map_err(|error: NotSwitched| {
        unacceptable(vec![FieldError::new("what", "unknown_switch", error.to_string())])
    })?;
    let turn = Turn::read(fields)?;
    let turned = switches::turn(&state.store, what, turn, state.now()).await?;
    let switch = turned.ok_or_else(|| {
        unacceptable(vec![FieldError::new("what", "unknown_switch", "there is no source or tenant of that name")])
    })?;
    tracing::warn!(switch = %switch.what, paused = switch.paused, "a switch was turned");
    Ok(Json(switch))
}
