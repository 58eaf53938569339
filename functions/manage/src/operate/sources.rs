//! `/api/v1/admin/sources`

use axum::Json;
use axum::extract::{RawQuery, State as Extract};
use axum::http::StatusCode;
use gancho::lambda::http::Problem;
use gancho::lambda::problem_schema::ProblemDocument;
use gancho::manage::described::operator::{NewSourceBody, RotateTokenBody, SourcePatchBody};
use gancho::manage::described::queries::PageQuery;
use gancho::manage::page::Page;
use gancho::manage::query_fields::QueryFields;
use gancho::manage::sources::{self, NewSource, Opened, SourcePatch};
use gancho::model::business_hours::BusinessHours;
use gancho::model::event::Provider;
use gancho::model::ids::{ConnectionId, SourceId, TenantId};
use gancho::model::moysklad::AccountId;
use gancho::model::source::Source;
use gancho::model::whatsapp::{Dialect, Line, Setup};
use ipnet::IpNet;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Backing;
use super::answer::listed;
use crate::address::Base;
use crate::body::{Fields, Named};
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
    /// What a WhatsApp source goes by, without its secrets; of MoySklad's, the account.
    config: Option<SettingsView>,
    created_at: Timestamp,
}

/// What a source goes by beside its token.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = SourceSettingsShown)]
enum SettingsView {
    Whatsapp(WhatsappView),
    Moysklad(MoyskladView),
}

/// What a MoySklad source goes by.
#[derive(Serialize, ToSchema)]
#[schema(as = MoyskladSettingsShown)]
struct MoyskladView {
    /// The account whose changes it may tell of.
    #[schema(value_type = String, format = "uuid")]
    account_id: AccountId,
}

/// What a WhatsApp source goes by.
#[derive(Serialize, ToSchema)]
#[schema(as = WhatsappSettingsShown)]
struct WhatsappView {
    /// What the gateway speaks; null for the Cloud API.
    dialect: Option<Dialect>,
    /// Whether its sender has to prove that it knows a secret.
    has_secret: bool,
    /// The client's connection that it was made for, and goes with.
    made_for: Option<ConnectionId>,
    /// The numbers it serves.
    numbers: Vec<NumberView>,
}

/// A number that a source serves.
#[derive(Serialize, ToSchema)]
#[schema(as = ServedNumberShown)]
struct NumberView {
    connection_id: ConnectionId,
    /// Digits, the country code first.
    phone_number: String,
    phone_number_id: Option<String>,
    /// Whose it is.
    tenant_id: TenantId,
}

impl WhatsappView {
    fn of(setup: Setup, tenant: &TenantId) -> Self {
        let number = |line: Line| NumberView {
            connection_id: line.connection,
            phone_number: line.number.digits().to_owned(),
            phone_number_id: line.phone_number_id,
            tenant_id: line.client.unwrap_or_else(|| tenant.clone()),
        };
        Self {
            dialect: setup.sender.dialect(),
            has_secret: setup.sender.secret().is_some(),
            made_for: setup.made_for,
            numbers: setup.lines.into_iter().map(number).collect(),
        }
    }
}

impl From<Source> for SourceView {
    fn from(source: Source) -> Self {
        let whatsapp = source.whatsapp.map(|setup| SettingsView::Whatsapp(WhatsappView::of(setup, &source.tenant)));
        let moysklad = source.moysklad.map(|account_id| SettingsView::Moysklad(MoyskladView { account_id }));
        Self {
            config: whatsapp.or(moysklad),
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
    /// What is unguessable in it. Of the Cloud API's sources nothing is: what Meta sends is signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    token: Option<String>,
    /// What Meta is told together with the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    verify_token: Option<String>,
}

impl SourceOpen {
    pub(super) fn of(opened: Opened, base: &Base) -> Self {
        let Opened { source, token, verify_token } = opened;
        let token = token.expose();
        let address = sources::address(base.as_str(), &source, token);
        let token = (token != source.id.as_str()).then(|| token.to_owned());
        let verify_token = verify_token.map(|token| token.expose().to_owned());
        Self { address, token, verify_token, shown: source.into() }
    }
}

/// Makes a source.
#[utoipa::path(post, path = "/sources", operation_id = "create_source", tag = "sources", security(("admin_token" = [])),
    request_body = NewSourceBody,
    responses(
        (status = 201, description = "The source, with its address and token, shown this once.", body = SourceOpen),
        (status = 409, description = "`conflict`: changed at the same time. `number_linked`: here or elsewhere.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn create<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    base: Base,
    Fields(fields): Fields,
) -> Result<(StatusCode, Json<SourceOpen>), Problem> {
    let new = NewSource::read(fields)?;
    let opened = sources::create(&state.store, new, &state.chances(), state.now()).await?;
    let source = &opened.source;
    tracing::info!(source.id = %source.id, tenant.id = %source.tenant, "a source was made");
    Ok((StatusCode::CREATED, Json(SourceOpen::of(opened, &base))))
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
        (status = 409, description = "`conflict`: changed at the same time. `number_linked`: here or elsewhere.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn change<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(id): Named<SourceId>,
    Fields(fields): Fields,
) -> Result<Json<SourceView>, Problem> {
    let provider = state.store.source(&id).await?.ok_or_else(Problem::not_found)?.provider;
    let patch = SourcePatch::read(fields, provider)?;
    let source = sources::change(&state.store, &id, patch, &state.chances(), state.now()).await?;
    tracing::info!(source.id = %id, source.enabled = source.enabled, "a source was changed");
    Ok(Json(source.into()))
}

/// Gives a source another address and token; a Cloud API's source another verify token.
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
    let opened = rotated?;
    tracing::info!(source.id = %id, overlap_s = overlap.as_secs(), "a source's token was rotated");
    Ok(Json(SourceOpen::of(opened, &base)))
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
