//! The lead workflow: who is behind a lead, and what its broker is told.

pub mod income;
pub mod message;
pub mod ports;
pub mod resolve;
