//! The stand-ins with tenants whose subscriptions lead to receivers here, made by the use cases; and events that are
//! fanned out to them as `dispatch` does it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use axum::body::Bytes;
use gancho::address::AllowList;
use gancho::auth::TenantCaller;
use gancho::aws::{Budget, Store};
use gancho::dispatch::{Keep, Subscribers, fan_out};
use gancho::intake;
use gancho::manage::chance::Chance;
use gancho::manage::subscriptions;
use gancho::manage::tenants::{self, TenantFields};
use gancho::model::ids::TenantId;
use gancho::providers;
use gancho::providers::tenant::payload::{Request, parse};
use gancho::providers::tenant::verify::{Identity, incoming};
use gancho::signing::seal::StackKeys;
use gancho::work::Timing;
use gancho_bench::runtime::Program;
use gancho_bench::runtime::envelope::batch;
use gancho_bench::runtime::function::{STACK_KEY, function, trusted};
use gancho_bench::stand_ins::StandIns;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::receivers::Receivers;
use crate::settings::Settings;

/// Most subscriptions that a tenant may make.
const OF_A_TENANT: usize = 100;
/// Bells that SQS hands over at a time.
const BATCH: usize = 10;

pub(crate) struct House {
    pub(crate) services: StandIns,
    pub(crate) receivers: Receivers,
    pub(crate) store: Store,
    pub(crate) keys: StackKeys,
    pub(crate) allowed: AllowList,
    /// `host:port` of every receiver.
    egress: String,
    folder: PathBuf,
    trusted: PathBuf,
    tenants: Vec<TenantId>,
}

/// The bells of a queue, as batches that Lambda hands over; and how many they are.
pub(crate) struct Batches {
    pub(crate) batches: Vec<Bytes>,
    pub(crate) bells: usize,
}

impl House {
    /// Receivers with a subscription each, of which the first `slow` are slow.
    pub(crate) async fn build(settings: &Settings, endpoints: usize, slow: usize) -> Result<Self> {
        let services = StandIns::start();
        let folder = settings.out.join("deliver");
        let trusted = trusted(&services, &folder)?;
        let key = hex::encode(rand::random::<[u8; 32]>());
        services.put_secret(STACK_KEY, &key);
        let takes = Duration::from_millis(settings.slow_ms);
        let receivers = Receivers::open(endpoints, slow, takes, services.server_config()).await?;
        let egress = receivers.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",");
        let aws = services.aws(Budget::WORKER.stretched(10)).await;
        let kept_for = SignedDuration::from_hours(24);
        let store = Store::new(&aws, services.tables(), services.queues(), Timing::default(), kept_for);
        let (keys, allowed) = (StackKeys::parse(&key)?, egress.parse()?);
        let mut house =
            Self { services, receivers, store, keys, allowed, egress, folder, trusted, tenants: Vec::new() };
        house.subscribe().await?;
        Ok(house)
    }

    async fn subscribe(&mut self) -> Result<()> {
        let fill = |buffer: &mut [u8]| rand::fill(buffer);
        let (chance, now) = (Chance { keys: &self.keys, fill: &fill }, Timestamp::now());
        for (n, ports) in self.receivers.ports.chunks(OF_A_TENANT).enumerate() {
            let tenant: TenantId = format!("ten_{n}").parse().map_err(|error| anyhow!("{error:?}"))?;
            tenants::create(&self.store, tenant.clone(), TenantFields::default(), now).await?;
            for port in ports {
                let url = format!("https://127.0.0.1:{port}/{port}");
                let body = json!({"url": url, "events": ["payment.received"]}).to_string();
                let made = subscriptions::create(&self.store, &tenant, body.as_bytes(), &self.allowed, &chance, now);
                made.await.map_err(|error| anyhow!("{error:?}"))?;
            }
            self.tenants.push(tenant);
        }
        Ok(())
    }

    /// A process of `deliver`.
    pub(crate) fn program(&self, name: &str, binary: &Path) -> Program {
        let mut program = function(name, binary, &self.services, &self.trusted);
        program = program.with([("EGRESS_ALLOW", &self.egress)]);
        program.log = Some(self.folder.join(format!("{name}.log")));
        program
    }

    /// Publishes events until at least so many deliveries wait; the bells of either queue.
    pub(crate) async fn publish(&self, deliveries: usize) -> Result<(Batches, Batches)> {
        let mut wait = 0;
        while wait < deliveries {
            for tenant in &self.tenants {
                wait += self.publish_one(tenant).await?;
            }
        }
        Ok((self.bells("DeliveryQueue"), self.bells("DeliverySlowQueue")))
    }

    /// As `receive` and `dispatch` do it, but for the bell between them.
    async fn publish_one(&self, tenant: &TenantId) -> Result<usize> {
        let now = Timestamp::now();
        let payment = json!({
            "type": "payment.received",
            "timestamp": now.to_string(),
            "data": {
                "payment_id": "pay_1001", "invoice_id": "inv_2001", "amount": "1500.00", "currency": "EUR",
                "payment_method": "bank_transfer", "reference_number": "REF-2025-001", "status": "completed",
                "received_at": "2025-01-20T10:00:00Z",
            },
        });
        let Ok(Request::One(Ok(event))) = parse(payment.to_string().as_bytes(), now) else {
            bail!("the payment is as the catalogue has it")
        };
        let caller = TenantCaller { tenant: tenant.clone(), key: "key_1".parse().map_err(|e| anyhow!("{e:?}"))? };
        let event = incoming(&caller, event, Identity { key: None, index: None, chance: rand::random() }, now);
        let row = intake::row(&event, now, &Timing::default());
        let recorded = intake::record(&self.store, std::slice::from_ref(&event), &Timing::default(), now).await;
        recorded.recorded()?;
        let announcement = providers::announce(&row, event.body())?;
        Ok(fan_out(&self.store, &announcement, Keep::Already, &Timing::default(), now).await?)
    }

    fn bells(&self, queue: &str) -> Batches {
        let bodies: Vec<String> = self.services.drain(queue).into_iter().map(|sent| sent.body).collect();
        let batches = bodies.chunks(BATCH).map(|some| batch(queue, some)).collect();
        Batches { batches, bells: bodies.len() }
    }

    /// Any of the subscriptions.
    pub(crate) async fn a_subscription(&self) -> Result<gancho::model::subscription::Subscription> {
        let tenant = self.tenants.first().ok_or_else(|| anyhow!("there is a tenant"))?;
        let all = self.store.subscribers(tenant).await?;
        all.into_iter().next().ok_or_else(|| anyhow!("it has a subscription"))
    }
}
