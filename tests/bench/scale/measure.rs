//! What one use case asked of the services, and what of this process.

use std::fs;
use std::time::{Duration, Instant};

use gancho_bench::stand_ins::StandIns;
use serde::Serialize;

/// What was asked for, in the services' own units.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Measured {
    /// Calls of the services.
    pub(crate) calls: u64,
    /// Of those, pages of queries.
    pub(crate) pages: u64,
    /// Items that were looked at or written.
    pub(crate) items: u64,
    /// Read units.
    pub(crate) read_units: f64,
    /// Write units, indexes included.
    pub(crate) write_units: f64,
    /// Bytes that came back.
    pub(crate) bytes_read: u64,
    /// Processor time of this process, the stand-ins' left out, µs.
    pub(crate) cpu_us: f64,
    /// Time, ms.
    pub(crate) ms: f64,
}

/// Does something, and says what it took besides what it came to.
pub(crate) async fn measured<T>(stand_ins: &StandIns, work: impl Future<Output = T>) -> (T, Measured) {
    stand_ins.reset();
    let (spent, started) = (own_cpu(stand_ins), Instant::now());
    let done = work.await;
    let (ms, cpu) = (started.elapsed().as_secs_f64() * 1e3, own_cpu(stand_ins).saturating_sub(spent));
    let counts = stand_ins.counts();
    let (total, billed) = (counts.total(), counts.billed());
    let measured = Measured {
        calls: total.count,
        pages: counts.of("Query"),
        items: total.items,
        read_units: billed.read,
        write_units: billed.write,
        bytes_read: total.response_bytes,
        cpu_us: cpu.as_secs_f64() * 1e6,
        ms,
    };
    (done, measured)
}

/// What all threads but the stand-ins' have spent.
fn own_cpu(stand_ins: &StandIns) -> Duration {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux tells a process of its threads");
    let spent = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("schedstat")).ok());
    let nanos = spent.filter_map(|told| told.split(' ').next()?.parse::<u64>().ok()).sum();
    Duration::from_nanos(nanos).saturating_sub(stand_ins.cpu())
}
