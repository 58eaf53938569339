//! `/openapi.json`: what every route takes and answers, written from the handlers.

mod common;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};
use utoipa::OpenApi as _;
use utoipa::openapi::{Info, License, OpenApi, Server, Tag};

use crate::{operate, portal};

/// How long a copy is good without asking: a deployment changes the document, and nobody is hurt by the old one.
const CACHE_CONTROL: &str = "public, max-age=300";

/// In the order in which a reader meets them.
const TAGS: [(&str, &str); 12] = [
    ("webhooks in", "What providers send to."),
    ("publishing", "What a tenant's back office sends to."),
    ("subscriptions", "Where a tenant's events go."),
    ("deliveries", "What became of them."),
    ("whatsapp", "The telephone numbers that a tenant links."),
    ("whatsapp webhooks", "Subscriptions to one WhatsApp number, and what became of its messages."),
    ("tenants", "Tenants and their keys; for the operator, as all that follow."),
    ("sources", "Doorbells: where a provider's webhooks for a tenant come in."),
    ("events", "What came in, and all that happened to it."),
    ("moysklad", "MoySklad accounts that are kept in step, their webhooks, and how they are."),
    ("data subjects", "Requests of persons: what is held of them, and its erasure."),
    ("running", "Switches, queues, counters, keys."),
];

/// What each function says of itself.
fn parts() -> [OpenApi; 4] {
    [receive::describe(), portal::describe(), operate::describe(), Own::openapi()]
}

/// The document, of all functions together.
fn document() -> OpenApi {
    let mut document = OpenApi::new(Info::new("Gancho", env!("CARGO_PKG_VERSION")), utoipa::openapi::Paths::new());
    document.info.description = Some(include_str!("description.md").trim().to_owned());
    document.info.license = Some(License::new("Apache-2.0"));
    // Beside the document itself, whatever the stage it is asked for at.
    document.servers = Some(vec![Server::new(".")]);
    for described in parts() {
        document.merge(described);
    }
    let tag = |(name, about): (&str, &str)| {
        let mut tag = Tag::new(name);
        tag.description = Some(about.to_owned());
        tag
    };
    let platform = ("platform", "The platform itself.");
    document.tags = Some(TAGS.into_iter().chain([platform]).map(tag).collect());
    common::add(&mut document);
    document
}

/// The document as it is sent, and the tag it is known again by. It is the same for as long as the process lives.
struct Written {
    json: Bytes,
    etag: HeaderValue,
}

fn written() -> Option<&'static Written> {
    static WRITTEN: OnceLock<Option<Written>> = OnceLock::new();
    let write = || {
        let json =
            document().to_json().inspect_err(|error| tracing::error!(%error, "the description is no JSON")).ok()?;
        let digest = hex::encode(&Sha256::digest(&json)[..16]);
        let etag = HeaderValue::try_from(format!("\"{digest}\"")).ok()?;
        Some(Written { json: json.into(), etag })
    };
    WRITTEN.get_or_init(write).as_ref()
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(read))]
struct Own;

/// This document.
#[utoipa::path(get, path = "/openapi.json", operation_id = "read_openapi", tag = "platform", security(()),
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` of a copy that is there already.")),
    responses(
        (status = 200, description = "OpenAPI 3.1.", body = serde_json::Value),
        (status = 304, description = "The copy that is there already is still good."),
    ),
)]
async fn read(headers: HeaderMap) -> Response {
    let Some(Written { json, etag }) = written() else {
        let problem = gancho::lambda::http::Problem::new;
        return problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side.")
            .into_response();
    };
    let about = |kind: HeaderName, value: HeaderValue| (kind, value);
    let alike =
        [about(header::ETAG, etag.clone()), about(header::CACHE_CONTROL, HeaderValue::from_static(CACHE_CONTROL))];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == etag) {
        return (StatusCode::NOT_MODIFIED, alike).into_response();
    }
    (alike, [about(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], json.clone()).into_response()
}

/// The route, for whoever asks: it names nothing that is not in the sources.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/openapi.json", get(read))
}
