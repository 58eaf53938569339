//! The APIs people manage things by. One binary, two functions with a role each: `GANCHO_FACE` says which this is.

mod address;
mod body;
mod openapi;
mod operate;
mod portal;
mod state;
#[cfg(test)]
mod testing;

use anyhow::Context;
use gancho::aws::{self, Budget, Secrets, Store};
use gancho::config::{Environment, Face, ManageConfig, Variables};
use gancho::lambda::{http, telemetry};
use gancho::signing::seal::StackKeys;

use crate::state::State;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::start(&Environment.get("GANCHO_LOG").unwrap_or_default());
    let config = ManageConfig::from_vars(&Environment)?;
    let aws = aws::connect(Budget::WORKER.stretched(config.patience)).await;
    let mut store =
        Store::new(&aws, config.tables.clone(), config.queues.clone(), config.timing, config.event_kept_for);
    if let Face::Operate(settings) = &config.face {
        store = store.with_dead_letters(settings.dead_letters.clone());
    }
    let secrets = Secrets::new(&aws);
    let keys = StackKeys::parse(&secrets.read(&config.stack_key_secret).await?).context("the stack key")?;
    let state = State::new(store, keys, config);
    let router = match state.config.face.clone() {
        Face::Portal => portal::open(state)?,
        Face::Operate(settings) => operate::router(state, *settings, secrets),
    };
    http::serve(router).await
}
