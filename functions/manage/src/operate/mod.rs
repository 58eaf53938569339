//! The operator's side.

mod address;
mod admin;
mod answer;
mod data_subjects;
mod dead_letters;
mod events;
mod metrics;
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
use axum::routing::{delete, get, post, put};
use gancho::auth::Cards;
use gancho::aws::{Secrets, Store};
use gancho::config::OperateSettings;
use gancho::counters::Counters;
use gancho::manage::dead_letters::DeadLetters;
use gancho::manage::directory::Directory;
use gancho::manage::event_file::EventFiles;
use gancho::manage::event_walk::Subjects;
use gancho::manage::listing::Listing;
use gancho::manage::subscribe::Hooks;
use gancho::manage::subscriptions::Subscriptions;
use gancho::manage::switches::SwitchPanel;
use gancho::work::{Bells, Rows};

use crate::operate::admin::{AdminTokens, Gate, TokenSecret};
use crate::operate::subscribe::{C2s, Registrar};
use crate::state::Shared;

/// What the routes need of a store.
pub(crate) trait Backing:
    Bells
    + Cards
    + Counters
    + DeadLetters
    + Directory
    + EventFiles
    + Listing
    + Rows
    + Subjects
    + Subscriptions
    + SwitchPanel
    + 'static
{
}
impl<S> Backing for S where
    S: Bells
        + Cards
        + Counters
        + DeadLetters
        + Directory
        + EventFiles
        + Listing
        + Rows
        + Subjects
        + Subscriptions
        + SwitchPanel
        + 'static
{
}

/// The operator's side, over the real things.
pub(crate) fn router(state: Shared<Store>, settings: OperateSettings, secrets: Secrets) -> Router {
    let tokens = TokenSecret { secrets: secrets.clone(), name: settings.admin_token_secret.clone() };
    routes(state, tokens, C2s { secrets, settings })
}

/// The routes of the operator's side, behind the operator's door.
fn routes<S: Backing, T: AdminTokens, H: Hooks + 'static>(state: Shared<S>, tokens: T, hooks: H) -> Router {
    let admin = Router::new()
        .route("/tenants", get(tenants::list).post(tenants::create))
        .route("/tenants/{id}", get(tenants::read).patch(tenants::change).delete(tenants::remove))
        .route("/tenants/{id}/keys", get(tenants::list_keys).post(tenants::create_key))
        .route("/tenants/{id}/keys/{key}", delete(tenants::remove_key))
        .route("/sources", get(sources::list).post(sources::create))
        .route("/sources/{id}", get(sources::read).patch(sources::change).delete(sources::remove))
        .route("/sources/{id}/rotate", post(sources::rotate))
        .route("/stats", get(overview::read))
        .route("/events", get(events::list))
        .route("/events/{id}", get(events::read))
        .route("/events/{id}/reprocess", post(events::reprocess))
        .route("/data-subjects/report", post(data_subjects::report))
        .route("/data-subjects/erase", post(data_subjects::erase))
        .route("/data-subjects/{id}", get(data_subjects::receipt))
        .route("/switches", get(switches::list))
        .route("/switches/{what}", put(switches::turn))
        .route("/dlq", get(dead_letters::depths))
        .route("/dlq/{queue}/redrive", post(dead_letters::redrive))
        .route("/stack-key/reseal", post(stack_key::reseal));
    let upstream = Router::new()
        .route("/sources/{id}/subscribe", post(subscribe::subscribe))
        .with_state(Arc::new(Registrar { state: state.clone(), hooks }));
    let gate = Gate::new(state.clone(), tokens);
    Router::new()
        .nest("/api/v1/admin", admin.with_state(state.clone()).merge(upstream))
        .route("/metrics", get(metrics::read).with_state(state))
        .route_layer(from_fn_with_state(gate, admin::only_operators::<S, T>))
}
