//! `syncId`: a creation that can be repeated.

use serde_json::json;

use super::{code, id};
use crate::Stage;

const SYNC_ID: &str = "6dd7a8a0-0f5c-5a4c-9c0e-000000000001";

#[tokio::test]
async fn a_creation_repeated_with_its_sync_id_answers_the_entity_there_is() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let first = account.make("product", json!({"name": "Стол", "syncId": SYNC_ID})).await;
    assert_eq!(first["syncId"], SYNC_ID);
    let second = account.make("product", json!({"name": "Другой", "syncId": SYNC_ID})).await;
    assert_eq!(second, first);
    assert_eq!(account.names("product", &[]).await, ["Стол"]);
    let filter = format!("syncId={SYNC_ID}");
    assert_eq!(account.names("product", &[("filter", &filter)]).await, ["Стол"]);
}

#[tokio::test]
async fn a_sync_id_is_an_accounts_and_a_kinds_own() {
    let stage = Stage::set().await;
    let (one, two) = (stage.account("one").await, stage.account("two").await);
    let body = json!({"name": "Стол", "syncId": SYNC_ID});
    let made = one.make("product", body.clone()).await;
    assert_ne!(id(&two.make("product", body.clone()).await), id(&made));
    assert_ne!(id(&one.make("service", body).await), id(&made));
}

#[tokio::test]
async fn a_sync_id_is_set_at_creation_only() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let with = account.make("product", json!({"name": "Стол", "syncId": SYNC_ID})).await;
    let without = account.make("product", json!({"name": "Стул"})).await;
    let other = "6dd7a8a0-0f5c-5a4c-9c0e-000000000002";
    for made in [&with, &without] {
        let (status, body) = account.put(&format!("entity/product/{}", id(made)), json!({"syncId": other})).await;
        assert_eq!((status, code(&body)), (400, Some(1047)));
    }
    let back = json!({"name": "Стол 2", "syncId": SYNC_ID});
    assert_eq!(account.put(&format!("entity/product/{}", id(&with)), back).await.0, 200);
    assert_eq!(code(&account.post("entity/product", json!({"name": "x", "syncId": "1"})).await.1), Some(1052));
}

#[tokio::test]
async fn a_deleted_entity_keeps_its_sync_id() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let made = account.make("product", json!({"name": "Стол", "syncId": SYNC_ID})).await;
    account.delete(&format!("entity/product/{}", id(&made))).await;
    let again = account.make("product", json!({"name": "Стол", "syncId": SYNC_ID})).await;
    assert_eq!(id(&again), id(&made));
    assert!(again["deleted"].is_string());
    assert_eq!(account.names("product", &[]).await.len(), 0);
    assert_eq!(code(&account.get(&format!("entity/product/{}", id(&made))).await.1), Some(1021));
}

#[tokio::test]
async fn a_repeated_creation_is_told_to_nobody() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    account.subscribe("product", "CREATE", "once").await;
    account.subscribe("product", "UPDATE", "never").await;
    for _ in 0..3 {
        account.make("product", json!({"name": "Стол", "syncId": SYNC_ID})).await;
    }
    account.make("product", json!({"name": "Стул"})).await;
    assert_eq!(account.settled(2).await.len(), 2);
}
