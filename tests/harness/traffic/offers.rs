//! What happens, and how its sender insists on being heard.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::ledger::Sent;
use super::scene::Scene;
use crate::lead::{Lead, Person, unique};
use crate::whatsapp;

/// Between two tries of a sender.
const PAUSE: Duration = Duration::from_millis(500);
/// For so long a sender is put off before the run has failed.
const PATIENCE: Duration = Duration::from_secs(300);
/// A lead changes so many seconds after it came in, by its own clock.
const CHANGED: i64 = 7;

/// What may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// C2S tells of a lead, and of a change of it.
    Lead,
    /// A tenant publishes a payment.
    Payment,
    /// A gateway posts a WhatsApp message.
    Message,
    /// A person makes a product at MoySklad. MoySklad tells of it, and gives up; the poll does not.
    Product,
}

/// What chance has decided of something that happens.
#[derive(Clone, Copy)]
pub(super) struct Draw {
    /// Sent twice, though taken.
    pub(super) twice: bool,
    /// Of a lead: the registries know who it is.
    pub(super) known: bool,
}

/// One of them, by chance.
pub(super) fn drawn(chance: &mut StdRng, with_products: bool) -> Kind {
    match chance.random_range(0..if with_products { 20 } else { 19 }) {
        0..4 => Kind::Lead,
        4..12 => Kind::Payment,
        12..19 => Kind::Message,
        _ => Kind::Product,
    }
}

/// It happens; what was sent of it.
pub(super) async fn happen(scene: &Scene, kind: Kind, draw: Draw) -> Vec<Sent> {
    match kind {
        Kind::Lead => {
            let person = Person::new();
            if draw.known {
                scene.flow.stage.know(&person).await;
            }
            let lead = Lead::new(person.by_phone());
            let mut sent = Vec::new();
            for seconds in [0, CHANGED] {
                let at = lead.born + jiff::SignedDuration::from_secs(seconds);
                let body = lead.changed(seconds);
                sent.push(insist(scene, kind, format!("{} {at}", lead.id), &body, draw).await);
            }
            sent
        }
        Kind::Payment => {
            let key = format!("pay_{}", unique());
            let data = json!({"payment_id": key, "amount": "7.00", "currency": "EUR"});
            vec![insist(scene, kind, key, &json!({"type": "payment.received", "data": data}), draw).await]
        }
        Kind::Message => {
            let message = whatsapp::text("Is it still for sale?");
            let key = message["key"]["id"].as_str().expect("its id").to_owned();
            let body = json!({"event": "messages.upsert", "data": {"messages": [message], "type": "notify"}});
            vec![insist(scene, kind, key, &body, draw).await]
        }
        Kind::Product => {
            let key = format!("Product {}", unique());
            let pair = scene.pair.as_ref().expect("drawn where there is one");
            pair.main.make("product", json!({"name": key, "article": key, "salePrices": [{"value": 10_000}]})).await;
            vec![Sent { kind, key, refusals: Vec::new(), known: false, taken: Some(None) }]
        }
    }
}

/// Sends until it is taken, or turned away for good.
async fn insist(scene: &Scene, kind: Kind, key: String, body: &Value, draw: Draw) -> Sent {
    let (since, mut refusals) = (Instant::now(), Vec::new());
    let known = kind == Kind::Lead && draw.known;
    let mut left = if draw.twice { 2 } else { 1 };
    loop {
        match offered(request(scene, kind, &key, body), kind).await {
            Ok(event) => {
                left -= 1;
                if left == 0 {
                    return Sent { kind, key, refusals, known, taken: Some(event) };
                }
                continue;
            }
            Err(refusal) => {
                scene.n_put_off.fetch_add(1, Ordering::Relaxed);
                let for_good = refusal.starts_with('4');
                refusals.push(refusal);
                if for_good {
                    return Sent { kind, key, refusals, known, taken: None };
                }
            }
        }
        assert!(since.elapsed() < PATIENCE, "{kind:?} {key} is not taken in: {refusals:?}");
        sleep(PAUSE).await;
    }
}

/// The request, with the credential of now.
fn request(scene: &Scene, kind: Kind, key: &str, body: &Value) -> RequestBuilder {
    let credentials = scene.credentials();
    let path = match kind {
        Kind::Payment => {
            let request = credentials.tenant.request(Method::POST, "/api/v1/tenant/events");
            return request.header("Idempotency-Key", key).json(body);
        }
        Kind::Lead => format!("/api/v1/webhooks/c2s/{}", credentials.c2s_token),
        Kind::Message | Kind::Product => return scene.nobody.request_to(scene.line.address()).json(body),
    };
    scene.nobody.request(Method::POST, &path).json(body)
}

/// The event's id where the answer says it, if it was taken; else the status, or `silence`.
async fn offered(request: RequestBuilder, kind: Kind) -> Result<Option<String>, String> {
    let Ok(response) = request.send().await else { return Err("silence".to_owned()) };
    let status = response.status();
    if !status.is_success() {
        return Err(status.as_u16().to_string());
    }
    // Cut off in its body: the sender cannot know.
    let Ok(answer) = response.json::<Value>().await else { return Err("silence".to_owned()) };
    let taken = match kind {
        Kind::Payment => answer["id"].is_string(),
        _ => answer["processed"].as_u64().unwrap_or(0) + answer["duplicates"].as_u64().unwrap_or(0) == 1,
    };
    assert!(taken, "{kind:?}: {status} {answer}");
    Ok(answer["id"].as_str().map(str::to_owned))
}
