//! The nouns. They know neither clock nor randomness: both come in as arguments.

pub mod custom_header;
pub mod event_type;
pub mod field_error;
pub mod ids;
pub mod retry_policy;
pub mod sealed;
pub mod subscription;
