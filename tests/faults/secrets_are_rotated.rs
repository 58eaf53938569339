//! Every secret changes hands while it is in use, as docs/operations.md has it done.

use std::sync::Arc;

use gancho_tests::api::Api;
use gancho_tests::traffic::{Scene, Traffic};
use gancho_tests::waiting::until;
use serde_json::json;

use crate::{PACE, TAKEN_IN, a_scene, all_is_well};

/// Functions that read the stack key.
const KEEPERS: [&str; 6] = ["receive", "enrich", "sync", "deliver", "portal", "operate"];
const NEW_KEY: &str = "a stack key of the trial: made up for it and long enough";

/// Traffic goes on until whatever was sent with what was there before has been answered.
async fn goes_on(traffic: &Traffic) {
    traffic.takes(30, TAKEN_IN).await;
}

/// What the stack key's secret holds is deployed to everybody who reads it.
async fn deploy_stack_key(scene: &Scene, keys: &str, release: &str) {
    scene.flow.cloud.put_secret("StackKey", keys).await;
    for function in KEEPERS {
        scene.flow.cloud.deploy_with(function, "GANCHO_RELEASE", release).await;
    }
}

/// Seals everything anew; how much there was to do.
async fn reseal(scene: &Scene) -> u64 {
    let (mut resealed, mut cursor) = (0, json!(null));
    loop {
        let order = if cursor.is_null() { json!({}) } else { json!({"cursor": cursor}) };
        let page = scene.flow.operator.post("/api/v1/admin/stack-key/reseal", &order).await.with(200);
        assert_eq!(page["left"], 0, "{page}");
        resealed += page["resealed"].as_u64().unwrap();
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            return resealed;
        }
    }
}

#[tokio::test]
#[ignore = "changes the stack's secrets: make faults"]
async fn the_stack_key_changes_under_traffic_and_every_signature_verifies() {
    let scene = a_scene().await;
    let traffic = Traffic::begin(&scene, PACE);
    goes_on(&traffic).await;
    let old = scene.flow.cloud.secret("StackKey").await;
    deploy_stack_key(&scene, &format!("{old},{NEW_KEY}"), "both, the old one first").await;
    goes_on(&traffic).await;
    deploy_stack_key(&scene, &format!("{NEW_KEY},{old}"), "both, the new one first").await;
    goes_on(&traffic).await;
    until("everything to be sealed anew", async || {
        // A subscription that a delivery has just changed is left for the next time.
        (reseal(&scene).await == 0).then_some(())
    })
    .await;
    // No event of before is being worked on when the old key goes; events of after are.
    let after = Traffic::begin(&scene, crate::Pace { seed: PACE.seed + 1, ..PACE });
    let before = traffic.end().await;
    goes_on(&after).await;
    goes_on(&after).await;
    deploy_stack_key(&scene, NEW_KEY, "the new one alone").await;
    goes_on(&after).await;
    let counted = crate::all_is_well_of(&scene, after.end().await.with(before)).await;
    assert!(counted.refusals.is_empty(), "{counted:#?}");
}

#[tokio::test]
#[ignore = "changes the stack's secrets: make faults"]
async fn tokens_keys_and_signing_secrets_change_under_traffic_and_nobody_is_turned_away() {
    let scene: Arc<Scene> = a_scene().await;
    let flow = &scene.flow;
    let traffic = Traffic::begin(&scene, PACE);
    goes_on(&traffic).await;

    let path = format!("/api/v1/admin/sources/{}/rotate", flow.source);
    let rotated = flow.operator.post(&path, &json!({"overlap_s": 3600})).await.with(200);
    // C2S goes on with the old token for a while, as it does until somebody tells it.
    goes_on(&traffic).await;
    scene.give_c2s(rotated["token"].as_str().unwrap());
    goes_on(&traffic).await;

    let path = format!("/api/v1/admin/tenants/{}/keys", flow.tenant_id);
    let known = flow.operator.get(&path).await.with(200);
    let made = flow.operator.post(&path, &json!({})).await.with(201);
    scene.give_tenant(made["key"].as_str().unwrap());
    goes_on(&traffic).await;
    for key in known["data"].as_array().unwrap() {
        flow.operator.delete(&format!("{path}/{}", key["id"].as_str().unwrap())).await.with(204);
    }

    for ear in &scene.ears {
        let path = format!("/api/v1/tenant/webhooks/subscriptions/{}/rotate-secret", ear.subscription);
        // The receiver takes both before anything is signed with the new one: the secret is of its owner's choosing.
        let new = format!("whsec_{}", secret_of(&ear.subscription));
        flow.stage.instruct(&ear.receiver, json!({"secrets": [new, ear.secret]})).await;
        scene.tenant().post(&path, &json!({"overlap_s": 3600, "secret": new})).await.with(200);
    }
    goes_on(&traffic).await;

    let new = "an operator's token of the trial, made up for it";
    flow.cloud.put_secret("AdminToken", new).await;
    until("the new token to be good", async || {
        let answer = Api::bearer(new).get("/api/v1/admin/switches").await;
        (answer.status == 200).then_some(())
    })
    .await;
    flow.operator.get("/api/v1/admin/switches").await.with(200);
    goes_on(&traffic).await;

    let counted = all_is_well(&scene, traffic).await;
    assert!(counted.refusals.is_empty(), "{counted:#?}");
}

/// Base64 of as many bytes as a secret needs, of this subscription's own.
fn secret_of(subscription: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(format!("{subscription:0>32.32}"))
}
