//! What comes in with a request, bounded and in our own words where it is refused.

use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use gancho::lambda::http::Problem;

/// Largest body. A subscription with everything in it has a tenth of this.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// A request's body.
pub(crate) struct Body(pub(crate) Bytes);

impl<St: Send + Sync> FromRequest<St> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &St) -> Result<Self, Problem> {
        let too_large = |_| {
            let detail = format!("A body may have at most {MAX_BODY_BYTES} bytes.");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
        };
        axum::body::to_bytes(request.into_body(), MAX_BODY_BYTES).await.map(Self).map_err(too_large)
    }
}

/// The identifier in the path. One that is none names nothing.
pub(crate) struct Id<I>(pub(crate) I);

impl<St: Send + Sync, I: FromStr> FromRequestParts<St> for Id<I> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &St) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| Problem::not_found())?;
        text.parse().map(Self).map_err(|_| Problem::not_found())
    }
}
