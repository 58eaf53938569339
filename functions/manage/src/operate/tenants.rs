//! `/api/v1/admin/tenants`, and their keys.

use axum::Json;
use axum::extract::{RawQuery, State as Extract};
use axum::http::StatusCode;
use gancho::lambda::http::Problem;
use gancho::lambda::problem_schema::ProblemDocument;
use gancho::manage::api_keys::{self, NewKey};
use gancho::manage::described::operator::{NewKeyBody, NewTenantBody, TenantPatchBody};
use gancho::manage::described::queries::PageQuery;
use gancho::manage::page::Page;
use gancho::manage::query_fields::QueryFields;
use gancho::manage::tenants::{self, TenantFields};
use gancho::model::api_key::ApiKey;
use gancho::model::ids::{KeyId, TenantId};
use gancho::model::tenant::Tenant;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Backing;
use super::answer::{listed, listed_whole};
use crate::body::{Fields, Named, NamedTwo};
use crate::state::Shared;

/// A tenant, as the operator sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Tenant)]
pub(super) struct TenantView {
    id: TenantId,
    name: String,
    /// Whether its keys and sources open anything.
    enabled: bool,
    created_at: Timestamp,
}

impl From<Tenant> for TenantView {
    fn from(Tenant { id, name, enabled, created_at, .. }: Tenant) -> Self {
        Self { id, name, enabled, created_at }
    }
}

/// A key, as it is known once it was shown.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
pub(super) struct KeyView {
    id: KeyId,
    tenant_id: TenantId,
    /// What it is for.
    name: Option<String>,
    /// Its last four characters.
    hint: String,
    created_at: Timestamp,
    /// The hour in which it was last used.
    last_used_at: Option<Timestamp>,
    /// Until when it is valid.
    expires_at: Option<Timestamp>,
}

impl From<ApiKey> for KeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            tenant_id: key.tenant,
            name: key.name,
            hint: key.hint,
            created_at: key.created_at,
            last_used_at: key.last_used_at,
            expires_at: key.valid_until,
        }
    }
}

/// A key with what is shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct KeyMade {
    #[serde(flatten)]
    shown: KeyView,
    /// The key itself.
    key: String,
}

/// Makes a tenant.
#[utoipa::path(post, path = "/tenants", operation_id = "create_tenant", tag = "tenants", security(("admin_token" = [])),
    request_body = NewTenantBody,
    responses(
        (status = 201, description = "The tenant.", body = TenantView),
        (status = 409, description = "`conflict`: changed at the same time.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn create<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Fields(fields): Fields,
) -> Result<(StatusCode, Json<TenantView>), Problem> {
    let fields = TenantFields::read(fields, true)?;
    let now = state.now();
    let id = TenantId::new(now, state.chance());
    let tenant = tenants::create(&state.store, id, fields, now).await?;
    tracing::info!(tenant.id = %tenant.id, "a tenant was made");
    Ok((StatusCode::CREATED, Json(tenant.into())))
}

/// Lists tenants.
#[utoipa::path(get, path = "/tenants", operation_id = "list_tenants", tag = "tenants", security(("admin_token" = [])),
    params(PageQuery),
    responses((status = 200, description = "A page.", body = Page<TenantView>)),
)]
pub(super) async fn list<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<TenantView>>, Problem> {
    let (limit, before) = QueryFields::page::<TenantId>(query.as_deref())?;
    let tenants = state.store.tenants(before.as_ref(), limit + 1).await?;
    Ok(listed(tenants, limit, |tenant| tenant.id.to_string()))
}

/// Shows a tenant.
#[utoipa::path(get, path = "/tenants/{id}", operation_id = "read_tenant", tag = "tenants", security(("admin_token" = [])),
    params(("id" = TenantId, Path, description = "The tenant.")),
    responses((status = 200, description = "The tenant.", body = TenantView)),
)]
pub(super) async fn read<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(id): Named<TenantId>,
) -> Result<Json<TenantView>, Problem> {
    let tenant = state.store.tenant(&id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(tenant.into()))
}

/// Renames a tenant, closes and opens it.
#[utoipa::path(patch, path = "/tenants/{id}", operation_id = "change_tenant", tag = "tenants", security(("admin_token" = [])),
    params(("id" = TenantId, Path, description = "The tenant.")),
    request_body(content = Option<TenantPatchBody>),
    responses(
        (status = 200, description = "The tenant after it.", body = TenantView),
        (status = 409, description = "`conflict`: changed at the same time.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn change<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(id): Named<TenantId>,
    Fields(fields): Fields,
) -> Result<Json<TenantView>, Problem> {
    let fields = TenantFields::read(fields, false)?;
    let tenant = tenants::change(&state.store, &id, fields).await?;
    tracing::info!(tenant.id = %id, tenant.enabled = tenant.enabled, "a tenant was changed");
    Ok(Json(tenant.into()))
}

/// Takes a tenant away, and its keys and sources.
#[utoipa::path(delete, path = "/tenants/{id}", operation_id = "delete_tenant", tag = "tenants", security(("admin_token" = [])),
    params(("id" = TenantId, Path, description = "The tenant.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "`conflict`, `exists_from_the_start` or `too_many`.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn remove<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(id): Named<TenantId>,
) -> Result<StatusCode, Problem> {
    tenants::remove(&state.store, &id).await?;
    tracing::info!(tenant.id = %id, "a tenant was taken away");
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a key.
#[utoipa::path(post, path = "/tenants/{id}/keys", operation_id = "create_key", tag = "tenants", security(("admin_token" = [])),
    params(("id" = TenantId, Path, description = "The tenant.")),
    request_body(content = Option<NewKeyBody>),
    responses(
        (status = 201, description = "The key, shown this once.", body = KeyMade),
        (status = 409, description = "`too_many` or `conflict`.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn create_key<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(tenant): Named<TenantId>,
    Fields(fields): Fields,
) -> Result<(StatusCode, Json<KeyMade>), Problem> {
    let now = state.now();
    let new = NewKey::read(fields, now)?;
    let made = api_keys::create(&state.store, &tenant, new, state.chance(), state.chance(), now).await;
    let (key, credential) = made?;
    tracing::info!(tenant.id = %tenant, key.id = %key.id, "a key was made");
    Ok((StatusCode::CREATED, Json(KeyMade { shown: key.into(), key: credential.expose().to_owned() })))
}

/// Lists a tenant's keys.
#[utoipa::path(get, path = "/tenants/{id}/keys", operation_id = "list_keys", tag = "tenants", security(("admin_token" = [])),
    params(("id" = TenantId, Path, description = "The tenant.")),
    responses((status = 200, description = "All of them.", body = Page<KeyView>)),
)]
pub(super) async fn list_keys<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(tenant): Named<TenantId>,
) -> Result<Json<Page<KeyView>>, Problem> {
    let keys = api_keys::list(&state.store, &tenant).await?;
    Ok(listed_whole(keys))
}

/// Takes a key away.
#[utoipa::path(delete, path = "/tenants/{id}/keys/{key}", operation_id = "delete_key", tag = "tenants", security(("admin_token" = [])),
    params(("id" = TenantId, Path, description = "The tenant."), ("key" = KeyId, Path, description = "The key.")),
    responses((status = 204, description = "It opens nothing within ten seconds.")),
)]
pub(super) async fn remove_key<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    NamedTwo(tenant, key): NamedTwo<TenantId, KeyId>,
) -> Result<StatusCode, Problem> {
    api_keys::remove(&state.store, &tenant, &key).await?;
    tracing::info!(tenant.id = %tenant, key.id = %key, "a key was taken away");
    Ok(StatusCode::NO_CONTENT)
}
