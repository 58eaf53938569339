//! What `deliver` costs by itself: its processes on one core, everything else on another; receivers over TLS that
//! answer at once, one, a thousand, and some that are slow.

#![expect(clippy::print_stdout, reason = "what is measured is printed")]

mod house;
mod receivers;
mod report;
mod runs;
mod settings;
mod shares;

use anyhow::{Context, Result};
use gancho_bench::machine::machine;
use gancho_bench::runtime::spent::keep_on;
use gancho_bench::runtime::{Program, Worker};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::house::House;
use crate::report::Measured;
use crate::settings::Settings;

/// Where `deliver` runs, and where all else does.
pub(crate) const CORES: (usize, usize) = (0, 1);
/// Files a process may have open on Lambda:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const OPEN_FILES: u64 = 1024;

fn main() -> Result<()> {
    let settings = Settings::read()?;
    let machine = machine();
    // Before any thread is begun: threads stay where the one that began them is.
    let apart = keep_on(std::process::id(), CORES.1).is_ok();
    // A thousand receivers are a thousand sockets here, and as many on the way to them.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    tokio::runtime::Runtime::new().context("a runtime")?.block_on(measure(&settings, apart, machine))
}

async fn measure(settings: &Settings, apart: bool, machine: String) -> Result<()> {
    let mut measured = Measured::new(settings, apart, machine);
    for endpoints in [1, settings.endpoints] {
        let house = House::build(settings, endpoints, 0).await?;
        let mut worker = worker(&house, settings, apart.then_some(CORES.0)).await?;
        measured.healthy.push(runs::healthy(&house, &mut worker, settings.deliveries).await?);
        if endpoints == 1 {
            measured.shares = Some(shares::measure(&house).await?);
        }
    }
    let house = House::build(settings, settings.mixed, settings.mixed / 10).await?;
    let mut fast = worker(&house, settings, apart.then_some(CORES.0)).await?;
    let mut slow = worker(&house, settings, apart.then_some(CORES.1)).await?;
    measured.slow = Some(runs::beside_slow(&house, &mut fast, &mut slow, settings).await?);
    measured.tell()
}

async fn worker(house: &House, settings: &Settings, core: Option<usize>) -> Result<Worker> {
    let mut program: Program = house.program("deliver", &settings.deliver);
    program.core = core;
    // As on Lambda, whatever this process may have.
    let limit = format!("ulimit -n {OPEN_FILES}; exec \"$0\"");
    program.argv = ["/bin/sh".into(), "-c".into(), limit.into()].into_iter().chain(program.argv).collect();
    let mut worker = Worker::start(&program).await?;
    worker.ready().await?;
    Ok(worker)
}
