//! Wires `enrich`: settings, credentials, the upstreams' clients.

mod handler;
mod upstreams;

use std::sync::Arc;

use gancho::aws::{Budget, Secrets, Store, connect};
use gancho::config::{EnrichConfig, Environment};
use gancho::enrichment::coalesce::LeadRate;
use gancho::enrichment::workflow::{Enricher, Settings};
use gancho::lambda::{batch, telemetry};
use gancho::limits::BreakerRules;
use gancho::signing::seal::StackKeys;
use gancho::switches::Switchboard;
use jiff::{SignedDuration, Timestamp};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::start(&std::env::var("GANCHO_LOG").unwrap_or_default());
    let config = EnrichConfig::from_vars(&Environment)?;
    let aws = connect(Budget::WORKER.stretched(config.dispatch.patience)).await;
    let secrets = Secrets::new(&aws);
    let (stack_key, providers) =
        tokio::try_join!(secrets.read(&config.stack_key_secret), secrets.read(&config.providers_secret))?;
    let upstreams = upstreams::connect(&config, &providers)?;
    let settings = Settings {
        legal_basis: config.legal_basis.clone(),
        resend_after_unknown: config.resend_after_unknown,
        unknown_recheck: config.unknown_recheck,
        lead_rate: LeadRate { per_minute: config.lead_rate, wait: config.coalesce },
        c2s_spacing: config.c2s_spacing,
        work_spacing: config.work_spacing,
        call_time: SignedDuration::try_from(config.upstream_timeout)?,
        party_kept_for: SignedDuration::from_hours(24 * i64::from(config.party_retention_days)),
        event_kept_for: config.dispatch.event_kept_for,
        poll_interval: config.poll_interval,
        max_tries: config.max_tries,
        breaker: BreakerRules::default(),
        timing: config.dispatch.timing,
    };
    let store = Store::new(
        &aws,
        config.dispatch.tables,
        config.dispatch.queues,
        config.dispatch.timing,
        config.dispatch.event_kept_for,
    );
    let enricher = Enricher {
        store: store.clone(),
        finder: upstreams.finder,
        registry: upstreams.registry,
        thread: upstreams.thread,
        keys: StackKeys::parse(&stack_key)?,
        settings,
        clock: Timestamp::now,
        chance: rand::random,
        nonce: rand::random,
    };
    let shared = Arc::new(handler::Shared { enricher, switches: Switchboard::new(store), clock: Timestamp::now });
    let budget = config.work_budget;
    batch::serve(move |deadline| {
        let own = Timestamp::now().saturating_add(budget).unwrap_or(deadline);
        handler::Enrich { shared: shared.clone(), deadline: deadline.min(own) }
    })
    .await
}
