//! The stand-ins with a tenant, its key and its sources in their tables, put there by the use cases; and the programs
//! that find them.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use axum::body::Bytes;
use gancho::auth::Credential;
use gancho::aws::{Budget, Store};
use gancho::manage::api_keys::{self, NewKey};
use gancho::manage::chance::Chance;
use gancho::manage::defaults;
use gancho::manage::json_fields::JsonFields;
use gancho::manage::sources::{self, NewSource};
use gancho::model::ids::TenantId;
use gancho::signing::seal::StackKeys;
use gancho::work::Timing;
use gancho_bench::runtime::function::{STACK_KEY, function, trusted};
use gancho_bench::runtime::{Program, Worker};
use gancho_bench::stand_ins::StandIns;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::idempotency;
use crate::routes::{Bodies, Route};
use crate::settings::Settings;

/// What senders of the Cloud API sign with here.
pub(crate) const APP_SECRET: &str = "fake-app-secret-0001";
const ACCOUNT: &str = "9171a53c-1b2c-4f7d-9c1a-000000000001";

/// What opens each door.
pub(crate) struct Credentials {
    pub(crate) c2s: String,
    pub(crate) tenant: String,
    pub(crate) cloud_api: String,
    pub(crate) gateway: String,
    pub(crate) moysklad: String,
}

pub(crate) struct House {
    pub(crate) services: StandIns,
    pub(crate) folder: PathBuf,
    pub(crate) credentials: Credentials,
    trusted: PathBuf,
    bodies: Bodies,
    /// How many requests were made: no two are of one event, but for the duplicates.
    made: AtomicU64,
}

impl House {
    pub(crate) async fn build(settings: &Settings) -> Result<Self> {
        let services = StandIns::start();
        let folder = settings.out.join("receive");
        let trusted = trusted(&services, &folder)?;
        let key = hex::encode(rand::random::<[u8; 32]>());
        services.put_secret(STACK_KEY, &key);
        services.create_table(&idempotency::table());
        let credentials = furnish(&services, &StackKeys::parse(&key)?).await?;
        let bodies = Bodies::read(&settings.events_folder)?;
        Ok(Self { services, folder, credentials, trusted, bodies, made: AtomicU64::new(1) })
    }

    /// The next event of a route.
    pub(crate) fn event(&self, route: Route) -> Bytes {
        let n = self.made.fetch_add(1, Ordering::Relaxed);
        self.bodies.request(route, n, &self.credentials).envelope(n)
    }

    /// `receive`, the floor, the peers.
    pub(crate) async fn programs(&self, settings: &Settings) -> Result<Vec<Program>> {
        let ours = self.program("receive", &settings.receive);
        let items = self.items_of(&ours).await?;
        let mut programs = vec![ours, self.program("floor", &settings.floor).with([("FLOOR_ITEMS", items)])];
        for peer in &settings.peers {
            let mut program = self.program(&peer.name, &settings.receive).with(&peer.env).with([
                ("TABLE_IDEMPOTENCY", idempotency::TABLE.into()),
                ("C2S_TOKEN_HEADER", "x-webhook-token".into()),
                ("AWS_CA_BUNDLE", self.trusted.clone().into_os_string()),
                ("NODE_EXTRA_CA_CERTS", self.services.trust_file(&self.folder)?.into_os_string()),
            ]);
            program.argv = peer.argv.iter().map(Into::into).collect();
            program.directory = Some(peer.cwd.clone());
            programs.push(program);
        }
        Ok(programs)
    }

    fn program(&self, name: &str, binary: &std::path::Path) -> Program {
        let mut program = function(name, binary, &self.services, &self.trusted);
        program.log = Some(self.folder.join(format!("{name}.log")));
        program
    }

    /// Has `receive` take a lead, and keeps what it wrote: the floor writes the same.
    async fn items_of(&self, ours: &Program) -> Result<PathBuf> {
        let mut worker = Worker::start(ours).await?;
        worker.invoke(self.event(Route::Lead)).await?;
        let written = self.services.items(&self.services.tables().events);
        let of = |kind: &str| {
            let found = written.iter().find(|item| item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with(kind)));
            found.cloned().with_context(|| format!("`receive` wrote an item of {kind}"))
        };
        let tables = self.services.tables();
        let hash = Credential::presented(&self.credentials.c2s).context("a credential")?.hash();
        let items = json!({
            "directory": tables.directory,
            "events": tables.events,
            "signals": tables.signals,
            "card": {"pk": {"S": format!("CARD#{hash}")}, "sk": {"S": "CARD"}},
            "row": of("EVENT#")?,
            "body": of("SUBJECT#")?,
        });
        let file = self.folder.join("items.json");
        fs::write(&file, items.to_string())?;
        Ok(file)
    }
}

/// One tenant with a key, and a source for each provider.
async fn furnish(services: &StandIns, keys: &StackKeys) -> Result<Credentials> {
    let aws = services.aws(Budget::WORKER).await;
    let kept_for = SignedDuration::from_hours(24);
    let store = Store::new(&aws, services.tables(), services.queues(), Timing::default(), kept_for);
    let now = Timestamp::now();
    let fill = |buffer: &mut [u8]| rand::fill(buffer);
    let chance = Chance { keys, fill: &fill };
    let c2s = Credential::generate("", rand::random());
    defaults::ensure(&store, &c2s, &Timing::default(), now).await?;
    let tenant = TenantId::default_tenant();
    let new = NewKey::default();
    let (_, key) = api_keys::create(&store, &tenant, new, rand::random(), rand::random(), now).await?;
    let source = async |provider: &str, config: Value| -> Result<String> {
        let body = json!({"provider": provider, "tenant_id": tenant.as_str(), "config": config});
        let new = JsonFields::read(body.to_string().as_bytes()).and_then(NewSource::read);
        let new = new.map_err(|error| anyhow::anyhow!("{error:?}"))?;
        Ok(sources::create(&store, new, &chance, now).await?.token.expose().to_owned())
    };
    let number = |phone: &str| json!([{"phone_number": phone}]);
    Ok(Credentials {
        c2s: c2s.expose().to_owned(),
        tenant: key.expose().to_owned(),
        cloud_api: source("whatsapp_cloud", json!({"app_secret": APP_SECRET, "numbers": number("5511900000090")}))
            .await?,
        gateway: source("baileys", json!({"dialect": "baileys", "numbers": number("5511900000091")})).await?,
        moysklad: source("moysklad", json!({"account_id": ACCOUNT})).await?,
    })
}
