//! What the operator says of MoySklad's accounts, and hears.

use axum::http::StatusCode;
use gancho::manage::moysklad::book::MoyskladAccounts;
use gancho::model::moysklad::{Action, EntityId, EntityKind, EntityRef};
use gancho::model::row::RowKey;
use gancho::sync::guards::LoopGuard;
use gancho::sync::ports::MoyskladError;
use gancho::sync::store::GuardRows;
use gancho::testing::moysklad_samples::account_id;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::operate::tests::{Answer, Desk};
use crate::testing::now;

fn path(n: u8) -> String {
    format!("/moysklad/accounts/{}", account_id(n))
}

/// A platform with a main account (1) and a child of it (2).
async fn of_two() -> Desk {
    let desk = Desk::new().await;
    let main = json!({
        "tenant_id": "ten_default", "account_id": account_id(1), "role": "main", "token": "token-of-the-main",
        "name": "Central",
    });
    let child = json!({
        "tenant_id": "ten_default", "account_id": account_id(2), "role": "child", "main_account_id": account_id(1),
        "token": "token-of-the-child",
        "settings": {"entities": ["product"], "match_field": "external_code", "filters": [{"in_folder": "Goods"}]},
    });
    for body in [main, child] {
        assert_eq!(desk.post("/moysklad/accounts", body).await.status, StatusCode::CREATED);
    }
    desk
}

/// An answer as it is shown: identifiers made of chance, and their order, left out.
fn shown(answer: &Answer) -> String {
    let text = serde_json::to_string_pretty(&answer.body).unwrap();
    assert!(["token-of", "s1.", "/api/webhooks"].iter().all(|secret| !text.contains(secret)), "{text}");
    let text: Vec<String> = text
        .lines()
        .map(|line| match line.split_once("\"src_") {
            Some((before, after)) => {
                format!("{before}\"src_…\"{}", after.split_once('"').map(|(_, rest)| rest).unwrap_or_default())
            }
            None => line.to_owned(),
        })
        .collect();
    format!("{}\n{}", answer.status, text.join("\n"))
}

#[tokio::test]
async fn accounts_are_shown_without_anything_that_opens() {
    let desk = of_two().await;
    let mut answers = vec![desk.get(&path(1)).await, desk.get(&path(2)).await];
    answers.push(desk.patch(&path(2), json!({"enabled": false, "token": "another-token"})).await);
    insta::assert_snapshot!(answers.iter().map(shown).collect::<Vec<_>>().join("\n\n"));
    let listed = desk.get("/moysklad/accounts?limit=1").await.body;
    let next = format!("/moysklad/accounts?limit=1&cursor={}", listed["next_cursor"].as_str().unwrap());
    let next = desk.get(&next).await.body;
    let mut ids = [&listed, &next].map(|page| page["data"][0]["account_id"].as_str().unwrap().to_owned());
    ids.sort_unstable();
    assert_eq!(ids, [1, 2].map(|n| account_id(n).to_string()));
    assert_eq!(next["next_cursor"], Value::Null);
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_one_form() {
    let desk = of_two().await;
    let mut lines = Vec::new();
    let mut note = |what: &str, answer: Answer| {
        let errors = answer.body["errors"].as_array().cloned().unwrap_or_default();
        let paths: Vec<_> = errors.iter().map(|error| error["path"].as_str().unwrap_or_default().to_owned()).collect();
        lines.push(format!("{what}: {} {} {}", answer.status.as_u16(), answer.body["code"], paths.join(" ")));
    };
    let taken = json!({"tenant_id": "ten_default", "account_id": account_id(1), "role": "main", "token": "x"});
    note("the same twice", desk.post("/moysklad/accounts", taken).await);
    let orphan = json!({"tenant_id": "ten_default", "account_id": account_id(3), "role": "child", "token": "x",
        "main_account_id": account_id(9), "settings": {"entities": [], "match_field": "code"}});
    note("a child of nobody", desk.post("/moysklad/accounts", orphan).await);
    let bad = json!({"settings": {"entities": ["product", "fax"], "match_field": "code"}});
    note("settings that cannot be", desk.patch(&path(2), bad).await);
    note("a main account with children goes", desk.delete(&path(1)).await);
    note("another tenant's", desk.get(&format!("{}?tenant_id=ten_other", path(1))).await);
    note("no account", desk.get("/moysklad/accounts/x").await);
    note("nobody's webhooks", desk.post("/moysklad/webhooks/setup", json!({"account_id": account_id(9)})).await);
    note("no account is named", desk.post("/moysklad/webhooks/setup", json!({})).await);
    let two_ways = json!({"account_id": account_id(1), "all": true});
    note("two ways of naming", desk.post("/moysklad/webhooks/delete-all", two_ways).await);
    note("an unknown window", desk.get("/moysklad/stats?window=2h").await);
    note("no resync of nobody", desk.get("/moysklad/resync").await);
    note("a loop of nobody", desk.post("/moysklad/loops/close", json!({"entity_type": "fax"})).await);
    note("an endless reason", desk.post("/moysklad/emergency-stop", json!({"reason": "x".repeat(501)})).await);
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn webhooks_are_set_up_shown_looked_over_and_deleted() {
    let desk = of_two().await;
    let all = json!({"all": true, "tenant_id": "ten_default"});
    let done = desk.post("/moysklad/webhooks/setup", all.clone()).await;
    assert_eq!(done.status, StatusCode::OK);
    assert!(done.body["data"].as_array().unwrap().iter().all(|one| one["status"] == "done"), "{}", done.body);
    for hook in desk.moysklad.all(account_id(1)) {
        assert!(hook.url.starts_with("https://api.example.com/api/webhooks/moysklad/"));
    }
    desk.moysklad.made_by_hand(account_id(2), (EntityKind::Product, Action::Update), "https://shop.example.com/secret");
    let of_child = format!("account_id={}", account_id(2));
    let hooks = desk.get(&format!("/moysklad/webhooks?{of_child}")).await;
    let health = desk.get(&format!("/moysklad/health-check?{of_child}")).await;
    insta::assert_snapshot!([&hooks, &health].map(shown).join("\n\n"));
    desk.moysklad.fail_after(account_id(2), 0, MoyskladError::CredentialsRefused);
    let ill = desk.post("/moysklad/health-check", all.clone()).await.body;
    let told = |n: u8| {
        let id = json!(account_id(n));
        let all = ill["data"].as_array().unwrap();
        all.iter().find(|one| one["account_id"] == id).map(|one| (one["ok"].clone(), one["problems"].clone())).unwrap()
    };
    assert_eq!(told(1), (json!(true), json!([])));
    assert_eq!(told(2), (json!(false), json!(["token_refused"])));
    desk.moysklad.heal();
    let gone = desk.post("/moysklad/webhooks/delete-all", all).await.body;
    assert!(gone["data"].as_array().unwrap().iter().all(|one| one["status"] == "done"), "{gone}");
    assert_eq!((desk.moysklad.all(account_id(1)).len(), desk.moysklad.all(account_id(2)).len()), (0, 1));
}

#[tokio::test]
async fn an_account_that_goes_says_what_was_left_at_moysklad() {
    let desk = of_two().await;
    desk.moysklad.fail_after(account_id(2), 0, MoyskladError::Timeout);
    let refused = desk.delete(&path(2)).await;
    assert_eq!((refused.status, &refused.body["code"]), (StatusCode::BAD_GATEWAY, &json!("upstream_failed")));
    let gone = desk.delete(&format!("{}?force=true", path(2))).await;
    let told = json!({
        "account_id": account_id(2), "webhooks_deleted": 0, "webhooks_left": null, "error": "timeout",
    });
    assert_eq!((gone.status, &gone.body), (StatusCode::OK, &told));
    assert_eq!(desk.store.claimed_account(account_id(2)).await, Ok(None));
    assert_eq!(desk.delete(&path(1)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn figures_loops_and_resyncs_are_told() {
    let desk = of_two().await;
    let entity = EntityRef {
        account: account_id(1),
        kind: EntityKind::Product,
        id: "75c896d0-0a3d-11ec-0a80-0ffc000b2a4c".parse::<EntityId>().unwrap(),
    };
    let mut guard = LoopGuard::new("ten_default".parse().unwrap(), entity);
    for n in 0..3 {
        guard = guard.changed(now() - SignedDuration::from_secs(n), now()).0;
        desk.store.put_loop_guard(&guard).await.unwrap();
    }
    let of_child = format!("account_id={}", account_id(2));
    let mut answers = vec![desk.get("/moysklad/loops").await];
    let close = json!({"account_id": entity.account, "entity_type": "product", "entity_id": entity.id});
    answers.push(desk.post("/moysklad/loops/close", close).await);
    answers.push(desk.get(&format!("/moysklad/stats?window=1h&{of_child}")).await);
    answers.push(desk.post("/moysklad/resync", json!({"account_id": account_id(1)})).await);
    answers.push(desk.get(&format!("/moysklad/resync?{of_child}")).await);
    insta::assert_snapshot!(answers.iter().map(shown).collect::<Vec<_>>().join("\n\n"));
    let again = desk.post("/moysklad/resync", json!({"account_id": account_id(2)})).await;
    assert_eq!((again.status, &again.body["code"]), (StatusCode::CONFLICT, &json!("already_running")));
    let rung: Vec<RowKey> = desk.store.rung().into_iter().map(|ring| ring.bell.row).collect();
    let (tenant, child) = ("ten_default".parse::<gancho::model::ids::TenantId>().unwrap(), account_id(2));
    assert_eq!(rung, [RowKey::Drain(tenant.clone(), child), RowKey::Resync(tenant, child)]);
}

#[tokio::test]
async fn a_stop_is_the_switch_and_is_lifted() {
    let desk = of_two().await;
    let stopped = desk.post("/moysklad/emergency-stop", json!({"reason": "two systems answer each other"})).await;
    insta::assert_snapshot!(shown(&stopped));
    let switch = &desk.get("/switches").await.body["data"][0];
    assert_eq!((&switch["what"], &switch["paused"]), (&json!("provider:moysklad"), &json!(true)));
    assert_eq!(desk.get("/moysklad/emergency-stop").await.body["stopped"], true);
    assert_eq!(desk.delete("/moysklad/emergency-stop").await.body["stopped"], false);
    assert_eq!(desk.get("/switches").await.body["data"][0]["paused"], false);
}
