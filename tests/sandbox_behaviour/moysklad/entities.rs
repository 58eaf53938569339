//! Products, folders, variants, bundles, services.

use serde_json::{Value, json};

use super::{code, id, rows};
use crate::Stage;

#[tokio::test]
async fn a_product_needs_a_name_and_nothing_else() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    for nameless in [json!({}), json!({"name": null}), json!({"name": ""})] {
        let (status, body) = account.post("entity/product", nameless.clone()).await;
        assert_eq!(
            (status, code(&body), &body["errors"][0]["parameter"]),
            (412, Some(3000), &json!("name")),
            "{nameless}"
        );
    }
    let made = account.make("product", json!({"name": "Стол"})).await;
    assert_eq!(made["meta"]["href"], format!("{}/entity/product/{}", account.base, id(&made)));
    assert_eq!(made["meta"]["type"], "product");
    assert_eq!((&made["archived"], &made["pathName"]), (&json!(false), &json!("")));
    assert!(made["externalCode"].as_str().is_some_and(|code| !code.is_empty()));
    let updated = made["updated"].as_str().unwrap();
    assert_eq!(updated.len(), "2026-11-22 15:51:16.000".len(), "{updated}");
    assert_eq!(account.look(&format!("entity/product/{}", id(&made))).await, made);
}

#[tokio::test]
async fn what_is_empty_is_omitted_and_null_clears() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let made = account.make("product", json!({"name": "Стол", "article": "A-1", "code": "", "barcodes": []})).await;
    assert_eq!((made.get("code"), made.get("barcodes"), &made["article"]), (None, None, &json!("A-1")));
    let path = format!("entity/product/{}", id(&made));
    let (status, changed) = account.put(&path, json!({"article": null})).await;
    assert_eq!((status, changed.get("article"), &changed["name"]), (200, None, &json!("Стол")));
    let (status, body) = account.put(&path, json!({"name": null})).await;
    assert_eq!((status, code(&body)), (412, Some(3000)));
}

#[tokio::test]
async fn a_value_of_the_wrong_type_or_length_is_refused_and_writes_nothing() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    for wrong in [
        json!({"name": 7}),
        json!({"name": "Стол", "archived": "no"}),
        json!({"name": "Стол", "weight": "1"}),
        json!({"name": "Стол", "salePrices": {"value": 1}}),
        json!({"name": "Стол", "buyPrice": {"value": "1"}}),
        json!({"name": "x".repeat(256)}),
        json!({"name": "Стол", "barcodes": [{"ean99": "1"}]}),
        json!({"name": "Стол", "salePrices": [{"value": -1}]}),
    ] {
        assert_eq!(account.post("entity/product", wrong.clone()).await.0, 400, "{wrong}");
    }
    assert_eq!(account.names("product", &[]).await.len(), 0);
}

#[tokio::test]
async fn prices_are_of_the_accounts_types_and_those_not_named_stay() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let kept = account.look("context/companysettings/pricetype").await;
    let (status, types) =
        account.post("context/companysettings/pricetype", json!([kept[0], {"name": "Оптовая"}])).await;
    assert_eq!((status, &types[0]["id"]), (200, &kept[0]["id"]));
    let price = |of: &Value, value: Value| json!({"value": value, "currency": account.own("currency"), "priceType": {"meta": of["meta"]}});

    let made = account.make("product", json!({"name": "Стол", "salePrices": [price(&types[0], json!(10050))]})).await;
    let values =
        |row: &Value| row["salePrices"].as_array().unwrap().iter().map(|p| p["value"].clone()).collect::<Vec<_>>();
    assert_eq!(values(&made), [json!(10050.0), json!(0.0)]);
    assert_eq!(made["salePrices"][1]["priceType"]["name"], "Оптовая");
    let path = format!("entity/product/{}", id(&made));
    let changed = account.put(&path, json!({"salePrices": [price(&types[1], json!(99.5))]})).await.1;
    assert_eq!(values(&changed), [json!(10050.0), json!(99.5)]);
    assert_eq!(account.look("context/companysettings").await["priceTypes"], types);
}

#[tokio::test]
async fn metas_are_an_accounts_own() {
    let stage = Stage::set().await;
    let (one, two) = (stage.account("one").await, stage.account("two").await);
    let foreign = one.make("productfolder", json!({"name": "Мебель"})).await;
    let attribute = one.make("product/metadata/attributes", json!({"name": "Цвет", "type": "string"})).await;
    let prices = one.look("context/companysettings/pricetype").await;
    for (field, value) in [
        ("productFolder", one.reference("productfolder", &foreign["id"])),
        ("uom", one.own("uom")),
        ("buyPrice", json!({"value": 1, "currency": one.own("currency")})),
        ("salePrices", json!([{"value": 1, "priceType": {"meta": prices[0]["meta"]}}])),
        ("attributes", json!([{"meta": attribute["meta"], "value": "red"}])),
    ] {
        let (status, body) = two.post("entity/product", json!({"name": "Стол", field: value})).await;
        assert_eq!((status, code(&body)), (400, Some(1021)), "{field}: {body}");
        assert!(body["errors"][0]["parameter"].is_string(), "{field}");
    }
    assert_eq!(two.names("product", &[]).await.len(), 0);
}

#[tokio::test]
async fn a_meta_of_another_server_or_of_the_wrong_type_is_told_by_its_code() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let mut elsewhere = account.own("uom");
    elsewhere["meta"]["href"] =
        json!("https://evil.example/api/remap/1.2/entity/uom/12a8b923-692c-11e6-8a84-bae500000053");
    let mut lying = account.own("uom");
    lying["meta"]["type"] = json!("store");
    for (uom, expected) in [(elsewhere, 1059), (lying, 1060), (account.own("store"), 2024), (json!({"id": "x"}), 2014)]
    {
        let (status, body) = account.post("entity/product", json!({"name": "Стол", "uom": uom})).await;
        assert_eq!((status, code(&body)), (400, Some(expected)));
    }
}

#[tokio::test]
async fn an_account_may_have_a_base_of_its_own() {
    let stage = Stage::set().await;
    let base = "https://api.moysklad.ru/api/remap/1.2";
    let order = json!({"name": "one", "base": base, "tokens": [{"token": "t-1", "kind": "solution"}]});
    let opened = stage.order("/control/moysklad/accounts", order).await;
    assert_eq!(opened["uom"]["meta"]["href"], format!("{base}/entity/uom/{}", id(&opened["uom"])));
}

#[tokio::test]
async fn attributes_are_merged_by_id_and_null_clears_one() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let define = json!([{"name": "Цвет", "type": "string"}, {"name": "Вес", "type": "long"}]);
    let defined = account.make("product/metadata/attributes", define).await;
    let value = |n: usize, value: Value| json!({"meta": defined[n]["meta"], "value": value});
    let made = account
        .make("product", json!({"name": "Стол", "attributes": [value(0, json!("red")), value(1, json!(7))]}))
        .await;
    assert_eq!((&made["attributes"][0]["name"], &made["attributes"][1]["value"]), (&json!("Цвет"), &json!(7)));
    let path = format!("entity/product/{}", id(&made));
    let changed = account.put(&path, json!({"attributes": [value(0, Value::Null)]})).await.1;
    assert_eq!(changed["attributes"].as_array().unwrap().len(), 1);
    let (status, body) = account.put(&path, json!({"attributes": [value(1, json!("seven"))]})).await;
    assert_eq!((status, code(&body)), (400, Some(2016)));
    let listed = account.look("entity/product/metadata/attributes").await;
    assert_eq!(rows(&listed).len(), 2);
    // Services and bundles have a product's.
    let service = account.make("service", json!({"name": "Сборка", "attributes": [value(0, json!("blue"))]})).await;
    assert_eq!(service["attributes"][0]["value"], "blue");
}

#[tokio::test]
async fn a_required_attribute_must_be_given_at_creation() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let define = json!({"name": "Цвет", "type": "string", "required": true});
    let defined = account.make("product/metadata/attributes", define).await;
    let (status, body) = account.post("entity/product", json!({"name": "Стол"})).await;
    assert_eq!((status, code(&body)), (412, Some(3000)));
    let given = json!([{"meta": defined["meta"], "value": "red"}]);
    account.make("product", json!({"name": "Стол", "attributes": given})).await;
}

#[tokio::test]
async fn a_folders_path_is_told_by_what_lies_in_it_also_after_it_was_renamed() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let top = account.make("productfolder", json!({"name": "Мебель"})).await;
    let within = json!({"name": "Столы", "productFolder": account.reference("productfolder", &top["id"])});
    let below = account.make("productfolder", within).await;
    let folder = account.reference("productfolder", &below["id"]);
    let made = account.make("product", json!({"name": "Стол", "productFolder": folder})).await;
    assert_eq!((&below["pathName"], &made["pathName"]), (&json!("Мебель"), &json!("Мебель/Столы")));
    account.put(&format!("entity/productfolder/{}", id(&top)), json!({"name": "Дом"})).await;
    let path = format!("entity/product/{}", id(&made));
    assert_eq!(account.look(&path).await["pathName"], "Дом/Столы");
    let circle = json!({"productFolder": account.reference("productfolder", &below["id"])});
    assert_eq!(account.put(&format!("entity/productfolder/{}", id(&top)), circle).await.0, 400);
    let out = account.put(&path, json!({"productFolder": null})).await.1;
    assert_eq!((out.get("productFolder"), &out["pathName"]), (None, &json!("")));
}

#[tokio::test]
async fn a_variant_is_named_after_its_product_and_counted_by_it() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let product = account.make("product", json!({"name": "Майка"})).await;
    let of = account.reference("product", &product["id"]);
    assert_eq!(code(&account.post("entity/variant", json!({"product": of})).await.1), Some(3000));
    let made =
        account.make("variant", json!({"product": of, "characteristics": [{"name": "Цвет", "value": "белая"}]})).await;
    assert_eq!(made["name"], "Майка (белая)");
    let known = account.look("entity/variant/metadata").await["characteristics"][0].clone();
    assert_eq!(known["name"], "Цвет");
    let again = json!({"product": of, "characteristics": [{"meta": known["meta"], "value": "чёрная"}]});
    account.make("variant", again).await;
    let path = format!("entity/product/{}", id(&product));
    assert_eq!(account.look(&path).await["variantsCount"], 2);
    account.put(&path, json!({"name": "Футболка"})).await;
    assert_eq!(account.look(&format!("entity/variant/{}", id(&made))).await["name"], "Футболка (белая)");
}

#[tokio::test]
async fn a_bundle_has_components_listed_apart() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let product = account.make("product", json!({"name": "Стол"})).await;
    assert_eq!(code(&account.post("entity/bundle", json!({"name": "Набор"})).await.1), Some(3000));
    let components = json!([{"assortment": account.reference("product", &product["id"]), "quantity": 2}]);
    let made = account.make("bundle", json!({"name": "Набор", "components": components})).await;
    assert_eq!((&made["components"]["meta"]["size"], made["components"].get("rows")), (&json!(1), None));
    let path = format!("entity/bundle/{}", id(&made));
    let listed = account.look(&format!("{path}/components?expand=assortment&limit=100")).await;
    assert_eq!((&rows(&listed)[0]["quantity"], &rows(&listed)[0]["assortment"]["name"]), (&json!(2.0), &json!("Стол")));
    let expanded = account.look(&format!("{path}?expand=components.assortment")).await;
    assert_eq!(expanded["components"]["rows"][0]["assortment"]["name"], "Стол");
}

#[tokio::test]
async fn what_something_points_to_cannot_be_deleted() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let product = account.make("product", json!({"name": "Стол"})).await;
    let order = account.order_of(&[(account.reference("product", &product["id"]), 1.0, 100.0)]);
    let order = account.make("customerorder", order).await;
    let path = format!("entity/product/{}", id(&product));
    let (status, body) = account.delete(&path).await;
    assert_eq!((status, code(&body)), (409, Some(1028)));
    assert_eq!(body["errors"][0]["dependencies"][0]["href"], order["meta"]["href"]);
    assert_eq!(account.delete(&format!("entity/customerorder/{}", id(&order))).await, (200, Value::Null));
    assert_eq!(account.delete(&path).await.0, 200);
    assert_eq!(code(&account.delete(&path).await.1), Some(1021));
}
