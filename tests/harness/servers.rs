//! The servers of a stack of one's own: to stop one and start it again, as its machine would.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::client;
use crate::stack::Stack;
use crate::waiting::until_within;

/// Long enough to save what it holds, or to read it again.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server that was stopped, and what it takes to start it again.
pub struct Stopped {
    name: &'static str,
    command: Command,
    remembered: Value,
}

/// Asks a server to end, and waits until it has. The local cloud saves its state on a site that keeps it, and on no other.
///
/// # Panics
/// When it does not run, or does not end.
pub async fn stop(name: &'static str) -> Stopped {
    let remembered: Value =
        serde_json::from_str(&fs::read_to_string(pid_file(name)).expect("it was started")).expect("a pid file");
    let pid = remembered["pid"].as_u64().expect("its number");
    let of = |what: &str| PathBuf::from(format!("/proc/{pid}/{what}"));
    let text = |what: &str| String::from_utf8(fs::read(of(what)).expect("it runs")).expect("a text");
    let (command_line, environment) = (text("cmdline"), text("environ"));
    let mut words = command_line.split_terminator('\0');
    let mut command = Command::new(words.next().expect("a program"));
    let log = fs::OpenOptions::new().append(true).open(Stack::get().home.join("logs").join(format!("{name}.log")));
    command
        .args(words)
        .env_clear()
        .envs(environment.split('\0').filter_map(|entry| entry.split_once('=')))
        .current_dir(fs::read_link(of("cwd")).expect("its directory"))
        // A group of its own, as it had: an end of the tests is no end of it.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log.as_ref().expect("its log").try_clone().expect("its log"))
        .stderr(log.expect("its log"));
    let asked = Command::new("kill").args(["-TERM", &pid.to_string()]).status().expect("there is a `kill`");
    assert!(asked.success(), "{name} cannot be asked to end");
    until_within(&format!("{name} to end"), PATIENCE, async || has_ended(pid).then_some(())).await;
    Stopped { name, command, remembered }
}

impl Stopped {
    /// Starts it again, and waits until it answers at this address.
    ///
    /// # Panics
    /// When it does not.
    pub async fn start(mut self, health: &str) {
        let mut child = self.command.spawn().expect("it starts");
        self.remembered["pid"] = json!(child.id());
        // Collected when it ends: a zombie would look as if it were at work still.
        std::thread::spawn(move || child.wait());
        fs::write(pid_file(self.name), self.remembered.to_string()).expect("its pid file");
        let http = client();
        until_within(&format!("{} to answer", self.name), PATIENCE, async || {
            let answer = http.get(health).timeout(Duration::from_secs(3)).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }
}

fn pid_file(name: &str) -> PathBuf {
    Stack::get().home.join(format!("{name}.pid"))
}

/// A zombie that its parent has not collected has ended, too.
fn has_ended(pid: u64) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with('Z'))
}
