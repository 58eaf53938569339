//! The other end: every event taken in has ended, and whoever was to hear of it has, each thing under one `webhook-id`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::ledger::Ledger;
use super::offers::Kind;
use super::scene::{Ear, Scene};
use crate::api::Api;
use crate::flow::body_of;

/// Between two looks at everything.
const PAUSE: Duration = Duration::from_secs(3);
/// Leads whose threads are read at a time.
const AT_A_TIME: usize = 8;
const QUEUES: [&str; 5] = ["lead", "dispatch", "delivery", "delivery-slow", "sync"];

/// What it all came to.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Count {
    /// Things answered 2xx, by kind.
    pub taken: BTreeMap<Kind, usize>,
    /// Answers after which a sender sent again: how often each.
    pub refusals: BTreeMap<String, u64>,
    /// Events that ended.
    pub ended: usize,
    /// Deliveries that were delivered.
    pub delivered: usize,
    /// Requests at the receivers, those answered badly included.
    pub arrivals: usize,
    /// Of those answered 2xx, the ones that had been there before under the same `webhook-id`.
    pub copies: usize,
    /// Leads with a message in their thread.
    pub messages: usize,
    /// Leads whose message may have gone and was not found: shown, not guessed.
    pub unconfirmed: usize,
    /// Events that had failed and were reprocessed, as an operator does.
    pub reprocessed: usize,
    /// Deliveries that were exhausted and were replayed, as a tenant does.
    pub replayed: usize,
    /// Dead letters that were sent to their queues again.
    pub redriven: u64,
    /// Seconds from the last request until all was at rest.
    pub settled_in_s: u64,
    /// What should not be: nothing.
    pub findings: Vec<String>,
}

/// Lets all come to rest, at most so long, and looks at everything that was taken in.
pub async fn count(scene: &Scene, ledger: &Ledger, patience: Duration) -> Count {
    let mut count = Count { refusals: ledger.refusals.clone(), ..Count::default() };
    for taken in &ledger.taken {
        *count.taken.entry(taken.kind).or_default() += 1;
    }
    count.findings.extend(ledger.turned_away.iter().map(|sent| format!("turned away: {sent}")));
    let began = Instant::now();
    let events = loop {
        match at_rest(scene, ledger, &mut count).await {
            Ok(events) => break events,
            Err(why) if began.elapsed() > patience => {
                count.findings.push(format!("after {} s: {why}", patience.as_secs()));
                break Vec::new();
            }
            Err(_) => sleep(PAUSE).await,
        }
    };
    count.settled_in_s = began.elapsed().as_secs();
    count.ended = events.len();
    for ear in &scene.ears {
        heard(scene, ear, ledger, &mut count).await;
    }
    told(scene, ledger, &events, &mut count).await;
    carried(scene, ledger, patience.saturating_sub(began.elapsed()), &mut count).await;
    count
}

/// The events, once nothing is left to do; else what is.
async fn at_rest(scene: &Scene, ledger: &Ledger, count: &mut Count) -> Result<Vec<Value>, String> {
    let operator = &scene.flow.operator;
    for queue in QUEUES {
        let redriven = operator.post(&format!("/api/v1/admin/dlq/{queue}/redrive"), &json!({})).await.with(200);
        count.redriven += redriven["moved"].as_u64().unwrap_or(0);
    }
    scene.flow.cloud.sweep().await;
    let path = format!("/api/v1/admin/events?tenant={}", scene.flow.tenant_id);
    let events = all(operator, &path).await;
    let expected = ledger.taken.iter().filter(|taken| taken.kind != Kind::Product).count();
    // MoySklad's notices are events as well, and of one product there may be none, or several.
    let recorded = events.iter().filter(|event| event["provider"] != "moysklad").count();
    let mut open = Vec::new();
    for event in &events {
        let id = event["id"].as_str().unwrap_or_default();
        match event["status"].as_str() {
            Some("completed" | "superseded") => {}
            Some("failed") => {
                // Another may have reprocessed it, or it has just ended otherwise: looked at again.
                let again = operator.post(&format!("/api/v1/admin/events/{id}/reprocess"), &json!({})).await;
                count.reprocessed += usize::from(again.status == 202);
                open.push(format!("{id} failed: {}", event["error"]));
            }
            status => open.push(format!("{id} is {status:?}")),
        }
    }
    let tenant = scene.tenant();
    let mut delivered = 0;
    for delivery in all(&tenant, "/api/v1/tenant/webhooks/deliveries?").await {
        let id = delivery["id"].as_str().unwrap_or_default();
        match delivery["status"].as_str() {
            Some("delivered") => delivered += 1,
            Some("exhausted" | "failed") => {
                let path = format!("/api/v1/tenant/webhooks/deliveries/{id}/replay");
                count.replayed += usize::from(tenant.post(&path, &json!({})).await.status == 202);
                open.push(format!("{id} was {}: {}", delivery["status"], delivery["error"]));
            }
            status => open.push(format!("{id} is {status:?}")),
        }
    }
    count.delivered = delivered;
    if recorded != expected {
        open.push(format!("{recorded} events are recorded of {expected} taken in"));
    }
    match open.first() {
        None => Ok(events),
        Some(first) => Err(format!("{} things are not at rest, such as: {first}", open.len())),
    }
}

/// All pages of a list.
async fn all(who: &Api, path: &str) -> Vec<Value> {
    let (mut rows, mut from) = (Vec::new(), String::new());
    loop {
        let page = who.get(&format!("{path}&limit=100{from}")).await.with(200);
        rows.extend(page["data"].as_array().cloned().unwrap_or_default());
        let Some(cursor) = page["next_cursor"].as_str() else { return rows };
        from = format!("&cursor={cursor}");
    }
}

/// Everything this ear was to hear of has come with a good signature and was answered 2xx, under one `webhook-id`.
async fn heard(scene: &Scene, ear: &Ear, ledger: &Ledger, count: &mut Count) {
    let received = scene.flow.stage.received(&ear.receiver).await;
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for one in &received {
        count.arrivals += 1;
        let body = body_of(one);
        let id = one["headers"]["webhook-id"].as_str().unwrap_or_default().to_owned();
        if one["signature"] != "verified" {
            count.findings.push(format!("{} at {}: {} ({})", id, ear.receiver, one["signature"], one["error"]));
        }
        let answered_well = one["answered"].as_u64().is_some_and(|status| (200..300).contains(&status));
        let Some(key) = ear.key_of(&body).filter(|_| answered_well) else { continue };
        let known = ids.entry(key).or_default();
        count.copies += usize::from(!known.insert(id));
    }
    for taken in ledger.of(ear.kind) {
        match ids.remove(&taken.key) {
            None => count.findings.push(format!("{:?} {} never came to {}", taken.kind, taken.key, ear.receiver)),
            Some(ids) if ids.len() > 1 => {
                count.findings.push(format!("{} came to {} under {ids:?}", taken.key, ear.receiver));
            }
            Some(ids) if taken.event.as_ref().is_some_and(|event| !ids.contains(event)) => {
                count.findings.push(format!("{} came to {} under {ids:?}", taken.key, ear.receiver));
            }
            Some(_) => {}
        }
    }
    count.findings.extend(ids.into_keys().map(|key| format!("{key} came to {} and nobody had sent it", ear.receiver)));
}

/// Of each lead there is one message at most in its thread, and one where the platform says that it was sent.
async fn told(scene: &Scene, ledger: &Ledger, events: &[Value], count: &mut Count) {
    let keys = ledger.of(Kind::Lead).filter_map(|taken| Some((taken.key.split_once(' ')?.0, taken.known)));
    let leads: BTreeMap<&str, bool> = keys.collect();
    let said = |what: &str| {
        let of = events.iter().filter(|event| event["result"]["message"] == what);
        of.filter_map(|event| event["lead_id"].as_str()).map(str::to_owned).collect::<BTreeSet<String>>()
    };
    let (sent, unconfirmed) = (said("sent"), said("unconfirmed"));
    count.unconfirmed = unconfirmed.len();
    let threads: Vec<(&str, bool, usize)> = stream::iter(leads)
        .map(|(lead, known)| async move { (lead, known, scene.flow.stage.messages(lead).await.len()) })
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await;
    for (lead, known, messages) in threads {
        count.messages += usize::from(messages > 0);
        if messages > 1 {
            count.findings.push(format!("{lead} was told {messages} times"));
        }
        if messages == 0 && sent.contains(lead) {
            count.findings.push(format!("{lead} was told, says the platform, and was not"));
        }
        if messages == 0 && known && !events.is_empty() && !unconfirmed.contains(lead) {
            count.findings.push(format!("{lead} was not told, and nothing says why"));
        }
    }
}

/// Each product has come to the child, once.
async fn carried(scene: &Scene, ledger: &Ledger, patience: Duration, count: &mut Count) {
    let Some(pair) = &scene.pair else { return };
    let made: BTreeSet<&str> = ledger.of(Kind::Product).map(|taken| taken.key.as_str()).collect();
    let began = Instant::now();
    loop {
        let there = pair.child.all("product").await;
        let names: Vec<&str> = there.iter().filter_map(|product| product["name"].as_str()).collect();
        let missing = made.iter().filter(|name| !names.contains(name)).count();
        if missing == 0 || began.elapsed() > patience {
            if missing > 0 {
                count.findings.push(format!("{missing} products of {} have not come to the child", made.len()));
            }
            let twice = names.len() - names.iter().collect::<BTreeSet<_>>().len();
            if twice > 0 {
                count.findings.push(format!("{twice} products are in the child twice"));
            }
            return;
        }
        sleep(PAUSE).await;
    }
}
