//! What stands before every third party: each request is recorded as it arrives and meets its fault, if one waits.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, OriginalUri, Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::BODY_LIMIT;
use super::answer::{broken_off, hang, scripted};
use super::connection::Connection;
use super::faults::{Fault, Upstream};
use super::moysklad::rate_limited;
use super::state::Sandbox;

pub(crate) async fn observe(
    State((sandbox, upstream)): State<(Arc<Sandbox>, Upstream)>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    OriginalUri(uri): OriginalUri,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let credential = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let fault = sandbox.faults.lock().strike(
        upstream,
        parts.method.as_str(),
        uri.path(),
        uri.query().unwrap_or_default(),
        &String::from_utf8_lossy(&body),
        credential.unwrap_or_default(),
    );
    let n = sandbox.requests.lock().arrived(
        upstream,
        &parts.method,
        &uri,
        &parts.headers,
        &body,
        fault.as_ref().map(Fault::kind),
    );
    let effect = next.run(Request::from_parts(parts, Body::from(body)));
    match under(fault, effect).await {
        Some(response) => {
            let status = response.status().as_u16();
            sandbox.requests.lock().answered(n, status);
            response
        }
        None => {
            connection.cut();
            // Never seen: the connection is cut.
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The answer under a fault; none where the connection is to close without a status line.
async fn under(fault: Option<Fault>, effect: impl Future<Output = Response>) -> Option<Response> {
    let Some(fault) = fault else {
        return Some(effect.await);
    };
    match fault {
        Fault::Status { status, body, headers } => Some(scripted(status, &headers, body.as_ref())),
        Fault::Delay { ms } => {
            let response = effect.await;
            tokio::time::sleep(Duration::from_millis(ms)).await;
            Some(response)
        }
        Fault::Hang => {
            hang().await;
            None
        }
        Fault::HangAfterEffect => {
            effect.await;
            hang().await;
            None
        }
        Fault::Cut => None,
        Fault::CutAfterEffect => {
            effect.await;
            None
        }
        Fault::CutMidAnswer => Some(broken_off(effect.await)),
        Fault::RateLimited { retry_after_ms, parallel } => Some(rate_limited(retry_after_ms, parallel)),
        Fault::WorkError { name } => Some(name.answer()),
    }
}
