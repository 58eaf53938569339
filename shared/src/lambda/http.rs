//! Answers over HTTP: JSON, and `application/problem+json` (RFC 9457) for whatever went wrong.

use std::net::IpAddr;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use lambda_http::request::RequestContext;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::auth::{Credential, Denied};
use crate::work::StoreError;

/// A problem, as the caller is told of it. Nothing internal is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    retry_after_s: Option<u64>,
    members: Map<String, Value>,
}

impl Problem {
    /// A problem with a stable `code` (snake_case) and a sentence for a reader.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), retry_after_s: None, members: Map::new() }
    }

    /// 404: it does not exist, or is not the caller's to know of.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here by that name.")
    }

    /// 503: the same request will go through later.
    #[must_use]
    pub fn unavailable() -> Self {
        let mut problem =
            Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "This could not be stored now. Send it again.");
        problem.retry_after_s = Some(1);
        problem
    }

    /// Adds a member beside the standard ones.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        self.members.insert(name.to_owned(), serde_json::to_value(value).unwrap_or(Value::Null));
        self
    }

    /// Adds a `Retry-After`.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unauthorized => {
                Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "The credential is missing or not valid.")
            }
            Denied::WrongKind => {
                Self::new(StatusCode::FORBIDDEN, "wrong_credential", "This credential does not open this door.")
            }
            Denied::Address => {
                Self::new(StatusCode::FORBIDDEN, "address_not_allowed", "This credential may not be used from here.")
            }
            Denied::Unknown(why) => {
                tracing::error!(error = %why, "a credential could not be looked up");
                Self::unavailable()
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        match error {
            StoreError::Unavailable(_) => Self::unavailable(),
            StoreError::Refused(_) | StoreError::Corrupt(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side.")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let mut body = self.members;
        body.insert("type".into(), "about:blank".into());
        body.insert("title".into(), self.status.canonical_reason().unwrap_or("Error").into());
        body.insert("status".into(), self.status.as_u16().into());
        body.insert("detail".into(), self.detail.into());
        body.insert("code".into(), self.code.into());
        let mut response = (self.status, Value::Object(body).to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// What a handler needs to know of a request beside its route: read once, at the edge.
#[derive(Clone, Default)]
pub struct Caller {
    /// API Gateway's id of the request: what a caller can quote to us.
    pub request_id: String,
    /// The caller's address, as API Gateway saw it. Headers that claim another are not believed.
    pub address: Option<IpAddr>,
}

impl Caller {
    /// Reads API Gateway's part of a request.
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> Self {
        match request.extensions().get::<RequestContext>() {
            Some(RequestContext::ApiGatewayV2(context)) => Self {
                request_id: context.request_id.clone().unwrap_or_default(),
                address: context.http.source_ip.as_deref().and_then(|ip| ip.parse().ok()),
            },
            _ => Self::default(),
        }
    }
}

/// Adds the request's id to every problem that goes out, as `request_id` and as a header.
pub async fn name_request(request: Request<Body>, next: axum::middleware::Next) -> Response<Body> {
    let id = Caller::of(&request).request_id;
    let response = next.run(request).await;
    if id.is_empty() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    if let Ok(value) = HeaderValue::from_str(&id) {
        parts.headers.insert(HeaderName::from_static("x-request-id"), value);
    }
    let is_problem =
        parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes() == b"application/problem+json");
    if !is_problem {
        return Response::from_parts(parts, body);
    }
    let Ok(bytes) = axum::body::to_bytes(body, MAX_PROBLEM_BYTES).await else {
        return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side.")
            .into_response();
    };
    let named = match serde_json::from_slice::<Map<String, Value>>(&bytes) {
        Ok(mut problem) => {
            problem.insert("request_id".into(), id.into());
            Body::from(Value::Object(problem).to_string())
        }
        Err(_) => Body::from(bytes),
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, named)
}

/// Largest problem document: 500 rejected events of a batch, each with its sentence.
const MAX_PROBLEM_BYTES: usize = 1024 * 1024;

/// The path without the stage's name in front: API Gateway leaves it in unless the stage is `$default`.
#[must_use]
pub fn path_without_stage<'a>(path: &'a str, stage: Option<&str>) -> &'a str {
    match stage {
        Some(stage) if stage != "$default" => path
            .strip_prefix('/')
            .and_then(|rest| rest.strip_prefix(stage))
            .filter(|rest| rest.is_empty() || rest.starts_with('/'))
            .map_or(path, |rest| if rest.is_empty() { "/" } else { rest }),
        _ => path,
    }
}

/// The credential of an `Authorization: Bearer …` header.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<Credential> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Credential::presented(token.trim())).flatten()
}

/// Serves a router behind API Gateway: strips the stage, names the request in every problem.
///
/// # Errors
/// When the runtime API cannot be reached.
pub async fn serve(router: axum::Router) -> Result<(), lambda_http::Error> {
    let router = router
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Not with this method.")
        })
        .layer(axum::middleware::from_fn(name_request));
    let service = lambda_http::service_fn(move |request: lambda_http::Request| {
        let router = router.clone();
        async move {
            let Ok(response) = tower::ServiceExt::oneshot(router, without_stage(request)).await;
            Ok::<_, lambda_http::Error>(response)
        }
    });
    lambda_http::run(service).await
}

/// The request that a router sees of an envelope.
///
/// # Errors
/// It is not one of API Gateway's.
///
/// # Panics
/// Its host, path and query make no URL, or its body is not the base64 it is said to be.
#[cfg(feature = "testing")]
pub fn routed(envelope: &[u8]) -> Result<Request<Body>, serde_json::Error> {
    lambda_http::request::from_reader(envelope).map(without_stage)
}

fn without_stage(request: lambda_http::Request) -> Request<Body> {
    let (mut parts, body) = request.into_parts();
    let stage = match parts.extensions.get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => context.stage.clone(),
        _ => None,
    };
    let path = path_without_stage(parts.uri.path(), stage.as_deref());
    let target = match parts.uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    if let Ok(uri) = target.parse() {
        parts.uri = uri;
    }
    let body = match body {
        lambda_http::Body::Text(text) => Body::from(text),
        lambda_http::Body::Binary(bytes) => Body::from(bytes),
        _ => Body::empty(),
    };
    Request::from_parts(parts, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_the_same_with_the_stage_in_front_and_without() {
        for (path, stage, wanted) in [
            ("/local/health", Some("local"), "/health"),
            ("/health", Some("local"), "/health"),
            ("/health", Some("$default"), "/health"),
            ("/localhost", Some("local"), "/localhost"),
            ("/local", Some("local"), "/"),
            ("/health", None, "/health"),
        ] {
            assert_eq!(path_without_stage(path, stage), wanted, "{path} in {stage:?}");
        }
    }

    #[test]
    fn a_bearer_token_is_read_whatever_the_case_of_its_scheme() {
        let mut headers = HeaderMap::new();
        assert!(bearer(&headers).is_none());
        headers.insert(header::AUTHORIZATION, "bEaReR  gch_1 ".parse().unwrap());
        assert_eq!(bearer(&headers), Credential::presented("gch_1"));
        headers.insert(header::AUTHORIZATION, "Basic gch_1".parse().unwrap());
        assert!(bearer(&headers).is_none());
    }

    #[tokio::test]
    async fn a_problem_has_the_members_of_the_standard_and_its_own() {
        let response = Problem::new(StatusCode::BAD_REQUEST, "invalid_json", "Not JSON.").with("received", 1);
        let response = response.into_response();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body = axum::body::to_bytes(response.into_body(), 1_000).await.unwrap();
        insta::assert_snapshot!(String::from_utf8_lossy(&body), @r#"{"code":"invalid_json","detail":"Not JSON.","received":1,"status":400,"title":"Bad Request","type":"about:blank"}"#);
    }
}
