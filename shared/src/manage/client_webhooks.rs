//! A client's webhooks: its subscriptions to one WhatsApp number each, in the words of the API they had before. There
//! is nothing behind them but subscriptions and deliveries.

pub mod audit;
pub mod body;
pub mod view;

use std::collections::HashMap;

use jiff::Timestamp;

use self::body::{NewWebhook, WebhookPatch};
use self::view::{WebhookAnswer, WebhookView};
use super::chance::Chance;
use super::connections::Connections;
use super::json_fields::BodyError;
use super::page::Page;
use super::refusal::Refusal;
use super::subscriptions::{self, Subscriptions};
use super::test_send::{self, Tested};
use crate::address::AllowList;
use crate::delivery::courier::Couriers;
use crate::delivery::send::Sender;
use crate::model::field_error::FieldError;
use crate::model::ids::{ConnectionId, SubscriptionId, TenantId};
use crate::model::subscription::Subscription;
use crate::model::whatsapp::{Connection, WhatsappNumber};

/// Registers a webhook of a number that is linked to the tenant; the answer shows its secret, this once.
///
/// # Errors
/// The body is not acceptable, the number is not linked to the tenant, there is the like already, or the store does not
/// answer.
pub async fn register(
    store: &impl Subscriptions,
    tenant: &TenantId,
    body: &[u8],
    allowed: &AllowList,
    chance: &Chance<'_>,
    now: Timestamp,
) -> Result<WebhookAnswer, Refusal> {
    let wish = NewWebhook::parse(body, allowed)?;
    let connection = linked(store, tenant, &wish.number).await?;
    let (made, secret) = subscriptions::book(store, tenant, wish.of(connection.id), chance, now).await?;
    let webhook = WebhookView::of(made, Some(&connection.phone_number), now).ok_or(Refusal::NotFound)?;
    Ok(WebhookAnswer::of(WebhookView { secret: secret.expose().to_owned(), ..webhook }))
}

/// The tenant's webhooks, newest first, from behind `cursor` on.
///
/// # Errors
/// The query is not acceptable, or the store does not answer.
pub async fn list(
    store: &impl Subscriptions,
    tenant: &TenantId,
    query: Option<&str>,
    now: Timestamp,
) -> Result<Page<WebhookView>, Refusal> {
    let page = subscriptions::page(store, tenant, query, |one| one.connection.is_some()).await?;
    let linked = store.connections_of(tenant).await?;
    let numbers: HashMap<ConnectionId, WhatsappNumber> =
        linked.into_iter().map(|connection| (connection.id, connection.phone_number)).collect();
    let shown = |one: Subscription| {
        let number = one.connection.as_ref().and_then(|connection| numbers.get(connection)).cloned();
        WebhookView::of(one, number.as_ref(), now)
    };
    let Page { data, next_cursor } = page;
    Ok(Page { data: data.into_iter().filter_map(shown).collect(), next_cursor })
}

/// One of the tenant's webhooks.
///
/// # Errors
/// There is none of that name, or the store does not answer.
pub async fn get(
    store: &impl Subscriptions,
    tenant: &TenantId,
    id: &SubscriptionId,
    now: Timestamp,
) -> Result<WebhookAnswer, Refusal> {
    show(store, find(store, tenant, id).await?, now).await
}

/// Changes a webhook.
///
/// # Errors
/// There is none of that name, the body is not acceptable, there is the like already, or the store does not answer.
pub async fn change(
    store: &impl Subscriptions,
    tenant: &TenantId,
    id: &SubscriptionId,
    body: &[u8],
    allowed: &AllowList,
    chance: &Chance<'_>,
    now: Timestamp,
) -> Result<WebhookAnswer, Refusal> {
    // Looked up before the body is: what is not the caller's looks like nothing, whatever is sent.
    let before = find(store, tenant, id).await?;
    let wish = WebhookPatch::parse(body, allowed)?;
    let connection = match &wish.number {
        Some(number) => Some(linked(store, tenant, number).await?.id),
        None => None,
    };
    let patch = wish.of(&before, connection);
    show(store, subscriptions::apply(store, tenant, id, &patch, chance, now).await?, now).await
}

/// Deletes a webhook.
///
/// # Errors
/// There is none of that name, or the store does not answer.
pub async fn delete(store: &impl Subscriptions, tenant: &TenantId, id: &SubscriptionId) -> Result<(), Refusal> {
    find(store, tenant, id).await?;
    subscriptions::delete(store, tenant, id).await
}

/// Sends a test to a webhook.
///
/// # Errors
/// There is none of that name, its secrets cannot be opened, or the store does not answer.
pub async fn test(
    store: &impl Couriers,
    sender: &impl Sender,
    tenant: &TenantId,
    id: &SubscriptionId,
    allowed: &AllowList,
    chance: &Chance<'_>,
    now: Timestamp,
) -> Result<Tested, Refusal> {
    find(store, tenant, id).await?;
    test_send::send(store, sender, tenant, id, allowed, chance, now).await
}

/// The tenant's connection of a number. Somebody else's number is answered like nobody's.
async fn linked(store: &impl Connections, tenant: &TenantId, number: &WhatsappNumber) -> Result<Connection, Refusal> {
    let what = "this number is not linked to you: link it first, by `POST /api/whatsapp/connections`";
    let refused = || BodyError::Fields(vec![FieldError::new("phone_number", "number_not_linked", what)]);
    Ok(store.connection_of(tenant, number).await?.ok_or_else(refused)?)
}

/// The webhook, if it is the tenant's: a subscription that is of no connection is none.
async fn find(store: &impl Couriers, tenant: &TenantId, id: &SubscriptionId) -> Result<Subscription, Refusal> {
    let subscription = subscriptions::find(store, tenant, id).await?;
    if subscription.connection.is_some() { Ok(subscription) } else { Err(Refusal::NotFound) }
}

async fn show(store: &impl Connections, subscription: Subscription, now: Timestamp) -> Result<WebhookAnswer, Refusal> {
    let Some(id) = &subscription.connection else { return Err(Refusal::NotFound) };
    let number = store.connection(&subscription.tenant, id).await?.map(|connection| connection.phone_number);
    let webhook = WebhookView::of(subscription, number.as_ref(), now).ok_or(Refusal::NotFound)?;
    Ok(WebhookAnswer::of(webhook))
}

#[cfg(test)]
#[path = "client_webhooks/tests.rs"]
mod tests;
