//! What is measured, and what it is measured against. `make bench` runs it; docs/performance.md says what the numbers mean.

pub mod runtime;
