//! How fast, and whether at all: slots space calls out, breakers stop them.

mod breaker;
mod slot;

pub use breaker::{Admission, Breaker, BreakerRules, Breakers, Outcome, admit, report};
pub use slot::{Slot, Slots};
