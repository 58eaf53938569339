//! The memory of the functions' processes: of each function one is followed for as long as it lives.

use std::collections::BTreeMap;
use std::time::Duration;

use gancho_tests::processes::Process;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde::Serialize;
use tokio::time::Instant;

/// Before that a process is still filling its pools, and its slope says nothing.
const WARM: Duration = Duration::from_secs(60);

/// One that was followed.
struct Followed {
    pid: u32,
    since: Instant,
    /// Its age in seconds and its resident set in KiB, at each look.
    looks: Vec<(f64, f64)>,
}

/// All that were followed.
#[derive(Default)]
pub(crate) struct Memory {
    /// By function: the living one is the last.
    lives: BTreeMap<String, Vec<Followed>>,
    /// What each process had spent at the last look.
    spent: BTreeMap<u32, Duration>,
}

/// What one process came to.
#[derive(Debug, Serialize)]
pub(crate) struct Life {
    pub(crate) function: String,
    pub(crate) minutes: f64,
    /// After its first minute, or at first if it did not live that long.
    pub(crate) first_kib: f64,
    pub(crate) last_kib: f64,
    pub(crate) most_kib: f64,
    /// By least squares after the first minute; none of a shorter life.
    pub(crate) slope_kib_a_minute: Option<f64>,
}

impl Memory {
    /// Notes what the followed hold; where one has ended, another is followed.
    pub(crate) fn look(&mut self, processes: &[Process]) {
        let now = Instant::now();
        for process in processes {
            let Some(function) = &process.function else { continue };
            let lives = self.lives.entry(function.clone()).or_default();
            let living = lives.last().is_some_and(|last| processes.iter().any(|process| process.pid == last.pid));
            if !living {
                lives.push(Followed { pid: process.pid, since: now, looks: Vec::new() });
            }
            if let Some(followed) = lives.last_mut().filter(|followed| followed.pid == process.pid) {
                #[expect(clippy::cast_precision_loss, reason = "some thousand KiB")]
                let held = process.resident_kib as f64;
                followed.looks.push((now.duration_since(followed.since).as_secs_f64(), held));
            }
        }
        self.spent = processes.iter().map(|process| (process.pid, process.spent)).collect();
    }

    /// A process to be killed: one in five times any, else one of those that are not followed; of them one that has had
    /// something to do since the last look, if there is one.
    pub(crate) fn victim(&self, processes: &[Process], chance: &mut StdRng) -> Option<Process> {
        let followed = |process: &Process| self.lives.values().flatten().any(|followed| followed.pid == process.pid);
        let anyone = chance.random_ratio(1, 5);
        let of_functions = processes.iter().filter(|process| process.function.is_some());
        let may_die: Vec<&Process> = of_functions.filter(|process| anyone || !followed(process)).collect();
        let at_work = |process: &&Process| self.spent.get(&process.pid).is_none_or(|before| process.spent > *before);
        let busy: Vec<&Process> = may_die.iter().copied().filter(at_work).collect();
        busy.choose(chance).or_else(|| may_die.choose(chance)).map(|victim| (*victim).clone())
    }

    /// The longest life of each function.
    pub(crate) fn longest(&self) -> Vec<Life> {
        let of = |(function, lives): (&String, &Vec<Followed>)| {
            let longest = lives.iter().max_by_key(|followed| followed.looks.len())?;
            longest.came_to(function)
        };
        self.lives.iter().filter_map(of).collect()
    }
}

impl Followed {
    fn came_to(&self, function: &str) -> Option<Life> {
        let (last_at, last_kib) = *self.looks.last()?;
        let warm: Vec<(f64, f64)> = self.looks.iter().copied().filter(|(at, _)| *at >= WARM.as_secs_f64()).collect();
        let first = warm.first().or(self.looks.first())?;
        Some(Life {
            function: function.to_owned(),
            minutes: last_at / 60.0,
            first_kib: first.1,
            last_kib,
            most_kib: self.looks.iter().map(|(_, held)| *held).fold(0.0, f64::max),
            slope_kib_a_minute: slope(&warm).map(|a_second| a_second * 60.0),
        })
    }
}

/// Least squares; none of fewer than three points.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    if points.len() < 3 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "some hundred looks")]
    let n = points.len() as f64;
    let (mean_x, mean_y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / n, y + point.1 / n));
    let over: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let under: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    (under > 0.0).then_some(over / under)
}
