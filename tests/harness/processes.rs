//! The processes that the local cloud runs functions in: to kill one in the middle of its work.

use std::fs;
use std::process::Command;

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

fn of(function: &str) -> Vec<String> {
    let stack = Stack::get();
    let mark = format!("GANCHO_LOCAL_SITE={}", stack.home.display());
    let name = format!("AWS_LAMBDA_FUNCTION_NAME={}", stack.functions[function]);
    let entries = fs::read_dir("/proc").expect("the local cloud runs on Linux").flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|pid| pid.bytes().all(|b| b.is_ascii_digit()))
        .filter(|pid| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let says = |what: &str| environment.split(|b| *b == 0).any(|entry| entry == what.as_bytes());
            says(&mark) && says(&name)
        })
        .collect()
}
