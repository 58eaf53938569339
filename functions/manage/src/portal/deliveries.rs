//! `/api/v1/tenant/webhooks/deliveries`

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use gancho::lambda::http::Problem;
use gancho::manage::delivery_list;
use gancho::manage::delivery_view::{DeliveryDetail, DeliveryView};
use gancho::manage::page::Page;
use gancho::model::ids::DeliveryId;

use super::caller::Caller;
use super::input::Id;
use super::{Backing, Out, Portal};

pub(super) async fn list<S: Backing, T: Out>(
    State(portal): State<Arc<Portal<S, T>>>,
    Caller(tenant): Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<DeliveryView>>, Problem> {
    Ok(Json(delivery_list::list(&portal.state.store, &tenant, query.as_deref(), &portal.horizon).await?))
}

pub(super) async fn get<S: Backing, T: Out>(
    State(portal): State<Arc<Portal<S, T>>>,
    Caller(tenant): Caller,
    Id(id): Id<DeliveryId>,
) -> Result<Json<DeliveryDetail>, Problem> {
    let state = &portal.state;
    Ok(Json(delivery_list::get(&state.store, &tenant, &id, state.now()).await?))
}

pub(super) async fn replay<S: Backing, T: Out>(
    State(portal): State<Arc<Portal<S, T>>>,
    Caller(tenant): Caller,
    Id(id): Id<DeliveryId>,
) -> Result<(StatusCode, Json<DeliveryView>), Problem> {
    let replayed = gancho::manage::replay::replay(&portal.state.store, &tenant, &id, &portal.horizon).await?;
    Ok((StatusCode::ACCEPTED, Json(replayed)))
}
