//! What is told, how often it is tried, and what becomes of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Account, id};
use crate::{Stage, answer};

fn body(received: &Value) -> Value {
    serde_json::from_str(received["body"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn a_change_is_told_as_the_documentation_shows_it() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    account.subscribe("product", "CREATE", "created").await;
    let made = account.make("product", json!({"name": "Стол"})).await;
    let received = stage.received("created", 1).await;
    let told = body(&received[0]);
    let event = &told["events"][0];
    assert_eq!(
        *event,
        json!({
            "meta": {"type": "product", "href": made["meta"]["href"]}, "action": "CREATE", "accountId": account.id
        })
    );
    let context = &told["auditContext"];
    assert!(context["meta"]["href"].as_str().unwrap().starts_with(&format!("{}/audit/", account.base)));
    assert_eq!((&context["uid"], context["moment"].as_str().unwrap().len()), (&json!("app-1@one"), 19));
    let request_id = account.settled(1).await[0]["request_id"].as_str().unwrap().to_owned();
    assert_eq!(received[0]["query"], format!("requestId={request_id}"));
    assert_eq!(
        (&received[0]["method"], &received[0]["headers"]["content-type"]),
        (&json!("POST"), &json!("application/json"))
    );
    let agent = "MoySklad webhook touch agent 2.0 (/https://www.moysklad.ru)";
    assert_eq!(received[0]["headers"]["user-agent"], agent);
}

#[tokio::test]
async fn updated_fields_are_told_where_asked_for_by_the_names_people_gave_them() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let types = account.look("context/companysettings/pricetype").await;
    let types = account.post("context/companysettings/pricetype", json!([types[0], {"name": "Оптовая"}])).await.1;
    let colour = account.make("product/metadata/attributes", json!({"name": "Цвет", "type": "string"})).await;
    let url = format!("{}/receiver/fields", account.sandbox);
    account
        .make("webhook", json!({"entityType": "product", "action": "UPDATE", "url": url, "diffType": "FIELDS"}))
        .await;
    let made = account.make("product", json!({"name": "Стол"})).await;
    let path = format!("entity/product/{}", id(&made));
    let price = |n: usize, value: u32| json!([{"value": value, "priceType": {"meta": types[n]["meta"]}}]);
    for change in [
        json!({"name": "Столик", "description": "Новый", "weight": 0.0}),
        json!({"salePrices": price(0, 150)}),
        json!({"salePrices": price(1, 90)}),
        json!({"attributes": [{"meta": colour["meta"], "value": "red"}]}),
        json!({"name": "Столик"}),
    ] {
        assert_eq!(account.put(&path, change).await.0, 200);
    }
    let received = stage.received("fields", 5).await;
    let fields: Vec<_> = received.iter().map(|one| body(one)["events"][0]["updatedFields"].clone()).collect();
    assert_eq!(
        fields,
        [json!(["name", "description"]), json!(["salePrices"]), json!(["Оптовая"]), json!(["Цвет"]), json!([])]
    );
}

#[tokio::test]
async fn a_webhook_without_diff_tells_no_fields_and_hears_of_its_own_type_and_action_only() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    account.subscribe("product", "UPDATE", "plain").await;
    let made = account.make("product", json!({"name": "Стол"})).await;
    account.make("service", json!({"name": "Сборка"})).await;
    account.put(&format!("entity/product/{}", id(&made)), json!({"name": "Стул"})).await;
    account.delete(&format!("entity/product/{}", id(&made))).await;
    let received = stage.received("plain", 1).await;
    assert_eq!(body(&received[0])["events"][0].get("updatedFields"), None);
    assert_eq!(account.settled(1).await.len(), 1);
}

#[tokio::test]
async fn an_update_that_changes_nothing_is_told_unless_a_test_wants_it_quiet() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    account.subscribe("product", "UPDATE", "same").await;
    let made = account.make("product", json!({"name": "Стол"})).await;
    let path = format!("entity/product/{}", id(&made));
    account.put(&path, json!({"name": "Стол"})).await;
    account.behave(json!({"fires_unchanged": false})).await;
    account.put(&path, json!({"name": "Стол"})).await;
    account.put(&path, json!({"name": "Стул"})).await;
    assert_eq!(account.settled(2).await.len(), 2);
}

#[tokio::test]
async fn a_bulk_request_is_told_once_for_each_action_with_all_its_events() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    account.subscribe("product", "CREATE", "bulk").await;
    account.subscribe("product", "UPDATE", "bulk").await;
    let known = account.act("POST", "entity/product", json!({"name": "Стол"}), true).await;
    let items = json!([{"name": "а"}, {"meta": known["meta"], "name": "б"}, {}, {"name": "в"}]);
    account.post("entity/product", items).await;
    account.settled(2).await;
    let mut told: Vec<_> = stage.received("bulk", 2).await.iter().map(body).collect();
    told.sort_by_key(|told| told["events"][0]["action"].as_str().unwrap().to_owned());
    let n = |told: &Value| told["events"].as_array().unwrap().len();
    assert_eq!((n(&told[0]), n(&told[1])), (2, 1));
    assert_eq!(told[0]["auditContext"], told[1]["auditContext"]);
}

#[tokio::test]
async fn a_disabled_webhook_is_not_told() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let made = account.subscribe("product", "CREATE", "disabled").await;
    account.put(&format!("entity/webhook/{}", id(&made)), json!({"enabled": false})).await;
    account.make("product", json!({"name": "Стол"})).await;
    assert_eq!(account.report().await["notifications"], json!({}));
}

#[tokio::test]
async fn only_200_and_204_count_and_after_four_attempts_it_is_lost_for_good() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    account.subscribe("product", "CREATE", "picky").await;
    for (script, outcome, attempts) in [
        (json!([{"status": 204}]), "delivered", 1),
        (json!([{"status": 202}, {"status": 200}]), "delivered", 2),
        (json!([{"status": 201}, {"status": 500}, {"status": 302}, {"status": 200}]), "delivered", 4),
        (json!([{"status": 500}, {"status": 500}, {"status": 500}, {"status": 500}, {"status": 200}]), "lost", 4),
    ] {
        stage.put("/control/receivers/picky", json!({"script": script})).await;
        let before = account.settled(0).await.len();
        account.make("product", json!({"name": "Стол"})).await;
        let last = account.settled(before + 1).await.pop().unwrap();
        assert_eq!(
            (&last["outcome"], last["attempts"].as_array().unwrap().len()),
            (&json!(outcome), attempts),
            "{script}"
        );
    }
    let received = stage.received("picky", 11).await;
    let lost = &received[7..];
    assert!(lost.iter().all(|one| one["query"] == lost[0]["query"] && one["body"] == lost[0]["body"]));
    assert_eq!(account.report().await["notifications"]["lost"], 1);
}

#[tokio::test]
async fn an_answer_that_takes_longer_than_a_second_and_a_half_is_none() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    account.subscribe("product", "CREATE", "slow").await;
    stage.put("/control/receivers/slow", json!({"script": [{"delay_ms": 30_000}, {"delay_ms": 300}]})).await;
    let began = Instant::now();
    account.make("product", json!({"name": "Стол"})).await;
    let told = account.settled(1).await.pop().unwrap();
    assert!(began.elapsed() >= Duration::from_millis(1_800));
    assert_eq!((&told["outcome"], &told["attempts"][0]["status"]), (&json!("delivered"), &Value::Null));
    assert_eq!(told["attempts"][1]["status"], 200);
}

#[tokio::test]
async fn a_test_on_a_slow_machine_may_have_it_wait_longer() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    account.subscribe("product", "CREATE", "patient").await;
    account.behave(json!({"patience_ms": 20_000})).await;
    stage.put("/control/receivers/patient", json!({"script": [{"delay_ms": 1_800}]})).await;
    account.make("product", json!({"name": "Стол"})).await;
    let told = account.settled(1).await.pop().unwrap();
    assert_eq!((told["attempts"].as_array().unwrap().len(), &told["outcome"]), (1, &json!("delivered")));
}

#[tokio::test]
async fn notifications_of_a_webhook_come_in_the_order_of_the_changes() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    account.subscribe("product", "CREATE", "ordered").await;
    let mut made = Vec::new();
    for n in 0..20 {
        made.push(account.make("product", json!({"name": format!("Товар {n}")})).await["meta"]["href"].clone());
    }
    let told: Vec<_> =
        stage.received("ordered", 20).await.iter().map(|one| body(one)["events"][0]["meta"]["href"].clone()).collect();
    assert_eq!(told, made);
}

async fn hrefs(stage: &Stage, receiver: &str, n: usize) -> Vec<Value> {
    stage.received(receiver, n).await.iter().map(|one| body(one)["events"][0]["meta"]["href"].clone()).collect()
}

async fn two_made(account: &Account) -> [Value; 2] {
    let first = account.make("product", json!({"name": "Первый"})).await;
    let second = account.make("product", json!({"name": "Второй"})).await;
    [first["meta"]["href"].clone(), second["meta"]["href"].clone()]
}

#[tokio::test]
async fn a_test_can_have_them_lost_doubled_and_out_of_order() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    account.subscribe("product", "CREATE", "odd").await;

    account.behave(json!({"lose": 1})).await;
    let [_, second] = two_made(&account).await;
    assert_eq!(hrefs(&stage, "odd", 1).await, std::slice::from_ref(&second));
    assert_eq!(account.settled(2).await[0]["outcome"], "withheld");

    account.behave(json!({"double": true})).await;
    let third = account.make("product", json!({"name": "Третий"})).await["meta"]["href"].clone();
    let received = stage.received("odd", 3).await;
    assert_eq!(received[1]["query"], received[2]["query"]);
    account.settled(3).await;

    account.behave(json!({"double": false, "reorder": 2})).await;
    let [fourth, fifth] = two_made(&account).await;
    assert_eq!(hrefs(&stage, "odd", 5).await, [second, third.clone(), third, fifth, fourth]);
}

#[tokio::test]
async fn held_notifications_wait_for_their_release() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    account.subscribe("product", "CREATE", "held").await;
    account.behave(json!({"hold": true})).await;
    let [first, second] = two_made(&account).await;
    assert_eq!(account.report().await["notifications"]["held"], 2);
    let release = account.client.post(account.control("/notifications/release")).json(&json!({"reversed": true}));
    assert_eq!(answer(release).await.1["released"], 2);
    assert_eq!(hrefs(&stage, "held", 2).await, [second, first]);
}

#[tokio::test]
async fn a_webhook_that_only_loses_is_disabled_where_a_test_wants_it() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    let webhook = account.subscribe("product", "CREATE", "dead").await;
    account.behave(json!({"disable_after": 2})).await;
    stage.put("/control/receivers/dead", json!({"default": {"status": 500}})).await;
    for n in 1..=2 {
        account.make("product", json!({"name": "Стол"})).await;
        account.settled(n).await;
    }
    let path = format!("entity/webhook/{}", id(&webhook));
    let deadline = Instant::now() + Duration::from_secs(5);
    while account.look(&path).await["enabled"] == true {
        assert!(Instant::now() < deadline);
    }
    account.make("product", json!({"name": "Стол"})).await;
    assert_eq!(account.settled(2).await.len(), 2);
    assert_eq!(account.put(&path, json!({"enabled": true})).await.1["enabled"], true);
}

#[tokio::test]
async fn what_a_person_does_at_the_web_interface_is_told_unless_it_is_quiet() {
    let stage = Stage::set().await;
    let account = stage.account("one").await;
    account.subscribe("product", "CREATE", "web").await;
    account.act("POST", "entity/product", json!({"name": "Тихий"}), true).await;
    account.act("POST", "entity/product", json!({"name": "Громкий"}), false).await;
    let told = account.settled(1).await;
    assert_eq!((told.len(), &told[0]["body"]["auditContext"]["uid"]), (1, &json!("admin@one")));
    assert_eq!(account.names("product", &[]).await, ["Тихий", "Громкий"]);
}
