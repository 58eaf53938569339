//! `/api/v1/admin/whatsapp/connections`

use axum::Json;
use axum::extract::{RawQuery, State as Extract};
use gancho::lambda::http::Problem;
use gancho::lambda::problem_schema::ProblemDocument;
use gancho::manage::connections;
use gancho::manage::described::operator::ReleaseBody;
use gancho::manage::described::queries::PageQuery;
use gancho::manage::page::Page;
use gancho::manage::query_fields::QueryFields;
use gancho::model::event::Provider;
use gancho::model::ids::{ConnectionId, SourceId, TenantId};
use gancho::model::whatsapp::Connection;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Backing;
use super::answer::listed;
use crate::body::Fields;
use crate::state::Shared;

/// A number that is linked to a tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = TenantsConnection)]
pub(super) struct ConnectionView {
    id: ConnectionId,
    tenant_id: TenantId,
    /// The source that its messages come in by.
    source_id: SourceId,
    provider: Provider,
    /// Digits, the country code first.
    phone_number: String,
    /// The number as Meta names it.
    phone_number_id: Option<String>,
    created_at: Timestamp,
}

impl From<Connection> for ConnectionView {
    fn from(connection: Connection) -> Self {
        Self {
            id: connection.id,
            tenant_id: connection.tenant,
            source_id: connection.source,
            provider: connection.provider,
            phone_number: connection.phone_number.digits().to_owned(),
            phone_number_id: connection.phone_number_id,
            created_at: connection.created_at,
        }
    }
}

/// Lists all tenants' numbers.
#[utoipa::path(get, path = "/whatsapp/connections", operation_id = "list_all_connections", tag = "sources", security(("admin_token" = [])),
    params(PageQuery),
    responses((status = 200, description = "A page.", body = Page<ConnectionView>)),
)]
pub(super) async fn list<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<ConnectionView>>, Problem> {
    let (limit, before) = QueryFields::page::<ConnectionId>(query.as_deref())?;
    let connections = state.store.connections(before.as_ref(), limit + 1).await?;
    Ok(listed(connections, limit, |connection| connection.id.to_string()))
}

/// Takes a number from whoever holds it. It stands in the body, because paths and queries end up in logs.
#[utoipa::path(post, path = "/whatsapp/connections/release", operation_id = "release_number", tag = "sources", security(("admin_token" = [])),
    request_body = ReleaseBody,
    responses(
        (status = 200, description = "The connection that was. What came in by it goes out.", body = ConnectionView),
        (status = 404, description = "`not_found`: nobody holds it.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn release<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Fields(fields): Fields,
) -> Result<Json<ConnectionView>, Problem> {
    let number = connections::number(fields)?;
    let released = connections::release_number(&state.store, &number).await?;
    Ok(Json(released.into()))
}
