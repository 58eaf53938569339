//! Whether the time a check takes says how much of a guess was right: `make bench ONLY=timing`. How it is told, and what
//! was found, is in docs/performance.md.

#![expect(clippy::print_stdout, reason = "the table is what this is run for")]
#![expect(clippy::expect_used, reason = "what goes wrong in a benchmark ends it, with a reason")]

mod checks;
mod trial;
mod welch;

use std::process::ExitCode;

use jiff::Timestamp;
use serde::Deserialize;

use crate::trial::{Check, Outcome};

/// What is asked for, in `GANCHO_BENCH`.
#[derive(Deserialize)]
#[serde(default)]
struct Settings {
    /// Samples of each check.
    samples: usize,
    /// Of the order in which they are taken.
    seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { samples: 300_000, seed: 1 }
    }
}

/// Fails where a control was not found out: then nothing that was not found says anything.
fn main() -> ExitCode {
    let settings: Settings = std::env::var("GANCHO_BENCH")
        .map_or_else(|_| Settings::default(), |text| serde_json::from_str(&text).expect("GANCHO_BENCH"));
    println!("{} samples of each check, seed {}; times in ns a call\n", settings.samples, settings.seed);
    println!(
        "| check | median | t, first wrong byte at the start or the end | by | visible from | t, wrong or right | |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut blind = false;
    for mut check in checks::all(Timestamp::now()) {
        let outcome = trial::run(&mut check, settings.samples, settings.seed);
        println!("{}", row(&check, &outcome));
        blind |= check.control && outcome.start_to_end.t.abs() < welch::CERTAIN;
    }
    if blind {
        println!("\nA control was not found out: this run shows nothing.");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn row(check: &Check, outcome: &Outcome) -> String {
    let found = outcome.start_to_end;
    let verdict = match (check.control, found.t.abs()) {
        (true, t) if t >= welch::CERTAIN => "found out",
        (true, _) => "NOT FOUND OUT",
        (false, t) if t >= welch::CERTAIN => "LEAKS",
        (false, t) if t >= welch::DOUBTFUL => "doubtful: take more samples",
        (false, _) => "nothing found",
    };
    format!(
        "| {} | {:.0} | {:.1} | {:.2} | {:.2} | {:.1} | {verdict} |",
        check.name, outcome.median_ns, found.t, found.by, found.visible, outcome.end_to_right.t
    )
}
