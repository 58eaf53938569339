//! The numbers, as a table and as JSON.

use std::fs;

use gancho_bench::machine::machine;
use gancho_tests::stack::Stack;
use jiff::Timestamp;
use serde_json::json;

use crate::baseline::Baseline;
use crate::outcome::{Latency, Outcome};
use crate::scenario::Settings;

const HEAD: [&str; 13] = [
    "run",
    "workers",
    "offered/min",
    "received/min",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "max ms",
    "delivered",
    "retries",
    "duplicates",
    "lost",
    "CPU ms each: functions (deliver) / local cloud",
];

/// Prints the table, and writes all that was measured beside the stack file.
pub(crate) fn write(settings: &Settings, baseline: &Baseline, outcomes: &[Outcome]) {
    println!("\n{}", table(outcomes));
    println!(
        "\nThe local cloud by itself, median ms a call: invoke {:.1}, GetItem {:.1}, SendMessage {:.1}\n{}",
        baseline.invoke_ms.p50,
        baseline.get_item_ms.p50,
        baseline.send_message_ms.p50,
        machine(),
    );
    let now = Timestamp::now();
    let whole = json!({
        "at": now.to_string(),
        "machine": machine(),
        "settings": settings,
        "local_cloud": baseline,
        "runs": outcomes,
    });
    let path = Stack::get().home.join(format!("outbound-{}.json", now.strftime("%Y%m%dT%H%M%SZ")));
    fs::write(&path, format!("{whole:#}\n")).expect("the stack's folder can be written to");
    println!("{}", path.display());
}

/// In the form that docs/performance.md has it in.
fn table(outcomes: &[Outcome]) -> String {
    let rule = "|---".repeat(HEAD.len()) + "|";
    let head = format!("| {} |", HEAD.join(" | "));
    [head, rule].into_iter().chain(outcomes.iter().map(row)).collect::<Vec<_>>().join("\n")
}

fn row(outcome: &Outcome) -> String {
    let Latency { p50, p95, p99, max } = outcome.receipt_ms;
    #[expect(clippy::cast_precision_loss, reason = "thousands of webhooks")]
    let share = 100.0 * outcome.delivered as f64 / outcome.due.max(1) as f64;
    let spent = &outcome.processor_ms;
    // Of what waited, the time since it was published says nothing.
    let ms = |ms: f64| outcome.offered_per_minute.map_or_else(|| "–".to_owned(), |_| format!("{ms:.0}"));
    let cells = [
        outcome.scenario.name.to_owned(),
        outcome.workers_seen.to_string(),
        outcome.offered_per_minute.map_or_else(|| "–".to_owned(), |offered| format!("{offered:.0}")),
        format!("{:.0}", outcome.received_per_minute),
        ms(p50),
        ms(p95),
        ms(p99),
        ms(max),
        format!("{} of {} ({share:.2} %)", outcome.delivered, outcome.due),
        outcome.retries.to_string(),
        outcome.duplicates.to_string(),
        outcome.lost().to_string(),
        format!("{:.1} ({:.1}) / {:.1}", spent.functions, spent.deliver, spent.cloud),
    ];
    format!("| {} |", cells.join(" | "))
}
