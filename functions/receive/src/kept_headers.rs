//! What of a request's headers is kept beside a body.

use axum::http::HeaderMap;

/// None of them holds a credential.
const KEPT: [&str; 3] = ["content-type", "user-agent", "x-request-id"];
/// Longest value kept, bytes.
const LONGEST: usize = 256;

pub(crate) fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    KEPT.iter()
        .filter_map(|name| {
            let value = headers.get(*name)?.to_str().ok()?;
            let end = (0..=LONGEST.min(value.len())).rev().find(|end| value.is_char_boundary(*end))?;
            Some(((*name).to_owned(), value[..end].to_owned()))
        })
        .collect()
}
