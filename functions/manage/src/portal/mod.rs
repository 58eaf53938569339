//! The tenant's side.

mod caller;
mod client_webhooks;
mod connections;
mod deliveries;
mod event_types;
mod stats;
mod subscriptions;

use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use gancho::address::AllowList;
use gancho::auth::{Cards, KeyUses};
use gancho::aws::Store;
use gancho::clients::receiver::Receiver;
use gancho::counters::Counters;
use gancho::delivery::send::Sender;
use gancho::manage::chance::Chance;
use gancho::manage::delivery_list::Horizon;
use gancho::manage::directory::Directory;
use gancho::manage::replay::Replays;
use gancho::manage::subscriptions::Subscriptions;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use crate::openapi;
use crate::state::Shared;

/// What the tenant's handlers are given.
pub(crate) struct Portal<S, T> {
    state: Shared<S>,
    sender: T,
    allowed: AllowList,
    horizon: Horizon,
}

/// What the routes need of a store.
pub(crate) trait Backing:
    Cards + KeyUses + Clone + Counters + Directory + Subscriptions + Replays + 'static
{
}
impl<S: Cards + KeyUses + Clone + Counters + Directory + Subscriptions + Replays + 'static> Backing for S {}

/// What the routes send tests with.
pub(crate) trait Out: Sender + Send + Sync + 'static {}
impl<T: Sender + Send + Sync + 'static> Out for T {}

/// The portal of this process.
pub(crate) fn open(state: Shared<Store>) -> anyhow::Result<Router> {
    let allowed: AllowList = state.config.egress_allow.parse().context("EGRESS_ALLOW")?;
    let sender = Receiver::new(&allowed)?;
    Ok(router(Portal::new(state, sender, allowed)))
}

impl<S, T> Portal<S, T> {
    pub(crate) fn new(state: Shared<S>, sender: T, allowed: AllowList) -> Self {
        let kept_for = state.config.event_kept_for;
        let horizon = Horizon { clock: state.clock, kept_for };
        Self { state, sender, allowed, horizon }
    }

    fn chance(&self) -> Chance<'_> {
        self.state.chances()
    }
}

/// What the tenant's routes stand under.
const UNDER: &str = "/api/v1/tenant/webhooks";

gancho::routes! {
    /// What a tenant manages.
    fn webhooks<S: Backing, T: Out>() -> Router<Arc<Portal<S, T>>>, described by Webhooks:
    "/subscriptions" => post subscriptions::create, get subscriptions::list;
    "/subscriptions/{id}" => get subscriptions::get, patch subscriptions::change, delete subscriptions::delete;
    "/subscriptions/{id}/rotate-secret" => post subscriptions::rotate_secret;
    "/subscriptions/{id}/test" => post subscriptions::test;
    "/subscriptions/{id}/recover" => post subscriptions::recover;
    "/deliveries" => get deliveries::list;
    "/deliveries/{id}" => get deliveries::get;
    "/deliveries/{id}/replay" => post deliveries::replay;
    "/deliveries/{id}/retry" => post deliveries::retry;
    "/event-types" => get event_types::list;
    "/stats" => get stats::read;
}

/// What a client's WhatsApp routes stand under.
const WHATSAPP_UNDER: &str = "/api/whatsapp";

gancho::routes! {
    /// The numbers that a client links.
    fn whatsapp<S: Backing, T: Out>() -> Router<Arc<Portal<S, T>>>, described by Whatsapp:
    "/connections" => post connections::link, get connections::list;
    "/connections/{id}" => get connections::get, delete connections::release;
}

/// What the routes of a client's webhooks stand under.
const WEBHOOKS_UNDER: &str = "/api/webhooks";

gancho::routes! {
    /// What a client manages of its WhatsApp numbers' webhooks.
    fn registered<S: Backing, T: Out>() -> Router<Arc<Portal<S, T>>>, described by Registered:
    "/register" => post client_webhooks::register;
    "/list" => get client_webhooks::list;
    "/{id}" => get client_webhooks::get, patch client_webhooks::change, put client_webhooks::update,
        delete client_webhooks::delete;
    "/{id}/test" => post client_webhooks::test;
    "/{id}/events" => get client_webhooks::events;
    "/{id}/events/{event_id}" => get client_webhooks::event;
    "/{id}/events/{event_id}/retry" => post client_webhooks::retry;
}

/// What `/openapi.json` says of these routes.
pub(crate) fn describe() -> OpenApi {
    OpenApi::default()
        .nest(UNDER, Webhooks::openapi())
        .nest(WHATSAPP_UNDER, Whatsapp::openapi())
        .nest(WEBHOOKS_UNDER, Registered::openapi())
}

/// The routes of the tenant's side.
pub(crate) fn router<S: Backing, T: Out>(portal: Portal<S, T>) -> Router {
    Router::new()
        .nest(UNDER, webhooks())
        .nest(WHATSAPP_UNDER, whatsapp())
        .nest(WEBHOOKS_UNDER, registered())
        .merge(openapi::router())
        .with_state(Arc::new(portal))
}

#[cfg(test)]
mod tests;
