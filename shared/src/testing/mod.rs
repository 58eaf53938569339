//! In-memory stores, and the exams that they and the real ones must pass.

pub mod book_exam;
pub mod counters_exam;
pub mod directory_exam;
#[cfg(test)]
mod faults;
pub mod hostile;
pub mod hostile_hosts;
pub mod listing_exam;
mod memory_batches;
mod memory_book;
mod memory_cards;
mod memory_counters;
mod memory_directory;
mod memory_drains;
pub mod memory_hooks;
mod memory_in_step;
mod memory_inbox;
mod memory_listing;
mod memory_look_ups;
pub mod memory_moysklad;
mod memory_operator;
mod memory_outbox;
mod memory_rows;
mod memory_signals;
pub mod memory_sync;
pub mod moysklad_samples;
pub mod operations;
pub mod person_exam;
pub mod post_exam;
pub mod samples;
pub mod sync_exam;
pub mod work_exam;

pub use memory_rows::MemoryStore;
