//! `/api/v1/tenant/webhooks/deliveries`

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use gancho::lambda::http::Problem;
use gancho::lambda::problem_schema::ProblemDocument;
use gancho::manage::delivery_list;
use gancho::manage::delivery_view::{DeliveryDetail, DeliveryView};
use gancho::manage::described::queries::DeliveriesQuery;
use gancho::manage::page::Page;
use gancho::model::ids::DeliveryId;

use super::caller::Caller;
use super::{Backing, Out, Portal};
use crate::body::Named;

/// Lists deliveries, newest first.
#[utoipa::path(get, path = "/deliveries", operation_id = "list_deliveries", tag = "deliveries", security(("tenant_key" = [])),
    params(DeliveriesQuery),
    responses((status = 200, description = "A page. It may be shorter than asked for and still have a successor.", body = Page<DeliveryView>)),
)]
pub(super) async fn list<S: Backing, T: Out>(
    State(portal): State<Arc<Portal<S, T>>>,
    Caller(tenant): Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<DeliveryView>>, Problem> {
    Ok(Json(delivery_list::list(&portal.state.store, &tenant, query.as_deref(), &portal.horizon).await?))
}

/// Shows a delivery with its attempts.
#[utoipa::path(get, path = "/deliveries/{id}", operation_id = "read_delivery", tag = "deliveries", security(("tenant_key" = [])),
    params(("id" = DeliveryId, Path, description = "The delivery.")),
    responses((status = 200, description = "The delivery.", body = DeliveryDetail)),
)]
pub(super) async fn get<S: Backing, T: Out>(
    State(portal): State<Arc<Portal<S, T>>>,
    Caller(tenant): Caller,
    Named(id): Named<DeliveryId>,
) -> Result<Json<DeliveryDetail>, Problem> {
    let state = &portal.state;
    Ok(Json(delivery_list::get(&state.store, &tenant, &id, state.now()).await?))
}

/// Begins a delivery's next turn.
#[utoipa::path(post, path = "/deliveries/{id}/replay", operation_id = "replay_delivery", tag = "deliveries", security(("tenant_key" = [])),
    params(("id" = DeliveryId, Path, description = "The delivery.")),
    responses(
        (status = 202, description = "On its way again, under the same `webhook-id`.", body = DeliveryView),
        (status = 409, description = "`not_ended`, `erased`, `subscription_gone` or `subscription_inactive`.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn replay<S: Backing, T: Out>(
    State(portal): State<Arc<Portal<S, T>>>,
    Caller(tenant): Caller,
    Named(id): Named<DeliveryId>,
) -> Result<(StatusCode, Json<DeliveryView>), Problem> {
    let replayed = gancho::manage::replay::replay(&portal.state.store, &tenant, &id, &portal.horizon).await?;
    Ok((StatusCode::ACCEPTED, Json(replayed)))
}

/// The same as `replay`.
#[utoipa::path(post, path = "/deliveries/{id}/retry", operation_id = "retry_delivery", tag = "deliveries", security(("tenant_key" = [])),
    params(("id" = DeliveryId, Path, description = "The delivery.")),
    responses(
        (status = 202, description = "On its way again, under the same `webhook-id`.", body = DeliveryView),
        (status = 409, description = "`not_ended`, `erased`, `subscription_gone` or `subscription_inactive`.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn retry<S: Backing, T: Out>(
    portal: State<Arc<Portal<S, T>>>,
    caller: Caller,
    id: Named<DeliveryId>,
) -> Result<(StatusCode, Json<DeliveryView>), Problem> {
    replay(portal, caller, id).await
}
