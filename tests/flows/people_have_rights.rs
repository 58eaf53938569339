//! What is known of a person can be told and taken away.

use gancho_tests::flow::Flow;
use gancho_tests::waiting::until;
use serde_json::{Value, json};

const REQUESTS: &str = "/api/v1/admin/data-subjects";

/// A request of a person, once it is done: the receipt.
async fn receipt(flow: &Flow, what: &str, known_by: Value) -> Value {
    let asked = flow.operator.post(&format!("{REQUESTS}/{what}"), &known_by).await.with(202);
    let path = format!("{REQUESTS}/{}", asked["id"].as_str().unwrap());
    until("the receipt", async || {
        let job = flow.operator.get(&path).await.with(200);
        job["done_at"].is_string().then_some(job)
    })
    .await
}

#[tokio::test]
async fn a_person_is_reported_and_then_forgotten() {
    let flow = Flow::beside_others().await;
    let person = flow.known_person().await;
    let (lead, id) = flow.new_lead(person.by_phone()).await;
    flow.completed(&id).await;
    flow.hears("lead.enriched").await;

    let report = receipt(&flow, "report", json!({"phone": person.phone})).await;
    assert!(report["found"].to_string().contains(&id), "{report:#}");
    assert!(!report.to_string().contains(&person.phone), "{report:#}");
    flow.operator.post(&format!("/api/v1/admin/events/{id}/reprocess"), &json!({})).await.with(202);
    flow.completed(&id).await;

    let erased = receipt(&flow, "erase", json!({"phone": person.phone})).await;
    assert!(erased["found"].to_string().contains(&id), "{erased:#}");
    let again = flow.operator.post(&format!("/api/v1/admin/events/{id}/reprocess"), &json!({})).await;
    assert_eq!((again.status, &again.body["code"]), (409, &json!("erased")));
    assert_eq!(flow.event(&id).await["erased"], true);

    let places = [
        ("events", format!("SUBJECT#{}#{}", flow.source, lead.id)),
        ("events", format!("EVENT#{id}")),
        ("parties", format!("LEAD#{}#{}", flow.source, lead.id)),
    ];
    for (table, partition) in places {
        let kept = format!("{:?}", flow.cloud.partition(table, &partition).await);
        for trace in [&person.phone, &person.name, &person.email] {
            assert!(!kept.contains(trace.as_str()), "{partition}: {kept}");
        }
    }
    // The same event sent again brings nothing back.
    let answer = flow.post(&lead.changed(0)).await.with(200);
    assert_eq!(answer["duplicates"], 1, "{answer}");
    assert_eq!(flow.event(&id).await["erased"], true);
    let report = receipt(&flow, "report", json!({"phone": person.phone})).await;
    assert!(!report["found"].to_string().contains(&id), "{report:#}");
}

#[tokio::test]
async fn a_report_on_somebody_nobody_knows_says_so() {
    let flow = Flow::beside_others().await;
    let report = receipt(&flow, "report", json!({"email": "nobody@example.com"})).await;
    assert_eq!(report["found_total"], 0, "{report:#}");
}
