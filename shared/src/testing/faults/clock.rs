//! The time of a story. It moves only where the story says so, and each worker's clock may be wrong by a little.

use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};

/// When every story begins, in milliseconds since 1970.
const START: i64 = 1_900_000_000_000;

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(START) };
    static SKEW: Cell<i64> = const { Cell::new(0) };
}

/// Begins anew.
pub(super) fn reset() {
    NOW.set(START);
    SKEW.set(0);
}

/// The time, as the world has it.
pub(super) fn now() -> Timestamp {
    Timestamp::from_millisecond(NOW.get()).unwrap()
}

/// The time, as the worker at work has it.
pub(super) fn workers() -> Timestamp {
    Timestamp::from_millisecond(NOW.get() + SKEW.get()).unwrap()
}

/// By how many milliseconds the clock of whoever works from now on is wrong.
pub(super) fn skew(millis: i64) {
    SKEW.set(millis);
}

/// Lets time pass until then, if it is not past.
pub(super) fn wait_until(then: Timestamp) {
    NOW.set(NOW.get().max(then.as_millisecond()));
}

/// Lets so much time pass.
pub(super) fn wait(by: SignedDuration) {
    wait_until(now() + by);
}
