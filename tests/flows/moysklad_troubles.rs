//! What goes wrong between MoySklad's accounts: notices that are lost, calls that fail, workers that die, loops.

use std::time::Duration;

use gancho_tests::flow::Flow;
use gancho_tests::moysklad::{ADMIN, Pair, TO_A_CHILD, TO_THE_MAIN, Warehouse, give_up, order, price};
use gancho_tests::processes;
use gancho_tests::waiting::{throughout, until, until_within};
use jiff::Timestamp;
use serde_json::{Value, json};

fn tea(kopecks: i64) -> Value {
    json!({"name": "Tea", "salePrices": [{"value": kopecks}]})
}

/// Lets the time pass until the row of an account's work, whose worker died, is due; and sweeps.
async fn sweep_after_the_lease(flow: &Flow, work: &str, account: &Warehouse) {
    let pk = format!("{work}#{}#{}", flow.tenant_id, account.id);
    until_within("the end of a dead worker's lease", Duration::from_secs(60), async || {
        let row = flow.cloud.item("events", &pk, "JOB").await?;
        row["lease_until"].as_i64().is_none_or(|until| until < Timestamp::now().as_millisecond()).then_some(())
    })
    .await;
    if flow.cloud.item("events", &pk, "JOB").await.is_some_and(|row| row.get("due_at").is_some()) {
        flow.cloud.set_number("events", &pk, "JOB", "due_at", Timestamp::now().as_millisecond() - 1).await;
    }
    flow.cloud.sweep().await;
}

#[tokio::test]
async fn a_change_whose_notice_was_lost_is_found_by_the_poll() {
    let flow = Flow::beside_others().await;
    let Pair { main, child } = Pair::in_step(&flow).await;
    let product = main.make_quietly("product", tea(10_000)).await;
    child.comes_to_have("product", "Tea", TO_A_CHILD, |tea| price(tea) == 10_000.0).await;
    main.change_quietly("product", &product, json!({"archived": true})).await;
    child.comes_to_have_archived("product", "Tea", TO_A_CHILD).await;
    main.delete_quietly("product", &product).await;
    until_within("the deletion, from the audit", TO_A_CHILD, async || (child.n("product").await == 0).then_some(()))
        .await;
    assert_eq!(main.n_sent().await, 0, "nobody was told");
    give_up(&flow, &[&child, &main]).await;
}

#[tokio::test]
async fn what_a_child_lost_in_the_middle_is_made_anew_and_what_it_is_refused_for_now_comes_later() {
    let flow = Flow::beside_others().await;
    let Pair { main, child } = Pair::in_step(&flow).await;
    let product = main.make("product", tea(10_000)).await;
    let first = child.comes_to_have("product", "Tea", TO_A_CHILD, |_| true).await;
    child.delete_quietly("product", first["id"].as_str().unwrap()).await;
    let refused = json!({"token": child.token, "method": "POST"});
    let fault =
        flow.stage.fault("moysklad", refused, Some(4), json!({"kind": "rate_limited", "retry_after_ms": 1_500})).await;
    main.change("product", &product, json!({"salePrices": [{"value": 15_000}]})).await;
    let again = child.comes_to_have("product", "Tea", TO_A_CHILD, |tea| price(tea) == 15_000.0).await;
    assert_ne!(again["id"], first["id"], "not out of the recycle bin");
    assert_eq!(flow.stage.struck(fault).await, None, "it was refused each time it asked");
    assert_eq!(child.n("product").await, 1);
    child.is_at_peace().await;
    give_up(&flow, &[&child, &main]).await;
}

#[tokio::test]
async fn a_product_whose_worker_died_after_it_was_made_stands_there_once() {
    let flow = Flow::alone().await;
    let pair = Pair::in_step(&flow).await;
    let when = json!({"token": pair.child.token, "method": "POST", "path": "/entity/product"});
    let fault = flow.stage.fault("moysklad", when, Some(1), json!({"kind": "hang_after_effect"})).await;
    pair.main.make("product", tea(10_000)).await;
    until("the call that is held", async || flow.stage.struck(fault).await.is_none_or(|n| n > 0).then_some(())).await;
    assert!(processes::kill("sync") > 0, "there was a worker to kill");
    sweep_after_the_lease(&flow, "DRAIN", &pair.child).await;
    pair.rest(&flow).await;
    assert_eq!((pair.child.n("product").await, pair.child.trashed("product").await), (1, 0));
    give_up(&flow, &[&pair.child, &pair.main]).await;
}

#[tokio::test]
async fn without_the_header_our_own_writes_are_known_again_and_nothing_goes_round() {
    let flow = Flow::alone().await;
    let Pair { main, child } = Pair::in_step(&flow).await;
    // Somebody has webhooks that we would never make: of what we write ourselves.
    let url = child.hooks().await[0]["url"].as_str().unwrap().to_owned();
    for action in ["CREATE", "UPDATE"] {
        child.hook_by_hand("product", action, &url).await;
    }
    let elsewhere = "https://elsewhere.example.com";
    let before = flow.cloud.deploy_with("sync", "PUBLIC_URL", elsewhere).await;
    let product = main.make("product", tea(10_000)).await;
    child.comes_to_have("product", "Tea", TO_A_CHILD, |_| true).await;
    main.change("product", &product, json!({"salePrices": [{"value": 15_000}]})).await;
    let there = child.comes_to_have("product", "Tea", TO_A_CHILD, |tea| price(tea) == 15_000.0).await;
    until("our own writes, told", async || (child.n_sent().await >= 2).then_some(())).await;
    let path = format!("/api/v1/admin/events?provider=moysklad&entity_id={}", there["id"].as_str().unwrap());
    let echoes = until("the echoes to be known", async || {
        let page = flow.operator.get(&path).await.with(200);
        let events = page["data"].as_array().cloned().unwrap_or_default();
        (events.len() >= 2 && events.iter().all(|event| event["status"] == "completed")).then_some(events)
    })
    .await;
    assert!(echoes.iter().any(|event| event["result"]["outcome"] == "echo"), "{echoes:#?}");
    throughout(Duration::from_secs(5), async || {
        assert_eq!(child.calls("PUT", "/entity/product").await.len(), 1, "an echo was answered");
    })
    .await;
    flow.cloud.point("sync", &before).await;
    give_up(&flow, &[&child, &main]).await;
}

/// Another system at the child, which answers each price that comes with one of its own, in the main account.
async fn outbid(main: &Warehouse, child: &Warehouse, product: &str) {
    let mut seen = 0.0;
    loop {
        seen = until_within("a price to be answered", Duration::from_secs(600), async || {
            let there = child.all("product").await.first().map_or(0.0, price);
            (there > seen).then_some(there)
        })
        .await;
        main.change("product", product, json!({"salePrices": [{"value": seen + 1.0}]})).await;
    }
}

#[tokio::test]
async fn without_the_header_two_systems_that_answer_each_other_are_stopped_and_the_alarms_metric_moves() {
    let flow = Flow::alone().await;
    let Pair { main, child } = Pair::in_step(&flow).await;
    let url = child.hooks().await[0]["url"].as_str().unwrap().to_owned();
    for action in ["CREATE", "UPDATE"] {
        child.hook_by_hand("product", action, &url).await;
    }
    let before = flow.cloud.deploy_with("sync", "PUBLIC_URL", "https://elsewhere.example.com").await;
    let since = Timestamp::now();
    let product = main.make("product", tea(10_000)).await;
    let (metric, last) = tokio::select! {
        () = outbid(&main, &child, &product) => unreachable!("it goes on for ever"),
        found = async {
            let metric = until("the alarm's metric", async || {
                let lines = flow.cloud.log_lines("sync", "LoopSuspected", since).await;
                lines.into_iter().find(|line| line["LoopSuspected"] == 1.0)
            })
            .await;
            // What the other system answers from now on is heard, and held.
            let last = price(&child.all("product").await[0]);
            throughout(Duration::from_secs(15), async || {
                assert_eq!(price(&child.all("product").await[0]), last, "it goes round");
            })
            .await;
            (metric, last)
        } => found,
    };
    assert_eq!(last, 10_001.0, "made, and changed once: {metric}");
    assert_eq!(child.calls("PUT", "/entity/product").await.len(), 1, "our writes are bounded");
    assert_eq!(child.calls("POST", "/entity/product").await.len(), 1);
    let loops = flow.operator.get(&format!("{ADMIN}/loops?account_id={}", main.id)).await.with(200);
    assert_eq!((loops["data"].as_array().map(Vec::len), &loops["data"][0]["entity_id"]), (Some(1), &json!(product)));
    flow.cloud.point("sync", &before).await;
    give_up(&flow, &[&child, &main]).await;
}

#[tokio::test]
async fn an_entity_that_keeps_changing_is_left_alone_told_of_and_looked_at_when_an_operator_says_so() {
    let flow = Flow::beside_others().await;
    let Pair { main, child } = Pair::in_step(&flow).await;
    let (_, receiver) = flow.receiver_of("moysklad.loop_suspected", "loops", json!({}), json!({})).await;
    let since = Timestamp::now();
    let product = main.make("product", tea(10_000)).await;
    child.comes_to_have("product", "Tea", TO_A_CHILD, |_| true).await;
    main.change("product", &product, json!({"salePrices": [{"value": 11_000}]})).await;
    child.comes_to_have("product", "Tea", TO_A_CHILD, |tea| price(tea) == 11_000.0).await;
    main.change("product", &product, json!({"salePrices": [{"value": 12_000}]})).await;
    let told =
        until("the suspicion", async || flow.heard_at(&receiver, "moysklad.loop_suspected").await.into_iter().next())
            .await;
    assert_eq!(told["signature"], "verified");
    until("the alarm's metric", async || {
        let lines = flow.cloud.log_lines("sync", "LoopSuspected", since).await;
        lines.iter().any(|line| line["LoopSuspected"] == 1.0).then_some(())
    })
    .await;
    let loops = flow.operator.get(&format!("{ADMIN}/loops?account_id={}", main.id)).await.with(200);
    assert_eq!(loops["data"][0]["entity_id"], json!(product), "{loops:#}");
    assert_eq!(price(&child.all("product").await[0]), 11_000.0, "it is left alone");
    let close = json!({"account_id": main.id, "entity_type": "product", "entity_id": product});
    flow.operator.post(&format!("{ADMIN}/loops/close"), &close).await.with(200);
    child.comes_to_have("product", "Tea", TO_A_CHILD, |tea| price(tea) == 12_000.0).await;
    let loops = flow.operator.get(&format!("{ADMIN}/loops?account_id={}", main.id)).await.with(200);
    assert_eq!(loops["data"], json!([]));
    give_up(&flow, &[&child, &main]).await;
}

#[tokio::test]
async fn an_emergency_stop_stops_everything_within_two_minutes_and_loses_nothing() {
    let flow = Flow::alone().await;
    let Pair { main, child } = Pair::in_step(&flow).await;
    let stop = format!("{ADMIN}/emergency-stop");
    flow.operator.post(&stop, &json!({"reason": "prices look wrong"})).await.with(200);
    until_within("all to be quiet", Duration::from_secs(120), async || {
        let state = flow.operator.get(&stop).await.with(200);
        (state["stopped"] == true && state["running"] == json!([])).then_some(())
    })
    .await;
    gancho_tests::waiting::taken_effect().await;
    main.make("product", tea(10_000)).await;
    until("the notice, taken all the same", async || (main.n_sent().await == 1).then_some(())).await;
    throughout(Duration::from_secs(10), async || assert_eq!(child.n("product").await, 0, "it is stopped")).await;
    assert_eq!(main.notifications().await[0]["outcome"], "delivered", "{:#?}", main.notifications().await);
    flow.operator.delete(&stop).await.with(200);
    gancho_tests::waiting::taken_effect().await;
    flow.cloud.sweep().await;
    child.comes_to_have("product", "Tea", TO_A_CHILD, |_| true).await;
    give_up(&flow, &[&child, &main]).await;
}

/// As many products as a large catalogue has.
const MANY: u64 = 5_000;

#[tokio::test]
async fn a_resync_of_five_thousand_products_killed_halfway_writes_each_once_and_keeps_no_order_waiting() {
    let flow = Flow::alone().await;
    let Pair { main, child } = Pair::in_step(&flow).await;
    let product = main.make("product", json!({"name": "Coffee", "salePrices": [{"value": 15_000}]})).await;
    let there = child.comes_to_have("product", "Coffee", TO_A_CHILD, |_| true).await;
    assert_eq!(price(&there), 15_000.0, "{product}");
    flow.cloud.set_consuming("sync", false).await;
    let bodies = (1..MANY).map(|n| json!({"name": format!("Tea {n}"), "salePrices": [{"value": 10_000 + n}]}));
    main.make_many_quietly("product", bodies.collect()).await;
    let asked = flow.operator.post(&format!("{ADMIN}/resync"), &json!({"account_id": child.id})).await.with(202);
    assert_eq!(asked["data"][0]["account_id"], json!(child.id), "{asked:#}");
    flow.cloud.set_consuming("sync", true).await;
    let progress = format!("{ADMIN}/resync?account_id={}", child.id);

    until_within("half of it", Duration::from_secs(600), async || (child.n("product").await > MANY / 2).then_some(()))
        .await;
    assert!(processes::kill("sync") > 0, "there was a worker to kill");
    child.make("customerorder", order(&child, there["id"].as_str().unwrap(), 2)).await;
    until_within("an order during a resync", TO_THE_MAIN, async || (main.n("customerorder").await == 1).then_some(()))
        .await;

    sweep_after_the_lease(&flow, "DRAIN", &child).await;
    sweep_after_the_lease(&flow, "RESYNC", &child).await;
    until_within("all of it", Duration::from_secs(600), async || {
        let state = flow.operator.get(&progress).await.with(200);
        let state = &state["data"][0];
        (state["status"] == "done" && state["remaining"] == 0).then_some(())
    })
    .await;
    assert_eq!(child.n("product").await, MANY, "each once");
    assert!(child.trashed("product").await == 0, "nothing was made and thrown away");
    for account in [&main, &child] {
        account.is_at_peace().await;
    }
    let n_writes =
        child.calls("POST", "/entity/product").await.len() + child.calls("PUT", "/entity/product").await.len();
    assert!(n_writes < 200, "in bulk: {n_writes}");
    give_up(&flow, &[&child, &main]).await;
}
