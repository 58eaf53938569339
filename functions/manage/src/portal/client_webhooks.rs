//! `/api/webhooks`

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use gancho::lambda::http::Problem;
use gancho::lambda::problem_schema::ProblemDocument;
use gancho::manage::client_webhooks::audit::{EventDetail, EventRow};
use gancho::manage::client_webhooks::view::{WebhookAnswer, WebhookView};
use gancho::manage::client_webhooks::{self as webhooks, audit};
use gancho::manage::described::client_webhooks::{NewWebhookBody, WebhookPatchBody};
use gancho::manage::described::queries::{PageQuery, WebhookEventsQuery};
use gancho::manage::page::Page;
use gancho::manage::test_send::Tested;
use gancho::model::ids::{DeliveryId, SubscriptionId};

use super::caller::Caller;
use super::{Backing, Out, Portal};
use crate::body::{Named, NamedTwo, Raw};

type The<S, T> = State<Arc<Portal<S, T>>>;
type Answer<B> = Result<Json<B>, Problem>;

/// Registers a webhook.
#[utoipa::path(post, path = "/register", operation_id = "register_webhook", tag = "whatsapp webhooks", security(("tenant_key" = [])),
    request_body = NewWebhookBody,
    responses(
        (status = 201, description = "Its secret is shown this once.", body = WebhookAnswer),
        (status = 409, description = "`subscription_exists` or `too_many_subscriptions`.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn register<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Raw(body): Raw,
) -> Result<(StatusCode, Json<WebhookAnswer>), Problem> {
    let (state, chance) = (&portal.state, portal.chance());
    let made = webhooks::register(&state.store, &tenant, &body, &portal.allowed, &chance, state.now());
    Ok((StatusCode::CREATED, Json(made.await?)))
}

/// Lists webhooks.
#[utoipa::path(get, path = "/list", operation_id = "list_webhooks", tag = "whatsapp webhooks", security(("tenant_key" = [])),
    params(PageQuery),
    responses((status = 200, description = "A page.", body = Page<WebhookView>)),
)]
pub(super) async fn list<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    RawQuery(query): RawQuery,
) -> Answer<Page<WebhookView>> {
    let state = &portal.state;
    Ok(Json(webhooks::list(&state.store, &tenant, query.as_deref(), state.now()).await?))
}

/// Shows a webhook.
#[utoipa::path(get, path = "/{id}", operation_id = "read_webhook", tag = "whatsapp webhooks", security(("tenant_key" = [])),
    params(("id" = SubscriptionId, Path, description = "The webhook.")),
    responses((status = 200, description = "The webhook.", body = WebhookAnswer)),
)]
pub(super) async fn get<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Named(id): Named<SubscriptionId>,
) -> Answer<WebhookAnswer> {
    let state = &portal.state;
    Ok(Json(webhooks::get(&state.store, &tenant, &id, state.now()).await?))
}

/// Changes a webhook.
#[utoipa::path(patch, path = "/{id}", operation_id = "change_webhook", tag = "whatsapp webhooks", security(("tenant_key" = [])),
    params(("id" = SubscriptionId, Path, description = "The webhook.")),
    request_body = WebhookPatchBody,
    responses(
        (status = 200, description = "The webhook after it.", body = WebhookAnswer),
        (status = 409, description = "`subscription_exists` or `conflict`.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn change<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Named(id): Named<SubscriptionId>,
    Raw(body): Raw,
) -> Answer<WebhookAnswer> {
    let (state, chance) = (&portal.state, portal.chance());
    let changed = webhooks::change(&state.store, &tenant, &id, &body, &portal.allowed, &chance, state.now());
    Ok(Json(changed.await?))
}

/// The same as PATCH: what is not named stays.
#[utoipa::path(put, path = "/{id}", operation_id = "update_webhook", tag = "whatsapp webhooks", security(("tenant_key" = [])),
    params(("id" = SubscriptionId, Path, description = "The webhook.")),
    request_body = WebhookPatchBody,
    responses(
        (status = 200, description = "The webhook after it.", body = WebhookAnswer),
        (status = 409, description = "`subscription_exists` or `conflict`.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn update<S: Backing, T: Out>(
    portal: The<S, T>,
    caller: Caller,
    id: Named<SubscriptionId>,
    body: Raw,
) -> Answer<WebhookAnswer> {
    change(portal, caller, id, body).await
}

/// Deletes a webhook.
#[utoipa::path(delete, path = "/{id}", operation_id = "delete_webhook", tag = "whatsapp webhooks", security(("tenant_key" = [])),
    params(("id" = SubscriptionId, Path, description = "The webhook.")),
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
    webhooks::delete(&portal.state.store, &tenant, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists what was sent to a webhook, newest first.
#[utoipa::path(get, path = "/{id}/events", operation_id = "list_webhook_events", tag = "whatsapp webhooks", security(("tenant_key" = [])),
    params(("id" = SubscriptionId, Path, description = "The webhook."), WebhookEventsQuery),
    responses((status = 200, description = "A page. It may be shorter than asked for and still have a successor.", body = Page<EventRow>)),
)]
pub(super) async fn events<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Named(id): Named<SubscriptionId>,
    RawQuery(query): RawQuery,
) -> Answer<Page<EventRow>> {
    Ok(Json(audit::list(&portal.state.store, &tenant, &id, query.as_deref(), &portal.horizon).await?))
}

/// Shows what was sent to a webhook, with its attempts.
#[utoipa::path(get, path = "/{id}/events/{event_id}", operation_id = "read_webhook_event", tag = "whatsapp webhooks", security(("tenant_key" = [])),
    params(
        ("id" = SubscriptionId, Path, description = "The webhook."),
        ("event_id" = DeliveryId, Path, description = "The `id` of its row."),
    ),
    responses((status = 200, description = "What was sent.", body = EventDetail)),
)]
pub(super) async fn event<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    NamedTwo(id, event): NamedTwo<SubscriptionId, DeliveryId>,
) -> Answer<EventDetail> {
    let state = &portal.state;
    Ok(Json(audit::get(&state.store, &tenant, &id, &event, state.now()).await?))
}

/// Sends again what was sent to a webhook.
#[utoipa::path(post, path = "/{id}/events/{event_id}/retry", operation_id = "retry_webhook_event", tag = "whatsapp webhooks", security(("tenant_key" = [])),
    params(
        ("id" = SubscriptionId, Path, description = "The webhook."),
        ("event_id" = DeliveryId, Path, description = "The `id` of its row."),
    ),
    responses(
        (status = 202, description = "On its way again, under the same `webhook-id`.", body = EventRow),
        (status = 409, description = "`not_ended`, `erased` or `subscription_inactive`.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn retry<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    NamedTwo(id, event): NamedTwo<SubscriptionId, DeliveryId>,
) -> Result<(StatusCode, Json<EventRow>), Problem> {
    let retried = audit::retry(&portal.state.store, &tenant, &id, &event, &portal.horizon).await?;
    Ok((StatusCode::ACCEPTED, Json(retried)))
}

/// Sends `webhook.test` now.
#[utoipa::path(post, path = "/{id}/test", operation_id = "test_webhook", tag = "whatsapp webhooks", security(("tenant_key" = [])),
    params(("id" = SubscriptionId, Path, description = "The webhook.")),
    responses((status = 200, description = "What came of it, also when the receiver failed.", body = Tested)),
)]
pub(super) async fn test<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Named(id): Named<SubscriptionId>,
) -> Answer<Tested> {
    let (state, chance) = (&portal.state, portal.chance());
    let tested = webhooks::test(&state.store, &portal.sender, &tenant, &id, &portal.allowed, &chance, state.now());
    Ok(Json(tested.await?))
}
