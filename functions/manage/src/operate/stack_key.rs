//! `/api/v1/admin/stack-key`

use axum::Json;
use axum::extract::State as Extract;
use gancho::lambda::http::Problem;
use gancho::manage::chance::Chance;
use gancho::manage::reseal;
use serde_json::{Value, json};

use super::Backing;
use crate::body::Fields;
use crate::state::Shared;

/// `POST /stack-key/reseal`
pub(super) async fn reseal<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Fields(fields): Fields,
) -> Result<Json<Value>, Problem> {
    let before = reseal::cursor(fields)?;
    let chance = Chance { keys: &state.keys, fill: &state.fill };
    let done = reseal::reseal(&state.store, before.as_ref(), &chance, state.now()).await?;
    tracing::warn!(
        resealed = done.resealed,
        looked_at = done.looked_at,
        left = done.left,
        "sealed values were sealed anew"
    );
    Ok(Json(json!({
        "resealed": done.resealed,
        "looked_at": done.looked_at,
        "left": done.left,
        "next_cursor": done.next,
    })))
}
