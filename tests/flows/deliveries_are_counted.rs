//! What tenants, the operator and a scraper are told of deliveries.

use gancho_tests::flow::Flow;
use gancho_tests::lead::{Lead, Person};
use gancho_tests::waiting::until;
use prometheus_parse::{Sample, Scrape, Value as Metric};
use serde_json::json;

/// What a scraper reads.
async fn scraped(flow: &Flow) -> Vec<Sample> {
    let answer = flow.operator.get("/metrics").await;
    assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.with(200).as_str().unwrap().to_owned();
    Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap().samples
}

/// A counter, the sum over all labels but these.
fn counter(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> f64 {
    let is = |sample: &&Sample| {
        sample.metric == name && labels.iter().all(|(name, value)| sample.labels.get(name) == Some(value))
    };
    let value = |sample: &Sample| if let Metric::Counter(value) = sample.value { value } else { f64::NAN };
    samples.iter().filter(is).map(value).sum()
}

#[tokio::test]
async fn three_deliveries_are_three_in_a_tenants_statistics_and_in_the_metrics() {
    let flow = Flow::beside_others().await;
    let receiver = format!("{}-counted", flow.receiver);
    flow.stage.instruct(&receiver, json!({"script": [{"status": 503}]})).await;
    let made = flow.subscribe(&receiver, json!({"event": "lead.received"})).await;
    let duplicates = |samples: &[Sample]| {
        counter(samples, "webhook_events_received_total", &[("provider", "c2s"), ("result", "duplicate")])
    };
    let duplicates_before = duplicates(&scraped(&flow).await);
    for _ in 0..3 {
        flow.new_lead(Person::new().by_phone()).await;
    }
    let stats = until("three deliveries to be counted", async || {
        let stats = flow.tenant.get("/api/v1/tenant/webhooks/stats?window=1h").await.with(200);
        let of_it = stats["by_subscription"].as_array().unwrap().iter();
        let of_it = of_it.filter(|one| one["subscription_id"] == made["id"]).map(|one| &one["delivered"]);
        (of_it.eq([&json!(3)])).then_some(stats)
    })
    .await;
    let ours = stats["by_subscription"].as_array().unwrap().iter().find(|one| one["subscription_id"] == made["id"]);
    let ours = ours.unwrap();
    let told = ["attempts", "delivered", "failed", "retries", "success_rate"].map(|name| &ours[name]);
    assert_eq!(told, [&json!(4), &json!(3), &json!(0), &json!(1), &json!(1.0)]);
    assert!(ours["p99_ms"].is_number() && ours["percentile_error_ms"]["p99"].is_number(), "{ours:#}");
    assert_eq!(
        (&stats["complete"], &stats["top_errors"][0]),
        (&json!(true), &json!({"error": "http_503", "count": 1}))
    );
    let nobody = flow.tenant.get("/api/v1/tenant/webhooks/stats?window=2h").await;
    assert_eq!((nobody.status, &nobody.body["errors"][0]["path"]), (422, &json!("window")));

    let samples = until("the deliveries to be in the metrics", async || {
        let samples = scraped(&flow).await;
        let labels = [("tenant", flow.tenant_id.as_str()), ("event", "lead.received"), ("status", "delivered")];
        (counter(&samples, "webhook_deliveries_total", &labels) >= 3.0).then_some(samples)
    })
    .await;
    assert!(counter(&samples, "webhook_retries_total", &[("reason", "http_5xx")]) >= 1.0);
    assert!(counter(&samples, "webhook_delivery_http_status", &[("code", "503")]) >= 1.0);
    assert!(samples.iter().any(|sample| sample.metric == "webhook_delivery_duration_seconds"));

    // So many at once are written at once, whatever the process held before.
    let copies = vec![Lead::new(Person::new().by_phone()).changed(0); 50];
    assert_eq!(flow.post(&json!(copies)).await.with(200)["duplicates"], 49);
    let came = scraped(&flow).await;
    assert!(duplicates(&came) >= duplicates_before + 49.0);

    let all = flow.operator.get("/api/v1/admin/stats?window=1h").await.with(200);
    let of_ours = all["deliveries"]["by_tenant"].as_array().unwrap().iter();
    let delivered =
        of_ours.filter(|one| one["tenant_id"] == json!(flow.tenant_id)).map(|one| one["delivered"].as_u64());
    assert!(delivered.flatten().sum::<u64>() >= 3, "{:#}", all["deliveries"]["by_tenant"]);
    assert_eq!(flow.tenant.get("/metrics").await.with(403)["code"], "wrong_credential");
}
