//! The load run of outbound webhooks: `make bench` starts a stack of its own and runs this. What it measures and what
//! the numbers mean is in docs/performance.md.

#![expect(clippy::print_stdout, reason = "the table is what this is run for")]
#![expect(clippy::expect_used, reason = "what goes wrong in a harness fails its run, with a reason")]

mod baseline;
mod load;
mod outcome;
mod receiver;
mod report;
mod run;
mod scenario;

use std::process::ExitCode;

use gancho_tests::cloud::Cloud;
use gancho_tests::stack::Stack;

use crate::receiver::Receiver;
use crate::scenario::{Scenario, Settings};

#[tokio::main]
async fn main() -> ExitCode {
    let settings = Settings::from_environment();
    let receiver = Receiver::listen(Stack::get().ports["own_receiver"]).await;
    let cloud = Cloud::default();
    // Processes that have to start, connections that have to be opened: once, and in no number.
    run::run(&Scenario::WARM_UP, &settings.for_warm_up(), &receiver, &cloud).await;
    let baseline = baseline::measure(&cloud).await;
    let mut outcomes = Vec::new();
    for scenario in &Scenario::PLAN {
        println!("{} …", scenario.name);
        outcomes.push(run::run(scenario, &settings, &receiver, &cloud).await);
    }
    let lost: usize = outcomes.iter().map(outcome::Outcome::lost).sum();
    report::write(&settings, &baseline, &outcomes);
    if lost > 0 {
        println!("{lost} webhooks were lost");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
