//! The audit.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Account, code, id, read, rows};
use crate::Stage;

async fn contexts(account: &Account, filter: &str) -> Vec<Value> {
    let request = account.request(Method::GET, "audit").query(&[("filter", filter)]);
    let (status, list) = read(request.send().await.unwrap()).await;
    assert_eq!(status, 200, "{list}");
    rows(&list).clone()
}

#[tokio::test]
async fn a_deletion_is_found_by_type_event_and_time() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let made = account.make("product", json!([{"name": "Стол"}, {"name": "Стул"}])).await;
    account.make("service", json!({"name": "Сборка"})).await;
    account.delete(&format!("entity/product/{}", id(&made[0]))).await;

    let found = contexts(&account, "entityType=product;eventType=delete;moment>=2026-01-01 00:00:00").await;
    assert_eq!((found.len(), &found[0]["objectCount"], &found[0]["source"]), (1, &json!(1), &json!("remap-1.2")));
    let events = found[0]["events"]["meta"]["href"].as_str().unwrap().strip_prefix(&account.base).unwrap().to_owned();
    let list = account.look(events.trim_matches('/')).await;
    assert_eq!(rows(&list)[0]["entity"]["meta"]["href"], made[0]["meta"]["href"]);
    assert_eq!((&rows(&list)[0]["eventType"], &rows(&list)[0]["name"]), (&json!("delete"), &json!("Стол")));
    assert_eq!(contexts(&account, "entityType=product;eventType=delete;moment<=2026-01-01 00:00:00").await.len(), 0);
}

#[tokio::test]
async fn a_request_is_one_context_the_newest_first() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    account.make("product", json!([{"name": "Стол"}, {"name": "Стул"}])).await;
    account.act("POST", "entity/service", json!({"name": "Сборка"}), false).await;
    let list = account.look("audit").await;
    let said: Vec<_> = rows(&list)
        .iter()
        .map(|row| (row["entityType"].clone(), row["objectCount"].clone(), row["source"].clone()))
        .collect();
    assert_eq!(said, [(json!("service"), json!(1), json!("app")), (json!("product"), json!(2), json!("remap-1.2"))]);
    assert_eq!((&list["meta"]["limit"], &list["meta"]["size"]), (&json!(25), &json!(2)));
    assert_eq!(account.get("audit?limit=101").await.0, 400);
    assert_eq!(code(&account.get("audit?filter=name=x").await.1), Some(1034));
}

#[tokio::test]
async fn an_entitys_own_events_are_there_after_its_deletion() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let made = account.make("product", json!({"name": "Стол"})).await;
    let path = format!("entity/product/{}", id(&made));
    account.put(&path, json!({"weight": 5})).await;
    account.put(&path, json!({"archived": true})).await;
    account.delete(&path).await;
    let list = account.look(&format!("{path}/audit")).await;
    let types: Vec<_> = rows(&list).iter().map(|row| row["eventType"].as_str().unwrap()).collect();
    assert_eq!(types, ["delete", "puttoarchive", "update", "create"]);
    assert_eq!(rows(&list)[2]["diff"]["weight"], json!({"oldValue": 0.0, "newValue": 5.0}));
    assert_eq!(rows(&list)[3].get("diff"), None);
}
