//! Functions' processes are killed without a word, whatever they are at.

use gancho_tests::processes;
use gancho_tests::traffic::Traffic;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::{PACE, TAKEN_IN, a_scene, all_is_well};

const FUNCTIONS: [&str; 7] = ["receive", "enrich", "sync", "dispatch", "deliver", "sweep", "portal"];
const SEED: u64 = 7;
/// Processes that are to die.
const DEATHS: usize = 40;

#[tokio::test]
async fn whatever_processes_are_killed_under_traffic_everything_taken_in_is_done_and_nothing_twice() {
    let scene = a_scene().await;
    let traffic = Traffic::begin(&scene, PACE);
    traffic.takes(5, TAKEN_IN).await;
    let mut chance = StdRng::seed_from_u64(SEED);
    let mut deaths = 0;
    while deaths < DEATHS {
        // Between two, traffic goes on, so that what is killed has something to do.
        traffic.takes(chance.random_range(1..=4), TAKEN_IN).await;
        deaths += processes::kill(FUNCTIONS.choose(&mut chance).unwrap());
    }
    traffic.takes(5, TAKEN_IN).await;
    let counted = all_is_well(&scene, traffic).await;
    assert!(counted.delivered > 100, "{counted:#?}");
}
