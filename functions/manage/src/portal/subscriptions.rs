//! `/api/v1/tenant/webhooks/subscriptions`

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use gancho::lambda::http::Problem;
use gancho::lambda::problem_schema::ProblemDocument;
use gancho::manage::described::queries::PageQuery;
use gancho::manage::described::subscriptions::{
    NewSubscriptionBody, RecoverBody, RotateSecretBody, SubscriptionPatchBody,
};
use gancho::manage::page::Page;
use gancho::manage::replay::{self, Recovered};
use gancho::manage::subscription_view::SubscriptionView;
use gancho::manage::subscriptions::{self, Rotated};
use gancho::manage::test_send::{self, Tested};
use gancho::model::ids::SubscriptionId;

use super::caller::Caller;
use super::{Backing, Out, Portal};
use crate::body::{Named, Raw};

type The<S, T> = State<Arc<Portal<S, T>>>;
type Answer<B> = Result<Json<B>, Problem>;

/// Makes a subscription.
#[utoipa::path(post, path = "/subscriptions", operation_id = "create_subscription", tag = "subscriptions", security(("tenant_key" = [])),
    request_body = NewSubscriptionBody,
    responses(
        (status = 201, description = "Its secret is shown this once.", body = SubscriptionView),
        (status = 409, description = "`subscription_exists` or `too_many_subscriptions`.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn create<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Raw(body): Raw,
) -> Result<(StatusCode, Json<SubscriptionView>), Problem> {
    let (state, chance) = (&portal.state, portal.chance());
    let made = subscriptions::create(&state.store, &tenant, &body, &portal.allowed, &chance, state.now());
    Ok((StatusCode::CREATED, Json(made.await?)))
}

/// Lists subscriptions.
#[utoipa::path(get, path = "/subscriptions", operation_id = "list_subscriptions", tag = "subscriptions", security(("tenant_key" = [])),
    params(PageQuery),
    responses((status = 200, description = "A page.", body = Page<SubscriptionView>)),
)]
pub(super) async fn list<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    RawQuery(query): RawQuery,
) -> Answer<Page<SubscriptionView>> {
    let state = &portal.state;
    Ok(Json(subscriptions::list(&state.store, &tenant, query.as_deref(), state.now()).await?))
}

/// Shows a subscription.
#[utoipa::path(get, path = "/subscriptions/{id}", operation_id = "read_subscription", tag = "subscriptions", security(("tenant_key" = [])),
    params(("id" = SubscriptionId, Path, description = "The subscription.")),
    responses((status = 200, description = "The subscription.", body = SubscriptionView)),
)]
pub(super) async fn get<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Named(id): Named<SubscriptionId>,
) -> Answer<SubscriptionView> {
    let state = &portal.state;
    Ok(Json(subscriptions::get(&state.store, &tenant, &id, state.now()).await?))
}

/// Changes a subscription.
#[utoipa::path(patch, path = "/subscriptions/{id}", operation_id = "change_subscription", tag = "subscriptions", security(("tenant_key" = [])),
    params(("id" = SubscriptionId, Path, description = "The subscription.")),
    request_body = SubscriptionPatchBody,
    responses(
        (status = 200, description = "The subscription after it.", body = SubscriptionView),
        (status = 409, description = "`subscription_exists` or `conflict`.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn change<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Named(id): Named<SubscriptionId>,
    Raw(body): Raw,
) -> Answer<SubscriptionView> {
    let (state, chance) = (&portal.state, portal.chance());
    let changed = subscriptions::change(&state.store, &tenant, &id, &body, &portal.allowed, &chance, state.now());
    Ok(Json(changed.await?))
}

/// Deletes a subscription.
#[utoipa::path(delete, path = "/subscriptions/{id}", operation_id = "delete_subscription", tag = "subscriptions", security(("tenant_key" = [])),
    params(("id" = SubscriptionId, Path, description = "The subscription.")),
    responses(
        (status = 204, description = "Deliveries under way are cancelled when their turn comes."),
        (status = 409, description = "`conflict`.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn delete<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Named(id): Named<SubscriptionId>,
) -> Result<StatusCode, Problem> {
    subscriptions::delete(&portal.state.store, &tenant, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a subscription another secret.
#[utoipa::path(post, path = "/subscriptions/{id}/rotate-secret", operation_id = "rotate_secret", tag = "subscriptions", security(("tenant_key" = [])),
    params(("id" = SubscriptionId, Path, description = "The subscription.")),
    request_body(content = Option<RotateSecretBody>),
    responses(
        (status = 200, description = "The new secret, shown this once.", body = Rotated),
        (status = 409, description = "`conflict`.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn rotate_secret<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Named(id): Named<SubscriptionId>,
    Raw(body): Raw,
) -> Answer<Rotated> {
    let (state, chance) = (&portal.state, portal.chance());
    let rotated = subscriptions::rotate_secret(&state.store, &tenant, &id, &body, &chance, state.now());
    Ok(Json(rotated.await?))
}

/// Sends `webhook.test` now.
#[utoipa::path(post, path = "/subscriptions/{id}/test", operation_id = "test_subscription", tag = "subscriptions", security(("tenant_key" = [])),
    params(("id" = SubscriptionId, Path, description = "The subscription.")),
    responses((status = 200, description = "What came of it, also when the receiver failed.", body = Tested)),
)]
pub(super) async fn test<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Named(id): Named<SubscriptionId>,
) -> Answer<Tested> {
    let (state, chance) = (&portal.state, portal.chance());
    let tested = test_send::send(&state.store, &portal.sender, &tenant, &id, &portal.allowed, &chance, state.now());
    Ok(Json(tested.await?))
}

/// Replays what failed or was exhausted since a time.
#[utoipa::path(post, path = "/subscriptions/{id}/recover", operation_id = "recover_subscription", tag = "subscriptions", security(("tenant_key" = [])),
    params(("id" = SubscriptionId, Path, description = "The subscription.")),
    request_body = RecoverBody,
    responses(
        (status = 202, description = "How much is on its way again.", body = Recovered),
        (status = 409, description = "`subscription_inactive`.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn recover<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Named(id): Named<SubscriptionId>,
    Raw(body): Raw,
) -> Result<(StatusCode, Json<Recovered>), Problem> {
    let recovered = replay::recover(&portal.state.store, &tenant, &id, &body, &portal.horizon).await?;
    Ok((StatusCode::ACCEPTED, Json(recovered)))
}
