//! The numbers, as tables beside what was asked for, and as JSON.

use std::fs;

use anyhow::{Context, Result};
use gancho_bench::figures::{Held, held_against, median, table};
use jiff::Timestamp;
use serde_json::json;

use crate::runs::{BesideSlow, Healthy};
use crate::settings::Settings;
use crate::shares::Shares;

/// What was asked for.
mod asked {
    pub(super) const OF_A_CORE: f64 = 2_000.0;
    /// What the others keep of their rate beside slow receivers.
    pub(super) const BESIDE_SLOW: f64 = 0.9;
}

/// All that was measured.
pub(crate) struct Measured<'a> {
    settings: &'a Settings,
    apart: bool,
    machine: String,
    pub(crate) healthy: Vec<Healthy>,
    pub(crate) shares: Option<Shares>,
    pub(crate) slow: Option<BesideSlow>,
}

impl<'a> Measured<'a> {
    pub(crate) fn new(settings: &'a Settings, apart: bool, machine: String) -> Self {
        Self { settings, apart, machine, healthy: Vec::new(), shares: None, slow: None }
    }

    /// Prints the tables and writes the file.
    pub(crate) fn tell(&self) -> Result<()> {
        let shares = self.shares.as_ref().context("shares")?;
        let slow = self.slow.as_ref().context("slow receivers")?;
        let where_ = if self.apart { "`deliver` on a core of its own" } else { "one core for all: times are of both" };
        println!("\n{}; {where_}\n", self.settings.profile);
        println!("{}\n", self.rates(shares));
        println!("{}\n", beside(slow));
        let held = self.held(slow);
        println!("{}\n\n{}", held_against(&held), self.machine);
        let now = Timestamp::now();
        let whole = json!({
            "at": now.to_string(),
            "machine": self.machine,
            "settings": self.settings,
            "apart": self.apart,
            "healthy": self.healthy,
            "shares": shares,
            "beside_slow": slow,
            "held": held,
        });
        let file = self.settings.out.join(format!("deliver-{}.json", now.strftime("%Y%m%dT%H%M%SZ")));
        fs::write(&file, format!("{whole:#}\n"))?;
        println!("{}", file.display());
        Ok(())
    }

    fn rates(&self, shares: &Shares) -> String {
        let head = [
            "endpoints",
            "deliveries",
            "a second of one core",
            "a second by the clock, one process",
            "CPU µs each",
            "of that signing",
            "claim and record",
            "calls of AWS",
            "write / read units",
            "peak MB",
        ];
        let rows: Vec<_> = self
            .healthy
            .iter()
            .map(|run| {
                let share = |us: f64| format!("{us:.0} ({:.0} %)", us / run.cpu_us * 100.0);
                let cells = vec![
                    run.deliveries.to_string(),
                    format!("{:.0}", of_a_core(run)),
                    format!("{:.0}", run.a_second),
                    format!("{:.0}", run.cpu_us),
                    share(shares.signing_us),
                    share(shares.recording_us),
                    format!("{:.2}", run.calls.values().sum::<f64>()),
                    format!("{:.2} / {:.2}", run.write_units, run.read_units),
                    format!("{:.1}", run.peak_mb),
                ];
                (run.endpoints.to_string(), cells)
            })
            .collect();
        table(&head, &rows)
    }

    fn held(&self, slow: &BesideSlow) -> Vec<Held> {
        let rate = |run: &Healthy| {
            let what = format!("deliveries a second of one core, {} endpoints", run.endpoints);
            Held::least(what, of_a_core(run), asked::OF_A_CORE, "")
        };
        let kept = median(&slow.at_work) / median(&slow.at_rest);
        let beside = Held::least("what the others keep beside slow receivers", kept, asked::BESIDE_SLOW, "");
        self.healthy.iter().map(rate).chain([beside]).collect()
    }
}

/// What a core would make of it if it never had to wait.
fn of_a_core(run: &Healthy) -> f64 {
    1e6 / run.cpu_us
}

fn beside(slow: &BesideSlow) -> String {
    let rows = [
        ("the slow queue at rest".to_owned(), vec![format!("{:.0}", median(&slow.at_rest))]),
        ("the slow queue at work".to_owned(), vec![format!("{:.0}", median(&slow.at_work))]),
        ("the first event, to all of them".to_owned(), vec![format!("{:.1} s", slow.first_s)]),
    ];
    let head = format!("{} of {} receivers are slow", slow.slow, slow.endpoints);
    table(&[&head, "to the others, a second"], &rows)
}
