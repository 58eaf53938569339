//! Sending again what was sent before: the same event, the same `webhook-id`, the next turn.

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::attempts::Attempts;
use super::delivery_filter::{forgotten, newest};
use super::delivery_list::{Horizon, find};
use super::delivery_view::DeliveryView;
use super::json_fields::{BodyError, JsonFields};
use super::list_walk::walk;
use super::listing::{Cursor, ListKind, Listing, Window};
use super::query_fields::{NOT_A_TIME, time};
use super::refusal::{Conflict, Refusal};
use super::subscriptions;
use crate::delivery::courier::{Couriers, SubscriptionGone};
use crate::model::delivery::{Delivery, DeliveryStatus};
use crate::model::ids::{DeliveryId, SubscriptionId, TenantId};
use crate::model::row::WorkRow;
use crate::model::subscription::Subscription;
use crate::work::{Bells, Ring, Rows};

/// Deliveries replayed by one call.
const AT_ONCE: usize = 100;
/// Turns begun at a time.
const PARALLEL: usize = 16;

/// What replaying needs of a store.
pub trait Replays: Rows + Bells + Couriers + Attempts + Listing {}
impl<S: Rows + Bells + Couriers + Attempts + Listing> Replays for S {}

/// What a recovery came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Recovered {
    /// How many deliveries are on their way again.
    pub replayed: usize,
    /// Send this as `cursor` to go on; none where all were looked at.
    pub next_cursor: Option<String>,
}

/// Begins a delivery's next turn.
///
/// # Errors
/// There is none of that name, it has not ended, its subscription went or is off, what it carried is no longer kept,
/// or the store does not answer.
pub async fn replay(
    store: &impl Replays,
    tenant: &TenantId,
    id: &DeliveryId,
    horizon: &Horizon,
) -> Result<DeliveryView, Refusal> {
    Ok(again(store, tenant, id, horizon).await?.into())
}

/// Begins a delivery's next turn; the delivery in it.
pub(super) async fn again(
    store: &impl Replays,
    tenant: &TenantId,
    id: &DeliveryId,
    horizon: &Horizon,
) -> Result<Delivery, Refusal> {
    let now = (horizon.clock)();
    let delivery = find(store, tenant, id, now).await?;
    if !delivery.work.ended() {
        return Err(Conflict::NotEnded.into());
    }
    let found = store.subscription_of(tenant, &delivery.subscription).await?;
    may_receive(&found.map_err(|SubscriptionGone| Conflict::SubscriptionGone)?)?;
    if store.announcement(&delivery.event).await?.is_none() {
        return Err(Conflict::Erased.into());
    }
    let replayed = begin(store, &delivery, horizon, now).await?.ok_or(Conflict::NotEnded)?;
    ring(store, &[Ring::of(&replayed)], now).await;
    tracing::info!(delivery.id = %id, tenant.id = %tenant, turn = replayed.work.turn, "delivery replayed");
    Ok(replayed)
}

/// Replays what failed of a subscription since a time, up to a hundred deliveries a call.
///
/// # Errors
/// There is no such subscription or it is off, the body is not acceptable, or the store does not answer.
pub async fn recover(
    store: &impl Replays,
    tenant: &TenantId,
    id: &SubscriptionId,
    body: &[u8],
    horizon: &Horizon,
) -> Result<Recovered, Refusal> {
    let subscription = subscriptions::find(store, tenant, id).await?;
    let Wish { since, cursor } = wish(body)?;
    may_receive(&subscription)?;
    let now = (horizon.clock)();
    let before = cursor.map_or_else(|| newest(now), |cursor| cursor.place);
    // What began after `since` ended after it, too.
    let window = Window { since: since.max(horizon.oldest()), before };
    let wanted = |delivery: &Delivery| {
        delivery.tenant == *tenant
            && delivery.subscription == *id
            && delivery.created_at >= since
            && matches!(delivery.status, DeliveryStatus::Failed | DeliveryStatus::Exhausted)
            && !forgotten(delivery, now)
    };
    let page = walk(store, tenant, ListKind::Failed, window, AT_ONCE, wanted).await?;
    let turns: Vec<_> = page.data.iter().map(|delivery| begin(store, delivery, horizon, now)).collect();
    let begun: Vec<Option<Delivery>> = stream::iter(turns).buffer_unordered(PARALLEL).try_collect().await?;
    let rings: Vec<Ring> = begun.iter().flatten().map(Ring::of).collect();
    ring(store, &rings, now).await;
    tracing::info!(subscription.id = %id, tenant.id = %tenant, replayed = rings.len(), "deliveries recovered");
    Ok(Recovered { replayed: rings.len(), next_cursor: page.next_cursor })
}

/// A switched-off subscription is sent nothing: the courier would cancel the delivery.
fn may_receive(subscription: &Subscription) -> Result<(), Conflict> {
    if subscription.state.active { Ok(()) } else { Err(Conflict::SubscriptionInactive) }
}

/// The next turn of a delivery; nothing if somebody else began it, or it was erased.
async fn begin(
    store: &impl Replays,
    delivery: &Delivery,
    horizon: &Horizon,
    now: Timestamp,
) -> Result<Option<Delivery>, Refusal> {
    // A short success stands on the delivery's own row only, where the next attempt will take its place.
    if let Some(success) = delivery.last.as_ref().filter(|last| last.error.is_none() && last.response_is_whole()) {
        let kept_until = now.saturating_add(horizon.kept_for).unwrap_or(Timestamp::MAX);
        store.put_attempt(&delivery.id, success, kept_until).await?;
    }
    Ok(store.begin_turn(&delivery.key(), DeliveryStatus::Pending.name(), now).await?)
}

/// The rows are due already; a bell only makes it sooner.
async fn ring(store: &impl Bells, rings: &[Ring], now: Timestamp) {
    for bell in store.ring(rings, now).await {
        tracing::warn!(row = %bell.row, why = %bell.why, "a bell could not be rung; the sweep will");
    }
}

pub(super) struct Wish {
    since: Timestamp,
    cursor: Option<Cursor>,
}

pub(super) fn wish(body: &[u8]) -> Result<Wish, BodyError> {
    let mut fields = JsonFields::read(body)?;
    if fields.is_missing("since") {
        fields.refuse("since", "missing", "since when is needed");
    }
    let since = fields.text("since").and_then(|text| match time(&text) {
        Some(since) => Some(since),
        None => fields.refused("since", "invalid_time", NOT_A_TIME),
    });
    let cursor = fields.text("cursor").and_then(|text| match text.parse::<Cursor>() {
        Ok(cursor) if cursor.list == ListKind::Failed => Some(cursor),
        _ => fields.refused("cursor", "invalid_cursor", "this is no `next_cursor` of a recovery"),
    });
    fields.refuse_rest();
    fields.finish(since.map(|since| Wish { since, cursor }))
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
