//! `/api/v1/tenant/webhooks/stats`

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use gancho::lambda::http::Problem;
use gancho::manage::stats::{Stats, of_tenant};

use super::caller::Caller;
use super::{Backing, Out, Portal};

pub(super) async fn read<S: Backing, T: Out>(
    State(portal): State<Arc<Portal<S, T>>>,
    Caller(tenant): Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Stats>, Problem> {
    let state = &portal.state;
    Ok(Json(of_tenant(&state.store, &tenant, query.as_deref(), state.now()).await?))
}
