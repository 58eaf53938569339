//! `POST /api/v1/tenant/events`: a tenant's back office publishes, one event or several.

use std::sync::Arc;

use axum::Json;
use axum::extract::{self, Request};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use gancho::auth::TenantCaller;
use gancho::intake::{Recorded, record};
use gancho::lambda::http::{Problem, bearer};
use gancho::lambda::problem_schema::ProblemDocument;
use gancho::manage::described::published::PublishBody;
use gancho::manage::json_fields::BodyError as FieldsError;
use gancho::model::event::Provider;
use gancho::model::event_type::EventType;
use gancho::model::field_error::FieldError;
use gancho::model::ids::EventId;
use gancho::providers::Incoming;
use gancho::providers::batch::{BodyError, MAX_EVENT_BYTES};
use gancho::providers::tenant::payload::{self, MAX_EVENTS, Published, RequestError, Unpublished, parse};
use gancho::providers::tenant::verify::{IdempotencyKey, Identity, NotAKey, incoming};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::body::body_of;
use crate::counting::{arrivals, count, ring_and_count};
use crate::handler::{Backing, State};

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Publishes one event, or up to 100.
#[utoipa::path(post, path = "/api/v1/tenant/events", operation_id = "publish", tag = "publishing",
    security(("tenant_key" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "What the request is known again by.",
        min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    request_body(content = PublishBody, description = "At most 4 MB, 256 KB an event."),
    responses(
        (status = 202, description = "Recorded, or known; of several, what became of each.", body = Accepted),
        (status = 409, description = "`idempotency_conflict`: published before, with another body.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn answer<S: Backing>(
    extract::State(state): extract::State<Arc<State<S>>>,
    request: Request,
) -> Result<Response, Problem> {
    let now = (state.clock)();
    let caller = state.door.tenant(bearer(request.headers()).as_ref(), now).await?;
    let key = idempotency_key(request.headers())?;
    let body = body_of(request).await;
    let publishing = Publishing { state: &state, caller: &caller, key: key.as_ref(), now };
    match body.and_then(|body| parse(&body, now).map_err(refused_whole)) {
        Ok(payload::Request::One(event)) => publishing.one(event).await,
        Ok(payload::Request::Many(events)) => publishing.many(events).await,
        Err(problem) => {
            publishing.count(&[], 1).await;
            Err(problem)
        }
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().ok().and_then(|text| text.parse().ok());
    let wrong = || {
        let detail = NotAKey.to_string();
        Problem::from(FieldsError::Fields(vec![FieldError::new("Idempotency-Key", "invalid_value", detail)]))
    };
    key.map(Some).ok_or_else(wrong)
}

/// One request at work.
struct Publishing<'a, S> {
    state: &'a State<S>,
    caller: &'a TenantCaller,
    key: Option<&'a IdempotencyKey>,
    now: Timestamp,
}

/// The answer to one event, or to several.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = PublishAnswer)]
pub(crate) enum Accepted {
    /// To one.
    One(One),
    /// To several.
    Many(Many),
}

/// What became of an event.
#[derive(Serialize, ToSchema)]
#[schema(as = PublishedEvent)]
pub(crate) struct One {
    id: EventId,
    #[serde(rename = "type")]
    event_type: EventType,
    /// Whether it was recorded before.
    duplicate: bool,
}

/// What became of each event.
#[derive(Serialize, ToSchema)]
#[schema(as = PublishedEvents)]
pub(crate) struct Many {
    results: Vec<Entry>,
}

/// What became of an event of a batch.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = PublishedEntry)]
enum Entry {
    Taken {
        index: usize,
        id: EventId,
        duplicate: bool,
    },
    Refused {
        index: usize,
        code: &'static str,
        detail: String,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        errors: Vec<FieldError>,
    },
}

impl<S: Backing> Publishing<'_, S> {
    async fn one(&self, event: Result<Published, Unpublished>) -> Result<Response, Problem> {
        let event = match event {
            Ok(event) => self.incoming(event, None),
            Err(unpublished) => {
                self.count(&[], 1).await;
                return Err(refused(unpublished));
            }
        };
        let recorded = self.take(std::slice::from_ref(&event), 0).await?;
        if recorded.contains(&Recorded::Conflict) {
            return Err(conflict(&event));
        }
        let duplicate = recorded.iter().all(|recorded| *recorded != Recorded::New);
        let one = One { id: event.id().clone(), event_type: event.event_type(), duplicate };
        Ok((StatusCode::ACCEPTED, Json(Accepted::One(one))).into_response())
    }

    async fn many(&self, events: Vec<Result<Published, Unpublished>>) -> Result<Response, Problem> {
        let mut results = Vec::with_capacity(events.len());
        let (mut places, mut taken) = (Vec::new(), Vec::new());
        for (index, event) in events.into_iter().enumerate() {
            match event {
                Ok(event) => {
                    places.push(index);
                    taken.push(self.incoming(event, Some(index)));
                }
                Err(unpublished) => results.push(entry_of(index, unpublished)),
            }
        }
        let recorded = self.take(&taken, results.len()).await?;
        for ((index, event), recorded) in places.into_iter().zip(&taken).zip(recorded) {
            results.push(match recorded {
                Recorded::Conflict => {
                    Entry::Refused { index, code: CONFLICT, detail: CONFLICT_DETAIL.to_owned(), errors: Vec::new() }
                }
                recorded => Entry::Taken { index, id: event.id().clone(), duplicate: recorded != Recorded::New },
            });
        }
        results.sort_by_key(|entry| match entry {
            Entry::Taken { index, .. } | Entry::Refused { index, .. } => *index,
        });
        Ok((StatusCode::ACCEPTED, Json(Accepted::Many(Many { results }))).into_response())
    }

    fn incoming(&self, event: Published, index: Option<usize>) -> Incoming {
        let identity = Identity { key: self.key, index, chance: (self.state.chance)() };
        incoming(self.caller, event, identity, self.now)
    }

    /// Records events; so many of their request were refused before.
    async fn take(&self, events: &[Incoming], refused: usize) -> Result<Vec<Recorded>, Problem> {
        let State { store, timing, uses, .. } = self.state;
        // Beside each other: the note takes no time of the caller's.
        let recording = record(store, events, timing, self.now);
        let (taken, ()) = tokio::join!(recording, uses.note(store, self.caller, self.now));
        let write_units = self.state.meter.take();
        let came = |recorded: &[Recorded]| arrivals(recorded, refused);
        let recorded = ring_and_count(self.state, Provider::Tenant, &taken, came).await?;
        tracing::info!(
            tenant.id = %self.caller.tenant,
            key.id = %self.caller.key,
            provider = "tenant",
            first_event.id = events.first().map(|event| event.id().as_str()),
            received = recorded.len(),
            processed = recorded.iter().filter(|recorded| **recorded == Recorded::New).count(),
            write_units,
            "events published"
        );
        Ok(recorded)
    }

    async fn count(&self, recorded: &[Recorded], refused: usize) {
        count(self.state, Provider::Tenant, arrivals(recorded, refused)).await;
    }
}

const CONFLICT: &str = "idempotency_conflict";
const CONFLICT_DETAIL: &str = "An event of this key or id was published before, and it said something else.";

fn conflict(event: &Incoming) -> Problem {
    Problem::new(StatusCode::CONFLICT, CONFLICT, CONFLICT_DETAIL).with("id", event.id().as_str())
}

fn refused(unpublished: Unpublished) -> Problem {
    match unpublished {
        Unpublished::TooLarge => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "event_too_large", too_large()),
        Unpublished::Unreadable => FieldsError::NotJson.into(),
        Unpublished::Wrong(errors) => FieldsError::Fields(errors).into(),
    }
}

fn entry_of(index: usize, unpublished: Unpublished) -> Entry {
    match unpublished {
        Unpublished::TooLarge => {
            Entry::Refused { index, code: "event_too_large", detail: too_large(), errors: Vec::new() }
        }
        Unpublished::Unreadable => {
            let detail = "This event cannot be read as JSON.".to_owned();
            Entry::Refused { index, code: "invalid_json", detail, errors: Vec::new() }
        }
        Unpublished::Wrong(errors) => {
            let (code, detail) = errors
                .first()
                .map_or(("invalid", String::new()), |first| (first.code, format!("{}: {}", first.path, first.detail)));
            Entry::Refused { index, code, detail, errors }
        }
    }
}

fn too_large() -> String {
    format!("An event may have at most {MAX_EVENT_BYTES} bytes.")
}

fn refused_whole(error: RequestError) -> Problem {
    match error {
        RequestError::Shape(error) => FieldsError::Fields(vec![error]).into(),
        RequestError::Body(BodyError::InvalidJson) => FieldsError::NotJson.into(),
        RequestError::Body(BodyError::EmptyBatch) => {
            Problem::new(StatusCode::BAD_REQUEST, BodyError::EmptyBatch.code(), "The array holds no event.")
        }
        RequestError::Body(error @ BodyError::TooManyEvents) => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            error.code(),
            format!("A request may hold at most {MAX_EVENTS} events."),
        ),
        RequestError::Body(error @ BodyError::BodyTooLarge) => crate::body::too_large(error.code()),
    }
}

#[cfg(test)]
mod tests;
