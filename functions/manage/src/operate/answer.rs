//! What all of the operator's answers have in common.

use axum::Json;
use serde_json::{Value, json};

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
