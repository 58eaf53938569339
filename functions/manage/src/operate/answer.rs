//! What all of the operator's answers have in common.

use axum::Json;
use axum::http::StatusCode;
use gancho::lambda::http::Problem;
use gancho::manage::directory::ChangeError;
use gancho::manage::refusal::Refusal;
use serde_json::{Value, json};

use crate::body::body_problem;

/// A page of a list: of `limit + 1` rows asked for, the last says that there is a next page.
pub(super) fn listed<T>(
    mut rows: Vec<T>,
    limit: usize,
    shown: impl Fn(&T) -> Value,
    place: impl Fn(&T) -> String,
) -> Json<Value> {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(place);
    Json(json!({"data": rows.iter().map(shown).collect::<Vec<_>>(), "next_cursor": next}))
}

/// A list that is always answered whole.
pub(super) fn listed_whole<T>(rows: &[T], shown: impl Fn(&T) -> Value) -> Json<Value> {
    Json(json!({"data": rows.iter().map(shown).collect::<Vec<_>>(), "next_cursor": null}))
}

/// Why the directory was not changed, as the operator is told.
pub(super) fn change_problem(error: ChangeError) -> Problem {
    match error {
        ChangeError::Unknown => Problem::not_found(),
        ChangeError::Conflict => {
            Problem::new(StatusCode::CONFLICT, "conflict", "It was changed at the same time. Read it and try again.")
        }
        ChangeError::Default => Problem::new(
            StatusCode::CONFLICT,
            "exists_from_the_start",
            "This one exists from the start and cannot be taken away; it can be disabled.",
        ),
        ChangeError::TooMany(n) => Problem::new(StatusCode::CONFLICT, "too_many", format!("There are {n} already.")),
        ChangeError::Store(error) => error.into(),
    }
}

/// Why a wish is not granted, as the operator is told.
pub(super) fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NotFound => Problem::not_found(),
        Refusal::Input(error) => body_problem(error),
        Refusal::Conflict(conflict) => Problem::new(StatusCode::CONFLICT, conflict.code(), conflict.to_string()),
        Refusal::Sealed(error) => {
            tracing::error!(%error, "a sealed value does not open");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side.")
        }
        Refusal::Store(error) => error.into(),
    }
}
