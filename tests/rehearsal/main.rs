//! The deploy rehearsal: traffic goes on while the stack is changed beneath it, and at the end all of it is counted.
//! `make rehearse` says by lines on standard input what is to be done between its deployments, and waits for each `done`.

#![expect(clippy::print_stdout, reason = "how it answers")]
#![expect(clippy::expect_used, clippy::panic, reason = "what goes wrong in a harness fails its run, with a reason")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use gancho_tests::flow::Flow;
use gancho_tests::traffic::{Pace, Scene, Traffic, count};

const PACE: Pace = Pace { a_second: 2.0, seed: 1, twice: 0.05 };
/// Until all has come to rest after the last request.
const REST: Duration = Duration::from_secs(600);
/// Until what is waited for was taken in.
const TAKEN_IN: Duration = Duration::from_secs(180);
/// Functions that queues lead to.
const WORKERS: [&str; 3] = ["enrich", "dispatch", "deliver"];

#[tokio::main]
async fn main() -> ExitCode {
    let scene = Arc::new(Scene::furnished(Flow::alone().await, true).await);
    let traffic = Traffic::begin(&scene, PACE);
    let mut orders = std::io::stdin().lines();
    loop {
        let order = orders.next().expect("an end").expect("a line");
        match order.split_once(' ') {
            Some(("takes", more)) => traffic.takes(more.parse().expect("a number"), TAKEN_IN).await,
            None if order == "hold" => consume(&scene, false).await,
            None if order == "let-go" => consume(&scene, true).await,
            None if order == "end" => break,
            _ => panic!("no such order: {order}"),
        }
        println!("done");
    }
    let ledger = traffic.end().await;
    let counted = count(&scene, &ledger, REST).await;
    println!("{counted:#?}");
    if counted.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Lets the workers read their queues, or has bells and rows wait.
async fn consume(scene: &Scene, enabled: bool) {
    for worker in WORKERS {
        scene.flow.cloud.set_consuming(worker, enabled).await;
    }
}
