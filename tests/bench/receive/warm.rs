//! New leads, one after the other, in processes that are at work already: each program gets a block in turn.

use std::time::Duration;

use anyhow::{Result, ensure};
use gancho_bench::figures::{median, ms};
use gancho_bench::runtime::{Program, Worker};
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::house::House;
use crate::routes::Route;

/// Events before those that are measured.
const READYING: u64 = 200;
/// Blocks that the events are given in.
const BLOCKS: u64 = 20;

/// What warm leads came to.
#[derive(Debug, Serialize)]
pub(crate) struct Warm {
    /// What a call of AWS took.
    pub(crate) latency_ms: f64,
    /// In the order of the programs.
    pub(crate) programs: Vec<Leads>,
}

/// A program's leads.
#[derive(Debug, Serialize)]
pub(crate) struct Leads {
    /// Events measured.
    pub(crate) events: u64,
    /// From handing over the event to the whole answer, milliseconds.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
    /// Processor time for each event, µs, a value for each block.
    pub(crate) cpu_us: Vec<f64>,
    /// The most memory the process has held, MB.
    pub(crate) peak_mb: f64,
    /// Calls of AWS for each event.
    pub(crate) calls: f64,
    /// Write units for each event, as DynamoDB bills them.
    pub(crate) write_units: f64,
    /// Bytes of the requests to AWS for each event, without their heads.
    pub(crate) sent_bytes: f64,
}

impl Leads {
    pub(crate) fn cpu(&self) -> f64 {
        median(&self.cpu_us)
    }

    /// How many times the processor time of another: the median over the blocks, each held against the other's block
    /// next to it, so that what disturbed both is in both.
    pub(crate) fn times(&self, other: &Self) -> f64 {
        let ratios: Vec<f64> = self.cpu_us.iter().zip(&other.cpu_us).map(|(a, b)| a / b).collect();
        median(&ratios)
    }
}

struct Running {
    worker: Worker,
    took: Histogram<u64>,
    cpu_us: Vec<f64>,
    calls: u64,
    write_units: f64,
    sent: u64,
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(crate) async fn side_by_side(house: &House, programs: &[Program], latency: Duration, events: u64) -> Result<Warm> {
    let mut all = Vec::new();
    for program in programs {
        let mut worker = Worker::start(program).await?;
        for _ in 0..READYING {
            worker.invoke(house.event(Route::Lead)).await?;
        }
        let took = Histogram::new(3)?;
        all.push(Running { worker, took, cpu_us: Vec::new(), calls: 0, write_units: 0.0, sent: 0 });
    }
    let each = events.div_ceil(BLOCKS);
    for _ in 0..BLOCKS {
        for running in &mut all {
            house.services.reset();
            let before = running.worker.cpu()?;
            for _ in 0..each {
                let answer = running.worker.invoke(house.event(Route::Lead)).await?;
                ensure!(Route::Lead.is_taken(&answer.body), "a lead was answered {:?}", answer.body);
                running.took.record(u64::try_from(answer.took.as_micros())?)?;
            }
            let spent = running.worker.cpu()? - before;
            running.cpu_us.push(ms(spent) * 1000.0 / each as f64);
            let counts = house.services.counts();
            running.calls += counts.total().count;
            running.sent += counts.total().request_bytes;
            running.write_units += counts.billed().write;
        }
    }
    let leads = all.into_iter().map(|running| {
        let (n, at) = ((each * BLOCKS) as f64, |p| running.took.value_at_quantile(p) as f64 / 1000.0);
        Ok(Leads {
            events: each * BLOCKS,
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            peak_mb: running.worker.peak_memory()? as f64 / f64::from(1 << 20),
            calls: running.calls as f64 / n,
            write_units: running.write_units / n,
            sent_bytes: running.sent as f64 / n,
            cpu_us: running.cpu_us,
        })
    });
    Ok(Warm { latency_ms: ms(latency), programs: leads.collect::<Result<_>>()? })
}
