//! MoySklad's accounts kept in step: what must change where, and its execution.

pub mod dictionary;
pub mod guards;
pub mod jobs;
pub mod plan;
pub mod ports;
pub mod store;
pub mod syncer;
pub mod worker;
