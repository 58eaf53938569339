//! `/api/v1/admin/sources`

use axum::Json;
use axum::extract::{RawQuery, State as Extract};
use axum::http::StatusCode;
use gancho::auth::Credential;
use gancho::lambda::http::Problem;
use gancho::lambda::problem_schema::ProblemDocument;
use gancho::manage::described::operator::{NewSourceBody, RotateTokenBody, SourcePatchBody};
use gancho::manage::described::queries::PageQuery;
use gancho::manage::page::Page;
use gancho::manage::query_fields::QueryFields;
use gancho::manage::sources::{self, CreateError, NewSource, SourcePatch};
use gancho::model::business_hours::BusinessHours;
use gancho::model::event::Provider;
use gancho::model::field_error::FieldError;
use gancho::model::ids::{SourceId, TenantId};
use gancho::model::source::Source;
use ipnet::IpNet;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Backing;
use super::address::Base;
use super::answer::listed;
use crate::body::{Fields, Named, unacceptable};
use crate::state::Shared;

/// A source. Without its token: that is shown once, when it is made.
#[derive(Serialize, ToSchema)]
#[schema(as = Source)]
pub(super) struct SourceView {
    id: SourceId,
    provider: Provider,
    tenant_id: TenantId,
    name: Option<String>,
    /// Whether it lets anything in.
    enabled: bool,
    /// From where it may be rung; from everywhere if empty.
    #[schema(value_type = Vec<String>)]
    allowed_cidrs: Vec<IpNet>,
    /// When silence means that something is wrong.
    business_hours: Option<BusinessHours>,
    /// Until when the token before the current one opens.
    previous_token_valid_until: Option<Timestamp>,
    created_at: Timestamp,
}

impl From<Source> for SourceView {
    fn from(source: Source) -> Self {
        Self {
            id: source.id,
            provider: source.provider,
            tenant_id: source.tenant,
            name: source.name,
            enabled: source.enabled,
            allowed_cidrs: source.allowed_cidrs,
            business_hours: source.business_hours,
            previous_token_valid_until: source.token.previous.map(|previous| previous.valid_until),
            created_at: source.created_at,
        }
    }
}

/// A source with what is shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct SourceOpen {
    #[serde(flatten)]
    shown: SourceView,
    /// Where the provider sends to.
    address: String,
    /// What is unguessable in it.
    token: String,
}

impl SourceOpen {
    pub(super) fn of(source: Source, token: &Credential, base: &Base) -> Self {
        let address = sources::address(base.as_str(), &source, token.expose());
        Self { address, token: token.expose().to_owned(), shown: source.into() }
    }
}

/// Makes a source.
#[utoipa::path(post, path = "/sources", operation_id = "create_source", tag = "sources", security(("admin_token" = [])),
    request_body = NewSourceBody,
    responses(
        (status = 201, description = "The source, with its address and token, shown this once.", body = SourceOpen),
        (status = 409, description = "`conflict`: changed at the same time.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn create<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    base: Base,
    Fields(fields): Fields,
) -> Result<(StatusCode, Json<SourceOpen>), Problem> {
    let new = NewSource::read(fields)?;
    let made = sources::create(&state.store, new, state.chance(), state.chance(), state.now()).await;
    let (source, token) = made.map_err(|error| match error {
        CreateError::UnknownTenant => {
            unacceptable(vec![FieldError::new("tenant_id", "unknown_tenant", "there is no such tenant")])
        }
        CreateError::Change(error) => error.into(),
    })?;
    tracing::info!(source.id = %source.id, tenant.id = %source.tenant, "a source was made");
    Ok((StatusCode::CREATED, Json(SourceOpen::of(source, &token, &base))))
}

/// Lists sources.
#[utoipa::path(get, path = "/sources", operation_id = "list_sources", tag = "sources", security(("admin_token" = [])),
    params(PageQuery),
    responses((status = 200, description = "A page.", body = Page<SourceView>)),
)]
pub(super) async fn list<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<SourceView>>, Problem> {
    let (limit, before) = QueryFields::page::<SourceId>(query.as_deref())?;
    let sources = state.store.sources(before.as_ref(), limit + 1).await?;
    Ok(listed(sources, limit, |source| source.id.to_string()))
}

/// Shows a source.
#[utoipa::path(get, path = "/sources/{id}", operation_id = "read_source", tag = "sources", security(("admin_token" = [])),
    params(("id" = SourceId, Path, description = "The source.")),
    responses((status = 200, description = "The source.", body = SourceView)),
)]
pub(super) async fn read<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(id): Named<SourceId>,
) -> Result<Json<SourceView>, Problem> {
    let source = state.store.source(&id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(source.into()))
}

/// Changes a source.
#[utoipa::path(patch, path = "/sources/{id}", operation_id = "change_source", tag = "sources", security(("admin_token" = [])),
    params(("id" = SourceId, Path, description = "The source.")),
    request_body(content = Option<SourcePatchBody>),
    responses(
        (status = 200, description = "The source after it.", body = SourceView),
        (status = 409, description = "`conflict`: changed at the same time.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn change<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(id): Named<SourceId>,
    Fields(fields): Fields,
) -> Result<Json<SourceView>, Problem> {
    let patch = SourcePatch::read(fields)?;
    let source = sources::change(&state.store, &id, patch).await?;
    tracing::info!(source.id = %id, source.enabled = source.enabled, "a source was changed");
    Ok(Json(source.into()))
}

/// Gives a source another address and token.
#[utoipa::path(post, path = "/sources/{id}/rotate", operation_id = "rotate_source", tag = "sources", security(("admin_token" = [])),
    params(("id" = SourceId, Path, description = "The source.")),
    request_body(content = Option<RotateTokenBody>),
    responses(
        (status = 200, description = "Shown this once.", body = SourceOpen),
        (status = 409, description = "`conflict`: changed at the same time.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn rotate<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    base: Base,
    Named(id): Named<SourceId>,
    Fields(fields): Fields,
) -> Result<Json<SourceOpen>, Problem> {
    let overlap = sources::overlap(fields)?;
    let rotated = sources::rotate(&state.store, &id, overlap, state.chance(), state.now()).await;
    let (source, token) = rotated?;
    tracing::info!(source.id = %id, overlap_s = overlap.as_secs(), "a source's token was rotated");
    Ok(Json(SourceOpen::of(source, &token, &base)))
}

/// Takes a source away.
#[utoipa::path(delete, path = "/sources/{id}", operation_id = "delete_source", tag = "sources", security(("admin_token" = [])),
    params(("id" = SourceId, Path, description = "The source.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "`conflict` or `exists_from_the_start`.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn remove<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(id): Named<SourceId>,
) -> Result<StatusCode, Problem> {
    sources::remove(&state.store, &id).await?;
    tracing::info!(source.id = %id, "a source was taken away");
    Ok(StatusCode::NO_CONTENT)
}
