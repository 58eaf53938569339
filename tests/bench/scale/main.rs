//! What grows with the table, and what with the answer: the use cases themselves, over the store itself, on a table of
//! some thousand rows and on one of a million. What it measures and what the numbers mean is in docs/performance.md.

#![expect(clippy::print_stdout, reason = "the tables are what this is run for")]
#![expect(clippy::expect_used, reason = "what goes wrong in a benchmark ends it, with a reason")]

mod backlog;
mod fan_out;
mod history;
mod lists;
mod measure;
mod report;
mod sweeping;

use gancho::aws::{Budget, Store};
use gancho::work::Timing;
use gancho_bench::stand_ins::StandIns;
use jiff::{SignedDuration, Timestamp};

use crate::report::Report;

/// The time at which all of this happens.
fn now() -> Timestamp {
    Timestamp::from_second(1_900_000_000).expect("a time")
}

/// The store on these stand-ins, as the functions have it.
async fn store_on(stand_ins: &StandIns) -> Store {
    // What is measured is counts, and no busy machine may end a call early.
    let aws = stand_ins.aws(Budget::WORKER.stretched(10)).await;
    let kept_for = SignedDuration::from_hours(24 * 90);
    Store::new(&aws, stand_ins.tables(), stand_ins.queues(), Timing::default(), kept_for)
}

#[tokio::main]
async fn main() {
    let fan_out = fan_out::measure().await;
    let sweep = sweeping::measure().await;
    let lists = lists::measure().await;
    let report = Report { fan_out, sweep, lists };
    println!("{}", report.tables());
    println!("{}", report.write().display());
}
