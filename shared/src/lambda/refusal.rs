//! How a use case's refusal is told over HTTP.

use axum::http::StatusCode;

use super::http::Problem;
use crate::manage::directory::ChangeError;
use crate::manage::json_fields::BodyError;
use crate::manage::refusal::{Conflict, Refusal};
use crate::manage::sources::SourceError;

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::NotJson => Self::new(StatusCode::BAD_REQUEST, "invalid_json", "The body is not JSON."),
            BodyError::Fields(errors) => {
                // The first is what most callers look at; all of them are in `errors`.
                let (code, detail) = match errors.first() {
                    Some(first) if first.path.is_empty() => (first.code, first.detail.clone()),
                    Some(first) => (first.code, format!("{}: {}", first.path, first.detail)),
                    None => ("invalid", "This is not acceptable.".to_owned()),
                };
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail).with("errors", errors)
            }
        }
    }
}

impl From<Conflict> for Problem {
    fn from(conflict: Conflict) -> Self {
        let problem = Self::new(StatusCode::CONFLICT, conflict.code(), conflict.to_string());
        match conflict {
            Conflict::SubscriptionExists { by: Some(by) } => problem.with("subscription_id", by),
            _ => problem,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::not_found(),
            Refusal::Input(error) => error.into(),
            Refusal::Conflict(conflict) => conflict.into(),
            Refusal::Sealed(error) => {
                tracing::error!(%error, "a sealed value cannot be read");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side.")
            }
            Refusal::Changed => ChangeError::Conflict.into(),
            Refusal::Upstream(why) => {
                let detail = format!("MoySklad did not do what it was asked: {why}. Nothing of ours was changed.");
                Self::new(StatusCode::BAD_GATEWAY, "upstream_failed", detail)
            }
            Refusal::Store(error) => error.into(),
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Unknown => Self::not_found(),
            ChangeError::Conflict => {
                Self::new(StatusCode::CONFLICT, "conflict", "It was changed at the same time. Read it and try again.")
            }
            ChangeError::Default => Self::new(
                StatusCode::CONFLICT,
                "exists_from_the_start",
                "This one exists from the start and cannot be taken away; it can be disabled.",
            ),
            ChangeError::TooMany(n) => Self::new(StatusCode::CONFLICT, "too_many", format!("There are {n} already.")),
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<SourceError> for Problem {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Unacceptable(errors) => BodyError::Fields(errors).into(),
            SourceError::NumberLinked => Conflict::NumberLinked.into(),
            SourceError::Change(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;
    use crate::model::field_error::FieldError;

    #[tokio::test]
    async fn a_body_that_is_not_acceptable_is_told_all_that_is_wrong_with_it() {
        let error = BodyError::Fields(vec![
            FieldError::new("url", "url_not_allowed", "the URL must be https"),
            FieldError::new("colour", "unknown_field", "there is no field of this name"),
        ]);
        let body = Problem::from(error).into_response().into_body();
        let body = axum::body::to_bytes(body, 1_000).await.unwrap();
        insta::assert_snapshot!(String::from_utf8_lossy(&body), @r#"{"code":"url_not_allowed","detail":"url: the URL must be https","errors":[{"code":"url_not_allowed","detail":"the URL must be https","path":"url"},{"code":"unknown_field","detail":"there is no field of this name","path":"colour"}],"status":422,"title":"Unprocessable Entity","type":"about:blank"}"#);
    }
}
