//! MoySklad's door. It takes 200 and 204 for "heard", within a second and a half, and tries four times at once: whoever
//! is let in is answered 200 whatever becomes of the events, for what is refused would be refused again.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{self, Path, Query, Request};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use gancho::auth::{Credential, SourceCaller};
use gancho::counters::Arrivals;
use gancho::intake::{Recorded, record};
use gancho::lambda::http::{Caller, Problem};
use gancho::lambda::problem_schema::ProblemDocument;
use gancho::manage::described::published::MoyskladBody;
use gancho::manage::json_fields::BodyError as FieldsError;
use gancho::model::field_error::FieldError;
use gancho::providers::batch::BodyError;
use gancho::providers::moysklad::payload::{MAX_BODY_BYTES, MAX_EVENTS, Rejection, RequestError};
use gancho::providers::moysklad::verify::{REQUEST_ID, incoming};
use serde::Serialize;
use utoipa::ToSchema;

use crate::body::{body_within, larger_than};
use crate::counting::{arrivals, count, ring_and_count};
use crate::handler::{Backing, State};
use crate::kept_headers::kept;

/// Takes what MoySklad tells of an account.
#[utoipa::path(post, path = "/api/webhooks/moysklad/{token}", operation_id = "ring_moysklad", tag = "webhooks in",
    security(()),
    params(
        ("token" = String, Path, description = "The source's token."),
        ("requestId" = Option<String>, Query,
            description = "MoySklad's own name of the request, the same each time it is tried. Without one, a request is known by its body."),
    ),
    request_body(content = MoyskladBody, description = "As MoySklad sends it: up to 1,000 objects; at most 2 MB, 64 KB an object."),
    responses(
        (status = 200, description = "What became of the events. Bad ones do not spoil their neighbours.", body = Answer),
        (status = 400, description = "Not JSON, or no event.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "No token, or none that opens this source.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "A credential of another kind, from an address that is not allowed, or of an account that is not the source's.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "Too large, or too many.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "JSON of another shape.", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn ring<S: Backing>(
    extract::State(state): extract::State<Arc<State<S>>>,
    token: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let now = (state.clock)();
    // What is no text is no token either.
    let token = token.ok().and_then(|Path(token)| Credential::presented(&token));
    let (caller, account) = state.door.moysklad(token.as_ref(), Caller::of(&request).address, now).await?;
    let (headers, request_id) = (kept(request.headers()), request_id(request.uri()));
    let read = match body_within(request, MAX_BODY_BYTES).await {
        Ok(body) => incoming(&caller, account, request_id.as_deref(), &headers, &body, now)
            .map_err(|error| (error.code(), refused_whole(error))),
        Err(problem) => Err((BodyError::BodyTooLarge.code(), problem)),
    };
    let read = match read {
        Ok(read) => read,
        Err((why, problem)) => {
            tracing::warn!(source.id = %caller.source, tenant.id = %caller.tenant, why, "a request was refused whole");
            let came = Arrivals { reasons: [(why.to_owned(), 1)].into(), ..arrivals(&[], 1) };
            count(&state, caller.provider, came).await;
            return Err(problem);
        }
    };

    let mut events = Vec::with_capacity(read.len());
    let mut rejections = Vec::new();
    for event in read {
        match event {
            Ok(event) => events.push(event),
            Err(rejection) => rejections.push(rejection),
        }
    }
    let taken = record(&state.store, &events, &state.timing, now).await;
    let write_units = state.meter.take();
    let refused_for = by_reason(&rejections);
    let came = |recorded: &[Recorded]| {
        let reasons = refused_for.iter().map(|(why, n)| ((*why).to_owned(), *n)).collect();
        Arrivals { reasons, ..arrivals(recorded, rejections.len()) }
    };
    let recorded = ring_and_count(&state, caller.provider, &taken, came).await?;
    let answer = Answer::of(&recorded, &rejections);
    let first = events.first().map(|event| event.id().as_str());
    answer.log(&caller, first, &refused_for, write_units);
    Ok(Json(answer).into_response())
}

/// The identifier in the address; nothing where the address has none, or none that is text.
fn request_id(uri: &Uri) -> Option<String> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    pairs.into_iter().find_map(|(name, value)| (name == REQUEST_ID).then_some(value))
}

fn by_reason(rejections: &[Rejection]) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    for rejection in rejections {
        *counts.entry(rejection.code.as_str()).or_default() += 1;
    }
    counts
}

/// A request in which no event could be looked at.
fn refused_whole(error: RequestError) -> Problem {
    match error {
        RequestError::Body(BodyError::BodyTooLarge) => larger_than(MAX_BODY_BYTES),
        RequestError::Body(BodyError::TooManyEvents) => {
            let detail = format!("A request may hold at most {MAX_EVENTS} events.");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, error.code(), detail)
        }
        RequestError::Body(BodyError::EmptyBatch) => {
            Problem::new(StatusCode::BAD_REQUEST, error.code(), "`events` holds no event.")
        }
        RequestError::Body(BodyError::InvalidJson) => FieldsError::NotJson.into(),
        RequestError::Shape => {
            let detail = "The body must be an object with an array of `events`.";
            FieldsError::Fields(vec![FieldError::new("", error.code(), detail)]).into()
        }
        RequestError::ForeignAccount => {
            let detail = "The account is not the one that this source was made for.";
            Problem::new(StatusCode::FORBIDDEN, error.code(), detail)
        }
    }
}

/// What became of the events of a request: `received = processed + duplicates + rejected`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MoyskladAnswer)]
pub(crate) struct Answer {
    /// Always `received`.
    status: &'static str,
    received: usize,
    processed: usize,
    duplicates: usize,
    rejected: usize,
    errors: Vec<ErrorEntry>,
}

/// Why an event was not taken.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefusedNotice)]
struct ErrorEntry {
    /// Its place in `events`.
    index: usize,
    code: &'static str,
    detail: &'static str,
}

impl Answer {
    fn of(recorded: &[Recorded], rejections: &[Rejection]) -> Self {
        let processed = recorded.iter().filter(|recorded| **recorded == Recorded::New).count();
        let entry = |rejection: &Rejection| ErrorEntry {
            index: rejection.index,
            code: rejection.code.as_str(),
            detail: rejection.code.detail(),
        };
        Self {
            status: "received",
            received: recorded.len() + rejections.len(),
            processed,
            duplicates: recorded.len() - processed,
            rejected: rejections.len(),
            errors: rejections.iter().map(entry).collect(),
        }
    }

    fn log(&self, caller: &SourceCaller, first: Option<&str>, why: &BTreeMap<&'static str, u64>, write_units: f64) {
        tracing::info!(
            source.id = %caller.source,
            tenant.id = %caller.tenant,
            provider = caller.provider.name(),
            first_event.id = first,
            received = self.received,
            processed = self.processed,
            duplicates = self.duplicates,
            rejected = self.rejected,
            rejected_for = ?why,
            write_units,
            "webhook received"
        );
    }
}

#[cfg(test)]
mod tests;
