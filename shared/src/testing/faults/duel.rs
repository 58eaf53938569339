//! Two workers at once: all interleavings of their outward calls.
//!
//! Two interleavings in which only calls change places that have nothing to do with each other are one and the same
//! story. Each such class is told once, by its normal form (Foata's): every call in the first layer behind all that it
//! depends on.

use std::collections::BTreeMap;
use std::pin::Pin;

use super::clock;
use super::explore::tell;
use super::house::{House, verb_of};
use super::queue::Message;
use super::script::{Call, Kind, Step};
use crate::work::StoreError;

/// What a worker does.
#[derive(Debug, Clone)]
pub(super) enum Work {
    Answer(Message),
    Sweep,
}

/// Two workers, about to begin.
pub(super) struct Duel {
    pub(super) house: House,
    pub(super) works: [Work; 2],
    /// By how many milliseconds their clocks are wrong.
    pub(super) skews: [i64; 2],
}

/// How much was gone through.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Walked {
    /// Interleavings.
    pub(super) interleavings: u128,
    /// Those that differ, each told to its end.
    pub(super) stories: usize,
}

type Worker<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + 'a>>;

/// A class of interleavings: for each call its layer, its worker, and its place among that worker's.
type Class = Vec<(usize, usize, usize)>;

fn depends(one: &Call, other: &Call) -> bool {
    let both_read = one.kind == Kind::Read && other.kind == Kind::Read;
    !both_read && one.shelves.iter().any(|shelf| other.shelves.contains(shelf))
}

fn class_of(calls: &[Call], workers: &[usize]) -> Class {
    let mut layers: Vec<usize> = Vec::with_capacity(calls.len());
    let mut class = Vec::with_capacity(calls.len());
    for (n, call) in calls.iter().enumerate() {
        let before = (0..n).filter(|m| workers[*m] == workers[n] || depends(&calls[*m], call));
        let layer = before.map(|m| layers[m] + 1).max().unwrap_or_default();
        layers.push(layer);
        class.push((layer, workers[n], workers[..n].iter().filter(|worker| **worker == workers[n]).count()));
    }
    class.sort_unstable();
    class
}

/// One call of a worker; `false` if it is at its end, or waits for the other.
fn step(duel: &Duel, n: usize, workers: &mut [Option<Worker<'_>>; 2]) -> bool {
    let Some(worker) = &mut workers[n] else { return false };
    clock::skew(duel.skews[n]);
    duel.house.outside.enter(match &duel.works[n] {
        Work::Answer(message) => verb_of(message),
        Work::Sweep => "sweep",
    });
    // Who was not woken yet is by the second look.
    let step = (0..3).map(|_| duel.house.outside.step(worker.as_mut())).find(|step| *step != Step::Idle);
    clock::skew(0);
    duel.house.watch();
    match step {
        Some(Step::Called) => true,
        Some(Step::Done(_)) => {
            workers[n] = None;
            true
        }
        Some(Step::Died | Step::Idle) | None => false,
    }
}

/// Lets them work in this order, then hands over to `then`: what it says, and whether both are at their end.
fn play<T>(duel: &Duel, order: &[usize], then: impl FnOnce(&mut [Option<Worker<'_>>; 2]) -> T) -> T {
    let worker = |work: &Work| -> Worker<'_> {
        let work = work.clone();
        Box::pin(async move {
            match &work {
                Work::Answer(message) => duel.house.answer(message).await,
                Work::Sweep => duel.house.sweep().await,
            }
        })
    };
    let mut workers = [Some(worker(&duel.works[0])), Some(worker(&duel.works[1]))];
    for &n in order {
        assert!(step(duel, n, &mut workers), "what could be done can be done again");
    }
    then(&mut workers)
}

/// Goes through all interleavings; of each that differs, all is brought to rest, and `check` looks.
pub(super) fn every_interleaving(begin: impl Fn() -> Duel, check: impl Fn(&House)) -> Walked {
    every_interleaving_within(usize::MAX, begin, check)
}

/// How often it goes over from one worker to the other.
fn n_switches(order: &[usize]) -> usize {
    order.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

/// Goes through those in which it goes over from one worker to the other so often at most.
pub(super) fn every_interleaving_within(
    most_switches: usize,
    begin: impl Fn() -> Duel,
    check: impl Fn(&House),
) -> Walked {
    let mut walked = Walked::default();
    let mut level: BTreeMap<Class, (Vec<usize>, u128)> = BTreeMap::from([(Class::new(), (Vec::new(), 1))]);
    while !level.is_empty() {
        let mut next: BTreeMap<Class, (Vec<usize>, u128)> = BTreeMap::new();
        for (order, paths) in level.into_values() {
            let mut goes_on = false;
            for n in 0..2 {
                let further: Vec<usize> = order.iter().copied().chain([n]).collect();
                let duel = begin();
                let before = duel.house.outside.calls().len();
                if !tell(&(&order, n), || play(&duel, &order, |workers| step(&duel, n, workers))) {
                    continue;
                }
                goes_on = true;
                if n_switches(&further) > most_switches {
                    continue;
                }
                let class = class_of(&duel.house.outside.calls()[before..], &further);
                let known = next.entry(class).or_insert((further.clone(), 0));
                known.1 += paths;
                if n_switches(&further) < n_switches(&known.0) {
                    known.0 = further;
                }
            }
            if !goes_on {
                let duel = begin();
                tell(&order, || {
                    let both_ended = play(&duel, &order, |workers| workers.iter().all(Option::is_none));
                    assert!(both_ended, "each waits for the other");
                    duel.house.settle();
                    check(&duel.house);
                });
                walked.stories += 1;
                walked.interleavings += paths;
            }
        }
        level = next;
    }
    walked
}
