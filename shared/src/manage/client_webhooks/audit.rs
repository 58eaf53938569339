//! What became of a webhook's messages: its deliveries, each with what it carries. Who wrote to whom is not kept a
//! second time for this: it is read from the event, and is gone when the event is erased or no longer kept.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::find;
use crate::delivery::courier::Couriers;
use crate::manage::attempts::{self, AttemptView, Attempts};
use crate::manage::delivery_filter::DeliveryFilter;
use crate::manage::delivery_list::{self, Horizon};
use crate::manage::directory::Directory;
use crate::manage::listing::Listing;
use crate::manage::page::Page;
use crate::manage::refusal::Refusal;
use crate::manage::replay::{self, Replays};
use crate::model::delivery::{Delivery, DeliveryStatus};
use crate::model::event::Announcement;
use crate::model::event_type::EventType;
use crate::model::ids::{DeliveryId, EventId, SubscriptionId, TenantId};
use crate::work::{Rows, StoreError};

/// Events read at a time.
const PARALLEL: usize = 16;

/// What is read for the audit.
pub trait Audited: Listing + Directory + Couriers + Rows + Attempts {}
impl<S: Listing + Directory + Couriers + Rows + Attempts> Audited for S {}

/// Who wrote what to whom; all null where the event is no longer kept, or was erased.
#[derive(Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Carried {
    /// The message, as WhatsApp names it.
    pub message_id: Option<String>,
    /// The sender's number.
    pub from: Option<String>,
    /// The recipient's number.
    pub to: Option<String>,
}

impl Carried {
    fn of(said: Option<&Announcement>) -> Self {
        let text = |name: &str| said?.data.get(name).and_then(Value::as_str).map(str::to_owned);
        Self { message_id: text("message_id"), from: text("from"), to: text("to") }
    }
}

/// The JSON of a delivery to a webhook.
#[derive(Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = WebhookEvent)]
pub struct EventRow {
    /// Its identifier: the delivery's.
    pub id: DeliveryId,
    /// The webhook.
    pub webhook_id: SubscriptionId,
    /// What it carries; of a batch its first message.
    #[serde(flatten)]
    pub carried: Carried,
    /// How far it has come.
    pub status: DeliveryStatus,
    /// Attempts made, over all retries.
    pub attempt_count: u32,
    /// The status of the newest answer.
    pub http_status: Option<u16>,
    /// What was wrong with the newest attempt.
    pub error: Option<String>,
    /// The beginning of the newest answer.
    pub response: Option<String>,
    /// When it is tried again.
    pub next_retry_at: Option<Timestamp>,
    /// What it tells of.
    pub event: EventType,
    /// The event: the `webhook-id` of what carries it alone.
    pub event_id: EventId,
    /// The events gathered into it; absent where it is of one.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub events: BTreeSet<EventId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was tried last.
    pub last_attempt_at: Option<Timestamp>,
}

impl EventRow {
    fn of(delivery: Delivery, said: Option<&Announcement>) -> Self {
        // An attempt that is due later is due when the row may run: a pause may have moved it on.
        let next_retry_at = (delivery.status == DeliveryStatus::Retrying).then_some(delivery.work.not_before);
        let (last_attempt_at, last) = (delivery.last.as_ref().map(|last| last.at), delivery.last);
        let (http_status, error, response) =
            last.map_or((None, None, None), |last| (last.http_status, last.error, last.response));
        Self {
            id: delivery.id,
            webhook_id: delivery.subscription,
            carried: Carried::of(said),
            status: delivery.status,
            attempt_count: delivery.work.attempts,
            http_status,
            error,
            response,
            next_retry_at,
            event: delivery.event_type,
            event_id: delivery.event,
            events: delivery.batch_events,
            created_at: delivery.created_at,
            last_attempt_at,
        }
    }
}

/// A message that a delivery carries.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CarriedMessage {
    /// The event.
    pub event_id: EventId,
    /// What it says.
    #[serde(flatten)]
    pub carried: Carried,
}

/// The JSON of a delivery to a webhook, alone.
#[derive(Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = WebhookEventDetail)]
pub struct EventDetail {
    #[serde(flatten)]
    row: EventRow,
    /// All that it carries: of a batch each message.
    messages: Vec<CarriedMessage>,
    /// Its attempts, newest first.
    attempts: Vec<AttemptView>,
}

/// The deliveries to a webhook that the query asks for, newest first.
///
/// # Errors
/// There is no such webhook, the query is not acceptable, or the store does not answer.
pub async fn list(
    store: &impl Audited,
    tenant: &TenantId,
    id: &SubscriptionId,
    query: Option<&str>,
    horizon: &Horizon,
) -> Result<Page<EventRow>, Refusal> {
    find(store, tenant, id).await?;
    let filter = DeliveryFilter::parse_of(id, query)?;
    let Page { data, next_cursor } = delivery_list::page(store, tenant, &filter, horizon).await?;
    let rows = data.into_iter().map(|delivery| row(store, delivery));
    let data = stream::iter(rows).buffered(PARALLEL).try_collect().await?;
    Ok(Page { data, next_cursor })
}

/// One delivery to a webhook, with all it carries and its attempts.
///
/// # Errors
/// There is no such webhook or delivery, or the store does not answer.
pub async fn get(
    store: &impl Audited,
    tenant: &TenantId,
    id: &SubscriptionId,
    event: &DeliveryId,
    now: Timestamp,
) -> Result<EventDetail, Refusal> {
    let delivery = find_event(store, tenant, id, event, now).await?;
    let kept = store.attempts(event, attempts::SHOWN, now).await?;
    let attempts = attempts::shown(kept, delivery.last.clone());
    let carried = if delivery.is_batch() { delivery.batch_events.clone() } else { [delivery.event.clone()].into() };
    let read = carried.into_iter().map(|event_id| async move {
        let said = store.announcement(&event_id).await?;
        Ok::<_, StoreError>(CarriedMessage { event_id, carried: Carried::of(said.as_ref()) })
    });
    let messages = stream::iter(read).buffered(PARALLEL).try_collect().await?;
    Ok(EventDetail { row: row(store, delivery).await?, messages, attempts })
}

/// Begins the next turn of a delivery to a webhook.
///
/// # Errors
/// There is no such webhook or delivery, it has not ended, the webhook is off, what it carried is no longer kept, or the
/// store does not answer.
pub async fn retry(
    store: &impl Replays,
    tenant: &TenantId,
    id: &SubscriptionId,
    event: &DeliveryId,
    horizon: &Horizon,
) -> Result<EventRow, Refusal> {
    find_event(store, tenant, id, event, (horizon.clock)()).await?;
    let replayed = replay::again(store, tenant, event, horizon).await?;
    Ok(row(store, replayed).await?)
}

/// The delivery, if it is to this webhook of the tenant's.
async fn find_event(
    store: &(impl Couriers + Rows),
    tenant: &TenantId,
    id: &SubscriptionId,
    event: &DeliveryId,
    now: Timestamp,
) -> Result<Delivery, Refusal> {
    find(store, tenant, id).await?;
    let delivery = delivery_list::find(store, tenant, event, now).await?;
    if delivery.subscription == *id { Ok(delivery) } else { Err(Refusal::NotFound) }
}

async fn row(store: &impl Couriers, delivery: Delivery) -> Result<EventRow, StoreError> {
    let said = store.announcement(&delivery.event).await?;
    Ok(EventRow::of(delivery, said.as_ref()))
}
