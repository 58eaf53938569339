//! Bells that nobody could answer are among the dead letters, and are sent again while traffic goes on.

use std::time::Duration;

use gancho_tests::stack::Stack;
use gancho_tests::traffic::Traffic;
use gancho_tests::waiting::until_within;
use serde_json::{Value, json};

use crate::{PACE, TAKEN_IN, a_scene, all_is_well};

/// Until a bell that is never answered is a dead letter: received five times, and hidden ten seconds after each.
const DEAD: Duration = Duration::from_secs(240);

#[tokio::test]
#[ignore = "deploys functions anew: make faults"]
async fn dead_letters_that_are_redriven_under_traffic_are_done_once_and_so_are_bells_too_many() {
    let scene = a_scene().await;
    let (flow, stack) = (&scene.flow, Stack::get());
    let traffic = Traffic::begin(&scene, PACE);
    traffic.takes(10, TAKEN_IN).await;
    // A worker that reaches no row can acknowledge nothing.
    let before = flow.cloud.deploy_with("dispatch", "TABLE_EVENTS", "gancho-a-table-that-is-not-there").await;
    until_within("dead letters", DEAD, async || {
        let waiting = flow.cloud.waiting(&stack.dead_letters["dispatch"]).await;
        (waiting.len() >= 3).then_some(())
    })
    .await;
    flow.cloud.point("dispatch", &before).await;
    // Bells of events that have long ended, or are being worked on, beside those that are missed.
    let path = format!("/api/v1/admin/events?tenant={}&limit=100", flow.tenant_id);
    let events = flow.operator.get(&path).await.with(200)["data"].as_array().cloned().unwrap_or_default();
    for event in &events {
        let bell = json!({"v": 1, "row": format!("event/{}", event["id"].as_str().unwrap()), "turn": 1}).to_string();
        for queue in ["lead", "dispatch"] {
            flow.cloud.send(&stack.dead_letters[queue], &bell).await;
        }
    }
    let mut moved = 0;
    for queue in ["dispatch", "lead", "dispatch", "lead"] {
        let done: Value = flow.operator.post(&format!("/api/v1/admin/dlq/{queue}/redrive"), &json!({})).await.with(200);
        moved += done["moved"].as_u64().unwrap();
        traffic.takes(5, TAKEN_IN).await;
    }
    assert!(moved >= 2 * events.len() as u64, "{moved} of {}", events.len());
    all_is_well(&scene, traffic).await;
}
