//! The edge: batches of bells, HTTP answers, telemetry. Nothing here decides anything about the domain.

pub mod batch;
pub mod http;
mod refusal;
pub mod telemetry;
