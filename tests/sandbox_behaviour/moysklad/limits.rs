//! The rate, requests at once, and what bans.

use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Account, code, id, read};
use crate::Stage;

async fn limited(stage: &Stage, tokens: Value) -> Account {
    stage.account_with("one", json!({"tokens": tokens})).await
}

/// The answers' statuses, and the headers of the last.
async fn ask(account: &Account, n: usize) -> (Vec<u16>, reqwest::header::HeaderMap) {
    let mut statuses = Vec::new();
    let mut headers = reqwest::header::HeaderMap::new();
    for _ in 0..n {
        let response = account.request(Method::GET, "context/employee").send().await.unwrap();
        statuses.push(response.status().as_u16());
        headers = response.headers().clone();
    }
    (statuses, headers)
}

/// Asks until it is refused; how often it was not, and the refusal.
async fn until_refused(account: &Account) -> (usize, reqwest::Response) {
    for n in 0.. {
        let response = account.request(Method::GET, "context/employee").send().await.unwrap();
        if response.status() == 429 {
            return (n, response);
        }
        // A slow machine sees several periods; it cannot see none end.
        assert!(n < 500);
    }
    unreachable!("the loop ends by its answers")
}

#[tokio::test]
async fn the_headers_count_requests_by_their_weight_until_one_is_refused() {
    let stage = Stage::set().await;
    for (weight, allowed) in [(1, 45), (3, 15)] {
        let name = format!("weighs-{weight}");
        let tokens = json!([{"token": name, "kind": "user", "weight": weight}]);
        let account = stage.account_with(&name, json!({"tokens": tokens})).await;
        let (statuses, headers) = ask(&account, 1).await;
        assert_eq!(statuses, [200]);
        let number = |name: &str| headers[name].to_str().unwrap().parse::<usize>().unwrap();
        assert_eq!((number("x-ratelimit-limit"), number("x-ratelimit-remaining")), (allowed, allowed - 1));
        assert_eq!((number("x-lognex-retry-timeinterval"), number("x-lognex-reset")), (3000, 0));
        assert_eq!(headers.get("x-lognex-retry-after"), None);

        let (n, response) = until_refused(&account).await;
        assert!(n >= allowed - 1, "{n}");
        let ms = |name: &str| response.headers()[name].to_str().unwrap().parse::<u64>().unwrap();
        assert!((1..=3000).contains(&ms("x-lognex-retry-after")) && ms("x-lognex-reset") == ms("x-lognex-retry-after"));
        assert_eq!(response.headers()["x-ratelimit-remaining"], "0");
        let (status, body) = read(response).await;
        assert_eq!((status, code(&body)), (429, Some(1049)));
    }
}

#[tokio::test]
async fn users_and_solutions_of_an_account_spend_apart_and_the_tokens_of_one_together() {
    let stage = Stage::set().await;
    let tokens = json!([
        {"token": "first", "kind": "user", "weight": 40}, {"token": "second", "kind": "user", "weight": 40},
        {"token": "solution", "kind": "solution"}
    ]);
    let account = limited(&stage, tokens).await;
    let with = async |token: &str| {
        let request = account.client.get(format!("{}/context/employee", account.base));
        request.bearer_auth(token).header("accept-encoding", "gzip").send().await.unwrap().status().as_u16()
    };
    // Within a period, however slow the machine: the second follows the first at once.
    let (first, second) = tokio::join!(with("first"), with("second"));
    assert_eq!(first + second, 200 + 429);
    assert_eq!(with("solution").await, 200);
}

#[tokio::test]
async fn after_the_wait_it_was_told_a_request_is_taken() {
    let stage = Stage::set().await;
    let account = limited(&stage, json!([{"token": "t", "kind": "user", "weight": 45}])).await;
    let (_, response) = until_refused(&account).await;
    let wait: u64 = response.headers()["x-lognex-retry-after"].to_str().unwrap().parse().unwrap();
    let refused = Instant::now();
    while ask(&account, 1).await.0 == [429] {
        assert!(refused.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // What was measured on the way back is a little late.
    assert!(refused.elapsed() + Duration::from_millis(100) >= Duration::from_millis(wait));
}

#[tokio::test]
async fn a_sixth_request_at_once_is_refused_with_another_code_and_without_headers() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    account.behave(json!({"latency_ms": 1500})).await;
    let answers = join_all((0..8).map(|_| account.request(Method::GET, "context/employee").send())).await;
    let mut refused = 0;
    for response in answers {
        let response = response.unwrap();
        if response.status() == 429 {
            refused += 1;
            assert_eq!(response.headers().get("x-lognex-retry-after"), None);
            assert_eq!(code(&read(response).await.1), Some(1073));
        }
    }
    assert_eq!(refused, 3);
    account.behave(json!({"latency_ms": 0})).await;
    assert_eq!(account.get("context/employee").await.0, 200);
}

#[tokio::test]
async fn no_more_than_twenty_requests_of_an_account_are_under_way() {
    let stage = Stage::set().await;
    let tokens: Vec<_> = (0..5).map(|n| json!({"token": format!("t-{n}"), "kind": "solution"})).collect();
    let account = limited(&stage, json!(tokens)).await;
    account.behave(json!({"latency_ms": 1500})).await;
    let ask = |n: usize| {
        let request = account.client.get(format!("{}/context/employee", account.base));
        request.bearer_auth(format!("t-{}", n % 5)).header("accept-encoding", "gzip").send()
    };
    let answers = join_all((0..25).map(ask)).await;
    let refused = answers.into_iter().filter(|answer| answer.as_ref().unwrap().status() == 429).count();
    assert_eq!(refused, 5);
}

#[tokio::test]
async fn more_than_a_hundred_puts_to_one_entity_ban_and_are_on_record() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let made = account.make("product", json!({"name": "Стол"})).await;
    let path = format!("entity/product/{}", id(&made));
    for n in 0..100 {
        assert_eq!(account.put(&path, json!({"weight": n})).await.0, 200);
    }
    assert_eq!(account.report().await["violations"], json!([]));
    account.put(&path, json!({"weight": 100})).await;
    let report = account.report().await;
    assert_eq!(report["violations"][0]["rule"], "puts_to_one_entity");
    let (status, body) = account.get(&path).await;
    assert_eq!((status, code(&body)), (403, Some(1061)));
    account.client.post(account.control("/forgive")).send().await.unwrap();
    assert_eq!(account.get(&path).await.0, 200);
}

#[tokio::test]
async fn more_than_two_hundred_equal_failures_ban() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    for n in 0..202 {
        let (status, _) = account.post("entity/product", json!({})).await;
        assert_eq!(status, if n < 201 { 412 } else { 403 }, "{n}");
    }
    assert_eq!(account.report().await["violations"][0]["rule"], "equal_failures");
}

#[tokio::test]
async fn more_than_two_hundred_refusals_ban() {
    let stage = Stage::set().await;
    let account = limited(&stage, json!([{"token": "t", "kind": "user", "weight": 46}])).await;
    let (statuses, _) = ask(&account, 202).await;
    assert_eq!((statuses[200], statuses[201]), (429, 403));
    assert_eq!(account.report().await["violations"][0]["rule"], "too_many_refused");
}
