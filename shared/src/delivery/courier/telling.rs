//! What the platform tells a tenant of its own deliveries. Every event here has a derived name, so telling it twice
//! tells it once.

use jiff::Timestamp;
use serde_json::json;

use super::{Courier, Post};
use crate::delivery::send::Sender;
use crate::dispatch::{Keep, fan_out};
use crate::model::delivery::{Attempt, Delivery};
use crate::model::event::Announcement;
use crate::model::event_type::EventType;
use crate::model::ids::{EventId, TenantId};
use crate::model::subscription::{DisabledReason, Subscription};
use crate::work::StoreError;

impl<S: Post, T: Sender + Sync> Courier<S, T> {
    /// Switches a subscription off and tells the tenant's others.
    pub(super) async fn switch_off(
        &self,
        subscription: &Subscription,
        reason: DisabledReason,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Subscription { id, tenant, url, updated_at, .. } = subscription;
        // Told first: if we die in between, it is still on, and both are done again. Its name holds the state that ends
        // with it, so a later switching off is another event.
        let name = [EventType::EndpointDisabled.as_str(), id.as_str(), &updated_at.to_string()];
        let data = json!({"subscription_id": id, "url": url, "reason": reason, "disabled_at": now});
        self.tell(EventId::derive(&name), tenant, EventType::EndpointDisabled, data, now).await?;
        if self.store.disable(tenant, id, reason, now).await? {
            tracing::warn!(subscription.id = %id, tenant.id = %tenant, reason = reason.name(), "a subscription was switched off");
        }
        Ok(())
    }

    /// Tells that a delivery has used up its tries. Not of one that tells of deliveries: a dead endpoint that hears of
    /// everything would otherwise cause events for ever.
    pub(super) async fn tell_exhausted(
        &self,
        delivery: &Delivery,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if delivery.event_type.is_about_delivery() {
            return Ok(());
        }
        let turn = delivery.work.turn.to_string();
        let name = [EventType::DeliveryExhausted.as_str(), delivery.id.as_str(), &turn];
        let data = json!({
            "delivery_id": delivery.id,
            "subscription_id": delivery.subscription,
            "event": delivery.event_type,
            "event_id": delivery.event,
            "attempts": attempt.n,
            "last_error": attempt.error,
        });
        self.tell(EventId::derive(&name), &delivery.tenant, EventType::DeliveryExhausted, data, now).await
    }

    async fn tell(
        &self,
        id: EventId,
        tenant: &TenantId,
        event_type: EventType,
        data: serde_json::Value,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let announcement = Announcement { id, tenant: tenant.clone(), event_type, at: now, data };
        fan_out(&self.store, &announcement, Keep::IfHeard, &self.timing, now).await.map(|_| ())
    }
}
