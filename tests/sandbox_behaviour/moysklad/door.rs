//! What every request must be.

use reqwest::Method;
use serde_json::{Value, json};

use super::{code, read};
use crate::{Stage, answer, text};

#[tokio::test]
async fn without_gzip_it_is_415_without_a_body() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    for encoding in [None, Some("identity"), Some("br")] {
        let request = stage.get("/moysklad/api/remap/1.2/entity/product").bearer_auth(&account.token);
        let request = encoding.iter().fold(request, |request, encoding| request.header("accept-encoding", *encoding));
        assert_eq!(text(request).await, (415, String::new()), "{encoding:?}");
    }
}

#[tokio::test]
async fn answers_are_gzipped_unless_a_test_wants_them_plain() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let ask = || account.request(Method::GET, "entity/product").send();
    assert_eq!(ask().await.unwrap().headers()["content-encoding"], "gzip");
    account.behave(json!({"compressed": false})).await;
    assert_eq!(ask().await.unwrap().headers().get("content-encoding"), None);
}

#[tokio::test]
async fn a_token_nobody_has_is_401_and_a_token_opens_its_own_account_only() {
    let stage = Stage::set().await;
    let one = stage.account("one").await;
    let two = stage.account("two").await;
    let made = one.make("product", json!({"name": "Стол"})).await;
    assert_eq!(two.names("product", &[]).await, Vec::<String>::new());
    assert_eq!(made["accountId"], one.id.as_str());

    let request = stage.get("/moysklad/api/remap/1.2/entity/product").header("accept-encoding", "gzip");
    let (status, body) = read(request.bearer_auth("nobody").send().await.unwrap()).await;
    assert_eq!((status, code(&body)), (401, Some(1056)));
    let again = json!({"name": "three", "tokens": [{"token": one.token, "kind": "user"}]});
    assert_eq!(answer(stage.post("/control/moysklad/accounts", &again)).await.0, 422);
}

#[tokio::test]
async fn a_new_token_revokes_the_users_earlier_ones_and_needs_login_and_password() {
    let stage = Stage::set().await;
    let tokens = json!([{"token": "first", "kind": "user"}, {"token": "of-solution", "kind": "solution"}]);
    let account = stage.account_with("one", json!({"tokens": tokens})).await;
    assert_eq!(account.post("security/token", json!({})).await.0, 401);

    let request = stage.client.post(format!("{}/security/token", account.base)).header("accept-encoding", "gzip");
    let (status, body) = read(request.basic_auth("admin@one", Some("sandbox-password")).send().await.unwrap()).await;
    assert_eq!(status, 200);
    let ask = |token: &str| {
        let request = stage.client.get(format!("{}/context/employee", account.base));
        request.bearer_auth(token).header("accept-encoding", "gzip").send()
    };
    assert_eq!(ask("first").await.unwrap().status(), 401);
    assert_eq!(ask("of-solution").await.unwrap().status(), 200);
    assert_eq!(ask(body["access_token"].as_str().unwrap()).await.unwrap().status(), 200);
}

#[tokio::test]
async fn accept_is_everything_or_json_in_utf_8() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    for (accept, status) in [
        ("*/*", 200),
        ("application/json;charset=utf-8", 200),
        ("application/json; charset=UTF-8", 200),
        ("application/json", 400),
        ("text/html", 400),
    ] {
        let request = account.request(Method::GET, "entity/product").header("accept", accept);
        let (given, body) = read(request.send().await.unwrap()).await;
        assert_eq!((given, code(&body)), (status, (status == 400).then_some(1062)), "{accept}");
    }
}

#[tokio::test]
async fn a_body_is_json_and_says_so() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let send = async |kind: &str, body: &str| {
        let request = account.request(Method::POST, "entity/product").header("content-type", kind);
        let (status, body) = read(request.body(body.to_owned()).send().await.unwrap()).await;
        (status, code(&body))
    };
    assert_eq!(send("application/json", "{\"name\":").await, (400, Some(2001)));
    assert_eq!(send("application/json", "7").await, (400, Some(2005)));
    assert_eq!(send("text/plain", "{\"name\":\"Стол\"}").await, (415, Some(1037)));
    assert_eq!(send("application/json", "").await, (400, Some(1027)));
    assert_eq!(send("application/json; charset=utf-8", "{\"name\":\"Стол\"}").await, (200, None));
}

#[tokio::test]
async fn more_than_eight_kilobytes_of_headers_or_twenty_megabytes_of_body_are_refused() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let path = format!("entity/product?filter=name={}", "x".repeat(8 * 1024));
    assert_eq!(account.get(&path).await.0, 414);
    let body = json!({"name": "Стол", "description": "x".repeat(20 * 1024 * 1024)});
    let (status, body) = account.post("entity/product", body).await;
    assert_eq!((status, code(&body)), (413, Some(1044)));
}

#[tokio::test]
async fn what_there_is_not_is_told_by_its_code() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let nobody = "12a8b923-692c-11e6-8a84-bae500000053";
    for (method, path, status, expected) in [
        ("GET", "entity/producer", 404, 1005),
        ("GET", "report/nothing", 404, 1002),
        ("GET", "entity/product/abc", 400, 1000),
        ("GET", &format!("entity/product/{nobody}"), 404, 1021),
        ("DELETE", "entity/product", 405, 1039),
        ("PATCH", "audit", 405, 1039),
    ] {
        let request = account.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
        let (given, body) = read(request.send().await.unwrap()).await;
        assert_eq!((given, code(&body)), (status, Some(expected)), "{method} {path}");
        assert!(body["errors"][0]["moreInfo"].as_str().unwrap().ends_with(&expected.to_string()));
    }
}

#[tokio::test]
async fn faults_strike_one_account_and_leave_the_other_alone() {
    let stage = Stage::set().await;
    let (one, two) = (stage.account("one").await, stage.account("two").await);
    let order = |fault: Value| json!({"upstream": "moysklad", "match": {"method": "POST", "path": "/entity/product", "token": one.token}, "times": 1, "fault": fault});

    stage.order("/control/faults", order(json!({"kind": "status", "status": 503}))).await;
    assert_eq!(two.post("entity/product", json!({"name": "Стол"})).await.0, 200);
    assert_eq!(one.get("entity/product").await.0, 200);
    assert_eq!(one.post("entity/product", json!({"name": "Стол"})).await, (503, Value::Null));

    stage.order("/control/faults", order(json!({"kind": "rate_limited", "retry_after_ms": 700}))).await;
    let struck = one.request(Method::POST, "entity/product").json(&json!({"name": "Стол"})).send().await.unwrap();
    assert_eq!(struck.headers()["x-lognex-retry-after"], "700");
    let (status, body) = read(struck).await;
    assert_eq!((status, code(&body)), (429, Some(1049)));
    assert_eq!(one.names("product", &[]).await.len(), 0);

    stage.order("/control/faults", order(json!({"kind": "cut_after_effect"}))).await;
    let cut = one.request(Method::POST, "entity/product").json(&json!({"name": "Стол"})).send().await;
    assert!(cut.unwrap_err().is_request());
    assert_eq!(one.names("product", &[]).await, ["Стол"]);
}

#[tokio::test]
async fn everything_asked_is_recorded() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    account.make("product", json!({"name": "Стол-42"})).await;
    stage.account("two").await.make("product", json!({"name": "Стол-42"})).await;
    let asked = stage.look("/control/requests?upstream=moysklad&contains=Стол-42&token=token-of-one").await;
    assert_eq!(asked["data"].as_array().unwrap().len(), 1);
    let record = &asked["data"][0];
    assert_eq!((&record["method"], &record["answered"]), (&json!("POST"), &json!(200)));
    assert_eq!(record["path"], "/moysklad/api/remap/1.2/entity/product");
    assert_eq!(record["headers"]["accept-encoding"], "gzip");
}

#[tokio::test]
async fn reset_closes_every_account() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    stage.order("/control/reset", Value::Null).await;
    assert_eq!(account.get("entity/product").await.0, 401);
    let account = stage.account("one").await;
    assert_eq!(account.get("entity/product").await.0, 200);
}
