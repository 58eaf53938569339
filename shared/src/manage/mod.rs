//! The use cases behind the APIs and pages.

pub mod json_fields;
pub mod subscription_body;
pub mod subscription_fields;
pub mod subscription_patch;
