//! The edge: batches of bells, HTTP answers, telemetry. Nothing here decides anything about the domain.

pub mod batch;
pub mod http;
pub mod metrics;
pub mod problem_schema;
mod refusal;
pub mod routes;
pub mod telemetry;
