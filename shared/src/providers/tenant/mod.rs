//! A tenant's back office, which publishes its own events.

pub mod payload;
pub mod schema;
pub mod verify;
