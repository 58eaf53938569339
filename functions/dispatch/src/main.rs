//! Wires `dispatch`.

mod handler;

use std::sync::Arc;

use gancho::aws::{Budget, Store, connect};
use gancho::config::{DispatchConfig, Environment};
use gancho::lambda::{batch, telemetry};
use gancho::switches::Switchboard;
use jiff::Timestamp;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::start(&std::env::var("GANCHO_LOG").unwrap_or_default());
    let config = DispatchConfig::from_vars(&Environment)?;
    let aws = connect(Budget::WORKER.stretched(config.patience)).await;
    let store = Store::new(&aws, config.tables, config.queues, config.timing, config.event_kept_for);
    let shared = Arc::new(handler::Shared {
        switches: Switchboard::new(store.clone()),
        store,
        timing: config.timing,
        kept_for: config.event_kept_for,
        clock: Timestamp::now,
    });
    batch::serve(move |_| handler::Dispatch(shared.clone())).await
}
