//! Several at once.

use serde_json::{Value, json};

use super::{code, id};
use crate::Stage;

#[tokio::test]
async fn a_mixed_array_keeps_its_order_with_errors_in_place() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let known = account.make("product", json!({"name": "Стол"})).await;
    let lost = account.reference("product", &json!("12a8b923-692c-11e6-8a84-bae500000053"));
    let (status, done) = account
        .post(
            "entity/product",
            json!([
                {"name": "Стул"}, {"code": "nameless"}, {"meta": known["meta"], "name": "Столик"},
                {"meta": lost["meta"], "name": "x"}, 7, {"meta": account.own("uom")["meta"], "name": "x"}
            ]),
        )
        .await;
    assert_eq!(status, 200);
    assert_eq!((&done[0]["name"], &done[2]["name"], id(&done[2])), (&json!("Стул"), &json!("Столик"), id(&known)));
    assert_eq!([1, 3, 4, 5].map(|n: usize| code(&done[n])), [Some(3000), Some(1021), Some(2005), Some(2024)]);
    assert_eq!(account.names("product", &[]).await, ["Столик", "Стул"]);
}

#[tokio::test]
async fn the_status_of_a_mixed_answer_is_a_tests_to_choose() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    account.behave(json!({"bulk_failure_status": 400})).await;
    assert_eq!(account.post("entity/product", json!([{"name": "Стол"}, {}])).await.0, 400);
    assert_eq!(account.post("entity/product", json!([{"name": "Стул"}])).await.0, 200);
}

#[tokio::test]
async fn a_thousand_fit_and_one_more_is_413() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let products = |n: usize| json!((0..n).map(|n| json!({"name": format!("Товар {n}")})).collect::<Vec<_>>());
    assert_eq!(account.post("entity/product", products(1001)).await.0, 413);
    let (status, done) = account.post("entity/product", products(1000)).await;
    assert_eq!((status, done.as_array().unwrap().len()), (200, 1000));
    assert_eq!(code(&account.post("entity/product", json!([])).await.1), Some(1027));
}

#[tokio::test]
async fn several_are_deleted_with_a_word_for_each() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let made = account.make("product", json!([{"name": "Стол"}, {"name": "Стул"}])).await;
    let metas = json!([{"meta": made[0]["meta"]}, {"meta": made[0]["meta"]}, {"meta": made[1]["meta"]}]);
    let (status, done) = account.post("entity/product/delete", metas).await;
    assert_eq!(status, 200);
    let info = format!("Сущность 'product' с UUID: {} успешно удалена", id(&made[0]));
    assert_eq!((&done[0]["info"], code(&done[1])), (&json!(info), Some(1021)));
    assert!(done[2]["info"].is_string());
    assert_eq!(account.names("product", &[]).await.len(), 0);
}

#[tokio::test]
async fn an_update_of_one_takes_no_array() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let made = account.make("product", json!({"name": "Стол"})).await;
    let (status, body) = account.put(&format!("entity/product/{}", id(&made)), json!([{"name": "x"}])).await;
    assert_eq!((status, code(&body)), (400, Some(2009)));
}

#[tokio::test]
async fn five_thousand_products_are_written_and_read_back_quickly() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    account.subscribe("product", "CREATE", "many").await;
    let began = std::time::Instant::now();
    for page in 0..5 {
        let product = |n: usize| json!({"name": format!("Товар {n}"), "externalCode": format!("e-{n}"), "salePrices": [{"value": n}]});
        let products: Vec<Value> = (page * 1000..(page + 1) * 1000).map(product).collect();
        assert_eq!(account.post("entity/product", json!(products)).await.0, 200);
    }
    let mut n_read = 0;
    for page in 0..5 {
        let list = account.look(&format!("entity/product?limit=1000&offset={}", page * 1000)).await;
        assert_eq!(list["meta"]["size"], 5000);
        n_read += list["rows"].as_array().unwrap().len();
    }
    for n in (0..5000).step_by(500) {
        let filter = format!("externalCode=e-{n}");
        assert_eq!(account.names("product", &[("filter", &filter)]).await, [format!("Товар {n}")]);
    }
    assert_eq!(n_read, 5000);
    let told: usize = account.settled(5).await.iter().map(|n| n["body"]["events"].as_array().unwrap().len()).sum();
    assert_eq!(told, 5000);
    let took = began.elapsed();
    // Unoptimised, on two busy cores; what is quadratic takes minutes.
    assert!(took.as_secs() < 60, "{took:?}");
}
