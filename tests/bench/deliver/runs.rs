//! Batches of bells, one after the other, as Lambda hands them to a process.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use gancho_bench::figures::ms;
use gancho_bench::runtime::Worker;
use serde::Serialize;

use crate::house::{Batches, House};
use crate::settings::Settings;

/// Deliveries before those that are measured.
const READYING: usize = 100;
/// Turns of the fast queue with the slow queue at rest and at work.
const ROUNDS: usize = 3;

/// What deliveries to healthy receivers came to.
#[derive(Debug, Serialize)]
pub(crate) struct Healthy {
    pub(crate) endpoints: usize,
    pub(crate) deliveries: usize,
    /// By the clock, with one process, one batch at a time.
    pub(crate) a_second: f64,
    /// Processor time of `deliver` for each, µs.
    pub(crate) cpu_us: f64,
    /// Of the processor time of all else meanwhile, the part that the stand-ins took.
    pub(crate) stand_ins_us: f64,
    /// Calls of AWS for each, by operation.
    pub(crate) calls: BTreeMap<String, f64>,
    /// As DynamoDB bills them.
    pub(crate) write_units: f64,
    pub(crate) read_units: f64,
    /// The most memory the process has held, MB.
    pub(crate) peak_mb: f64,
}

/// What slow receivers cost the others.
#[derive(Debug, Serialize)]
pub(crate) struct BesideSlow {
    pub(crate) endpoints: usize,
    pub(crate) slow: usize,
    /// Deliveries to the others a second, each round: the slow queue's process at rest, and at work.
    pub(crate) at_rest: Vec<f64>,
    pub(crate) at_work: Vec<f64>,
    /// The first event, when nobody knows yet who is slow: seconds until all have it, by one process.
    pub(crate) first_s: f64,
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(crate) async fn healthy(house: &House, worker: &mut Worker, deliveries: usize) -> Result<Healthy> {
    let (ready, _) = house.publish(READYING).await?;
    hand_over(worker, &ready).await?;
    let (bells, _) = house.publish(deliveries).await?;
    let (cpu, stand_ins) = (worker.cpu()?, house.services.cpu());
    house.services.reset();
    let took = hand_over(worker, &bells).await?;
    let (cpu, stand_ins) = (worker.cpu()? - cpu, house.services.cpu() - stand_ins);
    let (counts, n) = (house.services.counts(), bells.bells as f64);
    let (received, twice) = house.receivers.received();
    ensure!(twice == 0 && received == ready.bells + bells.bells, "{received} received, {twice} of them twice");
    Ok(Healthy {
        endpoints: house.receivers.ports.len(),
        deliveries: bells.bells,
        a_second: n / took.as_secs_f64(),
        cpu_us: ms(cpu) * 1000.0 / n,
        stand_ins_us: ms(stand_ins) * 1000.0 / n,
        calls: counts.calls.iter().map(|(name, calls)| (name.clone(), calls.count as f64 / n)).collect(),
        write_units: counts.billed().write / n,
        read_units: counts.billed().read / n,
        peak_mb: worker.peak_memory()? as f64 / f64::from(1 << 20),
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(crate) async fn beside_slow(
    house: &House,
    fast: &mut Worker,
    slow: &mut Worker,
    settings: &Settings,
) -> Result<BesideSlow> {
    let (first, none) = house.publish(1).await?;
    ensure!(none.bells == 0, "nobody is known to be slow");
    let first_s = hand_over(fast, &first).await?.as_secs_f64();
    let (mut at_rest, mut at_work) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (others, slow_ones) = house.publish(settings.deliveries / ROUNDS).await?;
        let part = slow_ones.bells as f64 / (slow_ones.bells + others.bells) as f64;
        ensure!((0.05..0.15).contains(&part), "one in ten is slow, and {part} are on the slow queue");
        let (now, later) = halves(others);
        at_rest.push(now.bells as f64 / hand_over(fast, &now).await?.as_secs_f64());
        let (took, ()) =
            tokio::try_join!(hand_over(fast, &later), async { hand_over(slow, &slow_ones).await.map(drop) })?;
        at_work.push(later.bells as f64 / took.as_secs_f64());
    }
    Ok(BesideSlow { endpoints: settings.mixed, slow: settings.mixed / 10, at_rest, at_work, first_s })
}

fn halves(mut all: Batches) -> (Batches, Batches) {
    let rest = all.batches.split_off(all.batches.len() / 2);
    // All but the last of all hold as many.
    let bells = all.bells * all.batches.len() / (all.batches.len() + rest.len());
    let later = Batches { bells: all.bells - bells, batches: rest };
    (Batches { bells, ..all }, later)
}

/// Hands over all batches; how long it took.
async fn hand_over(worker: &mut Worker, batches: &Batches) -> Result<Duration> {
    let began = Instant::now();
    for batch in &batches.batches {
        let answer = worker.invoke(batch.clone()).await?;
        let text = String::from_utf8_lossy(&answer.body);
        ensure!(text.contains(r#""batchItemFailures":[]"#), "a batch was answered {text}");
    }
    Ok(began.elapsed())
}
