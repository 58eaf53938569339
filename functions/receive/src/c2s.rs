//! C2S leads. Its old callers expect 400 where the rest of the platform says 422, and counts in every answer.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{self, Path, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gancho::auth::{Credential, SourceCaller};
use gancho::intake::{Recorded, record};
use gancho::lambda::http::{Caller, Problem};
use gancho::lambda::problem_schema::ProblemDocument;
use gancho::manage::described::published::C2sBody;
use gancho::model::event::Provider;
use gancho::model::ids::SourceId;
use gancho::providers::Incoming;
use gancho::providers::c2s::payload::{BodyError, MAX_EVENTS, Rejection, RejectionCode};
use gancho::providers::c2s::verify::incoming;
use serde::Serialize;
use utoipa::ToSchema;

use crate::body::{body_of, too_large};
use crate::counting::{arrivals, count, ring_and_count};
use crate::handler::{Backing, State};
use crate::kept_headers::kept;

/// Takes leads of the default source, by the token in a header.
#[utoipa::path(post, path = "/api/v1/webhooks/c2s", operation_id = "ring_c2s", tag = "webhooks in",
    security(("c2s_token" = [])),
    request_body(content = C2sBody, description = "One lead, or an array of up to 500; at most 4 MB, 256 KB an event."),
    responses(
        (status = 200, description = "What became of the events. Bad ones do not spoil their neighbours.", body = Answer),
        (status = 400, description = "No event could be taken.", body = Refused, content_type = "application/problem+json"),
        (status = 401, description = "No token, or none that opens this source.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "A credential of another kind, or from an address that is not allowed.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "Too large, or too many.", body = Refused, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn by_header<S: Backing>(
    extract::State(state): extract::State<Arc<State<S>>>,
    request: Request,
) -> Result<Response, Problem> {
    let token = request.headers().get(&state.c2s_token_header).and_then(|value| value.to_str().ok());
    let token = token.and_then(Credential::presented);
    let caller = admit(&state, token, Caller::of(&request).address).await?;
    if caller.source != SourceId::default_c2s() {
        // Another source's token is good at that source's own address only.
        return Err(gancho::auth::Denied::Unauthorized.into());
    }
    take(&state, &caller, request).await
}

/// Takes leads of any C2S source, by its address.
#[utoipa::path(post, path = "/api/v1/webhooks/c2s/{token}", operation_id = "ring_c2s_source", tag = "webhooks in",
    security(()),
    params(("token" = String, Path, description = "The source's token.")),
    request_body(content = C2sBody, description = "One lead, or an array of up to 500; at most 4 MB, 256 KB an event."),
    responses(
        (status = 200, description = "What became of the events. Bad ones do not spoil their neighbours.", body = Answer),
        (status = 400, description = "No event could be taken.", body = Refused, content_type = "application/problem+json"),
        (status = 401, description = "No token, or none that opens this source.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "A credential of another kind, or from an address that is not allowed.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "Too large, or too many.", body = Refused, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn by_path<S: Backing>(
    extract::State(state): extract::State<Arc<State<S>>>,
    token: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    // What is no text is no token either.
    let token = token.ok().and_then(|Path(token)| Credential::presented(&token));
    let caller = admit(&state, token, Caller::of(&request).address).await?;
    take(&state, &caller, request).await
}

async fn admit<S: Backing>(
    state: &State<S>,
    token: Option<Credential>,
    from: Option<IpAddr>,
) -> Result<SourceCaller, Problem> {
    Ok(state.door.source(token.as_ref(), Provider::C2s, from, (state.clock)()).await?)
}

async fn take<S: Backing>(state: &State<S>, caller: &SourceCaller, request: Request) -> Result<Response, Problem> {
    let headers = kept(request.headers());
    let body = body_of(request).await;
    let read = match body.and_then(|body| incoming(caller, &headers, &body).map_err(refused_whole)) {
        Ok(read) => read,
        Err(problem) => {
            count(state, caller.provider, arrivals(&[], 1)).await;
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
    let taken = record(&state.store, &events, &state.timing, (state.clock)()).await;
    let write_units = state.meter.take();
    let came = |recorded: &[Recorded]| arrivals(recorded, rejections.len());
    let recorded = ring_and_count(state, caller.provider, &taken, came).await?;
    let tally = Tally::of(&recorded, &rejections);
    tally.log(caller, &events, write_units);
    tally.answer(&rejections)
}

/// A body in which no event could be looked at.
fn refused_whole(error: BodyError) -> Problem {
    let (status, detail) = match error {
        BodyError::BodyTooLarge => return too_large(error.code()),
        BodyError::TooManyEvents => {
            (StatusCode::PAYLOAD_TOO_LARGE, format!("A request may hold at most {MAX_EVENTS} events."))
        }
        BodyError::EmptyBatch => (StatusCode::BAD_REQUEST, "The array holds no event.".to_owned()),
        BodyError::InvalidJson => (StatusCode::BAD_REQUEST, "The body is not JSON.".to_owned()),
    };
    Problem::new(status, error.code(), detail)
}

/// What became of the events of a request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = C2sAnswer)]
pub(crate) struct Answer {
    /// Always `received`.
    status: &'static str,
    #[serde(flatten)]
    tally: Tally,
    errors: Vec<ErrorEntry>,
}

/// Why an event was not taken.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RejectedEvent)]
struct ErrorEntry {
    /// Its place in the request.
    index: usize,
    code: &'static str,
    detail: String,
}

/// What became of the events of a request: `received = processed + duplicates + rejected`.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = C2sTally)]
struct Tally {
    received: usize,
    processed: usize,
    duplicates: usize,
    rejected: usize,
}

/// A problem document with what became of the events. Without counts where none could be looked at.
#[derive(ToSchema)]
#[schema(as = C2sProblem)]
#[expect(dead_code, reason = "describes what `Tally::answer` and `refused_whole` write")]
pub(crate) struct Refused {
    #[schema(rename = "type")]
    kind: String,
    title: String,
    #[schema(minimum = 400, maximum = 499)]
    status: u16,
    detail: String,
    /// The first event's.
    code: String,
    #[schema(nullable = false)]
    request_id: Option<String>,
    #[schema(nullable = false)]
    received: Option<usize>,
    #[schema(nullable = false)]
    processed: Option<usize>,
    #[schema(nullable = false)]
    duplicates: Option<usize>,
    #[schema(nullable = false)]
    rejected: Option<usize>,
    #[schema(nullable = false)]
    errors: Option<Vec<ErrorEntry>>,
}

impl Tally {
    fn of(recorded: &[Recorded], rejections: &[Rejection]) -> Self {
        let processed = recorded.iter().filter(|recorded| **recorded == Recorded::New).count();
        Self {
            received: recorded.len() + rejections.len(),
            processed,
            duplicates: recorded.len() - processed,
            rejected: rejections.len(),
        }
    }

    fn log(self, caller: &SourceCaller, events: &[Incoming], write_units: f64) {
        tracing::info!(
            source.id = %caller.source,
            tenant.id = %caller.tenant,
            provider = caller.provider.name(),
            first_event.id = events.first().map(|event| event.id().as_str()),
            received = self.received,
            processed = self.processed,
            duplicates = self.duplicates,
            rejected = self.rejected,
            write_units,
            "webhook received"
        );
    }

    fn answer(self, rejections: &[Rejection]) -> Result<Response, Problem> {
        let errors: Vec<ErrorEntry> = rejections
            .iter()
            .map(|rejection| ErrorEntry {
                index: rejection.index,
                code: rejection.code.as_str(),
                detail: rejection.detail.clone(),
            })
            .collect();
        if let Some(first) = rejections.first()
            && self.rejected == self.received
        {
            let alone_and_too_large = self.received == 1 && first.code == RejectionCode::EventTooLarge;
            let status = if alone_and_too_large { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
            return Err(Problem::new(status, first.code.as_str(), first.detail.clone())
                .with("received", self.received)
                .with("processed", self.processed)
                .with("duplicates", self.duplicates)
                .with("rejected", self.rejected)
                .with("errors", errors));
        }
        Ok(Json(Answer { status: "received", tally: self, errors }).into_response())
    }
}

#[cfg(test)]
mod tests;
