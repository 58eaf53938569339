//! `/api/v1/admin/events`

use axum::Json;
use axum::extract::{RawQuery, State as Extract};
use axum::http::StatusCode;
use gancho::lambda::http::Problem;
use gancho::manage::event_file::EventFile;
use gancho::manage::event_list;
use gancho::manage::reprocess::{self as again, NotAgain};
use gancho::manage::timeline::timeline;
use gancho::model::event::Event;
use gancho::model::ids::EventId;
use serde_json::{Value, json};

use super::Backing;
use crate::body::Named;
use crate::state::Shared;

/// A row of the list.
fn shown(event: &Event) -> Value {
    json!({
        "id": event.id,
        "provider": event.provider,
        "source": event.source,
        "tenant_id": event.tenant,
        "type": event.event_type,
        "status": event.status,
        "lead_id": event.subject,
        "received_at": event.received_at,
        "occurred_at": event.occurred_at,
        "processed_at": event.processed_at,
        "error": event.error,
        "result": event.result,
        "superseded_by": event.superseded_by,
    })
}

fn detail(file: &EventFile) -> Value {
    let event = &file.event;
    let mut answer = shown(event);
    answer["turn"] = event.work.turn.into();
    answer["attempts"] = event.work.attempts.into();
    answer["variants"] = event.variants.into();
    answer["erased"] = event.erased.into();
    answer["truncated"] = file.cut.into();
    answer["timeline"] = json!(timeline(file));
    answer
}

/// `GET /events`
pub(super) async fn list<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let page = event_list::list(&state.store, query.as_deref(), state.now()).await?;
    Ok(Json(json!({"data": page.data.iter().map(shown).collect::<Vec<_>>(), "next_cursor": page.next_cursor})))
}

/// `GET /events/{id}`: what it is, and all that happened to it.
pub(super) async fn read<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(id): Named<EventId>,
) -> Result<Json<Value>, Problem> {
    // What an event led to is found in the event's own story.
    let file = state.store.file(&id.parent(), state.now()).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(detail(&file)))
}

/// `POST /events/{id}/reprocess`
pub(super) async fn reprocess<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(id): Named<EventId>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let event = again::reprocess(&state.store, &id, state.now()).await.map_err(|error| match error {
        NotAgain::Unknown => Problem::not_found(),
        NotAgain::NotEnded => Problem::new(StatusCode::CONFLICT, "not_ended", "The event's work has not ended."),
        NotAgain::Erased => Problem::new(StatusCode::CONFLICT, "erased", "The event's data was erased."),
        NotAgain::Store(error) => error.into(),
    })?;
    tracing::info!(event.id = %id, turn = event.work.turn, "an event is worked on again");
    Ok((StatusCode::ACCEPTED, Json(json!({"id": id, "status": event.status, "turn": event.work.turn}))))
}
