//! Takes webhooks in. A library beside its binary, so that `/openapi.json` is written from its handlers.

mod body;
mod c2s;
mod counting;
mod handler;
mod health;
mod kept_headers;
mod locker;
mod moysklad;
mod publish;
#[cfg(test)]
mod testing;
mod whatsapp;

use std::sync::{Arc, Mutex};

use gancho::auth::{Door, LastUses};
use gancho::aws::{Budget, Secrets, Store, connect};
use gancho::config::{Environment, ReceiveConfig};
use gancho::lambda::{http, telemetry};
use jiff::Timestamp;

pub use crate::handler::describe;
use crate::locker::Locker;

/// Wires `receive`: settings, warm connections, routes.
///
/// # Errors
/// When a setting is bad, or the runtime cannot be reached.
pub async fn run() -> Result<(), lambda_http::Error> {
    telemetry::start(&std::env::var("GANCHO_LOG").unwrap_or_default());
    let config = ReceiveConfig::from_vars(&Environment)?;
    let aws = connect(Budget::DOORBELL.stretched(config.patience)).await;
    let store = Store::new(&aws, config.tables, config.queues, config.timing, config.event_kept_for);
    // The first call of a cold start is mostly its TLS handshake: it is done here, before a sender waits for it.
    let locker = Locker::of(Secrets::new(&aws), config.stack_key_secret);
    // A doorbell that needs no secret is served without the stack key; one that does asks for it again.
    let _ = tokio::join!(health::look(&store), locker.keys());
    let (door, meter) = (Door::new(store.clone()), store.meter().clone());
    let state = handler::State {
        store,
        door,
        uses: LastUses::default(),
        meter,
        locker,
        timing: config.timing,
        c2s_token_header: config.c2s_token_header,
        clock: Timestamp::now,
        chance: rand::random,
        patience: config.patience,
        arrivals: Mutex::default(),
    };
    http::serve(handler::router(Arc::new(state))).await
}
