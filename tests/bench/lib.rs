//! What is measured, and what it is measured against. `make bench` runs it; docs/performance.md says what the numbers mean.

#![expect(clippy::expect_used, reason = "what goes wrong in a benchmark ends it, with a reason")]

pub mod machine;
pub mod stand_ins;
