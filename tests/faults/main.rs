//! What may strike a stack at work: processes are killed, queues and tables are gone for a while, secrets are rotated, the
//! whole cloud goes down. Meanwhile traffic goes on, and at the end everything that was answered 2xx is counted.
//!
//! `make test` runs the first of them. The others take the cloud apart, and have one of their own: `make faults`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a part of a trial fails its trial, and says what it came to"
)]

mod dead_letters_are_redriven;
mod functions_are_killed;
mod secrets_are_rotated;
mod the_cloud_stops;
mod what_is_needed_is_gone;

use std::sync::Arc;
use std::time::Duration;

use gancho_tests::flow::Flow;
use gancho_tests::traffic::{Count, Ledger, Pace, Scene, Traffic, count};

/// Until all has come to rest: twice what a row waits that a sweep rang for in vain, and more.
const REST: Duration = Duration::from_secs(420);
/// For so long traffic may be kept from being taken in.
const TAKEN_IN: Duration = Duration::from_secs(180);
/// What a machine with two busy cores can do beside all that strikes.
const PACE: Pace = Pace { a_second: 3.0, seed: 1, twice: 0.05 };

async fn a_scene() -> Arc<Scene> {
    Arc::new(Scene::furnished(Flow::alone().await, true).await)
}

/// Ends the traffic, waits until all is at rest and looks at everything; what it came to.
async fn all_is_well(scene: &Scene, traffic: Traffic) -> Count {
    all_is_well_of(scene, traffic.end().await).await
}

/// The same of traffic that has ended.
async fn all_is_well_of(scene: &Scene, ledger: Ledger) -> Count {
    let counted = count(scene, &ledger, REST).await;
    eprintln!("{counted:#?}");
    assert_eq!(counted.findings, [""; 0], "{counted:#?}");
    counted
}
