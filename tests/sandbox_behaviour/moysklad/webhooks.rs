//! `/entity/webhook`.

use serde_json::{Value, json};

use super::{Account, code, id, rows};
use crate::Stage;

const URL: &str = "https://hooks.example/moysklad";

fn webhook(entity_type: &str, action: &str, url: &str) -> Value {
    json!({"entityType": entity_type, "action": action, "url": url})
}

async fn users(stage: &Stage) -> Account {
    let tokens = json!([{"token": "user", "kind": "user", "weight": 1}]);
    stage.account_with("one", json!({"tokens": tokens, "settings": {"rate_limited": false}})).await
}

#[tokio::test]
async fn a_webhook_is_made_read_listed_disabled_and_deleted() {
    let stage = Stage::set().await;
    let account = users(&stage).await;
    let made = account.make("webhook", webhook("product", "UPDATE", URL)).await;
    assert_eq!((&made["enabled"], &made["method"], &made["diffType"]), (&json!(true), &json!("POST"), &json!("NONE")));
    assert_eq!((&made["accountId"], made.get("authorApplication")), (&json!(account.id), None));
    let path = format!("entity/webhook/{}", id(&made));
    assert_eq!(account.look(&path).await, made);
    let disabled = account.put(&path, json!({"enabled": false})).await.1;
    assert_eq!(disabled["enabled"], false);
    let fields = account.put(&path, json!({"diffType": "FIELDS"})).await.1;
    assert_eq!((&fields["diffType"], &fields["enabled"]), (&json!("FIELDS"), &json!(false)));
    assert_eq!(rows(&account.look("entity/webhook").await).len(), 1);
    assert_eq!(account.delete(&path).await, (200, Value::Null));
    assert_eq!(code(&account.delete(&path).await.1), Some(1021));
}

#[tokio::test]
async fn several_webhooks_at_once_have_their_errors_in_place() {
    let stage = Stage::set().await;
    let account = users(&stage).await;
    let many = json!([
        webhook("product", "CREATE", URL),
        webhook("product", "CREATE", URL),
        webhook("variant", "DELETE", URL)
    ]);
    let (status, made) = account.post("entity/webhook", many).await;
    assert_eq!((status, code(&made[1])), (200, Some(30003)));
    let metas = json!([{"meta": made[0]["meta"]}, {"meta": made[2]["meta"]}]);
    let (_, gone) = account.post("entity/webhook/delete", metas).await;
    assert!(gone[1]["info"].as_str().unwrap().contains(id(&made[2])));
    assert_eq!(rows(&account.look("entity/webhook").await).len(), 0);
}

#[tokio::test]
async fn every_refusal_has_its_code() {
    let stage = Stage::set().await;
    let account = users(&stage).await;
    account.make("webhook", webhook("product", "CREATE", URL)).await;
    let with = |name: &str, value: &str| {
        let mut body = webhook("product", "UPDATE", URL);
        body[name] = json!(value);
        body
    };
    let mut create_with_diff = webhook("service", "CREATE", URL);
    create_with_diff["diffType"] = json!("FIELDS");
    for (body, expected) in [
        (with("entityType", "webhook"), 30000),
        (with("entityType", "discount"), 30000),
        (with("method", "PUT"), 30001),
        (with("action", "UPSERT"), 30002),
        (webhook("product", "CREATE", URL), 30003),
        (with("url", "not a url"), 30005),
        (with("url", "ftp://hooks.example"), 30005),
        (with("action", "PROCESSED"), 30008),
        (with("diffType", "ALL"), 30009),
        (create_with_diff, 30009),
        (with("url", &format!("https://hooks.example/{}", "x".repeat(240))), 30010),
        (json!({"entityType": "product", "action": "UPDATE"}), 3000),
    ] {
        let (status, answer) = account.post("entity/webhook", body.clone()).await;
        assert_eq!(code(&answer), Some(expected), "{body}");
        assert!((400..500).contains(&status));
    }
    let longest = format!("https://hooks.example/{}", "x".repeat(255 - 22));
    account.make("webhook", with("url", &longest)).await;
}

#[tokio::test]
async fn five_of_one_type_and_action_are_the_most_for_users_and_one_for_a_solution() {
    let stage = Stage::set().await;
    let account = users(&stage).await;
    for n in 0..5 {
        account.make("webhook", webhook("product", "CREATE", &format!("{URL}/{n}"))).await;
    }
    assert_eq!(code(&account.post("entity/webhook", webhook("product", "CREATE", URL)).await.1), Some(30007));
    account.make("webhook", webhook("product", "DELETE", URL)).await;

    let solution = stage.account("two").await;
    let made = solution.make("webhook", webhook("product", "CREATE", URL)).await;
    assert!(made["authorApplication"]["meta"]["href"].is_string());
    let second = webhook("product", "CREATE", "https://hooks.example/second");
    assert_eq!(code(&solution.post("entity/webhook", second).await.1), Some(30007));
}

#[tokio::test]
async fn only_administrators_of_paying_accounts_manage_webhooks() {
    let stage = Stage::set().await;
    let tokens = json!([{"token": "clerk", "kind": "user", "user": "clerk@one", "admin": false}]);
    let account = stage.account_with("one", json!({"tokens": tokens})).await;
    let (status, body) = account.post("entity/webhook", webhook("product", "CREATE", URL)).await;
    assert_eq!((status, code(&body)), (403, Some(30004)));
    assert_eq!(account.get("entity/webhook").await.0, 200);

    let free = stage.account("free").await;
    free.subscribe("product", "CREATE", "free").await;
    free.behave(json!({"paid": false})).await;
    assert_eq!(code(&free.post("entity/webhook", webhook("product", "UPDATE", URL)).await.1), Some(30006));
    free.make("product", json!({"name": "Стол"})).await;
    assert_eq!(free.report().await["notifications"], json!({}));
}
