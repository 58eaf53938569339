//! What the flows stand on.

#[path = "../sandbox/mod.rs"]
pub mod sandbox;
