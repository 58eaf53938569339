//! The use cases behind the APIs and pages.

pub mod api_keys;
pub mod attempts;
pub mod chance;
pub mod defaults;
pub mod delivery_filter;
pub mod delivery_list;
pub mod delivery_view;
pub mod directory;
pub mod event_catalogue;
pub mod json_fields;
pub mod list_walk;
pub mod listing;
pub mod page;
pub mod query_fields;
pub mod refusal;
pub mod replay;
pub mod source_body;
pub mod sources;
pub mod subscription_body;
pub mod subscription_book;
pub mod subscription_fields;
pub mod subscription_patch;
pub mod subscription_view;
pub mod subscriptions;
pub mod tenants;
pub mod test_send;
