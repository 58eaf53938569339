//! What all of the operator's answers have in common.

use axum::Json;
use gancho::manage::page::Page;

/// A page of a list: of `limit + 1` rows asked for, the last says that there is a next page.
pub(super) fn listed<T, V: From<T>>(mut rows: Vec<T>, limit: usize, place: impl Fn(&T) -> String) -> Json<Page<V>> {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = rows.last().filter(|_| more).map(place);
    Json(Page { data: rows.into_iter().map(V::from).collect(), next_cursor })
}

/// A list that is always answered whole.
pub(super) fn listed_whole<T, V: From<T>>(rows: Vec<T>) -> Json<Page<V>> {
    Json(Page { data: rows.into_iter().map(V::from).collect(), next_cursor: None })
}
