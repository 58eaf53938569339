//! `/api/v1/admin/stats`

use axum::Json;
use axum::extract::State as Extract;
use gancho::lambda::http::Problem;
use gancho::manage::overview;
use serde_json::{Value, json};

use super::Backing;
use super::dead_letters;
use crate::state::Shared;

/// `GET /stats`
pub(super) async fn read<S: Backing>(Extract(state): Extract<Shared<S>>) -> Result<Json<Value>, Problem> {
    let now = state.now();
    let counts = async {
        let (today, failed) =
            tokio::try_join!(overview::today(&state.store, now), overview::failures(&state.store, now))?;
        Ok::<_, Problem>((today, failed))
    };
    let ((today, failed), queues) = tokio::try_join!(counts, dead_letters::all(&state.store))?;
    let queues: Vec<_> = queues.iter().map(dead_letters::shown).collect();
    Ok(Json(json!({"at": now, "today": today, "failed": failed, "queues": queues})))
}
