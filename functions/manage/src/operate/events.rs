//! `/api/v1/admin/events`

use axum::Json;
use axum::extract::{RawQuery, State as Extract};
use axum::http::StatusCode;
use gancho::lambda::http::Problem;
use gancho::lambda::problem_schema::ProblemDocument;
use gancho::manage::described::queries::EventsQuery;
use gancho::manage::event_file::EventFile;
use gancho::manage::event_list;
use gancho::manage::page::Page;
use gancho::manage::reprocess::{self as again, NotAgain};
use gancho::manage::timeline::{Moment, timeline};
use gancho::model::event::{Event, EventStatus, Provider};
use gancho::model::event_type::EventType;
use gancho::model::ids::{EventId, SourceId, TenantId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Backing;
use crate::body::Named;
use crate::state::Shared;

/// An event in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(super) struct EventView {
    id: EventId,
    provider: Provider,
    source: SourceId,
    tenant_id: TenantId,
    #[serde(rename = "type")]
    event_type: EventType,
    status: EventStatus,
    lead_id: Option<String>,
    /// By our clock.
    received_at: Timestamp,
    /// By the provider's clock.
    occurred_at: Timestamp,
    /// When its work ended.
    processed_at: Option<Timestamp>,
    /// Why it failed.
    error: Option<String>,
    /// What its work came to.
    result: Option<Value>,
    /// The event that was processed in its place.
    superseded_by: Option<EventId>,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self {
            id: event.id,
            provider: event.provider,
            source: event.source,
            tenant_id: event.tenant,
            event_type: event.event_type,
            status: event.status,
            lead_id: event.subject,
            received_at: event.received_at,
            occurred_at: event.occurred_at,
            processed_at: event.processed_at,
            error: event.error,
            result: event.result,
            superseded_by: event.superseded_by,
        }
    }
}

/// An event, and all that happened to it.
#[derive(Serialize, ToSchema)]
pub(super) struct EventDetail {
    #[serde(flatten)]
    event: EventView,
    /// Raised when it is worked on again.
    turn: u32,
    attempts: u32,
    /// How many other bodies of it came.
    variants: u32,
    /// Whether its data was erased at the request of the person it is about.
    erased: bool,
    /// Whether there is more than the timeline tells.
    truncated: bool,
    /// In the order of time.
    timeline: Vec<Moment>,
}

impl From<EventFile> for EventDetail {
    fn from(file: EventFile) -> Self {
        Self {
            timeline: timeline(&file),
            turn: file.event.work.turn,
            attempts: file.event.work.attempts,
            variants: file.event.variants,
            erased: file.event.erased,
            truncated: file.cut,
            event: file.event.into(),
        }
    }
}

/// An event that is worked on again.
#[derive(Serialize, ToSchema)]
pub(super) struct Reprocessed {
    id: EventId,
    status: EventStatus,
    turn: u32,
}

/// Lists events, newest first.
#[utoipa::path(get, path = "/events", operation_id = "list_events", tag = "events", security(("admin_token" = [])),
    params(EventsQuery),
    responses((status = 200, description = "A page. It may be shorter than asked for and still have a successor.", body = Page<EventView>)),
)]
pub(super) async fn list<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<EventView>>, Problem> {
    let page = event_list::list(&state.store, query.as_deref(), state.now()).await?;
    Ok(Json(page.map(EventView::from)))
}

/// Shows an event, and all that happened to it.
#[utoipa::path(get, path = "/events/{id}", operation_id = "read_event", tag = "events", security(("admin_token" = [])),
    params(("id" = EventId, Path, description = "The event.")),
    responses((status = 200, description = "The event.", body = EventDetail)),
)]
pub(super) async fn read<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(id): Named<EventId>,
) -> Result<Json<EventDetail>, Problem> {
    // What an event led to is found in the event's own story.
    let file = state.store.file(&id.parent(), state.now()).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(file.into()))
}

/// Works on an event again.
#[utoipa::path(post, path = "/events/{id}/reprocess", operation_id = "reprocess_event", tag = "events", security(("admin_token" = [])),
    params(("id" = EventId, Path, description = "The event.")),
    responses(
        (status = 202, description = "It will be worked on.", body = Reprocessed),
        (status = 409, description = "`not_ended` or `erased`.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn reprocess<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(id): Named<EventId>,
) -> Result<(StatusCode, Json<Reprocessed>), Problem> {
    let event = again::reprocess(&state.store, &id, state.now()).await.map_err(|error| match error {
        NotAgain::Unknown => Problem::not_found(),
        NotAgain::NotEnded => Problem::new(StatusCode::CONFLICT, "not_ended", "The event's work has not ended."),
        NotAgain::Erased => Problem::new(StatusCode::CONFLICT, "erased", "The event's data was erased."),
        NotAgain::Store(error) => error.into(),
    })?;
    tracing::info!(event.id = %id, turn = event.work.turn, "an event is worked on again");
    Ok((StatusCode::ACCEPTED, Json(Reprocessed { id, status: event.status, turn: event.work.turn })))
}
