//! `/api/v1/admin/stats`

use axum::Json;
use axum::extract::{RawQuery, State as Extract};
use gancho::lambda::http::Problem;
use gancho::manage::{overview, platform_stats};
use serde_json::{Value, json};

use super::Backing;
use super::dead_letters;
use crate::state::Shared;

/// `GET /stats`
pub(super) async fn read<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let (now, store) = (state.now(), &state.store);
    // First, since it refuses a query that is not acceptable.
    let deliveries = platform_stats::of_all(store, query.as_deref(), now).await?;
    let counts = async {
        let counts = tokio::try_join!(
            overview::today(store, now),
            overview::failures(store, now),
            platform_stats::received(store)
        );
        Ok::<_, Problem>(counts?)
    };
    let ((today, failed, received), queues) = tokio::try_join!(counts, dead_letters::all(store))?;
    let queues: Vec<_> = queues.iter().map(dead_letters::shown).collect();
    let answer = json!({
        "at": now,
        "today": today,
        "failed": failed,
        "received": received,
        "deliveries": deliveries,
        "queues": queues,
    });
    Ok(Json(answer))
}
