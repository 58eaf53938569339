//! What a process has spent: processor time, memory, allocations.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::time::ClockId;
use nix::unistd::Pid;

/// Processor time a process has spent so far, all threads, those that ended too: by its own clock, to the nanosecond.
///
/// # Errors
/// It is no more.
pub fn cpu(pid: u32) -> Result<Duration> {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(i32::try_from(pid)?))?;
    Ok(clock.now()?.into())
}

/// The most memory a process has held, bytes (`VmHWM`).
///
/// # Errors
/// It is no more.
pub fn peak_memory(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: u64 = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).context("VmHWM")?;
    Ok(kilobytes * 1024)
}

/// Keeps a process and whatever threads it will have on one core. It must have begun no thread yet.
///
/// # Errors
/// There is no such process or core.
pub fn keep_on(pid: u32, core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core)?;
    Ok(sched_setaffinity(Pid::from_raw(i32::try_from(pid)?), &set)?)
}

/// Counts the allocations of a process from within: `allocations.c`, which the loader puts in front of the C library.
#[derive(Debug)]
pub struct Allocations {
    library: PathBuf,
    counter: PathBuf,
}

impl Allocations {
    /// Compiles the counter into a directory.
    ///
    /// # Errors
    /// There is no C compiler.
    pub fn compile(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory)?;
        let (source, library) = (directory.join("allocations.c"), directory.join("allocations.so"));
        fs::write(&source, include_str!("allocations.c"))?;
        let mut compiler = Command::new("cc");
        let done = compiler.args(["-O2", "-shared", "-fPIC", "-o"]).args([&library, &source]).status();
        if !done.context("there is a C compiler")?.success() {
            bail!("the counter of allocations does not compile");
        }
        let counter = directory.join("allocations");
        File::create(&counter)?.write_all(&[0; 8])?;
        Ok(Self { library, counter })
    }

    /// What has a process counted.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, PathBuf); 2] {
        [("LD_PRELOAD", self.library.clone()), ("GANCHO_BENCH_ALLOCATIONS", self.counter.clone())]
    }

    /// How many there were so far.
    ///
    /// # Errors
    /// The counter's file is gone.
    pub fn read(&self) -> Result<u64> {
        let bytes = fs::read(&self.counter)?;
        let count = bytes.first_chunk().ok_or_else(|| anyhow!("the counter has eight bytes"))?;
        Ok(u64::from_ne_bytes(*count))
    }
}
