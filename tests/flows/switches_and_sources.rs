//! What an operator turns off and on, and who may knock at which door.

use std::time::Duration;

use gancho_tests::api::Api;
use gancho_tests::flow::Flow;
use gancho_tests::lead::{Lead, Person};
use gancho_tests::waiting::{taken_effect, throughout};
use serde_json::json;

#[tokio::test]
async fn a_paused_source_stores_what_comes_and_loses_nothing() {
    let flow = Flow::beside_others().await;
    let switch = format!("/api/v1/admin/switches/source:{}", flow.source);
    flow.operator.put(&switch, &json!({"paused": true, "reason": "a flow"})).await.with(200);
    taken_effect().await;
    let person = flow.known_person().await;
    let (lead, id) = flow.new_lead(person.by_phone()).await;
    flow.waits_behind(&id, &format!("source:{}", flow.source)).await;
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

/// While a switch is off, the default tenant's leads wait, and the flow's own if the switch concerns them; then all
/// flow.
async fn a_switch_parks_and_lets_go(switch: &str, concerns_everybody: bool) {
    let flow = Flow::alone().await;
    let path = format!("/api/v1/admin/switches/{switch}");
    flow.operator.put(&path, &json!({"paused": true, "reason": "a flow"})).await.with(200);
    taken_effect().await;
    let (default_lead, default_event) = flow.default_lead(flow.known_person().await.by_phone()).await;
    let (own_lead, own_event) = flow.new_lead(flow.known_person().await.by_phone()).await;
    flow.waits_behind(&default_event, switch).await;
    if concerns_everybody {
        flow.waits_behind(&own_event, switch).await;
    } else {
        assert_eq!(flow.completed(&own_event).await["result"]["message"], "sent", "it is another tenant's");
    }
    let messages_meanwhile = usize::from(!concerns_everybody);
    flow.cloud.sweep().await;
    throughout(Duration::from_secs(3), async || {
        assert_eq!(flow.event(&default_event).await["status"], "received");
        assert!(flow.stage.messages(&default_lead.id).await.is_empty());
        assert_eq!(flow.stage.messages(&own_lead.id).await.len(), messages_meanwhile);
    })
    .await;

    flow.operator.put(&path, &json!({"paused": false})).await.with(200);
    taken_effect().await;
    flow.cloud.sweep().await;
    for (lead, event) in [(&default_lead, &default_event), (&own_lead, &own_event)] {
        assert_eq!(flow.completed(event).await["result"]["message"], "sent");
        assert_eq!(flow.stage.messages(&lead.id).await.len(), 1);
    }
    flow.hears("lead.enriched").await;
}

#[tokio::test]
async fn while_everything_is_paused_all_work_waits_and_then_flows() {
    a_switch_parks_and_lets_go("all", true).await;
}

#[tokio::test]
async fn while_a_provider_is_paused_its_leads_wait_and_then_flow() {
    a_switch_parks_and_lets_go("provider:c2s", true).await;
}

#[tokio::test]
async fn while_a_tenant_is_paused_its_leads_wait_and_those_of_others_do_not() {
    a_switch_parks_and_lets_go("tenant:ten_default", false).await;
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
