//! One run: a tenant of its own, its subscriptions, the load, and the wait until nothing is under way.

use std::time::{Duration, Instant};

use gancho_tests::api::Api;
use gancho_tests::cloud::Cloud;
use gancho_tests::lead::unique;
use gancho_tests::processes::{Process, processes};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::load::{self, Published};
use crate::outcome::{Circumstances, Outcome};
use crate::receiver::{Mailbox, Receiver};
use crate::scenario::{Load, Scenario, Settings};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// How long nothing may happen before what is missing counts as lost: longer than a lost bell waits for the sweep.
const PATIENCE: Duration = Duration::from_secs(240);

/// A tenant with its mailboxes.
struct Tenant {
    api: Api,
    mailboxes: Vec<String>,
}

/// Runs a scenario.
pub(crate) async fn run(scenario: &Scenario, settings: &Settings, receiver: &Receiver, cloud: &Cloud) -> Outcome {
    cloud.set_workers("deliver", scenario.workers).await;
    let tenant = Tenant::begin(scenario, settings, receiver).await;
    let n_events = settings.webhooks().div_ceil(scenario.subscriptions);
    #[expect(clippy::cast_precision_loss, reason = "a few subscriptions and events")]
    let events_each = (scenario.per_request * scenario.subscriptions) as f64;
    let (published, before) = match scenario.load {
        Load::Offered => {
            let before = processes();
            let apart = Duration::from_secs_f64(events_each / settings.rate);
            (load::publish(&tenant.api, n_events, scenario.per_request, apart).await, before)
        }
        Load::Waiting => {
            cloud.set_consuming("deliver", false).await;
            let published = load::publish(&tenant.api, n_events, scenario.per_request, PAUSE).await;
            let due = due(scenario, &published);
            progress(due, async || tenant.n_deliveries("pending").await).await;
            let before = processes();
            cloud.set_consuming("deliver", true).await;
            (published, before)
        }
    };
    let due = due(scenario, &published);
    progress(due, async || receiver.n_accepted(&tenant.mailboxes)).await;
    let after = processes();
    let recorded = progress(due, async || tenant.n_deliveries("delivered").await).await;
    let mailboxes: Vec<Mailbox> = tenant.mailboxes.iter().map(|mailbox| receiver.close(mailbox)).collect();
    let spent = spent(&before, &after);
    let of = |which: &dyn Fn(Option<&str>) -> bool| {
        spent.iter().filter(|process| which(process.function.as_deref())).map(|process| process.spent).sum()
    };
    let delivers = |function: Option<&str>| function == Some("deliver");
    let run = Circumstances {
        scenario: *scenario,
        offered_per_second: settings.rate,
        recorded,
        workers: spent.iter().filter(|process| delivers(process.function.as_deref())).map(|p| p.pid).collect(),
        functions: of(&|function| function.is_some()),
        deliver: of(&delivers),
        cloud: of(&|function| function.is_none()),
    };
    Outcome::of(run, &published, &mailboxes)
}

/// Webhooks that are due for what the platform has taken.
fn due(scenario: &Scenario, published: &Published) -> usize {
    published.taken.iter().filter(|taken| **taken).count() * scenario.subscriptions
}

/// Looks until there are so many, or until nothing has changed for long; how many there are.
async fn progress(wanted: usize, mut look: impl AsyncFnMut() -> usize) -> usize {
    let (mut seen, mut since) = (0, Instant::now());
    loop {
        let now = look().await;
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
        if seen >= wanted || since.elapsed() > PATIENCE {
            return seen;
        }
        sleep(PAUSE).await;
    }
}

/// What each process has spent in between, if anything.
fn spent(before: &[Process], after: &[Process]) -> Vec<Process> {
    let earlier = |pid| before.iter().find(|process| process.pid == pid).map_or(Duration::ZERO, |found| found.spent);
    let between = |process: &Process| Process { spent: process.spent - earlier(process.pid), ..process.clone() };
    after.iter().map(between).filter(|process| process.spent > Duration::ZERO).collect()
}

impl Tenant {
    async fn begin(scenario: &Scenario, settings: &Settings, receiver: &Receiver) -> Self {
        let (operator, name) = (Api::operator(), format!("bench-{}", unique()));
        let made = operator.post("/api/v1/admin/tenants", &json!({"name": name})).await.with(201);
        let keys = format!("/api/v1/admin/tenants/{}/keys", made["id"].as_str().expect("an id"));
        let key = operator.post(&keys, &json!({})).await.with(201);
        let mut tenant = Self { api: Api::bearer(key["key"].as_str().expect("the key")), mailboxes: Vec::new() };
        for seed in (settings.seed..).take(scenario.subscriptions) {
            let mailbox = format!("{name}-{}", tenant.mailboxes.len());
            let order = json!({"url": receiver.address(&mailbox), "event": "payment.received"});
            let made = tenant.api.post("/api/v1/tenant/webhooks/subscriptions", &order).await.with(201);
            receiver.open(&mailbox, made["secret"].as_str().expect("shown this once"), scenario.failing, seed);
            tenant.mailboxes.push(mailbox);
        }
        tenant
    }

    /// How many deliveries the platform's own list has in this status.
    async fn n_deliveries(&self, status: &str) -> usize {
        let (mut n, mut cursor) = (0, String::new());
        loop {
            let path = format!("/api/v1/tenant/webhooks/deliveries?status={status}&limit=100{cursor}");
            let page = self.api.get(&path).await.with(200);
            n += page["data"].as_array().map_or(0, Vec::len);
            match &page["next_cursor"] {
                Value::String(next) => cursor = format!("&cursor={next}"),
                _ => return n,
            }
        }
    }
}
