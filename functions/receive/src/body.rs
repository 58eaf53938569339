//! The bytes of a request, and no more of them than are taken.

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use gancho::lambda::http::Problem;
use gancho::providers::batch::{BodyError, MAX_BODY_BYTES};

pub(crate) async fn body_of(request: Request) -> Result<Bytes, Problem> {
    body_within(request, MAX_BODY_BYTES).await
}

/// A body of a provider that sends less than others.
pub(crate) async fn body_within(request: Request, most: usize) -> Result<Bytes, Problem> {
    axum::body::to_bytes(request.into_body(), most).await.map_err(|_| larger_than(most))
}

pub(crate) fn too_large(code: &'static str) -> Problem {
    of_at_most(code, MAX_BODY_BYTES)
}

/// A body larger than its provider's are.
pub(crate) fn larger_than(most: usize) -> Problem {
    of_at_most(BodyError::BodyTooLarge.code(), most)
}

fn of_at_most(code: &'static str, most: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, code, format!("A request may have at most {most} bytes."))
}
