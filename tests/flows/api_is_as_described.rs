//! `/openapi.json` and what it describes are one: Schemathesis makes requests out of it, good and bad, for every
//! operation, and no answer is a server error, of a status or type that is not described, or of another shape.

use gancho_tests::api::Api;
use gancho_tests::flow::Flow;
use gancho_tests::moysklad::{Warehouse, take_up_main};
use gancho_tests::schemathesis::Plan;
use gancho_tests::stack::Stack;
use gancho_tests::stage::Stage;
use gancho_tests::waiting::until;
use gancho_tests::whatsapp::{Line, text};
use serde_json::{Value, json};

use crate::tenants_publish::payment;

fn id_of(made: &Value) -> String {
    made["id"].as_str().unwrap().to_owned()
}

/// A tenant that nobody minds being changed, switched off and given keys, and a source of its own.
async fn strangers(operator: &Api) -> (String, String) {
    let tenant = id_of(&operator.post("/api/v1/admin/tenants", &json!({"name": "As described"})).await.with(201));
    let source = json!({"provider": "c2s", "tenant_id": tenant});
    (tenant, id_of(&operator.post("/api/v1/admin/sources", &source).await.with(201)))
}

/// The token of a doorbell of a MoySklad account.
async fn moysklad_token(operator: &Api, tenant: &str) -> String {
    let config = json!({"account_id": "9171a53c-1b2c-4f7d-9c1a-000000000001"});
    let source = json!({"provider": "moysklad", "tenant_id": tenant, "config": config});
    let made = operator.post("/api/v1/admin/sources", &source).await.with(201);
    made["token"].as_str().unwrap().to_owned()
}

/// A WhatsApp webhook of the flow's tenant, and what was sent to it.
async fn webhook_with_an_event(flow: &Flow, line: &Line) -> (String, String) {
    let order = json!({"phone_number": line.number, "webhook_url": Stage::address(&flow.receiver)});
    let webhook = id_of(&flow.tenant.post("/api/webhooks/register", &order).await.with(201)["webhook"]);
    line.posts(&[text("oi")]).await;
    let path = format!("/api/webhooks/{webhook}/events");
    let event = until("what was sent to a webhook", async || {
        flow.tenant.get(&path).await.with(200)["data"].as_array().unwrap().first().map(id_of)
    });
    let event = event.await;
    (webhook, event)
}

#[tokio::test]
async fn every_operation_answers_as_it_is_described() {
    let flow = Flow::at_the_door().await;
    let key = flow.operator.post(&format!("/api/v1/admin/tenants/{}/keys", flow.tenant_id), &json!({})).await.with(201);
    let (stranger, source) = strangers(&flow.operator).await;
    // What comes in at the flow's own doorbell stays there: nobody is to be asked about anybody.
    let held = json!({"paused": true, "reason": "only the door is tried"});
    flow.operator.put(&format!("/api/v1/admin/switches/source:{}", flow.source), &held).await.with(200);
    let asked = json!({"email": format!("{}@example.com", flow.tenant_id)});
    let job = id_of(&flow.operator.post("/api/v1/admin/data-subjects/report", &asked).await.with(202));
    let (subscription, _) = flow.receiver_of("payment.*", "described", json!({}), json!({})).await;
    let event = flow.publish(&payment("1.00")).await;
    let delivery = until("a delivery", async || flow.deliveries(&subscription).await.into_iter().next()).await;
    let delivery = id_of(&delivery);
    let line = Line::linked(&flow).await;
    let account = Warehouse::open("described").await;
    take_up_main(&flow, &account).await;
    let moysklad = moysklad_token(&flow.operator, &flow.tenant_id).await;
    let (webhook, carried) = webhook_with_an_event(&flow, &line).await;

    let plan = Plan::default()
        .bearer("tenant_key", key["key"].as_str().unwrap())
        .bearer("admin_token", &Stack::get().admin_token)
        .with(
            &["read_subscription", "change_subscription", "rotate_secret", "test_subscription", "recover_subscription"],
            "path.id",
            &subscription,
        )
        .with(&["read_delivery", "replay_delivery", "retry_delivery"], "path.id", &delivery)
        .with(&["read_connection"], "path.id", &line.connection)
        .with(&["ring_baileys"], "path.token", line.token())
        .with(&["ring_moysklad"], "path.token", &moysklad)
        .with(&["read_webhook", "change_webhook", "update_webhook", "test_webhook"], "path.id", &webhook)
        .with_both(&["read_webhook_event", "retry_webhook_event"], [("path.id", &webhook), ("path.event_id", &carried)])
        // Longer waits are a flow of their own; here each request would take them.
        .with(&["list_deliveries"], "query.wait_s", "0")
        .with_both(&["list_webhook_events"], [("path.id", &webhook), ("query.wait_s", "0")])
        .with(&["read_tenant", "change_tenant", "create_key", "list_keys"], "path.id", &stranger)
        .with(&["read_source", "change_source", "rotate_source", "subscribe_source"], "path.id", &source)
        .with(&["ring_c2s_source"], "path.token", &flow.token)
        .with(&["read_event", "reprocess_event"], "path.id", &event)
        .with(&["read_data_subject_job"], "path.id", &job)
        .with(&["turn_switch"], "path.what", &format!("tenant:{stranger}"))
        .with(&["read_moysklad_account", "change_moysklad_account"], "path.account_id", &account.id)
        .with(
            &[
                "read_moysklad_stats",
                "list_moysklad_loops",
                "read_moysklad_resync",
                "list_moysklad_webhooks",
                "check_moysklad_health",
            ],
            "query.account_id",
            &account.id,
        )
        // What a deletion does is shown elsewhere: all that is to be found here is others'.
        .in_vain(&[
            "delete_subscription",
            "delete_webhook",
            "delete_tenant",
            "delete_key",
            "delete_source",
            "release_connection",
            "release_number",
            "create_moysklad_account",
            "delete_moysklad_account",
            "close_moysklad_loop",
            "begin_moysklad_resync",
        ])
        // Nothing is taken there without a signature, nor shown without a token.
        .in_vain(&["verify_whatsapp", "ring_whatsapp"])
        .without("redrive", "other flows put dead letters there on purpose, and look for them")
        .without("erase_data_subject", "it walks all tables, and takes away what it finds of anybody")
        .without("stop_moysklad", "it stops what other flows wait for")
        .without("lift_moysklad_stop", "it lets go what another flow has stopped")
        .without("set_up_moysklad_webhooks", "asked for all accounts, it asks MoySklad for those of every flow")
        .without("delete_moysklad_webhooks", "asked for all accounts, it takes away those of every flow")
        .without("check_moysklad_health_of", "the same, in a body; `check_moysklad_health` is the same check")
        .without(
            "ring_c2s",
            "its leads are the default tenant's; `ring_c2s_source` is the same handler behind its door",
        );
    let told = tokio::task::spawn_blocking(move || plan.run()).await.unwrap();
    assert!(told.is_ok(), "{}", told.unwrap_err());
}
