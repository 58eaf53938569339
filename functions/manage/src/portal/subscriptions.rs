//! `/api/v1/tenant/webhooks/subscriptions`

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use gancho::lambda::http::Problem;
use gancho::manage::page::Page;
use gancho::manage::replay::{self, Recovered};
use gancho::manage::subscription_view::SubscriptionView;
use gancho::manage::subscriptions::{self, Rotated};
use gancho::manage::test_send::{self, Tested};
use gancho::model::ids::SubscriptionId;

use super::caller::Caller;
use super::input::{Body, Id};
use super::{Backing, Out, Portal};

type The<S, T> = State<Arc<Portal<S, T>>>;
type Answer<B> = Result<Json<B>, Problem>;

pub(super) async fn create<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Body(body): Body,
) -> Result<(StatusCode, Json<SubscriptionView>), Problem> {
    let (state, chance) = (&portal.state, portal.chance());
    let made = subscriptions::create(&state.store, &tenant, &body, &portal.allowed, &chance, state.now());
    Ok((StatusCode::CREATED, Json(made.await?)))
}

pub(super) async fn list<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    RawQuery(query): RawQuery,
) -> Answer<Page<SubscriptionView>> {
    let state = &portal.state;
    Ok(Json(subscriptions::list(&state.store, &tenant, query.as_deref(), state.now()).await?))
}

pub(super) async fn get<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Id(id): Id<SubscriptionId>,
) -> Answer<SubscriptionView> {
    let state = &portal.state;
    Ok(Json(subscriptions::get(&state.store, &tenant, &id, state.now()).await?))
}

pub(super) async fn change<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Id(id): Id<SubscriptionId>,
    Body(body): Body,
) -> Answer<SubscriptionView> {
    let (state, chance) = (&portal.state, portal.chance());
    let changed = subscriptions::change(&state.store, &tenant, &id, &body, &portal.allowed, &chance, state.now());
    Ok(Json(changed.await?))
}

pub(super) async fn delete<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Id(id): Id<SubscriptionId>,
) -> Result<StatusCode, Problem> {
    subscriptions::delete(&portal.state.store, &tenant, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn rotate_secret<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Id(id): Id<SubscriptionId>,
    Body(body): Body,
) -> Answer<Rotated> {
    let (state, chance) = (&portal.state, portal.chance());
    let rotated = subscriptions::rotate_secret(&state.store, &tenant, &id, &body, &chance, state.now());
    Ok(Json(rotated.await?))
}

pub(super) async fn test<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Id(id): Id<SubscriptionId>,
) -> Answer<Tested> {
    let (state, chance) = (&portal.state, portal.chance());
    let tested = test_send::send(&state.store, &portal.sender, &tenant, &id, &portal.allowed, &chance, state.now());
    Ok(Json(tested.await?))
}

pub(super) async fn recover<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Id(id): Id<SubscriptionId>,
    Body(body): Body,
) -> Result<(StatusCode, Json<Recovered>), Problem> {
    let recovered = replay::recover(&portal.state.store, &tenant, &id, &body, &portal.horizon).await?;
    Ok((StatusCode::ACCEPTED, Json(recovered)))
}
