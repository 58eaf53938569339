//! How problem documents are described in `/openapi.json`.

use utoipa::ToSchema;

use crate::model::field_error::FieldError;

/// A problem document (RFC 9457). It may have members that go with its `code`.
#[derive(ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "about:blank", "title": "Unprocessable Entity", "status": 422, "code": "url_not_allowed",
    "detail": "url: the URL must be https",
    "errors": [{"path": "url", "code": "url_not_allowed", "detail": "the URL must be https"}],
}))]
pub struct ProblemDocument {
    /// Always `about:blank`: `code` says which problem it is.
    #[schema(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// A sentence for a reader.
    pub detail: String,
    /// A stable word for programs.
    #[schema(pattern = "^[a-z][a-z0-9_]*$")]
    pub code: String,
    /// What to quote to us.
    #[schema(nullable = false)]
    pub request_id: Option<String>,
    /// Everything that is wrong with a body or a query.
    #[schema(nullable = false)]
    pub errors: Option<Vec<FieldError>>,
}
