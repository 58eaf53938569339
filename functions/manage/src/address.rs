//! Where the platform is reached from outside: what addresses given to senders start with.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;
use lambda_http::request::RequestContext;

use crate::state::{Shared, State};

/// What every address starts with: no slash at the end.
pub(crate) struct Base(String);

impl Base {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<Shared<S>> for Base {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &Shared<S>) -> Result<Self, Infallible> {
        Ok(Self::of(state, parts))
    }
}

impl Base {
    /// The address that is configured, or else the one this request came to.
    pub(crate) fn of<S>(state: &State<S>, parts: &Parts) -> Self {
        Self(state.config.public_url.clone().unwrap_or_else(|| of_request(parts)))
    }
}

/// The address this very request came to: API Gateway's word for it, not the caller's.
fn of_request(parts: &Parts) -> String {
    match parts.extensions.get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => {
            let host = context.domain_name.as_deref().unwrap_or_default();
            match context.stage.as_deref() {
                None | Some("$default") => format!("https://{host}"),
                Some(stage) => format!("https://{host}/{stage}"),
            }
        }
        _ => {
            let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
            format!("https://{host}")
        }
    }
}
