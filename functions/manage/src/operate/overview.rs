//! `/api/v1/admin/stats`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{RawQuery, State as Extract};
use gancho::lambda::http::Problem;
use gancho::manage::described::queries::StatsQuery;
use gancho::manage::overview::{Failures, Today};
use gancho::manage::platform_stats::{PlatformStats, Received};
use gancho::manage::{overview, platform_stats};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Backing;
use super::dead_letters::{self, DepthsView};
use crate::state::Shared;

/// How the platform is doing.
#[derive(Serialize, ToSchema)]
pub(super) struct Overview {
    at: Timestamp,
    today: Today,
    failed: Failures,
    /// What ever came in, by provider.
    #[schema(value_type = BTreeMap<String, Received>)]
    received: BTreeMap<&'static str, Received>,
    deliveries: PlatformStats,
    queues: Vec<DepthsView>,
}

/// How the platform is doing.
#[utoipa::path(get, path = "/stats", operation_id = "read_platform_stats", tag = "running", security(("admin_token" = [])),
    params(StatsQuery),
    responses((status = 200, description = "Counts.", body = Overview)),
)]
pub(super) async fn read<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Overview>, Problem> {
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
    let queues = queues.into_iter().map(DepthsView::from).collect();
    Ok(Json(Overview { at: now, today, failed, received, deliveries, queues }))
}
