//! The nouns. They know neither clock nor randomness: both come in as arguments.

pub mod api_key;
pub mod business_hours;
pub mod contact;
pub mod custom_header;
pub mod delivery;
pub mod event;
pub mod event_schema;
pub mod event_type;
pub mod field_error;
pub mod ids;
pub mod job;
pub mod moysklad;
pub mod person;
pub mod retry_policy;
pub mod row;
pub mod schema;
pub mod sealed;
pub mod source;
pub mod subscription;
pub mod switch;
pub mod tenant;
pub mod whatsapp;
