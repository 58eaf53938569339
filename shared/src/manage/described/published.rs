//! The bodies that bring events in.

use jiff::Timestamp;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use crate::model::event_type::EventType;
use crate::model::schema::one_of;

fn publishable() -> RefOr<Schema> {
    let types = EventType::ALL.iter().filter(|known| !known.is_platform());
    one_of(types.map(|known| known.as_str().to_owned()))
}

/// An event of a tenant's. Members it has besides are passed over.
#[derive(ToSchema)]
#[schema(as = NewEvent, example = json!({"type": "payment.received", "id": "order-7/paid", "data": {"payment_id": "pay_1", "amount": "10.00", "currency": "EUR"}}))]
pub struct NewEventBody {
    /// What has happened; the types that only the platform makes are refused.
    #[schema(rename = "type", schema_with = publishable)]
    pub event_type: EventType,
    /// The tenant's own name of it: a copy of that name is answered as a duplicate.
    #[schema(min_length = 1, max_length = 200)]
    pub id: Option<String>,
    /// When it happened: after 1970 and at most a day ahead; now unless given.
    pub timestamp: Option<Timestamp>,
    /// What the type's schema says: see `event-types`.
    #[schema(value_type = Object)]
    pub data: Value,
}

/// Several events, each for itself.
#[derive(ToSchema)]
#[schema(as = NewEvents)]
pub struct NewEventsBody {
    /// At least one.
    #[schema(min_items = 1, max_items = 100)]
    pub events: Vec<NewEventBody>,
}

/// One event, or several.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(as = Publish)]
pub enum PublishBody {
    /// One.
    One(NewEventBody),
    /// Several.
    Several(NewEventsBody),
}

/// A lead as C2S tells of it. Several shapes are in use; this is the commonest, and all are in docs/providers/c2s.md.
#[derive(ToSchema)]
#[schema(as = C2sLead, example = json!({"id": "lead-1", "hook_action": "on_create_lead", "attributes": {"updated_at": "2025-01-20T10:00:00Z", "customer": {"name": "Ana"}}}))]
pub struct C2sLeadBody {
    /// Which lead: a text or a number.
    #[schema(value_type = Option<Value>)]
    pub id: Option<String>,
    /// What happened to it.
    pub hook_action: Option<String>,
    /// What is known of it; `updated_at` is needed.
    #[schema(value_type = Option<Object>, additional_properties = true)]
    pub attributes: Option<Value>,
}

/// One lead, or up to 500.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(as = C2sWebhook)]
pub enum C2sBody {
    /// One.
    One(C2sLeadBody),
    /// Several.
    Several(Vec<C2sLeadBody>),
}
