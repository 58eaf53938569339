//! How many calls of AWS wait for each other: the slope of an event's time over the time of a call.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use gancho::auth::Cards;
use gancho::aws::{Budget, Store};
use gancho::work::Timing;
use gancho_bench::figures::{median, ms, quantile};
use gancho_bench::runtime::{Program, Worker};
use gancho_bench::stand_ins::counts::Counts;
use jiff::SignedDuration;
use serde::Serialize;

use crate::house::House;
use crate::routes::Route;
use crate::settings::Settings;
use crate::slow;

/// Processes whose first event is measured, and events of one process after it.
const FIRST: usize = 9;
const NEXT: usize = 101;
/// Of what was taken, the part that nothing else on the machine disturbed: what disturbs only ever adds, and adds as
/// much as a call takes.
const UNDISTURBED: f64 = 0.1;
/// Calls that tell what one takes.
const CALLS: usize = 51;

/// What a route costs.
#[derive(Debug, Serialize)]
pub(crate) struct Costs {
    pub(crate) route: Route,
    /// Of a process's first request: the card is not in memory.
    pub(crate) first: Request,
    /// Of those after it.
    pub(crate) next: Request,
    /// The most memory a process has held that took nothing but these, MB.
    pub(crate) peak_mb: f64,
}

/// What a request costs.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Request {
    /// Where a call of AWS takes no time, milliseconds, median.
    pub(crate) at_once_ms: f64,
    /// The undisturbed where a call takes no time, and where it takes some, milliseconds.
    pub(crate) least_ms: (f64, f64),
    /// The slowest but one in a hundred, where a call takes no time.
    pub(crate) p99_ms: f64,
    /// Processor time, µs, median; where a call takes no time.
    pub(crate) cpu_us: f64,
    /// Calls by operation.
    pub(crate) calls: BTreeMap<String, f64>,
    /// As DynamoDB bills them.
    pub(crate) write_units: f64,
    pub(crate) read_units: f64,
}

impl Request {
    /// Calls that waited for one another, where one takes so long.
    pub(crate) fn depth(&self, call_ms: f64) -> f64 {
        (self.least_ms.1 - self.least_ms.0) / call_ms
    }

    pub(crate) fn all_calls(&self) -> f64 {
        self.calls.values().sum()
    }
}

/// How much longer a call takes than at once, by this process's own clock: the timer adds to what was asked for.
pub(crate) async fn of_a_call(house: &House, latency: Duration) -> Result<f64> {
    let services = &house.services;
    let aws = services.aws(Budget::WORKER).await;
    let store = Store::new(&aws, services.tables(), services.queues(), Timing::default(), SignedDuration::ZERO);
    let mut least = Vec::new();
    for latency in [Duration::ZERO, latency] {
        slow(house, latency);
        let mut took = Vec::new();
        for _ in 0..CALLS {
            let began = Instant::now();
            store.card("nobody's").await?;
            took.push(ms(began.elapsed()));
        }
        least.push(quantile(&took, UNDISTURBED));
    }
    Ok(least[1] - least[0])
}

pub(crate) async fn of_route(
    house: &House,
    ours: &Program,
    route: Route,
    latency: Duration,
    settings: &Settings,
) -> Result<Costs> {
    // What a copy is a copy of.
    Worker::start(ours).await?.invoke(house.event(route)).await?;
    let first_of = FIRST.min(settings.starts.max(3));
    let (mut first, mut next, mut peak) = (Request::default(), Request::default(), 0);
    for latency in [Duration::ZERO, latency] {
        slow(house, latency);
        let mut sample = Sample::default();
        for _ in 0..first_of {
            let mut worker = Worker::start(ours).await?;
            worker.ready().await?;
            sample.take(house, route, &mut worker).await?;
        }
        sample.tell(&mut first, latency);
        let (mut worker, mut sample) = (Worker::start(ours).await?, Sample::default());
        // Two: the first reads the card, and both open what connections are needed.
        for _ in 0..2 {
            worker.invoke(house.event(route)).await?;
        }
        for _ in 0..NEXT {
            sample.take(house, route, &mut worker).await?;
        }
        sample.tell(&mut next, latency);
        peak = peak.max(worker.peak_memory()?);
    }
    slow(house, Duration::ZERO);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let peak_mb = peak as f64 / f64::from(1 << 20);
    Ok(Costs { route, first, next, peak_mb })
}

/// Requests that were measured.
#[derive(Default)]
struct Sample {
    took: Vec<f64>,
    cpu: Vec<f64>,
    counts: Vec<Counts>,
}

impl Sample {
    async fn take(&mut self, house: &House, route: Route, worker: &mut Worker) -> Result<()> {
        let event = house.event(route);
        house.services.reset();
        let before = worker.cpu()?;
        let answer = worker.invoke(event).await?;
        self.cpu.push(ms(worker.cpu()? - before) * 1000.0);
        self.took.push(ms(answer.took));
        self.counts.push(house.services.counts());
        ensure!(route.is_taken(&answer.body), "{}: answered {:?}", route.name(), answer.body);
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    fn tell(&self, request: &mut Request, latency: Duration) {
        if !latency.is_zero() {
            request.least_ms.1 = quantile(&self.took, UNDISTURBED);
            return;
        }
        let n = self.took.len() as f64;
        request.at_once_ms = median(&self.took);
        request.least_ms.0 = quantile(&self.took, UNDISTURBED);
        request.p99_ms = quantile(&self.took, 0.99);
        request.cpu_us = median(&self.cpu);
        for counts in &self.counts {
            for (operation, calls) in &counts.calls {
                *request.calls.entry(operation.clone()).or_default() += calls.count as f64 / n;
            }
            request.write_units += counts.billed().write / n;
            request.read_units += counts.billed().read / n;
        }
    }
}
