//! The processes that the local cloud runs functions in: to kill one in the middle of its work, and to see what they cost.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::stack::Stack;

/// Kills every process of a function of this stack, at once and without a word; how many there were.
///
/// A process is ours if its environment says so: the stack's mark and the function's name.
///
/// # Panics
/// When it cannot be killed.
#[must_use]
pub fn kill(function: &str) -> usize {
    let pids = of(function);
    for pid in &pids {
        let done = Command::new("kill").args(["-KILL", pid]).status().expect("there is a `kill`");
        assert!(done.success() || !of(function).contains(pid), "process {pid} cannot be killed");
    }
    pids.len()
}

/// Kills one process, at once and without a word.
///
/// # Panics
/// When there is no `kill`.
pub fn kill_one(process: &Process) {
    // It may have ended by itself since it was seen.
    let _ = Command::new("kill").args(["-KILL", &process.pid.to_string()]).status().expect("there is a `kill`");
}

fn of(function: &str) -> Vec<String> {
    let found = processes().into_iter().filter(|process| process.function.as_deref() == Some(function));
    found.map(|process| process.pid.to_string()).collect()
}

/// A process of this stack.
#[derive(Debug, Clone)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// The function that runs in it; none for the servers.
    pub function: Option<String>,
    /// Processor time it has spent so far.
    pub spent: Duration,
    /// Memory that it holds, KiB: its resident set.
    pub resident_kib: u64,
}

/// Every process of this stack: those whose environment has the stack's mark.
///
/// # Panics
/// Elsewhere than on Linux.
#[must_use]
pub fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").expect("the local cloud runs on Linux").flatten();
    entries.filter_map(|entry| process(entry.file_name().to_str()?.parse().ok()?)).collect()
}

fn process(pid: u32) -> Option<Process> {
    let stack = Stack::get();
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let value_of = |name: &str| {
        let entries = environment.split(|b| *b == 0).filter_map(|entry| std::str::from_utf8(entry).ok());
        entries.filter_map(|entry| entry.split_once('=')).find(|(found, _)| *found == name).map(|(_, value)| value)
    };
    if value_of("GANCHO_LOCAL_SITE")? != stack.home.to_str()? {
        return None;
    }
    let name = value_of("AWS_LAMBDA_FUNCTION_NAME");
    let function = stack.functions.iter().find(|(_, deployed)| name == Some(deployed.as_str()));
    Some(Process {
        pid,
        function: function.map(|(function, _)| function.clone()),
        spent: spent(pid)?,
        resident_kib: resident(pid)?,
    })
}

/// In user mode and in the kernel, as /proc counts it: hundredths of a second, on every Linux.
fn spent(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the command in brackets, and may hold anything; time is in the 14th and 15th.
    let fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(Duration::from_millis(ticks * 10))
}

fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    // A process that has ended and was not collected holds nothing.
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}
