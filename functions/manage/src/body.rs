//! Reading what a request says: its body, the names in its path. What cannot be read is answered in problem documents.

use std::str::FromStr;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use gancho::lambda::http::Problem;
use gancho::manage::json_fields::{BodyError, JsonFields};
use gancho::model::field_error::FieldError;

/// Largest body, bytes: what is managed here is described in a few lines.
const MAX_BODY: usize = 64 * 1024;

/// 422 with every reason.
pub(crate) fn unacceptable(errors: Vec<FieldError>) -> Problem {
    BodyError::Fields(errors).into()
}

/// The bytes of a body.
pub(crate) struct Raw(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        to_bytes(request.into_body(), MAX_BODY).await.map(Self).map_err(|_| {
            let text = format!("A body may have at most {MAX_BODY} bytes.");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", text)
        })
    }
}

/// A JSON object in a body. No body at all is an empty object.
pub(crate) struct Fields(pub(crate) JsonFields);

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Raw(body) = Raw::from_request(request, state).await?;
        let body = if body.trim_ascii().is_empty() { &b"{}"[..] } else { &body[..] };
        Ok(Self(JsonFields::read(body)?))
    }
}

/// One name in the path. What is no such name names nothing.
pub(crate) struct Named<T>(pub(crate) T);

impl<S: Send + Sync, T: FromStr + Send> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| Problem::not_found())?;
        text.parse().map(Self).map_err(|_| Problem::not_found())
    }
}

/// Two names in the path.
pub(crate) struct NamedTwo<T, U>(pub(crate) T, pub(crate) U);

impl<S: Send + Sync, T: FromStr + Send, U: FromStr + Send> FromRequestParts<S> for NamedTwo<T, U> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let both = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((first, second)) = both.map_err(|_| Problem::not_found())?;
        let first = first.parse().map_err(|_| Problem::not_found())?;
        Ok(Self(first, second.parse().map_err(|_| Problem::not_found())?))
    }
}
