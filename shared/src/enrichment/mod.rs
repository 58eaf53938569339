//! The lead workflow: who is behind a lead, and what its broker is told.

pub mod coalesce;
pub mod income;
pub mod look_up;
pub mod message;
pub mod poll;
pub mod ports;
pub mod resolve;
pub mod workflow;
