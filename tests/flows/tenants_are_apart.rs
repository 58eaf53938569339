//! What belongs to one tenant does not exist for another.

use gancho_tests::api::Api;
use gancho_tests::flow::Flow;
use gancho_tests::lead::Person;
use gancho_tests::waiting::until;
use reqwest::Method;
use serde_json::json;

const WEBHOOKS: &str = "/api/v1/tenant/webhooks";

#[tokio::test]
async fn another_tenants_rows_look_exactly_like_rows_that_do_not_exist() {
    let (owner, other) = (Flow::beside_others().await, Flow::another().await);
    owner.new_lead(Person::new().by_phone()).await;
    let delivery = until("a delivery", async || owner.deliveries(&owner.subscription).await.into_iter().next()).await;
    let (theirs, sent) = (&owner.subscription, delivery["id"].as_str().unwrap());
    let routes = [
        (Method::GET, format!("/subscriptions/{theirs}")),
        (Method::PATCH, format!("/subscriptions/{theirs}")),
        (Method::DELETE, format!("/subscriptions/{theirs}")),
        (Method::POST, format!("/subscriptions/{theirs}/rotate-secret")),
        (Method::POST, format!("/subscriptions/{theirs}/test")),
        (Method::POST, format!("/subscriptions/{theirs}/recover")),
        (Method::GET, format!("/deliveries/{sent}")),
        (Method::POST, format!("/deliveries/{sent}/replay")),
        (Method::POST, format!("/deliveries/{sent}/retry")),
    ];
    for (method, path) in routes {
        let missing = path.replace(theirs.as_str(), "sub_none").replace(sent, "dlv_none_0_sub_none");
        let ask = async |path: &str| {
            let request = other.tenant.request(method.clone(), &format!("{WEBHOOKS}{path}"));
            let body = if path.ends_with("recover") { json!({"since": "2026-01-01T00:00:00Z"}) } else { json!({}) };
            let response = if method == Method::GET { request } else { request.json(&body) }.send().await.unwrap();
            let status = response.status().as_u16();
            let mut body: serde_json::Value = response.json().await.unwrap();
            body.as_object_mut().unwrap().remove("request_id");
            (status, body)
        };
        let (status, body) = ask(&path).await;
        assert_eq!(status, 404, "{method} {path}: {body}");
        assert_eq!((status, body), ask(&missing).await, "{method} {path}");
    }
    assert!(other.deliveries(theirs).await.is_empty());
    owner.tenant.get(&format!("{WEBHOOKS}/subscriptions/{theirs}")).await.with(200);
}

#[tokio::test]
async fn a_tenants_events_are_heard_by_its_own_subscribers_only() {
    let (owner, other) = (Flow::beside_others().await, Flow::another().await);
    let (_, id) = owner.new_lead(Person::new().by_phone()).await;
    owner.completed(&id).await;
    owner.hears("lead.unmatched").await;
    assert!(other.stage.received(&other.receiver).await.is_empty());
}

#[tokio::test]
async fn a_credential_opens_the_doors_of_its_kind_only() {
    let flow = Flow::beside_others().await;
    let subscriptions = format!("{WEBHOOKS}/subscriptions");
    assert_eq!(Api::nobody().get(&subscriptions).await.status, 401);
    assert_eq!(Api::bearer("gch_wrong").get(&subscriptions).await.status, 401);
    assert_eq!(Api::bearer(&flow.token).get(&subscriptions).await.status, 403, "a source's token is no tenant's key");
    assert_eq!(flow.tenant.get("/api/v1/admin/tenants").await.status, 403, "a tenant is no operator");
    assert_eq!(Api::nobody().get("/api/v1/admin/tenants").await.status, 401);
    let gone = flow.operator.get("/api/v1/admin/tenants/ten_none").await;
    assert_eq!((gone.status, &gone.body["code"]), (404, &json!("not_found")));
}
