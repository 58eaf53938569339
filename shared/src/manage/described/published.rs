//! The bodies that bring events in.

use jiff::Timestamp;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use crate::model::event_type::EventType;
use crate::model::moysklad::{AccountId, Action};
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

fn actions() -> RefOr<Schema> {
    one_of(Action::ALL.iter().map(|action| action.name().to_owned()))
}

/// What MoySklad tells of an account: that something was done to entities of it.
#[derive(ToSchema)]
#[schema(as = MoyskladWebhook, example = json!({"auditContext": {"moment": "2026-03-02 12:30:15"}, "events": [{"meta": {"type": "product", "href": "https://api.moysklad.ru/api/remap/1.2/entity/product/75c896d0-0a3d-11ec-0a80-000000000001"}, "updatedFields": ["salePrices"], "action": "UPDATE", "accountId": "9171a53c-1b2c-4f7d-9c1a-000000000001"}]}))]
pub struct MoyskladBody {
    /// When, in Moscow's time, as `moment`. Who is passed over.
    #[schema(rename = "auditContext", value_type = Option<Object>, additional_properties = true)]
    pub audit_context: Option<Value>,
    /// At least one.
    #[schema(min_items = 1, max_items = 1000)]
    pub events: Vec<MoyskladEventBody>,
}

/// That something was done to an entity.
#[derive(ToSchema)]
#[schema(as = MoyskladEvent)]
pub struct MoyskladEventBody {
    /// The entity: its kind as `type`, and its address as `href`, of which the end is read and nothing is asked.
    #[schema(value_type = Object, additional_properties = true)]
    pub meta: Value,
    /// What changed of it, as far as that is told.
    #[schema(rename = "updatedFields")]
    pub updated_fields: Option<Vec<String>>,
    /// What was done to it.
    #[schema(schema_with = actions)]
    pub action: Action,
    /// The account, which must be the source's.
    #[schema(rename = "accountId", value_type = String, format = "uuid")]
    pub account_id: AccountId,
}
