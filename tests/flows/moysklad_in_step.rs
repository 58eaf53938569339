//! MoySklad accounts that are kept in step: the catalogue goes down, orders go up, and nothing goes round.

use gancho_tests::flow::{Flow, body_of};
use gancho_tests::moysklad::{
    Pair, TO_A_CHILD, TO_THE_MAIN, Warehouse, give_up, order, price, set_up_hooks, take_up_child, take_up_main,
};
use gancho_tests::waiting::until;
use serde_json::{Value, json};

fn tea(kopecks: i64) -> Value {
    json!({"name": "Tea", "article": "A-1", "salePrices": [{"value": kopecks}]})
}

/// The events recorded of an entity.
async fn events_of(flow: &Flow, entity: &str) -> Vec<Value> {
    let page = flow.operator.get(&format!("/api/v1/admin/events?provider=moysklad&entity_id={entity}")).await.with(200);
    page["data"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_price_reaches_each_child_and_no_further_webhook_appears() {
    let flow = Flow::beside_others().await;
    let pair = Pair::in_step(&flow).await;
    let second = Warehouse::open("second").await;
    take_up_child(&flow, &pair.main, &second).await;
    set_up_hooks(&flow, &[&second]).await;
    let (_, receiver) = flow.receiver_of("moysklad.*", "moysklad", json!({}), json!({})).await;

    let product = pair.main.make("product", tea(10_000)).await;
    for child in [&pair.child, &second] {
        child.comes_to_have("product", "Tea", TO_A_CHILD, |tea| price(tea) == 10_000.0).await;
    }
    pair.main.change("product", &product, json!({"salePrices": [{"value": 15_000}]})).await;
    for child in [&pair.child, &second] {
        child.comes_to_have("product", "Tea", TO_A_CHILD, |tea| price(tea) == 15_000.0).await;
    }
    pair.rest(&flow).await;
    assert_eq!(pair.main.n_sent().await, 2, "the two that a person caused");
    for child in [&pair.child, &second] {
        assert_eq!(
            child.n_sent().await,
            0,
            "all that was written here carried the header: {:#?}",
            child.notifications().await
        );
        assert_eq!(child.calls("POST", "/entity/product").await.len(), 1);
        assert_eq!(child.calls("PUT", "/entity/product").await.len(), 1);
        child.is_at_peace().await;
    }

    let events = events_of(&flow, &product).await;
    assert!(events.iter().filter(|event| event["result"]["outcome"] == "marked").count() >= 2, "{events:#?}");
    let told = until("subscribers to hear of both changes in both children", async || {
        let told = flow.heard_at(&receiver, "moysklad.synced").await;
        (told.len() >= 4).then_some(told)
    })
    .await;
    for one in &told {
        assert_eq!(one["signature"], "verified", "{one:#}");
        let data = &body_of(one)["data"];
        assert_eq!((&data["account_id"], &data["entity_id"]), (&json!(pair.main.id), &json!(product)), "{data}");
    }
    give_up(&flow, &[&second, &pair.child, &pair.main]).await;
}

#[tokio::test]
async fn main_and_child_on_one_domain_are_silent_about_our_writes_and_another_system_on_it_hears_of_them() {
    let flow = Flow::beside_others().await;
    let Pair { main, child } = Pair::in_step(&flow).await;
    let ours = child.hooks().await[0]["url"].as_str().unwrap().to_owned();
    let (domain, _) = ours.split_once("/api/webhooks/moysklad/").unwrap();
    assert!(main.hooks().await.iter().all(|hook| hook["url"].as_str().unwrap().starts_with(domain)));
    let anothers = format!("{domain}/api/webhooks/elsewhere");
    for url in [&ours, &anothers] {
        child.hook_by_hand("product", "CREATE", url).await;
    }
    main.make("product", tea(10_000)).await;
    child.comes_to_have("product", "Tea", TO_A_CHILD, |_| true).await;
    let told = until("both to be noted", async || {
        let told = child.notifications().await;
        (told.len() >= 2 && told.iter().all(|one| one["outcome"] != "pending")).then_some(told)
    })
    .await;
    for one in &told {
        let n_attempts = one["attempts"].as_array().map_or(0, Vec::len);
        match one["url"].as_str() {
            Some(url) if url == ours => assert_eq!((&one["outcome"], n_attempts), (&json!("suppressed"), 0), "{one:#}"),
            Some(url) => assert!(url == anothers && n_attempts > 0, "{one:#}"),
            None => panic!("{one:#}"),
        }
    }
    assert_eq!(main.n_sent().await, 1, "what a person does in the main account is told");
    give_up(&flow, &[&child, &main]).await;
}

#[tokio::test]
async fn hundreds_of_changes_told_in_one_request_are_taken_at_once_and_each_reaches_the_child() {
    const MANY: u64 = 200;
    let flow = Flow::beside_others().await;
    let Pair { main, child } = Pair::in_step(&flow).await;
    main.make_many("product", (0..MANY).map(|n| json!({"name": format!("Tea {n}")})).collect()).await;
    gancho_tests::waiting::until_within("all of them", TO_A_CHILD, async || {
        (child.n("product").await == MANY).then_some(())
    })
    .await;
    let told = main.notifications().await;
    assert_eq!((told.len(), &told[0]["outcome"]), (1, &json!("delivered")), "{told:#?}");
    assert_eq!(told[0]["attempts"].as_array().map(Vec::len), Some(1), "{:#}", told[0]["attempts"]);
    child.is_at_peace().await;
    give_up(&flow, &[&child, &main]).await;
}

#[tokio::test]
async fn a_new_product_comes_with_its_folder_and_is_archived_and_deleted_with_it() {
    let flow = Flow::beside_others().await;
    let Pair { main, child } = Pair::in_step(&flow).await;
    let folder = main.make("productfolder", json!({"name": "Goods"})).await;
    let mut body = tea(10_000);
    body["productFolder"] = main.meta("productfolder", &folder);
    let product = main.make("product", body).await;
    let there = child.comes_to_have("product", "Tea", TO_A_CHILD, |_| true).await;
    assert_eq!((&there["pathName"], &there["article"]), (&json!("Goods"), &json!("A-1")));
    assert_eq!(child.n("productfolder").await, 1);

    main.delete("product", &product).await;
    until("the product to be gone", async || (child.n("product").await == 0).then_some(())).await;
    main.is_at_peace().await;
    child.is_at_peace().await;
    give_up(&flow, &[&child, &main]).await;
}

#[tokio::test]
async fn a_product_deleted_in_a_child_comes_back_from_the_main_account() {
    let flow = Flow::beside_others().await;
    let Pair { main, child } = Pair::in_step(&flow).await;
    main.make("product", tea(10_000)).await;
    let first = child.comes_to_have("product", "Tea", TO_A_CHILD, |_| true).await;
    child.delete("product", first["id"].as_str().unwrap()).await;
    let again = child.comes_to_have("product", "Tea", TO_A_CHILD, |tea| tea["id"] != first["id"]).await;
    assert_eq!(price(&again), 10_000.0);
    assert_eq!(child.n("product").await, 1);
    give_up(&flow, &[&child, &main]).await;
}

#[tokio::test]
async fn an_order_of_a_child_reaches_the_main_account_at_once() {
    let flow = Flow::beside_others().await;
    let Pair { main, child } = Pair::in_step(&flow).await;
    let product = main.make("product", tea(15_000)).await;
    let there = child.comes_to_have("product", "Tea", TO_A_CHILD, |_| true).await;
    let order = child.make("customerorder", order(&child, there["id"].as_str().unwrap(), 3)).await;
    let there = gancho_tests::waiting::until_within("the order", TO_THE_MAIN, async || {
        main.all("customerorder").await.into_iter().next()
    })
    .await;
    assert_eq!(there["sum"], 45_000.0);
    let assortment = main.positions("customerorder", there["id"].as_str().unwrap()).await;
    assert!(assortment[0]["assortment"]["meta"]["href"].as_str().unwrap().ends_with(&product), "{assortment:#?}");
    child.change("customerorder", &order, json!({"description": "By noon"})).await;
    until("the change of the order", async || {
        let orders = main.all("customerorder").await;
        (orders.len() == 1 && orders[0]["description"] == "By noon").then_some(())
    })
    .await;
    assert_eq!(main.n_sent().await, 1, "of the product alone");
    give_up(&flow, &[&child, &main]).await;
}

#[tokio::test]
async fn two_changes_that_are_told_the_wrong_way_round_end_at_the_newer() {
    let flow = Flow::beside_others().await;
    let Pair { main, child } = Pair::in_step(&flow).await;
    let product = main.make_quietly("product", tea(10_000)).await;
    main.set(json!({"hold": true})).await;
    main.change("product", &product, json!({"salePrices": [{"value": 12_000}]})).await;
    main.change("product", &product, json!({"salePrices": [{"value": 15_000}]})).await;
    main.release_reversed().await;
    child.comes_to_have("product", "Tea", TO_A_CHILD, |tea| price(tea) == 15_000.0).await;
    gancho_tests::waiting::throughout(std::time::Duration::from_secs(3), async || {
        assert_eq!(price(&child.all("product").await[0]), 15_000.0);
    })
    .await;
    give_up(&flow, &[&child, &main]).await;
}

#[tokio::test]
async fn the_children_of_two_mains_have_nothing_to_do_with_each_other() {
    let flow = Flow::beside_others().await;
    let one = Pair::in_step(&flow).await;
    let (other_main, other_child) = (Warehouse::open("other-main").await, Warehouse::open("other-child").await);
    take_up_main(&flow, &other_main).await;
    take_up_child(&flow, &other_main, &other_child).await;
    set_up_hooks(&flow, &[&other_main, &other_child]).await;
    one.main.make("product", tea(10_000)).await;
    other_main.make("product", json!({"name": "Coffee", "salePrices": [{"value": 20_000}]})).await;
    one.child.comes_to_have("product", "Tea", TO_A_CHILD, |_| true).await;
    other_child.comes_to_have("product", "Coffee", TO_A_CHILD, |_| true).await;
    one.rest(&flow).await;
    assert_eq!((one.child.n("product").await, other_child.n("product").await), (1, 1));
    give_up(&flow, &[&one.child, &one.main, &other_child, &other_main]).await;
}
