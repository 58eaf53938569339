//! `/api/v1/tenant/webhooks/event-types`

use axum::Json;
use gancho::manage::event_catalogue::{EventTypeView, catalogue};
use serde::Serialize;

use super::caller::Caller;

/// A list that is always whole.
#[derive(Serialize)]
pub(super) struct EventTypes {
    data: &'static [EventTypeView],
    next_cursor: Option<String>,
}

pub(super) async fn list(_: Caller) -> Json<EventTypes> {
    Json(EventTypes { data: catalogue(), next_cursor: None })
}
