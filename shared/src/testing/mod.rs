//! In-memory stores, and the exams that they and the real ones must pass.

mod memory_cards;
mod memory_inbox;
mod memory_outbox;
mod memory_rows;
pub mod samples;
pub mod work_exam;

pub use memory_rows::MemoryStore;
