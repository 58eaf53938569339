//! `/api/v1/admin/tenants`, and their keys.

use axum::Json;
use axum::extract::{RawQuery, State as Extract};
use axum::http::StatusCode;
use gancho::lambda::http::Problem;
use gancho::manage::api_keys::{self, NewKey};
use gancho::manage::query_fields::QueryFields;
use gancho::manage::tenants::{self, TenantFields};
use gancho::model::api_key::ApiKey;
use gancho::model::ids::{KeyId, TenantId};
use gancho::model::tenant::Tenant;
use serde_json::{Value, json};

use super::Backing;
use super::answer::{listed, listed_whole};
use crate::body::{Fields, Named, NamedTwo};
use crate::state::Shared;

fn shown(tenant: &Tenant) -> Value {
    json!({
        "id": tenant.id,
        "name": tenant.name,
        "enabled": tenant.enabled,
        "created_at": tenant.created_at,
    })
}

fn key_shown(key: &ApiKey) -> Value {
    json!({
        "id": key.id,
        "tenant_id": key.tenant,
        "name": key.name,
        "hint": key.hint,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "expires_at": key.valid_until,
    })
}

/// `POST /tenants`
pub(super) async fn create<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Fields(fields): Fields,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let fields = TenantFields::read(fields, true)?;
    let now = state.now();
    let id = TenantId::new(now, state.chance());
    let tenant = tenants::create(&state.store, id, fields, now).await?;
    tracing::info!(tenant.id = %tenant.id, "a tenant was made");
    Ok((StatusCode::CREATED, Json(shown(&tenant))))
}

/// `GET /tenants`
pub(super) async fn list<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let (limit, before) = QueryFields::page::<TenantId>(query.as_deref())?;
    let tenants = state.store.tenants(before.as_ref(), limit + 1).await?;
    Ok(listed(tenants, limit, shown, |tenant| tenant.id.to_string()))
}

/// `GET /tenants/{id}`
pub(super) async fn read<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(id): Named<TenantId>,
) -> Result<Json<Value>, Problem> {
    let tenant = state.store.tenant(&id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(shown(&tenant)))
}

/// `PATCH /tenants/{id}`
pub(super) async fn change<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(id): Named<TenantId>,
    Fields(fields): Fields,
) -> Result<Json<Value>, Problem> {
    let fields = TenantFields::read(fields, false)?;
    let tenant = tenants::change(&state.store, &id, fields).await?;
    tracing::info!(tenant.id = %id, tenant.enabled = tenant.enabled, "a tenant was changed");
    Ok(Json(shown(&tenant)))
}

/// `DELETE /tenants/{id}`
pub(super) async fn remove<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(id): Named<TenantId>,
) -> Result<StatusCode, Problem> {
    tenants::remove(&state.store, &id).await?;
    tracing::info!(tenant.id = %id, "a tenant was taken away");
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /tenants/{id}/keys`
pub(super) async fn create_key<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(tenant): Named<TenantId>,
    Fields(fields): Fields,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let now = state.now();
    let new = NewKey::read(fields, now)?;
    let made = api_keys::create(&state.store, &tenant, new, state.chance(), state.chance(), now).await;
    let (key, credential) = made?;
    tracing::info!(tenant.id = %tenant, key.id = %key.id, "a key was made");
    let mut answer = key_shown(&key);
    answer["key"] = credential.expose().into();
    Ok((StatusCode::CREATED, Json(answer)))
}

/// `GET /tenants/{id}/keys`
pub(super) async fn list_keys<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(tenant): Named<TenantId>,
) -> Result<Json<Value>, Problem> {
    let keys = api_keys::list(&state.store, &tenant).await?;
    Ok(listed_whole(&keys, key_shown))
}

/// `DELETE /tenants/{id}/keys/{key_id}`
pub(super) async fn remove_key<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    NamedTwo(tenant, key): NamedTwo<TenantId, KeyId>,
) -> Result<StatusCode, Problem> {
    api_keys::remove(&state.store, &tenant, &key).await?;
    tracing::info!(tenant.id = %tenant, key.id = %key, "a key was taken away");
    Ok(StatusCode::NO_CONTENT)
}
