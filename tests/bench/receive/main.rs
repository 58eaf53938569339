//! What `receive` costs by itself: cold starts, latency, processor time, allocations, memory and calls of AWS, beside
//! the floor and beside peers in Python and TypeScript, in one run and in turns.

#![expect(clippy::print_stdout, reason = "what is measured is printed")]

mod cold;
mod depth;
mod house;
mod idempotency;
mod report;
mod routes;
mod settings;
mod warm;

use std::time::Duration;

use anyhow::{Context, Result};
use gancho_bench::runtime::spent::Allocations;
use gancho_bench::runtime::{Program, run_for};
use gancho_bench::stand_ins::Service;

use crate::house::House;
use crate::report::Measured;
use crate::routes::Route;
use crate::settings::Settings;

/// What a call of AWS takes where it takes any time.
const A_CALL: Duration = Duration::from_millis(10);
/// Events before those whose allocations are counted, and those.
const ALLOCATING: (u64, u64) = (100, 200);

#[tokio::main]
async fn main() -> Result<()> {
    let settings = Settings::read()?;
    let house = House::build(&settings).await?;
    let programs = house.programs(&settings).await?;
    let mut measured = Measured::new(&settings, &programs)?;

    for latency in [Duration::ZERO, A_CALL] {
        slow(&house, latency);
        measured.cold.push(cold::measure(&house, &programs, latency, settings.starts).await?);
    }
    for latency in [Duration::ZERO, A_CALL] {
        slow(&house, latency);
        // Four programs at some 25 ms an event: a quarter of the events is a minute.
        let events = if latency.is_zero() { settings.events } else { settings.events / 4 };
        measured.warm.push(warm::side_by_side(&house, &programs, latency, events).await?);
    }
    slow(&house, Duration::ZERO);
    measured.allocations = allocations(&house, &programs).await?;

    let ours = programs.first().context("`receive` comes first")?;
    measured.call = depth::of_a_call(&house, A_CALL).await?;
    for route in Route::ALL {
        measured.routes.push(depth::of_route(&house, ours, route, A_CALL, &settings).await?);
    }
    measured.tell()
}

fn slow(house: &House, latency: Duration) {
    for service in Service::ALL {
        house.services.set_latency(service, latency);
    }
}

/// Allocations for each new lead, in runs of their own: counting them takes time.
async fn allocations(house: &House, programs: &[Program]) -> Result<Vec<f64>> {
    let counter = Allocations::compile(&house.folder.join("allocations"))?;
    let mut all = Vec::new();
    for program in programs {
        let events = |n| (0..n).map(|_| house.event(Route::Lead)).collect::<Vec<_>>();
        all.push(run_for(program, &counter, &events(ALLOCATING.0), &events(ALLOCATING.1)).await?);
    }
    Ok(all)
}
