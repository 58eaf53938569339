//! C2S.

use serde_json::{Value, json};

use crate::{Stage, answer, text};

#[tokio::test]
async fn a_message_is_answered_201_and_stands_in_the_thread() {
    let stage = Stage::set().await;
    let (status, body) = answer(stage.message("lead-1", &json!({"body": "Olá"}))).await;
    assert_eq!(status, 201);
    assert_eq!(body["data"]["id"], "lead-1-message-1");

    let (_, lead) = answer(stage.c2s("/leads/lead-1")).await;
    assert_eq!(lead["data"]["attributes"]["messages"][0]["body"], "Olá");
    let seen = stage.look("/control/c2s/leads/lead-1").await;
    assert_eq!((&seen["n_messages"], &seen["messages"][0]["body"]), (&json!(1), &json!("Olá")));
}

#[tokio::test]
async fn a_message_moves_updated_at() {
    let stage = Stage::set().await;
    let put = json!({"id": 7, "attributes": {"updated_at": "2025-01-20T10:00:00Z"}});
    stage.order("/control/c2s/leads", put).await;
    let before = answer(stage.c2s("/leads/7")).await.1;
    stage.message("7", &json!({"body": "one"})).send().await.unwrap();
    let first = answer(stage.c2s("/leads/7")).await.1;
    stage.message("7", &json!({"body": "two"})).send().await.unwrap();
    let second = answer(stage.c2s("/leads/7")).await.1;

    let times = [before, first, second].map(|lead| {
        assert_eq!(lead["data"]["id"], 7);
        lead["data"]["attributes"]["updated_at"].as_str().unwrap().to_owned()
    });
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
}

#[tokio::test]
async fn the_thread_can_be_hidden_for_one_lead() {
    let stage = Stage::set().await;
    stage.put("/control/c2s", json!({"lead_id": "hidden", "messages_visible": false})).await;
    for lead in ["hidden", "shown"] {
        stage.message(lead, &json!({"body": "Olá"})).send().await.unwrap();
    }
    let hidden = answer(stage.c2s("/leads/hidden")).await.1;
    let shown = answer(stage.c2s("/leads/shown")).await.1;
    assert!(hidden["data"]["attributes"].get("messages").is_none());
    assert!(shown["data"]["attributes"].get("messages").is_some());
}

#[tokio::test]
async fn a_message_without_a_body_is_422_and_writes_nothing() {
    let stage = Stage::set().await;
    for wrong in [json!({"message": "Olá"}), json!({"body": " "}), json!([])] {
        assert_eq!(answer(stage.message("lead-2", &wrong)).await.0, 422, "{wrong}");
    }
    assert_eq!(text(stage.get("/control/c2s/leads/lead-2")).await.0, 404);
}

#[tokio::test]
async fn an_unknown_lead_is_404_only_where_it_is_strict() {
    let stage = Stage::set().await;
    stage.put("/control/c2s", json!({"lead_id": "gone", "strict": true})).await;
    assert_eq!(answer(stage.message("gone", &json!({"body": "Olá"}))).await.0, 404);
    assert_eq!(answer(stage.c2s("/leads/gone")).await.0, 404);
    assert_eq!(answer(stage.c2s("/leads/any")).await.0, 200);
}

#[tokio::test]
async fn a_wrong_token_is_401_and_both_headers_are_known() {
    let stage = Stage::set().await;
    let me = "/c2s/integration/me";
    assert_eq!(text(stage.get(me)).await, (401, "Invalid authentication token".into()));
    assert_eq!(text(stage.get(me).bearer_auth("wrong")).await.0, 401);
    for accepted in [
        ("Authorization", "Bearer sandbox-c2s-token"),
        ("Authentication", "Bearer sandbox-c2s-token"),
        ("Authentication", "sandbox-c2s-token"),
        ("Authorization", "Bearer sandbox-c2s-token+acme"),
    ] {
        assert_eq!(text(stage.get(me).header(accepted.0, accepted.1)).await.0, 200, "{accepted:?}");
    }
}

async fn ids(stage: &Stage, query: &str) -> Vec<Value> {
    let (status, body) = answer(stage.c2s(&format!("/leads?{query}"))).await;
    assert_eq!(status, 200, "{query}");
    body["data"].as_array().unwrap().iter().map(|lead| lead["id"].clone()).collect()
}

#[tokio::test]
async fn leads_are_listed_by_page_order_and_filter() {
    let stage = Stage::set().await;
    for (id, updated_at) in
        [("b", "2025-01-20T11:00:00Z"), ("a", "2025-01-20T10:00:00Z"), ("c", "2025-01-20T12:00:00Z")]
    {
        let attributes = json!({"updated_at": updated_at, "customer": {"phone": format!("551190000{id}")}});
        stage.order("/control/c2s/leads", json!({"id": id, "attributes": attributes})).await;
    }
    stage.c2s("/leads/made-up").send().await.unwrap();

    assert_eq!(ids(&stage, "sort=updated_at").await, ["a", "b", "c"]);
    assert_eq!(ids(&stage, "sort=-updated_at&perpage=2").await, ["c", "b"]);
    assert_eq!(ids(&stage, "sort=-updated_at&perpage=2&page=2").await, ["a"]);
    assert_eq!(ids(&stage, "sort=updated_at&updated_gte=2025-01-20T11:00:00Z").await, ["b", "c"]);
    assert_eq!(ids(&stage, "updated_gte=2025-01-20T11:00:00Z&updated_lt=2025-01-20T12:00:00Z").await, ["b"]);
    assert_eq!(ids(&stage, "phone=551190000c").await, ["c"]);
}

#[tokio::test]
async fn milliseconds_and_long_pages_are_422() {
    let stage = Stage::set().await;
    for query in ["updated_gte=2025-01-20T10:00:00.000Z", "created_lt=2025-01-20", "perpage=51", "sort=name"] {
        assert_eq!(answer(stage.c2s(&format!("/leads?{query}"))).await.0, 422, "{query}");
    }
}

#[tokio::test]
async fn a_posted_lead_can_be_read_back() {
    let stage = Stage::set().await;
    let attributes = json!({"name": "Ana Exemplo", "phone": "5511900000001"});
    for body in [json!({"data": {"type": "lead", "attributes": attributes}}), attributes.clone()] {
        let post = stage.post("/c2s/integration/leads", &body).bearer_auth("sandbox-c2s-token");
        let (status, created) = answer(post).await;
        assert_eq!(status, 201);
        let id = created["data"]["id"].as_str().unwrap();
        let read = answer(stage.c2s(&format!("/leads/{id}"))).await.1;
        assert_eq!(read["data"]["attributes"]["customer"], attributes);
    }
}

async fn subscribe(stage: &Stage, body: Value) -> (u16, Value) {
    answer(stage.post("/c2s/integration/leads/subscribe", &body).bearer_auth("sandbox-c2s-token")).await
}

#[tokio::test]
async fn a_second_subscription_replaces_the_first() {
    let stage = Stage::set().await;
    for url in ["http://127.0.0.1:9/first", "http://127.0.0.1:9/second"] {
        let answered = subscribe(&stage, json!({"hook_url": url, "hook_action": "on_update_lead"})).await;
        assert_eq!(answered, (200, json!({"success": true, "message": "Subscribed successfully"})));
    }
    let standing = stage.look("/control/c2s/subscriptions").await;
    assert_eq!(standing["data"].as_array().unwrap().len(), 1);
    assert_eq!(standing["data"][0]["hook_url"], "http://127.0.0.1:9/second");
}

#[tokio::test]
async fn an_unknown_hook_action_is_422() {
    let stage = Stage::set().await;
    let answered = subscribe(&stage, json!({"hook_url": "http://127.0.0.1:9/", "hook_action": "on_any"})).await;
    assert_eq!(answered, (422, json!({"success": false, "msg": "hook_action not found"})));
}

#[tokio::test]
async fn a_message_fires_on_update_lead_where_it_is_told_to() {
    let stage = Stage::set().await;
    let hook = json!({"hook_url": stage.url("/receiver/c2s-hook"), "hook_action": "on_update_lead"});
    subscribe(&stage, hook).await;
    stage.message("quiet", &json!({"body": "Olá"})).send().await.unwrap();
    stage.put("/control/c2s", json!({"lead_id": "loud", "fires_updates": true})).await;
    stage.message("loud", &json!({"body": "Olá"})).send().await.unwrap();

    let hooks = stage.received("c2s-hook", 1).await;
    let body: Value = serde_json::from_str(hooks[0]["body"].as_str().unwrap()).unwrap();
    assert_eq!((&body["id"], &body["hook_action"]), (&json!("loud"), &json!("on_update_lead")));
    assert_eq!(body["attributes"]["messages"][0]["body"], "Olá");
}

#[tokio::test]
async fn a_hook_can_be_fired_by_hand() {
    let stage = Stage::set().await;
    let order = json!({"hook_action": "on_create_lead", "hook_url": stage.url("/receiver/by-hand")});
    let fired = stage.order("/control/c2s/leads/lead-9/fire", order).await;
    assert_eq!(fired["statuses"], json!([200]));
    assert_eq!(stage.received("by-hand", 1).await.len(), 1);
}

#[tokio::test]
async fn above_the_rate_it_is_429_per_token() {
    let stage = Stage::set().await;
    stage.put("/control/c2s", json!({"rate_per_minute": 2})).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(answer(stage.c2s("/me")).await.0);
    }
    assert_eq!(statuses, [200, 200, 429]);
    let other = stage.get("/c2s/integration/me").bearer_auth("sandbox-c2s-token+other");
    assert_eq!(answer(other).await.0, 200);
}
