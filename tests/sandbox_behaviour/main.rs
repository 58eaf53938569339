//! The sandbox behaves as the third parties are known to, and as a test orders.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails its test")]

mod c2s;
mod faults;
mod lookups;
mod moysklad;
mod receiver;

use std::net::SocketAddr;

use gancho_tests::sandbox::{self, Credentials, Running};
use reqwest::{Client, RequestBuilder, Response, redirect};
use serde_json::Value;

/// A sandbox of its own, and a client that follows nothing.
struct Stage {
    sandbox: Running,
    client: Client,
}

impl Stage {
    async fn set() -> Self {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let sandbox = sandbox::start(anywhere, Credentials::default()).await.unwrap();
        let client = Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap();
        Self { sandbox, client }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.url())
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path))
    }

    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.post(self.url(path)).json(body)
    }

    /// Orders something of the control API, which must agree.
    async fn order(&self, path: &str, body: Value) -> Value {
        accepted(self.post(path, &body).send().await.unwrap()).await
    }

    async fn put(&self, path: &str, body: Value) -> Value {
        accepted(self.client.put(self.url(path)).json(&body).send().await.unwrap()).await
    }

    async fn look(&self, path: &str) -> Value {
        accepted(self.get(path).send().await.unwrap()).await
    }

    fn message(&self, lead: &str, body: &Value) -> RequestBuilder {
        self.post(&format!("/c2s/integration/leads/{lead}/create_message"), body).bearer_auth("sandbox-c2s-token")
    }

    fn c2s(&self, path: &str) -> RequestBuilder {
        self.get(&format!("/c2s/integration{path}")).bearer_auth("sandbox-c2s-token")
    }
}

async fn accepted(response: Response) -> Value {
    assert!(response.status().is_success(), "{}", response.status());
    response.json().await.unwrap()
}

/// Status and JSON body.
async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Status and text.
async fn text(request: RequestBuilder) -> (u16, String) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn it_is_healthy_and_says_what_it_plays() {
    let stage = Stage::set().await;
    assert_eq!(stage.look("/health").await["status"], "healthy");
    assert_eq!(stage.look("/").await["third_parties"][0], "/c2s");
}

#[tokio::test]
async fn reset_leaves_nothing_but_the_catalogue() {
    let stage = Stage::set().await;
    stage.message("lead-reset", &serde_json::json!({"body": "Hello"})).send().await.unwrap();
    stage.order("/control/people", serde_json::json!({"cpf": "00000000272", "name": "Zoe Nova"})).await;
    stage.order("/control/reset", Value::Null).await;
    assert_eq!(stage.look("/control/requests").await["total"], 0);
    assert_eq!(stage.look("/control/people").await["data"][1]["name"], "Bruno Modelo Teste");
    assert_eq!(text(stage.get("/control/c2s/leads/lead-reset")).await.0, 404);
}

#[tokio::test]
async fn a_misspelt_order_is_refused_with_the_reason() {
    let stage = Stage::set().await;
    let order = serde_json::json!({"upstream": "c2s", "fault": {"kind": "cut"}, "tiems": 1});
    let (status, body) = answer(stage.post("/control/faults", &order)).await;
    assert_eq!(status, 422);
    assert!(body["error"].as_str().unwrap().contains("tiems"));
}
