//! Wires `sync`: settings, the stack key, the accounts' clients.

mod handler;

use std::sync::Arc;

use gancho::aws::{Budget, Secrets, Store, connect};
use gancho::clients::{HookPrefix, MoyskladClients, Secret, upstream_http};
use gancho::config::{Environment, SyncConfig};
use gancho::lambda::{batch, telemetry};
use gancho::model::event::Provider;
use gancho::providers::doorbell;
use gancho::signing::seal::StackKeys;
use gancho::switches::Switchboard;
use gancho::sync::syncer::{Settings, Syncer};
use jiff::{SignedDuration, Timestamp};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::start(&std::env::var("GANCHO_LOG").unwrap_or_default());
    let config = SyncConfig::from_vars(&Environment)?;
    let aws = connect(Budget::WORKER.stretched(config.dispatch.patience)).await;
    let keys = StackKeys::parse(&Secrets::new(&aws).read(&config.stack_key_secret).await?)?;
    let bells = doorbell(Provider::Moysklad).unwrap_or_default();
    let prefix = HookPrefix::new(&format!("{}{bells}/", config.public_url))?;
    let open = move |account: &gancho::model::moysklad::Account| {
        keys.open_text(&account.token, &account.tenant, &account.seal_name()).map(Secret::new).ok()
    };
    let clients = MoyskladClients::new(
        upstream_http()?,
        &config.moysklad_base_url,
        config.upstream_timeout,
        Timestamp::now,
        prefix,
        open,
    )?;
    let settings = Settings {
        call_time: SignedDuration::try_from(clients.longest_call())?,
        poll_interval: config.poll_interval,
        event_kept_for: config.dispatch.event_kept_for,
        timing: config.dispatch.timing,
    };
    let store = Store::new(
        &aws,
        config.dispatch.tables,
        config.dispatch.queues,
        config.dispatch.timing,
        config.dispatch.event_kept_for,
    );
    let syncer = Syncer { store: store.clone(), memory: store.clone(), clients, settings, clock: Timestamp::now };
    let shared = Arc::new(handler::Shared { syncer, switches: Switchboard::new(store), clock: Timestamp::now });
    let budget = config.work_budget;
    batch::serve(move |deadline| {
        let own = Timestamp::now().saturating_add(budget).unwrap_or(deadline);
        handler::Sync { shared: shared.clone(), deadline: deadline.min(own) }
    })
    .await
}
