//! The bytes of a request, and no more of them than are taken.

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use gancho::lambda::http::Problem;
use gancho::providers::batch::{BodyError, MAX_BODY_BYTES};

pub(crate) async fn body_of(request: Request) -> Result<Bytes, Problem> {
    axum::body::to_bytes(request.into_body(), MAX_BODY_BYTES)
        .await
        .map_err(|_| too_large(BodyError::BodyTooLarge.code()))
}

pub(crate) fn too_large(code: &'static str) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, code, format!("A request may have at most {MAX_BODY_BYTES} bytes."))
}
