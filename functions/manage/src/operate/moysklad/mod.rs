//! `/api/v1/admin/moysklad`

mod accounts;
mod clients;
mod running;
#[cfg(test)]
mod tests;
mod webhooks;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use gancho::manage::moysklad::desk::{Desk, HookClients};
use jiff::Timestamp;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

pub(super) use self::clients::Moysklad;
use super::Backing;
use crate::address::Base;
use crate::state::Shared;

/// What the routes work with.
pub(super) struct Office<S, C> {
    pub(super) state: Shared<S>,
    pub(super) clients: C,
}

impl<S: Backing, C: HookClients> Office<S, C> {
    /// Does something that may ask MoySklad.
    async fn at_the_desk<T>(&self, base: &Base, act: impl AsyncFnOnce(&Desk<'_, S, C>) -> T) -> T {
        let chance = self.state.chances();
        let clock = || self.state.now();
        let desk = Desk {
            store: &self.state.store,
            clients: &self.clients,
            chance: &chance,
            base: base.as_str(),
            timing: &self.state.config.timing,
            clock: &clock,
            since: self.now(),
        };
        act(&desk).await
    }

    fn now(&self) -> Timestamp {
        self.state.now()
    }
}

impl<S: Backing, C: HookClients + 'static> FromRequestParts<Arc<Office<S, C>>> for Base {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, office: &Arc<Office<S, C>>) -> Result<Self, Infallible> {
        Ok(Self::of(&office.state, parts))
    }
}

gancho::routes! {
    /// Accounts, and all that is done for them.
    fn table<S: Backing, C: HookClients>() -> Router<Arc<Office<S, C>>>, described by Accounts:
    "/accounts" => get accounts::list, post accounts::create;
    "/accounts/{account_id}" => get accounts::read, patch accounts::change, delete accounts::remove;
    "/webhooks" => get webhooks::list;
    "/webhooks/setup" => post webhooks::set_up;
    "/webhooks/delete-all" => post webhooks::delete_all;
    "/health-check" => get webhooks::look_over, post webhooks::check;
    "/stats" => get running::stats;
    "/loops" => get running::loops;
    "/loops/close" => post running::close_loop;
    "/resync" => get running::resync_progress, post running::resync;
    "/emergency-stop" => get running::stopped, post running::stop, delete running::lift;
}

/// What they stand under, below the operator's.
pub(super) const UNDER: &str = "/moysklad";

/// The routes.
pub(super) fn router<S: Backing, C: HookClients + 'static>(office: Office<S, C>) -> Router {
    Router::new().nest(UNDER, table()).with_state(Arc::new(office))
}

/// What `/openapi.json` says of them.
pub(super) fn describe() -> OpenApi {
    OpenApi::default().nest(UNDER, Accounts::openapi())
}

/// The method and path of each.
#[cfg(test)]
pub(super) const ROUTES: &[(&str, &str)] = Accounts::ROUTES;
