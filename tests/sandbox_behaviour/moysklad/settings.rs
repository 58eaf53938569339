//! Settings and metadata of an account, and accounts themselves.

use serde_json::{Value, json};

use super::{code, id, rows};
use crate::{Stage, answer};

#[tokio::test]
async fn an_account_is_furnished_with_what_a_document_needs() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    for kind in ["currency", "uom", "organization", "counterparty", "store", "employee"] {
        let list = account.look(&format!("entity/{kind}")).await;
        assert_eq!(rows(&list), std::slice::from_ref(&account.furnished[kind]), "{kind}");
    }
    let company = account.look("context/companysettings").await;
    assert_eq!(company["priceTypes"], json!([account.furnished["price_type"]]));
    assert_eq!(company["currency"]["meta"]["href"], account.furnished["currency"]["meta"]["href"]);
    assert_eq!(account.look("context/companysettings/pricetype/default").await, account.furnished["price_type"]);
    assert_eq!(account.look("context/employee").await, account.furnished["employee"]);
}

#[tokio::test]
async fn price_types_left_out_of_the_list_are_gone() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let first = account.furnished["price_type"].clone();
    let path = "context/companysettings/pricetype";
    let both = account.post(path, json!([first, {"name": "Оптовая"}])).await.1;
    let left = account.post(path, json!([both[1]])).await.1;
    assert_eq!((left.as_array().unwrap().len(), &left[0]["name"]), (1, &json!("Оптовая")));
    let gone = format!("{path}/{}", id(&first));
    assert_eq!(code(&account.get(&gone).await.1), Some(1021));
    assert_eq!(account.post(path, json!([])).await.0, 400);
}

#[tokio::test]
async fn an_attribute_is_changed_but_for_its_type_and_takes_its_values_with_it() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let made = account.make("product/metadata/attributes", json!({"name": "Цвет", "type": "string"})).await;
    let product = json!({"name": "Стол", "attributes": [{"meta": made["meta"], "value": "red"}]});
    let product = account.make("product", product).await;
    let path = format!("entity/product/metadata/attributes/{}", id(&made));
    assert_eq!(account.put(&path, json!({"name": "Тон"})).await.1["name"], "Тон");
    assert_eq!(code(&account.put(&path, json!({"type": "long"})).await.1), Some(3001));
    assert_eq!(account.look("entity/product/metadata").await["attributes"]["meta"]["size"], 1);
    assert_eq!(account.delete(&path).await, (200, Value::Null));
    assert_eq!(account.look(&format!("entity/product/{}", id(&product))).await.get("attributes"), None);
    assert_eq!(code(&account.get(&path).await.1), Some(1021));
}

#[tokio::test]
async fn metadata_there_is_not_has_no_path() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    for path in ["entity/uom/metadata/attributes", "entity/product/metadata/states", "entity/product/metadata/colours"]
    {
        assert_eq!(code(&account.get(path).await.1), Some(1002), "{path}");
    }
    let state = account.make("customerorder/metadata/states", json!({"name": "Отгружен"})).await;
    let states = account.look("entity/customerorder/metadata").await["states"].clone();
    assert_eq!((states.as_array().unwrap().len(), &states[1]), (2, &state));
    let path = format!("entity/customerorder/metadata/states/{}", id(&state));
    assert_eq!(account.look(&path).await, state);
}

#[tokio::test]
async fn attributes_take_values_of_their_type() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    for (of_type, right, wrong) in [
        ("string", json!("red"), json!(7)),
        ("text", json!("long"), json!(true)),
        ("link", json!("https://a.example"), json!({})),
        ("long", json!(7), json!(7.5)),
        ("double", json!(7.5), json!("7.5")),
        ("boolean", json!(true), json!("true")),
        ("time", json!("2026-11-22 10:00:00"), json!("2026-11-22")),
        ("store", account.own("store"), account.own("uom")),
    ] {
        let define = json!({"name": format!("of {of_type}"), "type": of_type});
        let defined = account.make("product/metadata/attributes", define).await;
        let product =
            |value: &Value| json!({"name": "Стол", "attributes": [{"meta": defined["meta"], "value": value}]});
        account.make("product", product(&right)).await;
        assert_eq!(account.post("entity/product", product(&wrong)).await.0, 400, "{of_type}");
    }
    let (status, _) = account.post("entity/product/metadata/attributes", json!({"name": "x", "type": "colour"})).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_closed_account_is_unknown_and_its_token_free() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    account.make("product", json!({"name": "Стол"})).await;
    account.client.delete(account.control("")).send().await.unwrap();
    assert_eq!(account.get("entity/product").await.0, 401);
    assert_eq!(answer(account.client.get(account.control(""))).await.0, 404);
    assert_eq!(stage.look("/control/moysklad/accounts").await["data"], json!([]));
    let again = stage.account("one").await;
    assert_eq!(again.names("product", &[]).await.len(), 0);
}

#[tokio::test]
async fn an_order_to_an_account_is_refused_with_the_reason_if_it_is_misspelt() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let misspelt = account.client.put(account.control("")).json(&json!({"looose": 1}));
    let (status, body) = answer(misspelt).await;
    assert_eq!(status, 422);
    assert!(body["error"].as_str().unwrap().contains("looose"));
    for wrong in [json!({"name": "x", "id": "7"}), json!({"name": "x", "id": account.id}), json!({"tokens": []})] {
        assert_eq!(answer(stage.post("/control/moysklad/accounts", &wrong)).await.0, 422, "{wrong}");
    }
}
