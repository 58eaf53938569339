//! The edge: batches of bells, HTTP answers, telemetry. Nothing here decides anything about the domain.

pub mod batch;
pub mod http;
pub mod metrics;
mod refusal;
pub mod telemetry;
