//! What is wrong with one field of a JSON body.

use serde::Serialize;
use utoipa::ToSchema;

/// One entry of the `errors` of a 422 answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where, as the sender wrote it: `events[2]`, `headers.X-Team`.
    pub path: String,
    /// What kind of mistake: a stable snake_case word, for programs.
    pub code: &'static str,
    /// What to do about it: a sentence, for people. Never holds a secret.
    pub detail: String,
}

impl FieldError {
    /// An error at `path`.
    pub fn new(path: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { path: path.into(), code, detail: detail.into() }
    }
}
