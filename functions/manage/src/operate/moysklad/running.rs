//! `/api/v1/admin/moysklad/stats`, `…/loops`, `…/resync`, `…/emergency-stop`

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State as Extract};
use axum::http::StatusCode;
use gancho::lambda::http::Problem;
use gancho::lambda::problem_schema::ProblemDocument;
use gancho::manage::described::moysklad::{
    AccountsQuery, AccountsStatsQuery, CloseLoopBody, ResyncBody, ResyncQuery, StopBody,
};
use gancho::manage::moysklad::desk::HookClients;
use gancho::manage::moysklad::emergency::{self, Stop};
use gancho::manage::moysklad::loops::{self, Closed, OpenLoop};
use gancho::manage::moysklad::resync::{self, Progress, Started};
use gancho::manage::moysklad::stats::{self, Stats};
use gancho::manage::page::Page;

use super::{Backing, Office};
use crate::body::Fields;
use crate::operate::answer::listed_whole;

/// How accounts are doing.
#[utoipa::path(get, path = "/stats", operation_id = "read_moysklad_stats", tag = "moysklad", security(("admin_token" = [])),
    params(AccountsStatsQuery),
    responses(
        (status = 200, description = "Counts by the hour, and what waits.", body = Stats),
        (status = 404, description = "`not_found`: there is no such account, or it is another tenant's.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn stats<S: Backing, C: HookClients + 'static>(
    Extract(office): Extract<Arc<Office<S, C>>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Stats>, Problem> {
    Ok(Json(stats::read(&office.state.store, query.as_deref(), office.now()).await?))
}

/// Lists entities that change too often and are left alone.
#[utoipa::path(get, path = "/loops", operation_id = "list_moysklad_loops", tag = "moysklad", security(("admin_token" = [])),
    params(AccountsQuery),
    responses(
        (status = 200, description = "Those of one account, or of a page of all.", body = Page<OpenLoop>),
        (status = 404, description = "`not_found`: there is no such account, or it is another tenant's.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn loops<S: Backing, C: HookClients + 'static>(
    Extract(office): Extract<Arc<Office<S, C>>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<OpenLoop>>, Problem> {
    Ok(Json(loops::list(&office.state.store, query.as_deref(), office.now()).await?))
}

/// Lets an entity go, and has it looked at again: changes of it were held.
#[utoipa::path(post, path = "/loops/close", operation_id = "close_moysklad_loop", tag = "moysklad", security(("admin_token" = [])),
    request_body = CloseLoopBody,
    responses(
        (status = 200, description = "It is counted from nothing again.", body = Closed),
        (status = 404, description = "`not_found`: no such entity has changed lately.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn close_loop<S: Backing, C: HookClients + 'static>(
    Extract(office): Extract<Arc<Office<S, C>>>,
    Fields(fields): Fields,
) -> Result<Json<Closed>, Problem> {
    let wish = loops::Wish::read(fields)?;
    Ok(Json(loops::close(&office.state.store, wish, office.now()).await?))
}

/// Begins a full resync: everything that a child should have is looked at.
#[utoipa::path(post, path = "/resync", operation_id = "begin_moysklad_resync", tag = "moysklad", security(("admin_token" = [])),
    request_body = ResyncBody,
    responses(
        (status = 202, description = "What became of it for each child.", body = Page<Started>),
        (status = 404, description = "`not_found`: there is no such account, or it is another tenant's.",
            body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "`already_running` or `account_disabled`, of a single child.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn resync<S: Backing, C: HookClients + 'static>(
    Extract(office): Extract<Arc<Office<S, C>>>,
    Fields(fields): Fields,
) -> Result<(StatusCode, Json<Page<Started>>), Problem> {
    let wish = resync::Wish::read(fields)?;
    let state = &office.state;
    let begun = resync::begin(&state.store, &wish, &state.config.timing, state.now()).await?;
    Ok((StatusCode::ACCEPTED, listed_whole(begun)))
}

/// How far the resync of a child has come, or of each of a main account's.
#[utoipa::path(get, path = "/resync", operation_id = "read_moysklad_resync", tag = "moysklad", security(("admin_token" = [])),
    params(ResyncQuery),
    responses(
        (status = 200, description = "All of them.", body = Page<Progress>),
        (status = 404, description = "`not_found`: there is no such account, or it is another tenant's.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn resync_progress<S: Backing, C: HookClients + 'static>(
    Extract(office): Extract<Arc<Office<S, C>>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<Progress>>, Problem> {
    let wish = resync::Wish::parse(query.as_deref())?;
    Ok(listed_whole(resync::progress(&office.state.store, &wish).await?))
}

/// Stops everything of MoySklad's, as the switch `provider:moysklad` does, and says who is still at work. Nothing is emptied:
/// webhooks are answered 2xx and stored, what was marked waits, and all of it goes on where it stood.
#[utoipa::path(post, path = "/emergency-stop", operation_id = "stop_moysklad", tag = "moysklad", security(("admin_token" = [])),
    request_body(content = Option<StopBody>),
    responses((status = 200, description = "It is stopped; every worker hears of it within ten seconds.", body = Stop)),
)]
pub(super) async fn stop<S: Backing, C: HookClients + 'static>(
    Extract(office): Extract<Arc<Office<S, C>>>,
    Fields(fields): Fields,
) -> Result<Json<Stop>, Problem> {
    let turn = emergency::wish(fields)?;
    Ok(Json(emergency::stop(&office.state.store, turn, office.now()).await?))
}

/// Whether all is quiet.
#[utoipa::path(get, path = "/emergency-stop", operation_id = "read_moysklad_stop", tag = "moysklad", security(("admin_token" = [])),
    responses((status = 200, description = "Whether it is stopped, and who is at work.", body = Stop)),
)]
pub(super) async fn stopped<S: Backing, C: HookClients + 'static>(
    Extract(office): Extract<Arc<Office<S, C>>>,
) -> Result<Json<Stop>, Problem> {
    Ok(Json(emergency::read(&office.state.store, office.now()).await?))
}

/// Lets everything go on.
#[utoipa::path(delete, path = "/emergency-stop", operation_id = "lift_moysklad_stop", tag = "moysklad", security(("admin_token" = [])),
    responses((status = 200, description = "It goes on. Sweep rings for what waited within a minute.", body = Stop)),
)]
pub(super) async fn lift<S: Backing, C: HookClients + 'static>(
    Extract(office): Extract<Arc<Office<S, C>>>,
) -> Result<Json<Stop>, Problem> {
    Ok(Json(emergency::lift(&office.state.store, office.now()).await?))
}
