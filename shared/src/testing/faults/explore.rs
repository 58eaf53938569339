//! Goes through every point at which something can go wrong.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::script::{Call, Fault, Strike};

/// Tells a story with these faults; if what must hold does not, they are named.
pub(super) fn tell<T>(schedule: &impl std::fmt::Debug, story: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(story)).unwrap_or_else(|panic| {
        eprintln!("the schedule that does not hold: {schedule:?}");
        resume_unwind(panic)
    })
}

/// Tells a story once without a fault, once with each fault at each of a verb's calls, and with each of these at each
/// call after it. The story is told the faults, and answers with the calls that were made. How many there were.
pub(super) fn every_fault_of(verb: &'static str, after: &[Fault], story: impl Fn(&[Strike]) -> Vec<Call>) -> usize {
    let told = |strikes: &[Strike]| -> Vec<Call> {
        let calls = tell(&strikes, || story(strikes));
        calls.into_iter().filter(|call| call.verb == verb).collect()
    };
    let mut n_told = 1;
    for (at, call) in told(&[]).iter().enumerate() {
        for &fault in call.kind.faults() {
            let first = Strike { verb, call: at, fault };
            let followed = told(&[first]);
            n_told += 1;
            for (at, call) in followed.iter().enumerate().skip(at + 1) {
                for &fault in call.kind.faults().iter().filter(|fault| after.contains(fault)) {
                    told(&[first, Strike { verb, call: at, fault }]);
                    n_told += 1;
                }
            }
        }
    }
    n_told
}
