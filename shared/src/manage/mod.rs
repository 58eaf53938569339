//! The use cases behind the APIs and pages.

pub mod api_keys;
pub mod defaults;
pub mod directory;
pub mod json_fields;
pub mod source_body;
pub mod sources;
pub mod subscription_body;
pub mod subscription_fields;
pub mod subscription_patch;
pub mod tenants;
