//! `X-Lognex-WebHook-DisableByPrefix`.

use reqwest::Method;
use serde_json::json;

use super::{Account, code, id, read};
use crate::Stage;

const HEADER: &str = "X-Lognex-WebHook-DisableByPrefix";

async fn make(account: &Account, prefixes: &[&str]) -> (u16, Option<u64>) {
    let request = account.request(Method::POST, "entity/product").json(&json!({"name": "Стол"}));
    let request = prefixes.iter().fold(request, |request, prefix| request.header(HEADER, *prefix));
    let (status, body) = read(request.send().await.unwrap()).await;
    (status, code(&body))
}

#[tokio::test]
async fn webhooks_whose_url_contains_a_prefix_are_silent_for_that_request_only() {
    let stage = Stage::set().await;
    let account = stage.account_with("one", json!({"tokens": [{"token": "t", "kind": "user", "weight": 1}]})).await;
    for receiver in ["ours", "theirs", "also-ours"] {
        account.subscribe("product", "CREATE", receiver).await;
    }
    let prefix = |receiver: &str| stage.url(&format!("/receiver/{receiver}"));
    assert_eq!(make(&account, &[&prefix("ours"), &prefix("also-ours")]).await.0, 200);
    let outcomes = async |n: usize| {
        let settled = account.settled(n).await;
        settled.iter().map(|notification| notification["outcome"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(outcomes(3).await, ["suppressed", "delivered", "suppressed"]);
    assert_eq!(make(&account, &[]).await.0, 200);
    assert_eq!(outcomes(6).await[3..], ["delivered", "delivered", "delivered"]);
    assert_eq!(stage.received("ours", 1).await.len(), 1);
    assert_eq!(stage.received("theirs", 2).await.len(), 2);
}

#[tokio::test]
async fn the_prefix_may_stand_anywhere_in_the_url() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let made = account.subscribe("product", "CREATE", "proxied").await;
    let url = format!("{}?to=https://app.example/hooks", made["url"].as_str().unwrap());
    account.put(&format!("entity/webhook/{}", id(&made)), json!({"url": url})).await;
    make(&account, &["https://app.example"]).await;
    assert_eq!(account.settled(1).await[0]["outcome"], "suppressed");
}

#[tokio::test]
async fn a_prefix_without_a_full_domain_is_refused_and_nothing_is_written() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    for prefix in ["https://", "https://some_url", "app.example"] {
        assert_eq!(make(&account, &[prefix]).await, (400, Some(1040)), "{prefix}");
    }
    assert_eq!(make(&account, &["https://app.example", "https://"]).await.0, 400);
    assert_eq!(account.names("product", &[]).await.len(), 0);
}

#[tokio::test]
async fn a_list_with_commas_silences_nothing() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    account.subscribe("product", "CREATE", "loud").await;
    let prefix = stage.url("/receiver/loud");
    make(&account, &[&format!("{prefix}, https://other.example")]).await;
    assert_eq!(account.settled(1).await[0]["outcome"], "delivered");
}
