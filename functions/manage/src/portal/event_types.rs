//! `/api/v1/tenant/webhooks/event-types`

use axum::Json;
use gancho::manage::event_catalogue::{EventTypeView, catalogue};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;

/// A list that is always whole.
#[derive(Serialize, ToSchema)]
pub(super) struct EventTypes {
    #[schema(value_type = Vec<EventTypeView>)]
    data: &'static [EventTypeView],
    next_cursor: Option<String>,
}

/// The catalogue: each type with its JSON Schema and an example.
#[utoipa::path(get, path = "/event-types", operation_id = "list_event_types", tag = "subscriptions", security(("tenant_key" = [])),
    responses((status = 200, description = "All of them.", body = EventTypes)),
)]
pub(super) async fn list(_: Caller) -> Json<EventTypes> {
    Json(EventTypes { data: catalogue(), next_cursor: None })
}
