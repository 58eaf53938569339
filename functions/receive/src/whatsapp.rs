//! WhatsApp's two doors: Meta's Cloud API, which signs, and gateways, whose address is a secret.
//!
//! Whoever is let in is answered 2xx whatever becomes of the events: sent again, they would be refused again.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{self, Path, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gancho::auth::{Credential, Denied, SourceCaller};
use gancho::counters::Arrivals;
use gancho::intake::{Recorded, record};
use gancho::lambda::http::{Caller, Problem};
use gancho::lambda::problem_schema::ProblemDocument;
use gancho::manage::json_fields::BodyError as FieldsError;
use gancho::model::event::Provider;
use gancho::model::whatsapp::{Sender, Setup};
use gancho::providers::batch::BodyError;
use gancho::providers::whatsapp::cloud::challenge;
use gancho::providers::whatsapp::cloud::verify as cloud;
use gancho::providers::whatsapp::gateways::verify as gateways;
use gancho::providers::whatsapp::reading::{Reading, Refusal, RequestError};
use gancho::providers::whatsapp::{HmacKey, MAX_EVENTS};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::body::{body_of, too_large};
use crate::counting::{arrivals, count, ring_and_count};
use crate::handler::{Backing, State};
use crate::kept_headers::kept;

/// A source's name or token in a path. What is no text is neither.
type InPath = Result<Path<String>, PathRejection>;

/// Answers Meta's question whether the address is ours.
#[utoipa::path(get, path = "/api/v1/webhooks/whatsapp/{source_id}", operation_id = "verify_whatsapp", tag = "webhooks in",
    security(()),
    params(
        ("source_id" = String, Path, description = "The source."),
        ("hub.mode" = Option<String>, Query, description = "`subscribe`."),
        ("hub.verify_token" = Option<String>, Query, description = "The source's verify token."),
        ("hub.challenge" = Option<String>, Query, description = "Digits, which are the answer."),
    ),
    responses(
        (status = 200, description = "The challenge.", body = String, content_type = "text/plain"),
        (status = 403, description = "Not the source's verify token, or no source.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn verify<S: Backing>(
    extract::State(state): extract::State<Arc<State<S>>>,
    source: InPath,
    request: Request,
) -> Result<Response, Problem> {
    let (_, setup) = match rung(&state, source, Provider::WhatsappCloud, Caller::of(&request).address).await {
        Ok(rung) => rung,
        Err(error @ Denied::Unknown(_)) => return Err(error.into()),
        Err(Denied::Unauthorized | Denied::WrongKind | Denied::Address) => return Err(not_verified()),
    };
    let Sender::CloudApi { verify_token, .. } = &setup.sender else { return Err(not_verified()) };
    let query = request.uri().query().unwrap_or_default();
    let challenge = challenge::answer(verify_token, query).map_err(|_| not_verified())?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], challenge).into_response())
}

fn not_verified() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "not_verified", "This is not a verification with the right token.")
}

/// Takes what Meta's Cloud API sends.
#[utoipa::path(post, path = "/api/v1/webhooks/whatsapp/{source_id}", operation_id = "ring_whatsapp", tag = "webhooks in",
    security(()),
    params(
        ("source_id" = String, Path, description = "The source."),
        ("X-Hub-Signature-256" = Option<String>, Header,
            description = "`sha256=` and the HMAC-SHA256 of the body under the app's secret, hex."),
    ),
    request_body(content = serde_json::Value, description = "As Meta sends it: up to 1,000 messages and statuses; at most 3 MB, 256 KB an event."),
    responses(
        (status = 200, description = "What became of the events. Bad ones do not spoil their neighbours.", body = Answer),
        (status = 400, description = "Not JSON.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "No source, or not signed with its app's secret.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "A credential of another kind, or from an address that is not allowed.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "Too large, or too many.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "JSON of another shape.", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn by_the_cloud_api<S: Backing>(
    extract::State(state): extract::State<Arc<State<S>>>,
    source: InPath,
    request: Request,
) -> Result<Response, Problem> {
    let (caller, setup) = rung(&state, source, Provider::WhatsappCloud, Caller::of(&request).address).await?;
    let Sender::CloudApi { .. } = setup.sender else { return Err(Denied::Unauthorized.into()) };
    let secret = secret(&state, &caller, &setup).await?.ok_or(Denied::Unauthorized)?;
    let ringing = Ringing { state: &state, caller: &caller, now: (state.clock)() };
    let headers = request.headers().clone();
    let body = ringing.counted(body_of(request).await).await?;
    let signed = cloud::signed(&secret, text(&headers, cloud::SIGNATURE_HEADER), &body);
    let signed = signed.map_err(|_| ringing.forged())?;
    let read = cloud::incoming(&caller, &setup.lines, &kept(&headers), signed, ringing.now);
    ringing.take(read).await
}

/// Takes what a gateway sends.
#[utoipa::path(post, path = "/api/v1/webhooks/baileys/{token}", operation_id = "ring_baileys", tag = "webhooks in",
    security(()),
    params(("token" = String, Path, description = "The source's token.")),
    request_body(content = serde_json::Value, description = "As the gateway sends it; at most 4 MB, 1,000 events, 256 KB an event."),
    responses(
        (status = 200, description = "What became of the events. Bad ones do not spoil their neighbours.", body = Answer),
        (status = 400, description = "Not JSON.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "No token, none that opens this source, or without the proof the source asks for.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "A credential of another kind, or from an address that is not allowed.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "Too large, or too many.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "JSON of another shape.", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn by_a_gateway<S: Backing>(
    extract::State(state): extract::State<Arc<State<S>>>,
    token: InPath,
    request: Request,
) -> Result<Response, Problem> {
    let (caller, setup) = rung(&state, token, Provider::Baileys, Caller::of(&request).address).await?;
    let Sender::Gateway { dialect, .. } = setup.sender else { return Err(Denied::Unauthorized.into()) };
    let secret = secret(&state, &caller, &setup).await?;
    let ringing = Ringing { state: &state, caller: &caller, now: (state.clock)() };
    let headers = request.headers().clone();
    let body = ringing.counted(body_of(request).await).await?;
    let proven = gateways::proven(dialect, secret.as_ref(), |name| text(&headers, name), &body, ringing.now);
    let proven = proven.map_err(|_| ringing.forged())?;
    let read = gateways::incoming(&caller, &setup.lines, &kept(&headers), proven, ringing.now);
    ringing.take(read).await
}

/// Whose doorbell it is, and what it goes by.
async fn rung<S: Backing>(
    state: &State<S>,
    in_path: InPath,
    provider: Provider,
    from: Option<IpAddr>,
) -> Result<(SourceCaller, Setup), Denied> {
    let credential = in_path.ok().and_then(|Path(text)| Credential::presented(&text));
    state.door.whatsapp(credential.as_ref(), provider, from, (state.clock)()).await
}

/// What the sender has to prove that it knows.
async fn secret<S: Backing>(
    state: &State<S>,
    caller: &SourceCaller,
    setup: &Setup,
) -> Result<Option<HmacKey>, Problem> {
    let Some(sealed) = setup.sender.secret() else { return Ok(None) };
    let keys = state.locker.keys().await?;
    let opened = keys.open_text(sealed, &caller.tenant, caller.source.as_str());
    let key =
        opened.map_err(|error| error.to_string()).and_then(|text| HmacKey::parse(&text).map_err(|e| e.to_string()));
    match key {
        Ok(key) => Ok(Some(key)),
        Err(error) => {
            tracing::error!(source.id = %caller.source, %error, "a source's secret cannot be read");
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side."))
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// One request at work.
struct Ringing<'a, S> {
    state: &'a State<S>,
    caller: &'a SourceCaller,
    now: Timestamp,
}

impl<S: Backing> Ringing<'_, S> {
    /// Counts a request in which no event could be looked at.
    async fn counted<T>(&self, read: Result<T, Problem>) -> Result<T, Problem> {
        if read.is_err() {
            count(self.state, self.caller.provider, arrivals(&[], 1)).await;
        }
        read
    }

    fn forged(&self) -> Problem {
        tracing::warn!(source.id = %self.caller.source, provider = self.caller.provider.name(), "a request without the proof of its source was refused");
        Denied::Unauthorized.into()
    }

    async fn take(&self, read: Result<Reading, RequestError>) -> Result<Response, Problem> {
        let Reading { taken, refused, ignored } = self.counted(read.map_err(refused_whole)).await?;
        let State { store, timing, meter, .. } = self.state;
        let recording = record(store, &taken, timing, self.now).await;
        let write_units = meter.take();
        let refused_for = by_reason(&refused);
        let came = |recorded: &[Recorded]| {
            let reasons = refused_for.iter().map(|(why, n)| ((*why).to_owned(), *n)).collect();
            Arrivals { reasons, ..arrivals(recorded, refused.len()) }
        };
        let recorded = ring_and_count(self.state, self.caller.provider, &recording, came).await?;
        let processed = recorded.iter().filter(|recorded| **recorded == Recorded::New).count();
        let answer = Answer {
            status: "received",
            received: recorded.len() + refused.len(),
            processed,
            duplicates: recorded.len() - processed,
            rejected: refused.len(),
            ignored: ignored.into_iter().map(|(why, n)| (why.as_str(), n)).collect(),
            errors: refused.iter().map(ErrorEntry::of).collect(),
        };
        tracing::info!(
            source.id = %self.caller.source,
            tenant.id = %self.caller.tenant,
            provider = self.caller.provider.name(),
            first_event.id = taken.first().map(|event| event.id().as_str()),
            received = answer.received,
            processed = answer.processed,
            duplicates = answer.duplicates,
            rejected = answer.rejected,
            rejected_for = ?refused_for,
            ignored_for = ?answer.ignored,
            write_units,
            "webhook received"
        );
        Ok(Json(answer).into_response())
    }
}

fn by_reason(refused: &[Refusal]) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    for refusal in refused {
        *counts.entry(refusal.code.as_str()).or_default() += 1;
    }
    counts
}

/// A request in which no event could be looked at.
fn refused_whole(error: RequestError) -> Problem {
    match error {
        RequestError::Shape(error) => FieldsError::Fields(vec![error]).into(),
        RequestError::Body(BodyError::InvalidJson) => FieldsError::NotJson.into(),
        RequestError::Body(error @ BodyError::EmptyBatch) => {
            Problem::new(StatusCode::BAD_REQUEST, error.code(), "The array holds no event.")
        }
        RequestError::Body(error @ BodyError::TooManyEvents) => {
            let detail = format!("A request may hold at most {MAX_EVENTS} events.");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, error.code(), detail)
        }
        RequestError::Body(error @ BodyError::BodyTooLarge) => too_large(error.code()),
    }
}

/// What became of the events of a request: `received = processed + duplicates + rejected`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WhatsappAnswer)]
pub(crate) struct Answer {
    /// Always `received`.
    status: &'static str,
    received: usize,
    processed: usize,
    duplicates: usize,
    rejected: usize,
    /// How many were passed over, by reason.
    #[schema(value_type = BTreeMap<String, usize>)]
    ignored: BTreeMap<&'static str, usize>,
    errors: Vec<ErrorEntry>,
}

/// Why an event was not taken.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefusedMessage)]
struct ErrorEntry {
    /// Its place among the events of the request.
    index: usize,
    code: &'static str,
    detail: &'static str,
}

impl ErrorEntry {
    fn of(refusal: &Refusal) -> Self {
        Self { index: refusal.index, code: refusal.code.as_str(), detail: refusal.code.detail() }
    }
}

#[cfg(test)]
mod tests;
