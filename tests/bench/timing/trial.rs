//! One check, timed: what is presented is drawn at random before each sample, and lies in the same place of memory.

use std::hint::black_box;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::welch::{self, Difference};

/// What is presented to a check. All three have one length.
#[derive(Debug, Clone)]
pub(crate) struct Presented {
    /// Wrong in its first secret letter, else right.
    pub(crate) wrong_at_start: String,
    /// Wrong in its last.
    pub(crate) wrong_at_end: String,
    /// Right.
    pub(crate) right: String,
}

impl Presented {
    /// What is right, and the places of its first and last secret letter.
    pub(crate) fn of(right: String, first: usize, last: usize) -> Self {
        Self { wrong_at_start: altered(&right, first), wrong_at_end: altered(&right, last), right }
    }
}

/// Another letter of the same sort: capital, small or digit. Reading what was presented then takes the same steps.
fn altered(text: &str, place: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[place] = match bytes[place] {
        b'9' => b'0',
        b'f' => b'a',
        b'z' => b'y',
        b'Z' => b'Y',
        b'+' | b'-' => b'x',
        b'/' | b'_' => b'y',
        other => other + 1,
    };
    String::from_utf8(bytes).expect("ASCII")
}

/// A check of a secret.
pub(crate) struct Check {
    /// What it is called in the table.
    pub(crate) name: &'static str,
    /// Whether it stops at the first wrong byte on purpose, and must be found out.
    pub(crate) control: bool,
    /// Calls timed together as one sample: more where one is not much longer than the clock's own step.
    pub(crate) calls: u32,
    /// What is presented to it.
    pub(crate) presented: Presented,
    /// The check: whether it lets this in.
    pub(crate) lets_in: Box<dyn FnMut(&str) -> bool>,
}

/// What came of it, in nanoseconds a call.
pub(crate) struct Outcome {
    /// The median of all samples.
    pub(crate) median_ns: f64,
    /// Wrong at the start against wrong at the end: what an attacker would guess a secret by.
    pub(crate) start_to_end: Difference,
    /// Wrong at the end against right. It may differ: whoever is let in is told so anyway.
    pub(crate) end_to_right: Difference,
}

/// Times `n` samples of a check.
///
/// # Panics
/// When it lets in what is wrong, or not what is right: then it is another check that is timed.
pub(crate) fn run(check: &mut Check, n: usize, seed: u64) -> Outcome {
    let Presented { wrong_at_start, wrong_at_end, right } = check.presented.clone();
    let texts = [wrong_at_start, wrong_at_end, right];
    for (text, expected) in texts.iter().zip([false, false, true]) {
        assert_eq!((check.lets_in)(text), expected, "{}", check.name);
    }
    let mut chance = StdRng::seed_from_u64(seed);
    let mut place = String::with_capacity(texts[0].len());
    let mut times: [Vec<f64>; 3] = Default::default();
    // Caches and predictions settle first.
    let unmeasured = n / 20;
    for sample in 0..n + unmeasured {
        let drawn = chance.random_range(0..texts.len());
        place.clear();
        place.push_str(&texts[drawn]);
        let started = Instant::now();
        for _ in 0..check.calls {
            black_box((check.lets_in)(black_box(&place)));
        }
        let taken = started.elapsed();
        if sample >= unmeasured {
            times[drawn].push(taken.as_secs_f64() * 1e9 / f64::from(check.calls));
        }
    }
    let mut all = times.concat();
    all.sort_unstable_by(f64::total_cmp);
    Outcome {
        median_ns: all[all.len() / 2],
        start_to_end: welch::compare(&times[0], &times[1]),
        end_to_right: welch::compare(&times[1], &times[2]),
    }
}
