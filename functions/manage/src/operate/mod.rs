//! The operator's side.

mod admin;
mod answer;
mod connections;
mod data_subjects;
mod dead_letters;
mod events;
mod metrics;
mod moysklad;
mod overview;
mod sources;
mod stack_key;
mod subscribe;
mod switches;
mod tenants;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use gancho::auth::Cards;
use gancho::aws::{Secrets, Store};
use gancho::config::OperateSettings;
use gancho::counters::Counters;
use gancho::manage::dead_letters::DeadLetters;
use gancho::manage::directory::Directory;
use gancho::manage::event_file::EventFiles;
use gancho::manage::event_walk::Subjects;
use gancho::manage::listing::Listing;
use gancho::manage::moysklad::desk::HookClients;
use gancho::manage::subscribe::Hooks;
use gancho::manage::subscriptions::Subscriptions;
use gancho::manage::switches::SwitchPanel;
use gancho::sync::store::{DirtyRows, Drains, GuardRows, Mappings, Tallies};
use gancho::work::{Bells, Rows};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use crate::operate::admin::{AdminTokens, Gate, TokenSecret};
use crate::operate::moysklad::{Moysklad, Office};
use crate::operate::subscribe::{C2s, Registrar};
use crate::state::Shared;

/// What the routes need of a store.
pub(crate) trait Backing:
    Bells
    + Cards
    + Counters
    + DeadLetters
    + Directory
    + DirtyRows
    + Drains
    + EventFiles
    + GuardRows
    + Listing
    + Mappings
    + Rows
    + Subjects
    + Subscriptions
    + SwitchPanel
    + Tallies
    + 'static
{
}
impl<S> Backing for S where
    S: Bells
        + Cards
        + Counters
        + DeadLetters
        + Directory
        + DirtyRows
        + Drains
        + EventFiles
        + GuardRows
        + Listing
        + Mappings
        + Rows
        + Subjects
        + Subscriptions
        + SwitchPanel
        + Tallies
        + 'static
{
}

/// The operator's side, over the real things.
pub(crate) fn router(state: Shared<Store>, settings: OperateSettings, secrets: Secrets) -> Router {
    let tokens = TokenSecret { secrets: secrets.clone(), name: settings.admin_token_secret.clone() };
    let moysklad = Moysklad { base_url: settings.moysklad_base_url.clone(), clock: state.clock };
    routes(state, tokens, C2s { secrets, settings }, moysklad)
}

/// The routes of the operator's side, behind the operator's door.
fn routes<S, T, H, C>(state: Shared<S>, tokens: T, hooks: H, clients: C) -> Router
where
    S: Backing,
    T: AdminTokens,
    H: Hooks + 'static,
    C: HookClients + 'static,
{
    let accounts = Router::new().nest(UNDER, moysklad::router(Office { state: state.clone(), clients }));
    let provider =
        Router::new().nest(UNDER, upstream()).with_state(Arc::new(Registrar { state: state.clone(), hooks }));
    let gate = Gate::new(state.clone(), tokens);
    Router::new()
        .nest(UNDER, admin())
        .merge(counters())
        .with_state(state)
        .merge(provider)
        .merge(accounts)
        .route_layer(from_fn_with_state(gate, admin::only_operators::<S, T>))
}

/// What the operator's routes stand under, all but one.
const UNDER: &str = "/api/v1/admin";

gancho::routes! {
    /// What needs nothing but the platform.
    fn admin<S: Backing>() -> Router<Shared<S>>, described by Admin:
    "/tenants" => get tenants::list, post tenants::create;
    "/tenants/{id}" => get tenants::read, patch tenants::change, delete tenants::remove;
    "/tenants/{id}/keys" => get tenants::list_keys, post tenants::create_key;
    "/tenants/{id}/keys/{key}" => delete tenants::remove_key;
    "/sources" => get sources::list, post sources::create;
    "/sources/{id}" => get sources::read, patch sources::change, delete sources::remove;
    "/sources/{id}/rotate" => post sources::rotate;
    "/whatsapp/connections" => get connections::list;
    "/whatsapp/connections/release" => post connections::release;
    "/stats" => get overview::read;
    "/events" => get events::list;
    "/events/{id}" => get events::read;
    "/events/{id}/reprocess" => post events::reprocess;
    "/data-subjects/report" => post data_subjects::report;
    "/data-subjects/erase" => post data_subjects::erase;
    "/data-subjects/{id}" => get data_subjects::receipt;
    "/switches" => get switches::list;
    "/switches/{what}" => put switches::turn;
    "/dlq" => get dead_letters::depths;
    "/dlq/{queue}/redrive" => post dead_letters::redrive;
    "/stack-key/reseal" => post stack_key::reseal;
}

gancho::routes! {
    /// What asks a provider.
    fn upstream<S: Backing, H: Hooks>() -> Router<Arc<Registrar<S, H>>>, described by Upstream:
    "/sources/{id}/subscribe" => post subscribe::subscribe;
}

gancho::routes! {
    /// What a monitoring system asks for.
    fn counters<S: Backing>() -> Router<Shared<S>>, described by Monitoring:
    "/metrics" => get metrics::read;
}

/// What `/openapi.json` says of these routes.
pub(crate) fn describe() -> OpenApi {
    let mut admin = Admin::openapi();
    admin.merge(Upstream::openapi());
    admin.merge(moysklad::describe());
    let mut described = OpenApi::default().nest(UNDER, admin);
    described.merge(Monitoring::openapi());
    described
}
