//! The numbers, as tables beside what was asked for, and as JSON.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use gancho_bench::figures::{Held, held_against, median, table};
use gancho_bench::machine::machine;
use gancho_bench::runtime::Program;
use jiff::Timestamp;
use serde_json::json;

use crate::cold::Cold;
use crate::depth::Costs;
use crate::settings::Settings;
use crate::warm::{Leads, Warm};

/// What was asked for.
mod asked {
    pub(super) const CPU: f64 = 1.15;
    pub(super) const COLD: f64 = 1.2;
    pub(super) const COLD_OF_PEERS: f64 = 0.2;
    pub(super) const P99_AT_ONCE_MS: f64 = 5.0;
    pub(super) const P99_SLOW_MS: f64 = 50.0;
    pub(super) const PEAK_MB: f64 = 40.0;
    pub(super) const ZIPPED_MB: f64 = 5.0;
    /// Calls that wait for each other, with the card in memory and without.
    pub(super) const DEPTH: (f64, f64) = (2.0, 3.0);
    /// How far the slope may be off by what else a machine does in a millisecond.
    pub(super) const SLACK: f64 = 0.25;
}

/// All that was measured.
pub(crate) struct Measured<'a> {
    settings: &'a Settings,
    names: Vec<String>,
    /// Of ours and of the floor.
    zipped_mb: [f64; 2],
    pub(crate) cold: Vec<Cold>,
    pub(crate) warm: Vec<Warm>,
    pub(crate) allocations: Vec<f64>,
    /// What a slow call took more than one at once, milliseconds.
    pub(crate) call: f64,
    pub(crate) routes: Vec<Costs>,
}

impl<'a> Measured<'a> {
    pub(crate) fn new(settings: &'a Settings, programs: &[Program]) -> Result<Self> {
        Ok(Self {
            settings,
            names: programs.iter().map(|program| program.name.clone()).collect(),
            zipped_mb: [zipped(&settings.receive)?, zipped(&settings.floor)?],
            cold: Vec::new(),
            warm: Vec::new(),
            allocations: Vec::new(),
            call: 0.0,
            routes: Vec::new(),
        })
    }

    /// Prints the tables and writes the file.
    pub(crate) fn tell(&self) -> Result<()> {
        let held = self.held()?;
        println!("\n{}\n", self.settings.profile);
        println!("{}\n\n{}\n\n{}\n", self.side_by_side()?, self.costs(), held_against(&held));
        println!("{}", machine());
        let now = Timestamp::now();
        let whole = json!({
            "at": now.to_string(),
            "machine": machine(),
            "settings": self.settings,
            "programs": self.names,
            "zipped_mb": self.zipped_mb,
            "cold": self.cold,
            "warm": self.warm,
            "allocations": self.allocations,
            "call_ms": self.call,
            "routes": self.routes,
            "held": held,
        });
        let file = self.settings.out.join(format!("receive-{}.json", now.strftime("%Y%m%dT%H%M%SZ")));
        fs::write(&file, format!("{whole:#}\n"))?;
        println!("{}", file.display());
        Ok(())
    }

    fn side_by_side(&self) -> Result<String> {
        let (cold, warm) = (self.cold.first().context("cold")?, self.warm.first().context("warm")?);
        let (slow_cold, slow_warm) = (self.cold.last().context("cold")?, self.warm.last().context("warm")?);
        let of = |all: &Warm, tell: fn(&Leads) -> String| all.programs.iter().map(tell).collect::<Vec<_>>();
        let starts = |all: &Cold| all.programs.iter().map(|one| format!("{:.1}", one.answered())).collect::<Vec<_>>();
        let ready = cold.programs.iter().map(|one| format!("{:.1}", median(&one.ready_ms))).collect();
        let cold_cpu = cold.programs.iter().map(|one| format!("{:.1}", median(&one.cpu_ms))).collect();
        let quantiles = |one: &Leads| format!("{:.2} / {:.2} / {:.2}", one.p50_ms, one.p99_ms, one.p999_ms);
        let mut rows = vec![
            ("cold: start to first answer, ms".to_owned(), starts(cold)),
            ("cold: start to ready, ms".into(), ready),
            ("cold: processor time, ms".into(), cold_cpu),
            (format!("cold, {} ms a call", slow_cold.latency_ms), starts(slow_cold)),
            ("warm: p50 / p99 / p999, ms".into(), of(warm, quantiles)),
            (format!("warm, {} ms a call", slow_warm.latency_ms), of(slow_warm, quantiles)),
            ("warm: processor time, µs".into(), of(warm, |one| format!("{:.0}", one.cpu()))),
        ];
        if let Some(floor) = warm.programs.get(1) {
            let times = warm.programs.iter().map(|one| format!("{:.2}", one.times(floor))).collect();
            rows.push(("— times the floor's".into(), times));
        }
        rows.extend([
            ("allocations".to_owned(), self.allocations.iter().map(|n| format!("{n:.0}")).collect()),
            ("calls of AWS".into(), of(warm, |one| format!("{:.2}", one.calls))),
            ("write units".into(), of(warm, |one| format!("{:.2}", one.write_units))),
            ("bytes sent to AWS".into(), of(warm, |one| format!("{:.0}", one.sent_bytes))),
            ("peak memory, MB".into(), of(warm, |one| format!("{:.1}", one.peak_mb))),
            ("zipped, MB".into(), self.zipped_mb.iter().map(|mb| format!("{mb:.2}")).collect()),
        ]);
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        Ok(table(&[&["one new lead"], &names[..]].concat(), &rows))
    }

    fn costs(&self) -> String {
        let head = [
            "request",
            "calls that wait, card in memory",
            "card not in memory",
            "calls",
            "write units",
            "card not in memory: calls",
            "p50 ms",
            "p99 ms",
            "CPU µs an event",
            "peak MB",
        ];
        let rows: Vec<_> = self
            .routes
            .iter()
            .map(|costs| {
                #[expect(clippy::cast_precision_loss, reason = "a hundred at most")]
                let events = costs.route.events() as f64;
                let cells = vec![
                    format!("{:.2}", costs.next.depth(self.call)),
                    format!("{:.2}", costs.first.depth(self.call)),
                    format!("{:.2}", costs.next.all_calls()),
                    format!("{:.2}", costs.next.write_units),
                    format!("{:.2}", costs.first.all_calls()),
                    format!("{:.2}", costs.next.at_once_ms),
                    format!("{:.2}", costs.next.p99_ms),
                    format!("{:.0}", costs.next.cpu_us / events),
                    format!("{:.1}", costs.peak_mb),
                ];
                (costs.route.name().to_owned(), cells)
            })
            .collect();
        table(&head, &rows)
    }

    fn held(&self) -> Result<Vec<Held>> {
        let warm = self.warm.first().context("warm")?;
        let slow = self.warm.last().context("warm")?;
        let [ours, floor, ..] = &warm.programs[..] else { anyhow::bail!("ours and the floor") };
        let mut held = Vec::new();
        let mut hold = |what: &str, measured: f64, most: f64, unit: &str| {
            held.push(Held::most(what, measured, most, unit));
        };
        hold("processor time of a lead, times the floor's", ours.times(floor), asked::CPU, "");
        for cold in &self.cold {
            let at = format!("cold start at {} ms a call", cold.latency_ms);
            let answered: Vec<f64> = cold.programs.iter().map(crate::cold::Starts::answered).collect();
            hold(&format!("{at}, times the floor's"), answered[0] / answered[1], asked::COLD, "");
            for (name, theirs) in self.names.iter().zip(&answered).skip(2) {
                hold(&format!("{at}, times {name}'s"), answered[0] / theirs, asked::COLD_OF_PEERS, "");
            }
        }
        hold("p99 of a warm lead at 0 ms a call", ours.p99_ms, asked::P99_AT_ONCE_MS, " ms");
        let slow_ours = slow.programs.first().context("ours")?;
        hold(&format!("p99 at {} ms a call", slow.latency_ms), slow_ours.p99_ms, asked::P99_SLOW_MS, " ms");
        let peak = self.routes.iter().map(|costs| costs.peak_mb).fold(ours.peak_mb, f64::max);
        hold("peak memory, any route", peak, asked::PEAK_MB, " MB");
        hold("zipped binary", self.zipped_mb[0], asked::ZIPPED_MB, " MB");
        for costs in self.routes.iter().filter(|costs| costs.route.events() == 1) {
            let (next, first) = (costs.next.depth(self.call), costs.first.depth(self.call));
            hold(&format!("{}: calls that wait", costs.route.name()), next, asked::DEPTH.0 + asked::SLACK, "");
            hold(&format!("{}: card not in memory", costs.route.name()), first, asked::DEPTH.1 + asked::SLACK, "");
        }
        Ok(held)
    }
}

/// What a binary has in the archive that Lambda is given: deflated, as cargo-lambda does it.
fn zipped(binary: &Path) -> Result<f64> {
    let bytes = fs::read(binary).with_context(|| binary.display().to_string())?;
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&bytes)?;
    #[expect(clippy::cast_precision_loss, reason = "megabytes")]
    let mb = packed.finish()?.len() as f64 / 1e6;
    Ok(mb)
}
