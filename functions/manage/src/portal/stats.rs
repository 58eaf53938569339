//! `/api/v1/tenant/webhooks/stats`

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use gancho::lambda::http::Problem;
use gancho::manage::described::queries::TenantStatsQuery;
use gancho::manage::stats::{Stats, of_tenant};

use super::caller::Caller;
use super::{Backing, Out, Portal};

/// How the tenant's deliveries are doing.
#[utoipa::path(get, path = "/stats", operation_id = "read_stats", tag = "deliveries", security(("tenant_key" = [])),
    params(TenantStatsQuery),
    responses((status = 200, description = "Counts, rates and percentiles.", body = Stats)),
)]
pub(super) async fn read<S: Backing, T: Out>(
    State(portal): State<Arc<Portal<S, T>>>,
    Caller(tenant): Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Stats>, Problem> {
    let state = &portal.state;
    Ok(Json(of_tenant(&state.store, &tenant, query.as_deref(), state.now()).await?))
}
