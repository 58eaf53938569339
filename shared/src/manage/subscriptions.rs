//! A tenant's subscriptions: made, read, changed, deleted; their secrets rotated.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::chance::Chance;
use super::connections::Connections;
use super::json_fields::{BodyError, JsonFields};
use super::page::Page;
use super::query_fields::QueryFields;
use super::refusal::{Conflict, Refusal};
use super::subscription_body::NewSubscription;
use super::subscription_book::{Booked, SubscriptionBook};
use super::subscription_patch::SubscriptionPatch;
use super::subscription_view::SubscriptionView;
use crate::address::AllowList;
use crate::delivery::courier::{Couriers, SubscriptionGone};
use crate::dispatch::Subscribers;
use crate::model::field_error::FieldError;
use crate::model::ids::{ConnectionId, SubscriptionId, TenantId};
use crate::model::subscription::Subscription;
use crate::signing::secret::Secret;
use crate::work::StoreError;

/// Subscriptions of one tenant. Fan-out reads them all for every event. Two wishes at the same instant may both be
/// the last one: it is a bound on cost, not a promise.
pub const MAX_SUBSCRIPTIONS: usize = 100;
/// How long the secret before signs beside the new one, unless asked otherwise: a day to change the receiver.
const DEFAULT_OVERLAP_S: u32 = 86_400;
/// Longest overlap: who needs more has forgotten it.
const MAX_OVERLAP_S: u32 = 30 * 86_400;
/// How often a change is tried anew, because somebody else changed the subscription in between.
const TRIES: u32 = 4;

/// What the use cases need of a store.
pub trait Subscriptions: SubscriptionBook + Subscribers + Couriers + Connections {}
impl<S: SubscriptionBook + Subscribers + Couriers + Connections> Subscriptions for S {}

/// A new secret, shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Rotated {
    /// The subscription.
    pub id: SubscriptionId,
    /// The secret that signs from now on.
    pub secret: String,
    /// Until when the one before it signs as well; none where it does no more.
    pub previous_secret_valid_until: Option<Timestamp>,
}

impl std::fmt::Debug for Rotated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rotated").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Makes a subscription; the answer shows its secret, this once.
///
/// # Errors
/// The body is not acceptable, the tenant has the like already or too many, or the store does not answer.
pub async fn create(
    store: &impl Subscriptions,
    tenant: &TenantId,
    body: &[u8],
    allowed: &AllowList,
    chance: &Chance<'_>,
    now: Timestamp,
) -> Result<SubscriptionView, Refusal> {
    let wish = NewSubscription::parse(body, allowed)?;
    if let Some(connection) = &wish.connection {
        known(store, tenant, connection).await?;
    }
    let (made, secret) = book(store, tenant, wish, chance, now).await?;
    Ok(SubscriptionView { secret: secret.expose().to_owned(), ..SubscriptionView::of(made, now) })
}

/// Writes a subscription that is asked for; it, and its secret.
pub(super) async fn book(
    store: &impl Subscriptions,
    tenant: &TenantId,
    wish: NewSubscription,
    chance: &Chance<'_>,
    now: Timestamp,
) -> Result<(Subscription, Secret), Refusal> {
    if store.subscribers(tenant).await?.len() >= MAX_SUBSCRIPTIONS {
        return Err(Conflict::TooManySubscriptions { max: MAX_SUBSCRIPTIONS }.into());
    }
    let id = SubscriptionId::new(now, chance.bytes());
    let (made, secret) = wish.seal(id, tenant.clone(), chance.keys, chance.bytes(), || chance.bytes(), now);
    match store.add(&made).await? {
        Booked::Done => {
            tracing::info!(subscription.id = %made.id, tenant.id = %tenant, "subscription created");
            Ok((made, secret))
        }
        Booked::Taken { by } => Err(Conflict::SubscriptionExists { by }.into()),
        Booked::Changed => Err(StoreError::Unavailable("a new identifier was in use".into()).into()),
    }
}

/// The tenant's subscriptions, newest first, from behind `cursor` on.
///
/// # Errors
/// The query is not acceptable, or the store does not answer.
pub async fn list(
    store: &impl Subscriptions,
    tenant: &TenantId,
    query: Option<&str>,
    now: Timestamp,
) -> Result<Page<SubscriptionView>, Refusal> {
    Ok(page(store, tenant, query, |_| true).await?.map(|one| SubscriptionView::of(one, now)))
}

/// The page of the tenant's subscriptions that the query asks for, of those that are `wanted`.
pub(super) async fn page(
    store: &impl Subscribers,
    tenant: &TenantId,
    query: Option<&str>,
    wanted: impl Fn(&Subscription) -> bool,
) -> Result<Page<Subscription>, Refusal> {
    let (limit, cursor) = QueryFields::page::<SubscriptionId>(query)?;
    let mut all = store.subscribers(tenant).await?;
    all.sort_by(|a, b| b.id.cmp(&a.id));
    let behind = |one: &Subscription| cursor.as_ref().is_none_or(|cursor| one.id < *cursor);
    let mut rest = all.into_iter().filter(|one| behind(one) && wanted(one));
    let data: Vec<_> = rest.by_ref().take(limit).collect();
    let more = rest.next().is_some();
    let next_cursor = data.last().filter(|_| more).map(|last| last.id.to_string());
    Ok(Page { data, next_cursor })
}

/// One of the tenant's subscriptions.
///
/// # Errors
/// There is none of that name, or the store does not answer.
pub async fn get(
    store: &impl Subscriptions,
    tenant: &TenantId,
    id: &SubscriptionId,
    now: Timestamp,
) -> Result<SubscriptionView, Refusal> {
    Ok(SubscriptionView::of(find(store, tenant, id).await?, now))
}

/// Changes a subscription.
///
/// # Errors
/// There is none of that name, the body is not acceptable, the tenant has the like already, or the store does not
/// answer.
pub async fn change(
    store: &impl Subscriptions,
    tenant: &TenantId,
    id: &SubscriptionId,
    body: &[u8],
    allowed: &AllowList,
    chance: &Chance<'_>,
    now: Timestamp,
) -> Result<SubscriptionView, Refusal> {
    // Looked up before the body is: what is not the caller's looks like nothing, whatever is sent.
    find(store, tenant, id).await?;
    let patch = SubscriptionPatch::parse(body, allowed)?;
    if let Some(connection) = patch.connection() {
        known(store, tenant, connection).await?;
    }
    Ok(SubscriptionView::of(apply(store, tenant, id, &patch, chance, now).await?, now))
}

/// Writes a change; the subscription after it.
pub(super) async fn apply(
    store: &impl Subscriptions,
    tenant: &TenantId,
    id: &SubscriptionId,
    patch: &SubscriptionPatch,
    chance: &Chance<'_>,
    now: Timestamp,
) -> Result<Subscription, Refusal> {
    let after =
        rewrite(store, tenant, id, |before| Ok(patch.clone().apply(before, chance.keys, || chance.bytes(), now)?));
    let after = after.await?;
    tracing::info!(subscription.id = %id, tenant.id = %tenant, "subscription changed");
    Ok(after)
}

/// Refuses a connection that is not the tenant's. Another's looks like one that does not exist.
async fn known(store: &impl Connections, tenant: &TenantId, id: &ConnectionId) -> Result<(), Refusal> {
    if store.connection(tenant, id).await?.is_some() {
        return Ok(());
    }
    let error = FieldError::new("connection_id", "unknown_connection", "there is no such connection");
    Err(BodyError::Fields(vec![error]).into())
}

/// Deletes a subscription. Its deliveries under way are cancelled when their turn comes.
///
/// # Errors
/// There is none of that name, or the store does not answer.
pub async fn delete(store: &impl Subscriptions, tenant: &TenantId, id: &SubscriptionId) -> Result<(), Refusal> {
    for _ in 0..TRIES {
        let subscription = find(store, tenant, id).await?;
        match store.remove(&subscription).await? {
            Booked::Done => {
                tracing::info!(subscription.id = %id, tenant.id = %tenant, "subscription deleted");
                return Ok(());
            }
            Booked::Taken { .. } | Booked::Changed => {}
        }
    }
    Err(keeps_changing())
}

/// Gives a subscription a new secret: the one in the body, or one made. The one before signs on for the overlap.
///
/// # Errors
/// There is none of that name, the body is not acceptable, or the store does not answer.
pub async fn rotate_secret(
    store: &impl Subscriptions,
    tenant: &TenantId,
    id: &SubscriptionId,
    body: &[u8],
    chance: &Chance<'_>,
    now: Timestamp,
) -> Result<Rotated, Refusal> {
    find(store, tenant, id).await?;
    let (overlap, given) = rotation(body)?;
    let secret = given.unwrap_or_else(|| Secret::generate(chance.bytes()));
    let after = rewrite(store, tenant, id, |before| {
        let sealed = chance.keys.seal(secret.expose().as_bytes(), tenant, before.id.as_str(), chance.bytes());
        let secrets = before.secrets.clone().rotated(sealed, secret.hint(), now, overlap);
        Ok(Subscription { secrets, updated_at: now, ..before })
    });
    let after = after.await?;
    tracing::info!(subscription.id = %id, tenant.id = %tenant, "subscription secret rotated");
    let previous_secret_valid_until = after.secrets.previous.map(|previous| previous.valid_until);
    Ok(Rotated { id: after.id, secret: secret.expose().to_owned(), previous_secret_valid_until })
}

pub(super) fn rotation(body: &[u8]) -> Result<(Duration, Option<Secret>), BodyError> {
    let mut fields = JsonFields::read(if body.is_empty() { b"{}" } else { body })?;
    let overlap_s = fields.number("overlap_s", &(0..=MAX_OVERLAP_S)).unwrap_or(DEFAULT_OVERLAP_S);
    let secret = super::subscription_fields::secret(&mut fields);
    fields.refuse_rest();
    fields.finish(Some((Duration::from_secs(overlap_s.into()), secret)))
}

/// The subscription, if it is the tenant's.
pub(super) async fn find(
    store: &impl Couriers,
    tenant: &TenantId,
    id: &SubscriptionId,
) -> Result<Subscription, Refusal> {
    store.subscription_of(tenant, id).await?.map_err(|SubscriptionGone| Refusal::NotFound)
}

/// Reads, changes and writes a subscription, anew if somebody else wrote in between: the platform switches
/// subscriptions off at any time, and must not be overwritten.
async fn rewrite(
    store: &impl Subscriptions,
    tenant: &TenantId,
    id: &SubscriptionId,
    change: impl Fn(Subscription) -> Result<Subscription, Refusal>,
) -> Result<Subscription, Refusal> {
    for _ in 0..TRIES {
        let before = find(store, tenant, id).await?;
        let after = change(before.clone())?;
        match store.replace(&before, &after).await? {
            Booked::Done => return Ok(after),
            Booked::Taken { by } => return Err(Conflict::SubscriptionExists { by }.into()),
            Booked::Changed => {}
        }
    }
    Err(keeps_changing())
}

fn keeps_changing() -> Refusal {
    StoreError::Unavailable("the subscription keeps changing".into()).into()
}

#[cfg(test)]
#[path = "subscriptions_tests.rs"]
mod tests;
