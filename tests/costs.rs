//! What an event costs: the write units of all it writes, indexes included, as the functions log them.
//!
//! Apart from the other flows, so that nothing is written beside what is counted.

use gancho_tests::cloud::Cloud;
use gancho_tests::flow::Flow;
use gancho_tests::waiting::until;
use jiff::Timestamp;
use serde_json::json;

const FUNCTIONS: [&str; 4] = ["receive", "enrich", "dispatch", "deliver"];

/// What was written since then, each with what wrote it.
async fn written(cloud: &Cloud, since: Timestamp) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    for function in FUNCTIONS {
        for line in cloud.log_lines(function, "write_units", since).await {
            let what = format!("{function}: {}", line["message"].as_str().unwrap_or_default());
            found.push((what, line["write_units"].as_f64().unwrap_or(f64::NAN)));
        }
    }
    found
}

fn of<'a>(written: &'a [(String, f64)], function: &str) -> impl Iterator<Item = &'a (String, f64)> {
    let prefix = format!("{function}: ");
    written.iter().filter(move |(what, _)| what.starts_with(&prefix))
}

#[tokio::test]
async fn a_published_event_with_one_receiver_costs_at_most_eleven_write_units() {
    const AT_MOST: f64 = 11.0;
    let flow = Flow::alone().await;
    let (subscription, _) = flow.receiver_of("payment.*", "cost", json!({}), json!({})).await;
    // The first use of a key in an hour is noted. That is the hour's, not the event's.
    let unheard = json!({"type": "customer.created", "data": {"customer_id": "c_1", "customer_name": "Ana"}});
    flow.completed(&flow.publish(&unheard).await).await;
    let since = Timestamp::now();
    let example = flow.tenant.get("/api/v1/tenant/webhooks/event-types").await.with(200)["data"]
        .as_array()
        .and_then(|all| all.iter().find(|entry| entry["type"] == "payment.received").cloned())
        .expect("it is in the catalogue");
    flow.publish(&example["example"]).await;
    flow.delivery_that_is("delivered", &subscription).await;

    let written = until("all lines of the log", async || {
        let written = written(&flow.cloud, since).await;
        ["receive", "dispatch", "deliver"].iter().all(|function| of(&written, function).count() > 0).then_some(written)
    })
    .await;
    let units: f64 = written.iter().map(|(_, units)| units).sum();
    println!("{units} write units: {written:?}");
    assert!(units > 0.0 && units <= AT_MOST, "{units} write units: {written:#?}");
}

#[tokio::test]
async fn a_lead_found_by_its_telephone_number_costs_at_most_twenty_write_units() {
    const AT_MOST: f64 = 20.0;
    let flow = Flow::alone().await;
    let all_of_leads = format!("/api/v1/tenant/webhooks/subscriptions/{}", flow.subscription);
    flow.tenant.patch(&all_of_leads, &json!({"events": ["lead.enriched"]})).await.with(200);
    let person = flow.known_person().await;

    let since = Timestamp::now();
    let (_, id) = flow.new_lead(person.by_phone()).await;
    let event = flow.completed(&id).await;
    assert_eq!(event["result"]["found_by"], json!("phone"));
    flow.hears("lead.enriched").await;
    assert_eq!(flow.deliveries(&flow.subscription).await.len(), 1, "one subscriber, one delivery");

    let written = until("all lines of the log", async || {
        let written = written(&flow.cloud, since).await;
        let complete = ["receive", "enrich", "deliver"].iter().all(|function| of(&written, function).count() > 0);
        let delivered = flow.deliveries(&flow.subscription).await.iter().all(|one| one["status"] == "delivered");
        (complete && delivered).then_some(written)
    })
    .await;
    let counted = until("the batch to be counted", async || {
        let lines = flow.cloud.log_lines("deliver", "counter_units", since).await;
        let units: Vec<f64> = lines.iter().filter_map(|line| line["counter_units"].as_f64()).collect();
        (!units.is_empty()).then_some(units)
    })
    .await;
    assert_eq!(counted, [3.0], "five minutes, an hour, a total");
    let units: f64 = written.iter().map(|(_, units)| units).sum();
    println!("{units} write units: {written:?}");
    assert!(units > 0.0 && units <= AT_MOST, "{units} write units: {written:#?}");
}
