//! Reading what a request says: its body, its query, the names in its path. What cannot be read is answered in problem documents.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use gancho::lambda::http::Problem;
use gancho::manage::json_fields::{BodyError, JsonFields};
use gancho::model::field_error::FieldError;

/// Largest body, bytes: what is managed here is described in a few lines.
const MAX_BODY: usize = 64 * 1024;
/// Rows of a page, unless the caller says otherwise.
const DEFAULT_LIMIT: usize = 50;
/// Most rows of a page.
const MAX_LIMIT: usize = 100;

/// 422 with every reason.
pub(crate) fn unacceptable(errors: Vec<FieldError>) -> Problem {
    BodyError::Fields(errors).into()
}

/// What is wrong with a body, as its sender is told.
pub(crate) fn body_problem(error: BodyError) -> Problem {
    error.into()
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

/// The parameters after the `?`, taken one by one. One that nobody asked for is refused: a filter with a typing
/// mistake must not be answered as if it had been heard.
pub(crate) struct Parameters {
    given: BTreeMap<String, String>,
    errors: Vec<FieldError>,
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(given) = Query::<BTreeMap<String, String>>::from_request_parts(parts, state).await.map_err(|_| {
            unacceptable(vec![FieldError::new("", "invalid_query", "the query cannot be read, or repeats itself")])
        })?;
        Ok(Self { given, errors: Vec::new() })
    }
}

impl Parameters {
    /// Takes a parameter as text; an empty one counts as absent.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.given.remove(name).filter(|value| !value.is_empty())
    }

    /// Takes a parameter and reads it.
    pub(crate) fn parsed<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        let text = self.text(name)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(_) => {
                self.errors.push(FieldError::new(name, "invalid_parameter", format!("this must be {expected}")));
                None
            }
        }
    }

    /// Takes `limit`.
    pub(crate) fn limit(&mut self) -> usize {
        let limit = self.parsed::<usize>("limit", "a number").unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            let text = format!("this must be a number from 1 to {MAX_LIMIT}");
            self.errors.push(FieldError::new("limit", "out_of_range", text));
        }
        limit
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 422 if anything was wrong, or is left.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        let rest = self.given.into_keys();
        self.errors.extend(rest.map(|name| FieldError::new(name, "unknown_parameter", "there is no such parameter")));
        if self.errors.is_empty() { Ok(()) } else { Err(unacceptable(self.errors)) }
    }
}
