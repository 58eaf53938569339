//! Orders, shipments, retail sales.

use serde_json::{Value, json};

use super::{code, id, rows};
use crate::Stage;

#[tokio::test]
async fn an_order_needs_organization_and_agent_and_gets_a_number() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let (organization, agent) = (account.own("organization"), account.own("counterparty"));
    for (lacking, missing) in
        [(json!({"agent": agent}), "organization"), (json!({"organization": organization}), "agent")]
    {
        let (status, body) = account.post("entity/customerorder", lacking).await;
        assert_eq!((status, code(&body), &body["errors"][0]["parameter"]), (412, Some(3000), &json!(missing)));
    }
    let order = json!({"organization": organization, "agent": agent});
    let first = account.make("customerorder", order.clone()).await;
    let second = account.make("customerorder", order).await;
    assert_eq!((&first["name"], &second["name"]), (&json!("00001"), &json!("00002")));
    assert_eq!((&first["applicable"], &first["sum"]), (&json!(true), &json!(0.0)));
}

#[tokio::test]
async fn shipments_need_a_store_and_retail_sales_a_shift() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let mut body = account.order_of(&[]);
    assert_eq!(account.post("entity/demand", body.clone()).await.1["errors"][0]["parameter"], "store");
    body["store"] = account.own("store");
    account.make("demand", body.clone()).await;
    assert_eq!(account.post("entity/retaildemand", body.clone()).await.1["errors"][0]["parameter"], "retailShift");
    let shift = account.make("retailshift", json!({"name": "Смена 1"})).await;
    body["retailShift"] = account.reference("retailshift", &shift["id"]);
    account.make("retaildemand", body).await;
}

#[tokio::test]
async fn positions_are_listed_apart_summed_and_replaced_whole() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let table = account.make("product", json!({"name": "Стол"})).await;
    let chair = account.make("product", json!({"name": "Стул"})).await;
    let (table, chair) = (account.reference("product", &table["id"]), account.reference("product", &chair["id"]));
    let mut body = account.order_of(&[(table.clone(), 2.0, 10000.0), (chair.clone(), 1.0, 5000.0)]);
    body["positions"][1]["discount"] = json!(10);
    let order = account.make("customerorder", body).await;
    assert_eq!((&order["sum"], &order["positions"]["meta"]["size"]), (&json!(24500.0), &json!(2)));
    assert_eq!(order["positions"].get("rows"), None);

    let path = format!("entity/customerorder/{}", id(&order));
    let listed = account.look(&format!("{path}/positions")).await;
    assert_eq!(rows(&listed)[0]["assortment"]["meta"]["href"], table["meta"]["href"]);
    let expanded = account.look(&format!("{path}?expand=positions.assortment")).await;
    assert_eq!(expanded["positions"]["rows"][1]["assortment"]["name"], "Стул");

    let replaced =
        account.put(&path, json!({"positions": [{"assortment": chair, "quantity": 3, "price": 100}]})).await.1;
    assert_eq!((&replaced["sum"], &replaced["positions"]["meta"]["size"]), (&json!(300.0), &json!(1)));
    let (_, added) = account.post(&format!("{path}/positions"), json!({"assortment": table, "quantity": 1})).await;
    assert_eq!(added.as_array().unwrap().len(), 1);
    let emptied = account.put(&path, json!({"positions": []})).await.1;
    assert_eq!((&emptied["sum"], &emptied["positions"]["meta"]["size"]), (&json!(0.0), &json!(0)));
}

#[tokio::test]
async fn a_position_needs_an_assortment_of_the_account_and_a_quantity_above_nothing() {
    let stage = Stage::set().await;
    let (one, two) = (stage.account("one").await, stage.account("two").await);
    let made = one.make("product", json!({"name": "Стол"})).await;
    let foreign = two.make("product", json!({"name": "Стол"})).await;
    let own = one.reference("product", &made["id"]);
    for (position, expected) in [
        (json!({"quantity": 1}), 3000),
        (json!({"assortment": own}), 3000),
        (json!({"assortment": own, "quantity": 0}), 3003),
        (json!({"assortment": own, "quantity": 1, "price": -1}), 3002),
        (json!({"assortment": one.reference("product", &foreign["id"]), "quantity": 1}), 1021),
        (json!({"assortment": one.own("uom"), "quantity": 1}), 2024),
        (json!({"id": "12a8b923-692c-11e6-8a84-bae500000053", "assortment": own, "quantity": 1}), 1046),
    ] {
        let mut order = one.order_of(&[]);
        order["positions"] = json!([position]);
        assert_eq!(code(&one.post("entity/customerorder", order).await.1), Some(expected), "{position}");
    }
}

#[tokio::test]
async fn more_than_a_thousand_positions_are_413() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let made = account.make("product", json!({"name": "Стол"})).await;
    let position = (account.reference("product", &made["id"]), 1.0, 1.0);
    let most = account.make("customerorder", account.order_of(&vec![position.clone(); 1000])).await;
    assert_eq!(most["positions"]["meta"]["size"], 1000);
    assert_eq!(account.post("entity/customerorder", account.order_of(&vec![position; 1001])).await.0, 413);
}

#[tokio::test]
async fn states_are_of_the_kind_and_can_be_asked_for_by_name() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let state = account.look("entity/customerorder/metadata").await["states"][0].clone();
    let mut order = account.order_of(&[]);
    order["state"] = json!({"meta": state["meta"]});
    account.make("customerorder", order).await;
    account.make("customerorder", account.order_of(&[])).await;
    assert_eq!(account.names("customerorder", &[("filter", "state.name=Новый")]).await, ["00001"]);
    let mut demand = account.order_of(&[]);
    demand["store"] = account.own("store");
    demand["state"] = json!({"meta": state["meta"]});
    assert_eq!(account.post("entity/demand", demand).await.0, 400);
}

#[tokio::test]
async fn a_document_goes_to_the_recycle_bin_and_is_listed_there() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let first = account.make("customerorder", account.order_of(&[])).await;
    account.make("customerorder", account.order_of(&[])).await;
    assert_eq!(account.post(&format!("entity/customerorder/{}/trash", id(&first)), Value::Null).await.0, 200);
    assert_eq!(account.names("customerorder", &[]).await, ["00002"]);
    assert_eq!(account.names("customerorder", &[("filter", "isDeleted=true")]).await, ["00001"]);
    let both = [("filter", "isDeleted=true;isDeleted=false")];
    assert_eq!(account.names("customerorder", &both).await, ["00001", "00002"]);
    assert_eq!(account.report().await["entities"]["customerorder"], json!({"live": 1, "trashed": 1}));
}
