//! The platform's own API, over HTTP as everybody reaches it.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, redirect};
use serde_json::Value;

use crate::stack::Stack;

/// Somebody who calls the API.
#[derive(Clone)]
pub struct Api {
    http: Client,
    bearer: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; a text that is no JSON is a JSON string.
    pub body: Value,
}

/// A client for tests: no proxy, no redirects, and time for a cold start.
pub(crate) fn client() -> Client {
    // Everything is plain http here, but reqwest wants to know. Whoever comes first installs it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .timeout(Duration::from_secs(60))
        .build()
        .expect("a client")
}

/// What comes back to a request.
///
/// # Panics
/// When nothing does.
pub async fn answer_of(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("a whole answer");
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, headers, body }
}

impl Answer {
    /// The body, if the status is as it should be.
    ///
    /// # Panics
    /// When it is another.
    #[track_caller]
    pub fn with(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }
}

impl Api {
    /// Somebody without a credential.
    #[must_use]
    pub fn nobody() -> Self {
        Self { http: client(), bearer: None }
    }

    /// Somebody with this one.
    #[must_use]
    pub fn bearer(token: &str) -> Self {
        Self { http: client(), bearer: Some(token.to_owned()) }
    }

    /// The operator.
    #[must_use]
    pub fn operator() -> Self {
        Self::bearer(&Stack::get().admin_token)
    }

    /// What is shown to be let in.
    #[must_use]
    pub fn credential(&self) -> Option<&str> {
        self.bearer.as_deref()
    }

    /// A request to a route.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", Stack::get().api_url));
        match &self.bearer {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        answer_of(self.request(Method::GET, path)).await
    }

    /// POST of a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        answer_of(self.request(Method::POST, path).json(body)).await
    }

    /// A POST to an address that the platform gave out, to be sent.
    pub fn request_to(&self, address: &str) -> RequestBuilder {
        self.http.post(address)
    }

    /// POST of a JSON body to an address that the platform gave out.
    pub async fn post_to(&self, address: &str, body: &Value) -> Answer {
        answer_of(self.http.post(address).json(body)).await
    }

    /// PUT of a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        answer_of(self.request(Method::PUT, path).json(body)).await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        answer_of(self.request(Method::PATCH, path).json(body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        answer_of(self.request(Method::DELETE, path)).await
    }

    /// C2S posts to the default source, with this token in the header.
    pub async fn c2s_by_header(&self, token: Option<&str>, body: &Value) -> Answer {
        let request = self.request(Method::POST, "/api/v1/webhooks/c2s").json(body);
        answer_of(match token {
            Some(token) => request.header("x-webhook-token", token),
            None => request,
        })
        .await
    }

    /// C2S posts to the address of a source.
    pub async fn c2s_by_path(&self, token: &str, body: &Value) -> Answer {
        answer_of(self.request(Method::POST, &format!("/api/v1/webhooks/c2s/{token}")).json(body)).await
    }
}
