//! The soak: mixed traffic for half an hour or more, with faults everywhere, counted at both ends at last, and the memory
//! of the functions' processes followed meanwhile. `make soak` starts a stack of its own and runs this.

#![expect(clippy::print_stdout, reason = "the table is what this is run for")]
#![expect(clippy::expect_used, reason = "what goes wrong in a harness fails its run, with a reason")]

mod faults;
mod memory;
mod report;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use gancho_tests::flow::Flow;
use gancho_tests::processes;
use gancho_tests::traffic::{Pace, Scene, Traffic, count};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, interval, sleep_until};

use crate::memory::Memory;

/// Until all has come to rest after the last request.
const REST: Duration = Duration::from_secs(1_800);
/// Between two looks at the processes.
const LOOK: Duration = Duration::from_secs(5);
/// Looks of which one kills a process, on average.
const KILLS_ONE_IN: u32 = 2;

/// How long, how much, and by which chance.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
struct Settings {
    minutes: f64,
    seed: u64,
    /// Things that happen in a second.
    rate: f64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let told = std::env::var("GANCHO_SOAK").expect("GANCHO_SOAK is set: `make soak` runs this");
    let settings: Settings = serde_json::from_str(&told).expect("settings");
    let scene = Arc::new(Scene::furnished(Flow::alone().await, true).await);
    let mut chance = StdRng::seed_from_u64(settings.seed);
    faults::of_receivers(&scene, &mut chance, settings).await;
    let upstreams = faults::Upstreams::go_wrong(&scene).await;
    let pace = Pace { a_second: settings.rate, seed: settings.seed, twice: faults::PART };
    let traffic = Traffic::begin(&scene, pace);
    let (mut memory, mut killed) = (Memory::default(), 0);
    let ends = Instant::now() + Duration::from_secs_f64(settings.minutes * 60.0);
    let (mut looks, mut said) = (interval(LOOK), Instant::now());
    while Instant::now() < ends {
        looks.tick().await;
        // Those whose memory is followed are let live, where there is another.
        if chance.random_ratio(1, KILLS_ONE_IN)
            && let Some(victim) = memory.victim(&processes::processes(), &mut chance)
        {
            processes::kill_one(&victim);
            killed += 1;
        }
        memory.look(&processes::processes());
        if said.elapsed() >= Duration::from_secs(60) {
            said = Instant::now();
            println!("{} taken in, {killed} processes killed", traffic.n_taken());
        }
    }
    sleep_until(ends).await;
    let struck = upstreams.end(&scene).await;
    let ledger = traffic.end().await;
    println!("{} taken in; waiting until all is at rest", ledger.taken.len());
    let counted = count(&scene, &ledger, REST).await;
    memory.look(&processes::processes());
    let healthy = counted.findings.is_empty();
    report::write(&settings, &counted, &memory, killed, &struck);
    if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
