//! `/api/v1/admin/stack-key`

use axum::Json;
use axum::extract::State as Extract;
use gancho::lambda::http::Problem;
use gancho::manage::described::operator::ResealBody;
use gancho::manage::reseal::{self, Resealed};
use gancho::model::ids::TenantId;
use serde::Serialize;
use utoipa::ToSchema;

use super::Backing;
use crate::body::Fields;
use crate::state::Shared;

/// What was sealed anew.
#[derive(Serialize, ToSchema)]
#[schema(as = Resealed)]
pub(super) struct ResealedView {
    /// Subscriptions, sources and accounts sealed anew.
    resealed: usize,
    /// Subscriptions, sources and accounts looked at.
    looked_at: usize,
    /// Subscriptions, sources and accounts that still need an older key, or one that is gone.
    left: usize,
    /// Where the next call goes on.
    next_cursor: Option<TenantId>,
}

/// Seals anew what an older stack key sealed.
#[utoipa::path(post, path = "/stack-key/reseal", operation_id = "reseal", tag = "running", security(("admin_token" = [])),
    request_body(content = Option<ResealBody>),
    responses((status = 200, description = "What it did.", body = ResealedView)),
)]
pub(super) async fn reseal<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Fields(fields): Fields,
) -> Result<Json<ResealedView>, Problem> {
    let before = reseal::cursor(fields)?;
    let chance = state.chances();
    let done = reseal::reseal(&state.store, before.as_ref(), &chance, state.now()).await?;
    tracing::warn!(
        resealed = done.resealed,
        looked_at = done.looked_at,
        left = done.left,
        "sealed values were sealed anew"
    );
    let Resealed { resealed, looked_at, left, next } = done;
    Ok(Json(ResealedView { resealed, looked_at, left, next_cursor: next }))
}
