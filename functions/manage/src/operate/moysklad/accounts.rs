//! `/api/v1/admin/moysklad/accounts`

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State as Extract};
use axum::http::StatusCode;
use gancho::lambda::http::Problem;
use gancho::lambda::problem_schema::ProblemDocument;
use gancho::manage::described::moysklad::{AccountPatchBody, AccountsQuery, NewAccountBody, RemovalQuery, TenantQuery};
use gancho::manage::moysklad::account_body::{AccountPatch, NewAccount};
use gancho::manage::moysklad::accounts::{self, AccountView, Gone};
use gancho::manage::moysklad::desk::HookClients;
use gancho::manage::moysklad::selection;
use gancho::manage::page::Page;
use gancho::model::moysklad::AccountId;

use super::{Backing, Office};
use crate::address::Base;
use crate::body::{Fields, Named};

/// Sets an account up, with a source of its own.
#[utoipa::path(post, path = "/accounts", operation_id = "create_moysklad_account", tag = "moysklad", security(("admin_token" = [])),
    request_body = NewAccountBody,
    responses(
        (status = 201, description = "The account. Its webhooks are set up by a call of their own.", body = AccountView),
        (status = 409, description = "`account_taken`: it is set up already. `conflict`: changed at the same time.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn create<S: Backing, C: HookClients + 'static>(
    Extract(office): Extract<Arc<Office<S, C>>>,
    Fields(fields): Fields,
) -> Result<(StatusCode, Json<AccountView>), Problem> {
    let new = NewAccount::read(fields)?;
    let state = &office.state;
    let made = accounts::create(&state.store, new, &state.chances(), &state.config.timing, state.now()).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Lists accounts.
#[utoipa::path(get, path = "/accounts", operation_id = "list_moysklad_accounts", tag = "moysklad", security(("admin_token" = [])),
    params(AccountsQuery),
    responses(
        (status = 200, description = "A page.", body = Page<AccountView>),
        (status = 404, description = "`not_found`: there is no such account, or it is another tenant's.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list<S: Backing, C: HookClients + 'static>(
    Extract(office): Extract<Arc<Office<S, C>>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<AccountView>>, Problem> {
    Ok(Json(accounts::list(&office.state.store, query.as_deref()).await?))
}

/// Shows an account.
#[utoipa::path(get, path = "/accounts/{account_id}", operation_id = "read_moysklad_account", tag = "moysklad", security(("admin_token" = [])),
    params(("account_id" = AccountId, Path, description = "The account."), TenantQuery),
    responses((status = 200, description = "The account.", body = AccountView)),
)]
pub(super) async fn read<S: Backing, C: HookClients + 'static>(
    Extract(office): Extract<Arc<Office<S, C>>>,
    Named(id): Named<AccountId>,
    RawQuery(query): RawQuery,
) -> Result<Json<AccountView>, Problem> {
    let tenant = accounts::tenant_of(query.as_deref())?;
    let account = selection::find(&office.state.store, tenant.as_ref(), id).await?;
    Ok(Json(account.ok_or_else(Problem::not_found)?.into()))
}

/// Changes an account.
#[utoipa::path(patch, path = "/accounts/{account_id}", operation_id = "change_moysklad_account", tag = "moysklad", security(("admin_token" = [])),
    params(("account_id" = AccountId, Path, description = "The account."), TenantQuery),
    request_body(content = Option<AccountPatchBody>),
    responses(
        (status = 200, description = "The account after it. What its webhooks are to tell of may have changed: set them up again.",
            body = AccountView),
        (status = 409, description = "`has_children`: it stays a main account. `conflict`: changed at the same time.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn change<S: Backing, C: HookClients + 'static>(
    Extract(office): Extract<Arc<Office<S, C>>>,
    Named(id): Named<AccountId>,
    RawQuery(query): RawQuery,
    Fields(fields): Fields,
) -> Result<Json<AccountView>, Problem> {
    let tenant = accounts::tenant_of(query.as_deref())?;
    let patch = AccountPatch::read(fields)?;
    let state = &office.state;
    let (chance, timing) = (state.chances(), &state.config.timing);
    let which = (tenant.as_ref(), id);
    Ok(Json(accounts::change(&state.store, which, patch, &chance, timing, state.now()).await?.into()))
}

/// Takes an account away: its webhooks at MoySklad first, then its source and itself.
#[utoipa::path(delete, path = "/accounts/{account_id}", operation_id = "delete_moysklad_account", tag = "moysklad", security(("admin_token" = [])),
    params(("account_id" = AccountId, Path, description = "The account."), RemovalQuery),
    responses(
        (status = 200, description = "It is gone. What was in its line is not written any more.", body = Gone),
        (status = 409, description = "`has_children`: it is the main account of others. `conflict`: changed at the same time.",
            body = ProblemDocument, content_type = "application/problem+json"),
        (status = 502, description = "`upstream_failed`: MoySklad did not delete its webhooks. `force=true` passes over that.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn remove<S: Backing, C: HookClients + 'static>(
    Extract(office): Extract<Arc<Office<S, C>>>,
    Named(id): Named<AccountId>,
    base: Base,
    RawQuery(query): RawQuery,
) -> Result<Json<Gone>, Problem> {
    let (tenant, force) = accounts::removal(query.as_deref())?;
    let gone = office.at_the_desk(&base, async |desk| accounts::remove(desk, tenant.as_ref(), id, force).await);
    Ok(Json(gone.await?))
}
