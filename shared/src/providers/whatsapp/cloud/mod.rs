//! Meta's Cloud API: signed batches, in a form that Meta documents and widens every few months.

pub mod challenge;
mod content;
pub mod payload;
pub(super) mod translate;
pub mod verify;
