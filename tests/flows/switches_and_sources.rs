//! What an operator turns off and on, and who may knock at which door.

use std::time::Duration;

use gancho_tests::api::Api;
use gancho_tests::flow::Flow;
use gancho_tests::lead::{Lead, Person};
use gancho_tests::waiting::{taken_effect, throughout, until};
use serde_json::json;

#[tokio::test]
async fn a_paused_source_stores_what_comes_and_loses_nothing() {
    let flow = Flow::beside_others().await;
    let switch = format!("/api/v1/admin/switches/source:{}", flow.source);
    flow.operator.put(&switch, &json!({"paused": true, "reason": "a flow"})).await.with(200);
    taken_effect().await;
    let person = flow.known_person().await;
    let (lead, id) = flow.new_lead(person.by_phone()).await;
    until("the lead to wait behind the switch", async || {
        let event = flow.event(&id).await;
        let hold = format!("switch:source:{}", flow.source);
        event["timeline"].as_array()?.iter().any(|moment| moment["detail"] == hold.as_str()).then_some(())
    })
    .await;
    flow.cloud.sweep().await;
    throughout(Duration::from_secs(3), async || {
        assert_eq!(flow.event(&id).await["status"], "received");
        assert!(flow.stage.received(&flow.receiver).await.is_empty());
    })
    .await;

    flow.operator.put(&switch, &json!({"paused": false})).await.with(200);
    taken_effect().await;
    flow.cloud.sweep().await;
    assert_eq!(flow.completed(&id).await["result"]["message"], "sent");
    assert_eq!(flow.stage.messages(&lead.id).await.len(), 1);
}

#[tokio::test]
async fn a_paused_subscription_keeps_its_deliveries_for_later() {
    let flow = Flow::beside_others().await;
    let switch = format!("/api/v1/admin/switches/subscription:{}", flow.subscription);
    flow.operator.put(&switch, &json!({"paused": true})).await.with(200);
    taken_effect().await;
    let (_, id) = flow.new_lead(Person::new().by_phone()).await;
    flow.completed(&id).await;
    throughout(Duration::from_secs(3), async || {
        assert!(flow.stage.received(&flow.receiver).await.is_empty());
    })
    .await;
    flow.operator.put(&switch, &json!({"paused": false})).await.with(200);
    taken_effect().await;
    flow.cloud.sweep().await;
    flow.hears("lead.received").await;
    flow.hears("lead.unmatched").await;
}

#[tokio::test]
async fn a_leaked_token_is_worthless_within_ten_seconds_of_its_rotation() {
    let flow = Flow::beside_others().await;
    let lead = Lead::new(Person::new().by_phone());
    flow.post(&lead.changed(0)).await.with(200);
    let path = format!("/api/v1/admin/sources/{}/rotate", flow.source);
    let rotated = flow.operator.post(&path, &json!({"overlap_s": 0})).await.with(200);
    let new = rotated["token"].as_str().unwrap();
    Api::nobody().c2s_by_path(new, &lead.changed(0)).await.with(200);
    taken_effect().await;
    assert_eq!(flow.post(&lead.changed(0)).await.status, 401);
    Api::nobody().c2s_by_path(new, &lead.changed(0)).await.with(200);
}

#[tokio::test]
async fn a_rotated_token_opens_beside_the_new_one_unless_told_otherwise() {
    let flow = Flow::beside_others().await;
    let lead = Lead::new(Person::new().by_phone());
    let path = format!("/api/v1/admin/sources/{}/rotate", flow.source);
    let rotated = flow.operator.post(&path, &json!({})).await.with(200);
    taken_effect().await;
    let answers = [
        flow.post(&lead.changed(0)).await,
        Api::nobody().c2s_by_path(rotated["token"].as_str().unwrap(), &lead.changed(0)).await,
    ];
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
}

#[tokio::test]
async fn a_source_for_some_addresses_is_closed_to_all_others() {
    let flow = Flow::beside_others().await;
    let lead = Lead::new(Person::new().by_phone());
    let path = format!("/api/v1/admin/sources/{}", flow.source);
    flow.operator.patch(&path, &json!({"allowed_cidrs": ["203.0.113.0/24"]})).await.with(200);
    taken_effect().await;
    assert_eq!(flow.post(&lead.changed(0)).await.status, 403);
    flow.operator.patch(&path, &json!({"allowed_cidrs": ["127.0.0.0/8"]})).await.with(200);
    taken_effect().await;
    flow.post(&lead.changed(0)).await.with(200);
}

#[tokio::test]
async fn a_source_that_is_disabled_or_gone_lets_nobody_in() {
    let flow = Flow::beside_others().await;
    let lead = Lead::new(Person::new().by_phone());
    let path = format!("/api/v1/admin/sources/{}", flow.source);
    flow.operator.patch(&path, &json!({"enabled": false})).await.with(200);
    taken_effect().await;
    assert_eq!(flow.post(&lead.changed(0)).await.status, 401);
    flow.operator.patch(&path, &json!({"enabled": true})).await.with(200);
    taken_effect().await;
    flow.post(&lead.changed(0)).await.with(200);
    flow.operator.delete(&path).await.with(204);
    taken_effect().await;
    assert_eq!(flow.post(&lead.changed(0)).await.status, 401);
}
