//! What goes wrong meanwhile: one call in twenty, of every kind there is, at every third party.

use std::collections::BTreeMap;

use gancho_tests::stage::Fault;
use gancho_tests::traffic::Scene;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::Settings;

/// The part of everything that goes wrong.
pub(crate) const PART: f64 = 0.05;
const UPSTREAMS: [&str; 4] = ["c2s", "diretrix", "work", "moysklad"];

/// Faults that stand at the upstreams.
pub(crate) struct Upstreams(Vec<(String, Fault)>);

impl Upstreams {
    /// One call in twenty goes wrong from now on: of each five of them one in each way.
    pub(crate) async fn go_wrong(scene: &Scene) -> Self {
        let ways = [
            json!({"kind": "status", "status": 503}),
            json!({"kind": "cut"}),
            json!({"kind": "cut_after_effect"}),
            json!({"kind": "hang_after_effect"}),
            json!({"kind": "delay", "ms": 1_500}),
        ];
        let mut standing = Vec::new();
        for upstream in UPSTREAMS {
            // Each way one in a hundred, twenty apart: in a row they would open the upstream's breaker, and be few.
            for (way, passed) in ways.iter().zip((0..100).step_by(20)) {
                let fault = scene.flow.stage.fault_one_in(upstream, 100, passed, way.clone()).await;
                standing.push((format!("{upstream} {}", way["kind"].as_str().expect("a word")), fault));
            }
        }
        Self(standing)
    }

    /// Takes them back; how often each has struck.
    pub(crate) async fn end(self, scene: &Scene) -> BTreeMap<String, u64> {
        let mut struck = BTreeMap::new();
        for (name, fault) in self.0 {
            struck.insert(name, scene.flow.stage.struck(fault).await.unwrap_or(0));
            scene.flow.stage.take_back(fault).await;
        }
        struck
    }
}

/// Of a receiver's answers one in twenty is none, a bad one or a late one, for as many as will be asked for.
pub(crate) async fn of_receivers(scene: &Scene, chance: &mut StdRng, settings: Settings) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of answers")]
    let answers = (settings.minutes * 60.0 * settings.rate) as usize;
    for ear in &scene.ears {
        let script: Vec<Value> = (0..answers).map(|_| answer(chance)).collect();
        scene.flow.stage.instruct(&ear.receiver, json!({"script": script})).await;
    }
}

fn answer(chance: &mut StdRng) -> Value {
    if !chance.random_bool(PART) {
        return json!({});
    }
    match chance.random_range(0..6) {
        0 => json!({"status": 500}),
        1 => json!({"status": 503}),
        2 => json!({"status": 429, "headers": {"retry-after": "1"}}),
        3 => json!({"drop": "before"}),
        4 => json!({"hang": true}),
        _ => json!({"delay_ms": 2_500}),
    }
}
