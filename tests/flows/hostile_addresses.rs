//! The platform sends to public addresses only, whatever a tenant says and whatever stands in the table.

use futures::stream::{self, StreamExt};
use gancho::testing::hostile_hosts::{INNER_ADDRESSES, INNER_NAMES};
use gancho_tests::flow::Flow;
use gancho_tests::waiting::until;
use serde_json::{Value, json};

use crate::tenants_publish::payment;

const SUBSCRIPTIONS: &str = "/api/v1/tenant/webhooks/subscriptions";

/// Requests made at a time.
const AT_ONCE: usize = 4;

fn hostile() -> Vec<String> {
    let hosts = INNER_ADDRESSES.iter().map(|(host, _)| *host).chain(INNER_NAMES.iter().copied());
    let mut urls: Vec<String> = hosts.map(|host| format!("https://{host}/hook")).collect();
    for other in
        ["http://example.com/", "https://user:pass@example.com/", "ftp://example.com/", "https://example.com:22/"]
    {
        urls.push(other.to_owned());
    }
    urls
}

#[tokio::test]
async fn hostile_urls_are_refused_at_registration() {
    let flow = Flow::beside_others().await;
    let urls = hostile();
    assert!(urls.len() >= 60, "{}", urls.len());
    let tenant = &flow.tenant;
    let register = async |url: String| {
        let answer = tenant.post(SUBSCRIPTIONS, &json!({"url": url, "event": "payment.received"})).await;
        (url, answer)
    };
    let answers: Vec<_> = stream::iter(urls).map(register).buffer_unordered(AT_ONCE).collect().await;
    for (url, answer) in answers {
        assert_eq!((answer.status, &answer.body["code"]), (422, &json!("url_not_allowed")), "{url}: {}", answer.body);
    }
}

#[tokio::test]
async fn hostile_addresses_that_got_into_the_table_are_refused_at_sending() {
    let flow = Flow::beside_others().await;
    let (flow, mut planted) = (&flow, Vec::new());
    for (n, (host, reason)) in INNER_ADDRESSES.iter().enumerate() {
        let (subscription, _) = flow.receiver_of("payment.*", &format!("planted-{n}"), json!({}), json!({})).await;
        let (pk, sk) = (format!("SUBSCRIPTIONS#{}", flow.tenant_id), format!("SUBSCRIPTION#{subscription}"));
        flow.cloud.set_text("directory", &pk, &sk, "url", &format!("https://{host}/hook")).await;
        planted.push((subscription, *host, *reason));
    }
    flow.publish(&payment("1.00")).await;
    for (subscription, host, reason) in planted {
        let refused: Value = until("the refused delivery", async || {
            let found = flow.deliveries(&subscription).await.into_iter().next()?;
            (found["status"] == "failed").then_some(found)
        })
        .await;
        let error = refused["error"].as_str().unwrap_or_default();
        assert!(error.starts_with("url_not_allowed") && error.contains(&reason.to_string()), "{host}: {error}");
    }
}
