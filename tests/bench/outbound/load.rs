//! What is published, and when: each request at its time, whether or not those before it were answered.

use std::time::{Duration, Instant};

use futures::future::join_all;
use gancho_tests::api::Api;
use hdrhistogram::Histogram;
use reqwest::Method;
use serde_json::{Value, json};

use crate::outcome::histogram;

/// Before the first request, so that all of them are there when it goes out.
const HEAD_START: Duration = Duration::from_millis(200);

/// What came of publishing.
pub(crate) struct Published {
    /// When each event was to be published: a request that went out late counts from when it should have.
    pub(crate) due: Vec<Instant>,
    /// Whether the platform said that it has taken it.
    pub(crate) taken: Vec<bool>,
    /// When the last of them was due, and the time to the next.
    pub(crate) until: Instant,
    /// From when a request was due to its answer.
    pub(crate) answered: Histogram<u64>,
}

/// Publishes so many events, the requests this far apart.
pub(crate) async fn publish(tenant: &Api, n_events: usize, per_request: usize, apart: Duration) -> Published {
    let start = Instant::now() + HEAD_START;
    let mut requests = Vec::new();
    let mut at = start;
    for first in (0..n_events).step_by(per_request) {
        let events = first..(first + per_request).min(n_events);
        let tenant = tenant.clone();
        requests.push(async move {
            tokio::time::sleep_until(at.into()).await;
            let taken = tokio::spawn(request(tenant, events.clone())).await.expect("a request does not panic");
            (at, events, taken, at.elapsed())
        });
        at += apart;
    }
    let (mut due, mut taken, mut answered) = (vec![start; n_events], vec![false; n_events], histogram());
    for (at, events, answer, took) in join_all(requests).await {
        answered.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        for (event, was_taken) in events.zip(answer) {
            (due[event], taken[event]) = (at, was_taken);
        }
    }
    Published { due, taken, until: at, answered }
}

/// One request; for each of its events whether it was taken.
async fn request(tenant: Api, events: std::ops::Range<usize>) -> Vec<bool> {
    let (n_events, mut bodies) = (events.len(), events.map(payment));
    let body = if n_events == 1 { bodies.next() } else { Some(json!({"events": bodies.collect::<Vec<_>>()})) };
    let request = tenant.request(Method::POST, "/api/v1/tenant/events").json(&body);
    let answer: Value = match request.send().await {
        Ok(response) if response.status() == 202 => response.json().await.unwrap_or_default(),
        Ok(_) | Err(_) => Value::Null,
    };
    let was_taken = |result: &Value| result["duplicate"] == false;
    match answer["results"].as_array() {
        Some(results) => results.iter().map(was_taken).collect(),
        None => vec![was_taken(&answer); n_events],
    }
}

fn payment(n: usize) -> Value {
    json!({"type": "payment.received", "data": {"payment_id": format!("pay_{n}"), "amount": "7.00", "currency": "EUR"}})
}
