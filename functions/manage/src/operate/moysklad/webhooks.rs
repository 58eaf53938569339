//! `/api/v1/admin/moysklad/webhooks`, `…/health-check`

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State as Extract};
use gancho::lambda::http::Problem;
use gancho::lambda::problem_schema::ProblemDocument;
use gancho::manage::described::moysklad::{AccountsQuery, ForcibleSelectionBody, SelectionBody};
use gancho::manage::moysklad::desk::HookClients;
use gancho::manage::moysklad::health::{self, Health};
use gancho::manage::moysklad::selection::Selection;
use gancho::manage::moysklad::webhooks::{self, HooksDone, HooksView};
use gancho::manage::page::Page;

use super::{Backing, Office};
use crate::address::Base;
use crate::body::Fields;

/// Gives each account the webhooks it is to have. Doing it twice does nothing more.
#[utoipa::path(post, path = "/webhooks/setup", operation_id = "set_up_moysklad_webhooks", tag = "moysklad", security(("admin_token" = [])),
    request_body = SelectionBody,
    responses(
        (status = 200, description = "What was done, for each account by itself. What was not reached in time is said to be so; with `all`, `next_cursor` goes on there.",
            body = Page<HooksDone>),
        (status = 404, description = "`not_found`: there is no such account, or it is another tenant's.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn set_up<S: Backing, C: HookClients + 'static>(
    Extract(office): Extract<Arc<Office<S, C>>>,
    base: Base,
    Fields(fields): Fields,
) -> Result<Json<Page<HooksDone>>, Problem> {
    let selection = Selection::read(fields)?;
    Ok(Json(office.at_the_desk(&base, async |desk| webhooks::set_up(desk, selection).await).await?))
}

/// Deletes our webhooks of each account. Those of others are never touched.
#[utoipa::path(post, path = "/webhooks/delete-all", operation_id = "delete_moysklad_webhooks", tag = "moysklad", security(("admin_token" = [])),
    request_body = ForcibleSelectionBody,
    responses(
        (status = 200, description = "What was done, for each account by itself.", body = Page<HooksDone>),
        (status = 404, description = "`not_found`: there is no such account, or it is another tenant's.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn delete_all<S: Backing, C: HookClients + 'static>(
    Extract(office): Extract<Arc<Office<S, C>>>,
    base: Base,
    Fields(fields): Fields,
) -> Result<Json<Page<HooksDone>>, Problem> {
    let (selection, force) = Selection::read_forcible(fields)?;
    Ok(Json(office.at_the_desk(&base, async |desk| webhooks::delete_all(desk, selection, force).await).await?))
}

/// Lists the webhooks that MoySklad has of each account, without their addresses.
#[utoipa::path(get, path = "/webhooks", operation_id = "list_moysklad_webhooks", tag = "moysklad", security(("admin_token" = [])),
    params(AccountsQuery),
    responses(
        (status = 200, description = "The webhooks, for each account by itself.", body = Page<HooksView>),
        (status = 404, description = "`not_found`: there is no such account, or it is another tenant's.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list<S: Backing, C: HookClients + 'static>(
    Extract(office): Extract<Arc<Office<S, C>>>,
    base: Base,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<HooksView>>, Problem> {
    let selection = Selection::parse(query.as_deref())?;
    Ok(Json(office.at_the_desk(&base, async |desk| webhooks::list(desk, selection).await).await?))
}

/// Looks each account over: what is wrong with it. Nothing is mended.
#[utoipa::path(get, path = "/health-check", operation_id = "check_moysklad_health", tag = "moysklad", security(("admin_token" = [])),
    params(AccountsQuery),
    responses(
        (status = 200, description = "How each account is.", body = Page<Health>),
        (status = 404, description = "`not_found`: there is no such account, or it is another tenant's.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn look_over<S: Backing, C: HookClients + 'static>(
    Extract(office): Extract<Arc<Office<S, C>>>,
    base: Base,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<Health>>, Problem> {
    let selection = Selection::parse(query.as_deref())?;
    Ok(Json(office.at_the_desk(&base, async |desk| health::check(desk, selection).await).await?))
}

/// The same, of accounts that are named in a body.
#[utoipa::path(post, path = "/health-check", operation_id = "check_moysklad_health_of", tag = "moysklad", security(("admin_token" = [])),
    request_body = SelectionBody,
    responses(
        (status = 200, description = "How each account is.", body = Page<Health>),
        (status = 404, description = "`not_found`: there is no such account, or it is another tenant's.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn check<S: Backing, C: HookClients + 'static>(
    Extract(office): Extract<Arc<Office<S, C>>>,
    base: Base,
    Fields(fields): Fields,
) -> Result<Json<Page<Health>>, Problem> {
    let selection = Selection::read(fields)?;
    Ok(Json(office.at_the_desk(&base, async |desk| health::check(desk, selection).await).await?))
}
