//! `/api/v1/admin/sources`

use axum::Json;
use axum::extract::{RawQuery, State as Extract};
use axum::http::StatusCode;
use gancho::auth::Credential;
use gancho::lambda::http::Problem;
use gancho::manage::query_fields::QueryFields;
use gancho::manage::sources::{self, CreateError, NewSource, SourcePatch};
use gancho::model::field_error::FieldError;
use gancho::model::ids::SourceId;
use gancho::model::source::Source;
use serde_json::{Value, json};

use super::Backing;
use super::address::Base;
use super::answer::listed;
use crate::body::{Fields, Named, unacceptable};
use crate::state::Shared;

/// Without its token: that is shown once, when it is made.
fn shown(source: &Source) -> Value {
    json!({
        "id": source.id,
        "provider": source.provider,
        "tenant_id": source.tenant,
        "name": source.name,
        "enabled": source.enabled,
        "allowed_cidrs": source.allowed_cidrs,
        "business_hours": source.business_hours,
        "previous_token_valid_until": source.token.previous.as_ref().map(|previous| previous.valid_until),
        "created_at": source.created_at,
    })
}

/// With its address and token.
pub(super) fn shown_open(source: &Source, token: &Credential, base: &Base) -> Value {
    let mut answer = shown(source);
    answer["address"] = sources::address(base.as_str(), source, token.expose()).into();
    answer["token"] = token.expose().into();
    answer
}

/// `POST /sources`
pub(super) async fn create<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    base: Base,
    Fields(fields): Fields,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let new = NewSource::read(fields)?;
    let made = sources::create(&state.store, new, state.chance(), state.chance(), state.now()).await;
    let (source, token) = made.map_err(|error| match error {
        CreateError::UnknownTenant => {
            unacceptable(vec![FieldError::new("tenant_id", "unknown_tenant", "there is no such tenant")])
        }
        CreateError::Change(error) => error.into(),
    })?;
    tracing::info!(source.id = %source.id, tenant.id = %source.tenant, "a source was made");
    Ok((StatusCode::CREATED, Json(shown_open(&source, &token, &base))))
}

/// `GET /sources`
pub(super) async fn list<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let (limit, before) = QueryFields::page::<SourceId>(query.as_deref())?;
    let sources = state.store.sources(before.as_ref(), limit + 1).await?;
    Ok(listed(sources, limit, shown, |source| source.id.to_string()))
}

/// `GET /sources/{id}`
pub(super) async fn read<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(id): Named<SourceId>,
) -> Result<Json<Value>, Problem> {
    let source = state.store.source(&id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(shown(&source)))
}

/// `PATCH /sources/{id}`
pub(super) async fn change<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(id): Named<SourceId>,
    Fields(fields): Fields,
) -> Result<Json<Value>, Problem> {
    let patch = SourcePatch::read(fields)?;
    let source = sources::change(&state.store, &id, patch).await?;
    tracing::info!(source.id = %id, source.enabled = source.enabled, "a source was changed");
    Ok(Json(shown(&source)))
}

/// `POST /sources/{id}/rotate`
pub(super) async fn rotate<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    base: Base,
    Named(id): Named<SourceId>,
    Fields(fields): Fields,
) -> Result<Json<Value>, Problem> {
    let overlap = sources::overlap(fields)?;
    let rotated = sources::rotate(&state.store, &id, overlap, state.chance(), state.now()).await;
    let (source, token) = rotated?;
    tracing::info!(source.id = %id, overlap_s = overlap.as_secs(), "a source's token was rotated");
    Ok(Json(shown_open(&source, &token, &base)))
}

/// `DELETE /sources/{id}`
pub(super) async fn remove<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(id): Named<SourceId>,
) -> Result<StatusCode, Problem> {
    sources::remove(&state.store, &id).await?;
    tracing::info!(source.id = %id, "a source was taken away");
    Ok(StatusCode::NO_CONTENT)
}
