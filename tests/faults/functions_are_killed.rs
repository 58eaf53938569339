//! Functions' processes are killed without a word, whatever they are at.

use gancho_tests::processes;
use gancho_tests::traffic::Traffic;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use crate::{PACE, TAKEN_IN, a_scene, all_is_well};

const FUNCTIONS: [&str; 7] = ["receive", "enrich", "sync", "dispatch", "deliver", "sweep", "portal"];
const SEED: u64 = 7;
/// Processes that are to die.
const DEATHS: usize = 60;
/// Whoever is asked takes so long to answer, so that whoever dies is likely to be at something.
const SLOW: u64 = 400;

#[tokio::test]
async fn whatever_processes_are_killed_under_traffic_everything_taken_in_is_done_and_nothing_twice() {
    let scene = a_scene().await;
    let stage = &scene.flow.stage;
    let mut slow = Vec::new();
    for upstream in ["c2s", "diretrix", "work"] {
        slow.push(stage.fault_one_in(upstream, 1, 0, json!({"kind": "delay", "ms": SLOW})).await);
    }
    for ear in &scene.ears {
        stage.instruct(&ear.receiver, json!({"default": {"delay_ms": SLOW}})).await;
    }
    let traffic = Traffic::begin(&scene, PACE);
    traffic.takes(5, TAKEN_IN).await;
    let mut chance = StdRng::seed_from_u64(SEED);
    let mut deaths = 0;
    while deaths < DEATHS {
        // Between two, traffic goes on.
        traffic.takes(chance.random_range(1..=3), TAKEN_IN).await;
        deaths += processes::kill(FUNCTIONS.choose(&mut chance).unwrap());
    }
    traffic.takes(5, TAKEN_IN).await;
    for slow in slow {
        stage.take_back(slow).await;
    }
    let counted = all_is_well(&scene, traffic).await;
    assert!(counted.delivered > 100, "{counted:#?}");
    let struck = counted.arrivals > counted.delivered || !counted.refusals.is_empty();
    assert!(struck, "nobody who died was at anything that is seen from outside: {counted:#?}");
}
