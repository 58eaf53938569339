//! Wires `deliver`: settings, the stack key, the way out.

mod handler;

use std::sync::Arc;

use gancho::address::AllowList;
use gancho::aws::{Budget, Secrets, Store, connect};
use gancho::clients::receiver::Receiver;
use gancho::config::{DeliverConfig, Environment};
use gancho::delivery::courier::Courier;
use gancho::delivery::health::GoodAnswers;
use gancho::lambda::{batch, telemetry};
use gancho::signing::seal::StackKeys;
use gancho::switches::Switchboard;
use jiff::Timestamp;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::start(&std::env::var("GANCHO_LOG").unwrap_or_default());
    let config = DeliverConfig::from_vars(&Environment)?;
    let allowed: AllowList = config.egress_allow.parse()?;
    let aws = connect(Budget::WORKER.stretched(config.dispatch.patience)).await;
    let keys = StackKeys::parse(&Secrets::new(&aws).read(&config.stack_key_secret).await?)?;
    let store = Store::new(
        &aws,
        config.dispatch.tables,
        config.dispatch.queues,
        config.dispatch.timing,
        config.dispatch.event_kept_for,
    );
    let courier = Courier {
        store: store.clone(),
        sender: Receiver::new(&allowed)?,
        keys,
        allowed,
        timing: config.dispatch.timing,
        kept_for: config.dispatch.event_kept_for,
        good: GoodAnswers::default(),
        clock: Timestamp::now,
        chance: rand::random,
    };
    let courier = Arc::new(courier);
    let switches = Arc::new(Switchboard::new(store));
    let budget = config.work_budget;
    batch::serve(move |deadline| {
        let own = Timestamp::now().saturating_add(budget).unwrap_or(deadline);
        let (courier, switches, counting) = (courier.clone(), switches.clone(), handler::Counting::default());
        handler::Deliver { courier, switches, deadline: deadline.min(own), counting }
    })
    .await
}
