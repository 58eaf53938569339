//! A test of a subscription: `webhook.test`, sent now, by the same stages as any delivery.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::chance::Chance;
use super::refusal::Refusal;
use super::subscriptions;
use crate::address::AllowList;
use crate::delivery::courier::Couriers;
use crate::delivery::judge::{Judgement, judge};
use crate::delivery::message::Message;
use crate::delivery::prepare::{Endpoint, EndpointError, prepare};
use crate::delivery::send::Sender;
use crate::model::event::Announcement;
use crate::model::event_type::EventType;
use crate::model::ids::{EventId, SubscriptionId, TenantId};
use crate::model::subscription::Subscription;

/// Longest a test may take: the caller waits for it, and API Gateway hangs up after 30 s.
const MAX_TIMEOUT_S: u32 = 25;

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Tested {
    /// Whether the endpoint took it.
    pub delivered: bool,
    /// The `webhook-id` that was sent.
    pub webhook_id: EventId,
    /// The status of the answer; none where none came.
    pub http_status: Option<u16>,
    /// From connecting to the answer, or to giving up.
    pub duration_ms: u64,
    /// Why it did not count as delivered.
    pub error: Option<String>,
    /// The head of the response.
    pub response: Option<String>,
}

/// Sends a test to a subscription, active or not. Nothing is recorded, and no answer switches it off.
///
/// # Errors
/// There is none of that name, its secrets cannot be opened, or the store does not answer.
pub async fn send(
    store: &impl Couriers,
    sender: &impl Sender,
    tenant: &TenantId,
    id: &SubscriptionId,
    allowed: &AllowList,
    chance: &Chance<'_>,
    now: Timestamp,
) -> Result<Tested, Refusal> {
    let subscription = subscriptions::find(store, tenant, id).await?;
    let timeout_s = subscription.timeout_s.min(MAX_TIMEOUT_S);
    let subscription = Subscription { timeout_s, ..subscription };
    let nonce = hex::encode(chance.bytes::<16>());
    let announcement = Announcement {
        id: EventId::derive(&["webhook.test", id.as_str(), &nonce]),
        tenant: tenant.clone(),
        event_type: EventType::WebhookTest,
        at: now,
        data: json!({"message": "This is a test. Nothing has happened."}),
    };
    let endpoint = match Endpoint::open(&subscription, chance.keys, allowed, now) {
        Ok(endpoint) => endpoint,
        Err(EndpointError::Url(error)) => {
            let why = Judgement::refused(error).why().map(|why| why.to_string());
            return Ok(Tested {
                delivered: false,
                webhook_id: announcement.id,
                http_status: None,
                duration_ms: 0,
                error: why,
                response: None,
            });
        }
        Err(EndpointError::Sealed(error)) => return Err(error.into()),
    };
    let sent = sender.send(&prepare(&Message::of(&announcement), &endpoint, now)).await;
    let judgement = judge(&sent, subscription.retry, 1, now, 0.0);
    let attempt = judgement.attempt(1, &sent);
    tracing::info!(
        subscription.id = %id,
        tenant.id = %tenant,
        http_status = attempt.http_status,
        duration_ms = attempt.duration_ms,
        "test sent"
    );
    Ok(Tested {
        delivered: judgement == Judgement::Delivered,
        webhook_id: announcement.id,
        http_status: attempt.http_status,
        duration_ms: attempt.duration_ms,
        error: attempt.error,
        response: attempt.response,
    })
}

#[cfg(test)]
#[path = "test_send_tests.rs"]
mod tests;
