//! `/api/whatsapp/connections`

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, RawQuery, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use gancho::lambda::http::Problem;
use gancho::lambda::problem_schema::ProblemDocument;
use gancho::manage::connection_body::{NewConnection, door_name};
use gancho::manage::connections::{self, Linked};
use gancho::manage::described::queries::PageQuery;
use gancho::manage::described::whatsapp::{DoorName, NewConnectionBody};
use gancho::manage::page::Page;
use gancho::manage::sources;
use gancho::model::ids::{ConnectionId, SourceId};
use gancho::model::whatsapp::Connection;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::{Backing, Out, Portal};
use crate::address::Base;
use crate::body::{Fields, Named};

type The<S, T> = State<Arc<Portal<S, T>>>;

/// A number that is linked.
#[derive(Serialize, ToSchema)]
#[schema(as = Connection)]
pub(super) struct ConnectionView {
    id: ConnectionId,
    /// The source that its messages come in by.
    source_id: SourceId,
    /// Digits, the country code first.
    phone_number: String,
    /// The number as Meta names it.
    phone_number_id: Option<String>,
    #[schema(value_type = DoorName)]
    provider: &'static str,
    created_at: Timestamp,
}

impl From<Connection> for ConnectionView {
    fn from(connection: Connection) -> Self {
        Self {
            id: connection.id,
            source_id: connection.source,
            phone_number: connection.phone_number.digits().to_owned(),
            phone_number_id: connection.phone_number_id,
            provider: door_name(connection.provider),
            created_at: connection.created_at,
        }
    }
}

/// A number that was linked, with what its gateway is told.
#[derive(Serialize, ToSchema)]
#[schema(as = LinkedConnection)]
pub(super) struct LinkedView {
    #[serde(flatten)]
    shown: ConnectionView,
    /// Where the gateway, or Meta, sends to. A gateway's is a secret.
    address: String,
    /// What Meta is told together with the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    verify_token: Option<String>,
}

impl<S: Backing, T: Out> FromRequestParts<Arc<Portal<S, T>>> for Base {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, portal: &Arc<Portal<S, T>>) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&portal.state, parts))
    }
}

/// Links a number.
#[utoipa::path(post, path = "/connections", operation_id = "link_number", tag = "whatsapp", security(("tenant_key" = [])),
    request_body = NewConnectionBody,
    responses(
        (status = 201, description = "Its address and verify token are shown this once.", body = LinkedView),
        (status = 409, description = "`number_linked`, by whomever, or `too_many_connections`.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn link<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    base: Base,
    Fields(fields): Fields,
) -> Result<(StatusCode, Json<LinkedView>), Problem> {
    let new = NewConnection::read(fields)?;
    let state = &portal.state;
    let Linked { connection, opened } =
        connections::link(&state.store, &tenant, new, &portal.chance(), state.now()).await?;
    let address = sources::address(base.as_str(), &opened.source, opened.token.expose());
    let verify_token = opened.verify_token.map(|token| token.expose().to_owned());
    Ok((StatusCode::CREATED, Json(LinkedView { shown: connection.into(), address, verify_token })))
}

/// Lists the numbers that are linked.
#[utoipa::path(get, path = "/connections", operation_id = "list_connections", tag = "whatsapp", security(("tenant_key" = [])),
    params(PageQuery),
    responses((status = 200, description = "A page.", body = Page<ConnectionView>)),
)]
pub(super) async fn list<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<ConnectionView>>, Problem> {
    let Page { data, next_cursor } = connections::list(&portal.state.store, &tenant, query.as_deref()).await?;
    Ok(Json(Page { data: data.into_iter().map(ConnectionView::from).collect(), next_cursor }))
}

/// Shows a connection.
#[utoipa::path(get, path = "/connections/{id}", operation_id = "read_connection", tag = "whatsapp", security(("tenant_key" = [])),
    params(("id" = ConnectionId, Path, description = "The connection.")),
    responses((status = 200, description = "The connection.", body = ConnectionView)),
)]
pub(super) async fn get<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Named(id): Named<ConnectionId>,
) -> Result<Json<ConnectionView>, Problem> {
    let connection = portal.state.store.connection(&tenant, &id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(connection.into()))
}

/// Releases a number.
#[utoipa::path(delete, path = "/connections/{id}", operation_id = "release_connection", tag = "whatsapp", security(("tenant_key" = [])),
    params(("id" = ConnectionId, Path, description = "The connection.")),
    responses((status = 204, description = "Nothing comes in for it any more within ten seconds. What came in goes out.")),
)]
pub(super) async fn release<S: Backing, T: Out>(
    State(portal): The<S, T>,
    Caller(tenant): Caller,
    Named(id): Named<ConnectionId>,
) -> Result<StatusCode, Problem> {
    connections::release(&portal.state.store, &tenant, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
