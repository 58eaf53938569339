//! The numbers, as tables and as JSON.

use std::fs;
use std::path::PathBuf;

use gancho_bench::machine::machine;
use gancho_tests::cloudformation::root;
use jiff::Timestamp;
use serde_json::json;

use crate::fan_out::FannedOut;
use crate::lists::{Asked, Lists};
use crate::sweeping::Swept;

/// All that was measured.
pub(crate) struct Report {
    pub(crate) fan_out: Vec<FannedOut>,
    pub(crate) sweep: [Swept; 2],
    pub(crate) lists: Lists,
}

impl Report {
    /// In the form that docs/performance.md has them in.
    pub(crate) fn tables(&self) -> String {
        let [fan_out, sweep, lists] = [self.fan_out_table(), self.sweep_table(), self.lists_table()];
        format!("\n{fan_out}\n\n{sweep}\n\n{lists}\n\n{}", machine())
    }

    /// Writes all of it beside what else `make bench` has measured; where.
    pub(crate) fn write(&self) -> PathBuf {
        let now = Timestamp::now();
        let whole = json!({
            "at": now.to_string(),
            "machine": machine(),
            "fan_out": self.fan_out,
            "sweep": self.sweep,
            "lists": self.lists,
        });
        let folder = root().join(".local/bench");
        fs::create_dir_all(&folder).expect("a folder of this project's");
        let path = folder.join(format!("scale-{}.json", now.strftime("%Y%m%dT%H%M%SZ")));
        fs::write(&path, format!("{whole:#}\n")).expect("a file of this project's");
        path
    }

    fn fan_out_table(&self) -> String {
        let head = [
            "subscriptions",
            "wanting",
            "calls an event",
            "read units an event",
            "MB read an event",
            "calls a delivery",
            "write units a delivery",
            "CPU µs a delivery",
            "again: write units a delivery",
            "s, slow services",
        ];
        let rows = self.fan_out.iter().map(|line| {
            let (all, again) = (&line.measured, &line.again);
            let (events, each) = (real(line.events), real(line.events * line.wanting));
            vec![
                line.subscriptions.to_string(),
                line.wanting.to_string(),
                format!("{:.0}", count(all.calls) / events),
                format!("{:.1}", all.read_units / events),
                format!("{:.2}", count(all.bytes_read) / events / 1e6),
                format!("{:.2}", count(all.calls) / each),
                format!("{:.2}", all.write_units / each),
                format!("{:.0}", all.cpu_us / each),
                format!("{:.2}", again.write_units / real(line.wanting)),
                format!("{:.2}", line.slow_ms / 1e3),
            ]
        });
        table(&head, rows)
    }

    fn sweep_table(&self) -> String {
        let head =
            ["the sweep", "beside rows not due", "calls", "pages", "items", "read units", "write units", "ratio"];
        let [few, many] = &self.sweep;
        let rows = [("rings for 10,000", few.ringing, many.ringing), ("finds nothing due", few.idle, many.idle)];
        let rows = rows.into_iter().flat_map(|(name, small, large)| {
            let ratios = ratios([
                (small.calls, large.calls),
                (small.pages, large.pages),
                (small.items, large.items),
                (tenths(small.read_units), tenths(large.read_units)),
                (tenths(small.write_units), tenths(large.write_units)),
            ]);
            [(few.not_due, small, "1".to_owned()), (many.not_due, large, ratios)].map(|(beside, of, ratio)| {
                vec![
                    name.to_owned(),
                    beside.to_string(),
                    of.calls.to_string(),
                    of.pages.to_string(),
                    of.items.to_string(),
                    format!("{:.1}", of.read_units),
                    format!("{:.1}", of.write_units),
                    ratio,
                ]
            })
        });
        table(&head, rows)
    }

    fn lists_table(&self) -> String {
        let [(_, small), (_, large)] = self.lists.rows;
        let told = |rows: usize| format!("of {rows} deliveries: told / calls / items read / read units");
        let (small, large) = (told(small), told(large));
        let head = ["question", small.as_str(), large.as_str(), "ratio of calls / items / read units"];
        let rows = self.lists.lines.iter().map(|line| {
            let (small, large) = (&line.small.measured, &line.large.measured);
            let ratios = [
                ratio(small.calls, large.calls),
                ratio(small.items, large.items),
                ratio(tenths(small.read_units), tenths(large.read_units)),
            ];
            vec![line.question.clone(), answer(&line.small), answer(&line.large), ratios.join(" / ")]
        });
        table(&head, rows)
    }
}

fn answer(asked: &Asked) -> String {
    let of = &asked.measured;
    let more = if asked.more { "+" } else { "" };
    format!("{}{more} / {} / {} / {:.1}", asked.told, of.calls, of.items, of.read_units)
}

/// The largest of these ratios: it says whether any of them grew.
fn ratios(pairs: [(u64, u64); 5]) -> String {
    let largest = pairs.into_iter().map(|(small, large)| quotient(small, large)).fold(0.0, f64::max);
    format!("{largest:.2}")
}

fn ratio(small: u64, large: u64) -> String {
    format!("{:.2}", quotient(small, large))
}

/// Of nothing and nothing, 1: neither grew.
fn quotient(small: u64, large: u64) -> f64 {
    if small == large { 1.0 } else { count(large) / count(small) }
}

fn tenths(units: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "units are positive, and some millions"
    )]
    let tenths = (units * 10.0).round() as u64;
    tenths
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn count(n: u64) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn real(n: usize) -> f64 {
    n as f64
}

fn table<const N: usize>(head: &[&str; N], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
    let head = line(&head.map(str::to_owned));
    let rule = "|---".repeat(N) + "|";
    let rows = rows.into_iter().map(|cells| line(&cells));
    [head, rule].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}
