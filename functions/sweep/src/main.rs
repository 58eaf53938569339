//! Wires `sweep`.

mod handler;

use std::sync::Arc;

use anyhow::Context as _;
use gancho::auth::Credential;
use gancho::aws::{Budget, Secrets, Store, connect};
use gancho::config::{Environment, SweepConfig};
use gancho::lambda::telemetry;
use gancho::manage::defaults;
use gancho::work::SweepLimits;
use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::start(&std::env::var("GANCHO_LOG").unwrap_or_default());
    let config = SweepConfig::from_vars(&Environment)?;
    let aws = connect(Budget::WORKER.stretched(config.patience)).await;
    let store = Store::new(&aws, config.tables, config.queues, config.timing, config.event_kept_for);
    let token = Secrets::new(&aws).read(&config.c2s_token_secret).await?;
    let token = Credential::presented(token.trim()).context("the token of the default source is empty")?;
    defaults::ensure(&store, &token, &config.timing, Timestamp::now()).await?;
    let limits = SweepLimits { cap: config.cap, ..SweepLimits::default() };
    let sweeper = Arc::new(handler::Sweeper { store, timing: config.timing, limits, clock: Timestamp::now });
    run(service_fn(move |event: LambdaEvent<Value>| {
        let sweeper = sweeper.clone();
        async move { sweeper.run(event.context.deadline).await }
    }))
    .await
}
