//! How fast, and whether at all: slots space calls out, buckets count them, breakers stop them.

mod breaker;
mod bucket;
mod slot;

pub use breaker::{Admission, Breaker, BreakerRules, Breakers, Outcome, admit, report};
pub use bucket::{Bucket, Told, Turn};
pub use slot::{Slot, Slots};
