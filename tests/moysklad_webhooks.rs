//! The operator's calls on webhooks by the real client, against the sandbox: what MoySklad takes, and what it refuses.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails its test")]

use std::net::SocketAddr;

use gancho::clients::{HookPrefix, MoyskladClient, MoyskladConfig, Secret, upstream_http};
use gancho::manage::json_fields::JsonFields;
use gancho::manage::moysklad::account_body::NewAccount;
use gancho::manage::moysklad::accounts::{create, remove};
use gancho::manage::moysklad::desk::{Desk, HookClients, NoClient};
use gancho::manage::moysklad::health::check;
use gancho::manage::moysklad::selection::{Selection, find};
use gancho::manage::moysklad::webhooks::{delete_all, list, set_up};
use gancho::manage::sources::{self, DEFAULT_OVERLAP};
use gancho::manage::tenants::{self, TenantFields};
use gancho::model::moysklad::{Account, AccountId};
use gancho::sync::ports::Hooks;
use gancho::testing::MemoryStore;
use gancho::testing::samples::{FixedChance, counting_chance};
use gancho::work::Timing;
use gancho_tests::sandbox::{self, Credentials, Running};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Where webhooks would ring.
const BASE: &str = "https://hooks.example.com";

struct Sandboxed {
    base_url: String,
    upstream: reqwest::Client,
}

impl HookClients for Sandboxed {
    type Client = MoyskladClient;

    fn client(&self, _: &Account, token: &str, prefix: &str) -> Result<MoyskladClient, NoClient> {
        let prefix = HookPrefix::new(prefix).map_err(|_| NoClient::NoPublicUrl)?;
        let config = MoyskladConfig {
            base_url: self.base_url.clone(),
            token: Secret::new(token),
            timeout: MoyskladClient::TIMEOUT,
            clock: Timestamp::now,
        };
        MoyskladClient::new(self.upstream.clone(), config, prefix).map_err(|_| NoClient::Misconfigured)
    }
}

struct Play {
    clients: Sandboxed,
    store: MemoryStore,
    chance: FixedChance,
    main: AccountId,
    child: AccountId,
    _sandbox: Running,
}

impl Play {
    async fn new() -> Self {
        let upstream = upstream_http().unwrap();
        let sandbox = sandbox::start(SocketAddr::from(([127, 0, 0, 1], 0)), Credentials::default()).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let (store, chance) = (MemoryStore::default(), counting_chance());
        let tenant = "ten_1".parse().unwrap();
        tenants::create(&store, tenant, TenantFields::default(), Timestamp::now()).await.unwrap();
        let mut ids: Vec<AccountId> = Vec::new();
        for name in ["main", "child"] {
            let token = format!("token-of-{name}");
            let order = json!({"name": name, "tokens": [{"token": token, "kind": "solution"}]});
            let url = format!("{}/control/moysklad/accounts", sandbox.url());
            let made: Value = http.post(url).json(&order).send().await.unwrap().json().await.unwrap();
            ids.push(made["id"].as_str().unwrap().parse().unwrap());
            let mut body = json!({"tenant_id": "ten_1", "account_id": ids.last(), "role": name, "token": token});
            if name == "child" {
                body["main_account_id"] = json!(ids[0]);
                let orders = json!({"kinds": ["customerorder", "demand", "retaildemand"], "organization": ids[0],
                    "agent": ids[0], "store": ids[0]});
                let entities = ["product", "service", "variant", "bundle", "productfolder"];
                body["settings"] = json!({"entities": entities, "match_field": "code", "orders": orders});
            }
            let new = NewAccount::read(JsonFields::read(body.to_string().as_bytes()).unwrap()).unwrap();
            create(&store, new, &chance.of(), &Timing::default(), Timestamp::now()).await.unwrap();
        }
        let base_url = format!("{}/moysklad/api/remap/1.2", sandbox.url());
        let clients = Sandboxed { base_url, upstream };
        Self { clients, store, chance, main: ids[0], child: ids[1], _sandbox: sandbox }
    }

    async fn at_the_desk<T>(&self, act: impl AsyncFnOnce(&Desk<'_, MemoryStore, Sandboxed>) -> T) -> T {
        let (chance, timing, clock) = (self.chance.of(), Timing::default(), Timestamp::now);
        let desk = Desk {
            store: &self.store,
            clients: &self.clients,
            chance: &chance,
            base: BASE,
            timing: &timing,
            clock: &clock,
            since: Timestamp::now(),
        };
        act(&desk).await
    }

    async fn set_up(&self) -> Vec<Value> {
        let done = self.at_the_desk(async |desk| set_up(desk, all()).await).await.unwrap();
        done.data.iter().map(|one| json!(one)).collect()
    }

    async fn is_well(&self) -> bool {
        let told = self.at_the_desk(async |desk| check(desk, all()).await).await.unwrap();
        told.data.iter().all(|health| health.ok)
    }
}

fn all() -> Selection {
    Selection::read(JsonFields::read(br#"{"all": true}"#).unwrap()).unwrap()
}

/// How many webhooks ended so.
fn n_of(done: &[Value], result: &str) -> usize {
    let hooks = done.iter().flat_map(|one| one["webhooks"].as_array().unwrap());
    hooks.filter(|hook| hook["result"] == result).count()
}

#[tokio::test]
async fn every_webhook_that_is_wanted_is_taken_and_a_second_set_up_changes_nothing() {
    let play = Play::new().await;
    assert!(!play.is_well().await);
    let first = play.set_up().await;
    // Of the main account three actions of five kinds; of the child two of three kinds, and five deletions.
    assert_eq!((n_of(&first, "made"), n_of(&first, "failed")), (15 + 11, 0), "{first:?}");
    assert!(play.is_well().await);
    let second = play.set_up().await;
    assert_eq!((n_of(&second, "kept"), n_of(&second, "made")), (26, 0), "{second:?}");
    let shown = play.at_the_desk(async |desk| list(desk, all()).await).await.unwrap();
    assert!(shown.data.iter().flat_map(|one| &one.webhooks).all(|hook| hook.ours && hook.enabled));
    let gone = play.at_the_desk(async |desk| delete_all(desk, all(), false).await).await.unwrap();
    let gone: Vec<Value> = gone.data.iter().map(|one| json!(one)).collect();
    assert_eq!(n_of(&gone, "deleted"), 26);
    assert!(!play.is_well().await);
}

#[tokio::test]
async fn a_rotated_source_has_its_webhooks_made_anew_and_what_was_switched_off_rings_again() {
    let play = Play::new().await;
    play.set_up().await;
    let account = find(&play.store, None, play.child).await.unwrap().unwrap();
    let prefix = format!("{BASE}/api/webhooks/moysklad/");
    let client = play.clients.client(&account, "token-of-child", &prefix).unwrap();
    let hooks = client.hooks().await.unwrap();
    client.enable_hook(hooks[0].id, false).await.unwrap();
    assert!(!play.is_well().await);
    assert_eq!(n_of(&play.set_up().await, "enabled"), 1);
    assert!(play.is_well().await);
    sources::rotate(&play.store, &account.source, DEFAULT_OVERLAP, [9; 32], Timestamp::now()).await.unwrap();
    assert!(!play.is_well().await);
    let anew = play.set_up().await;
    assert_eq!((n_of(&anew, "made"), n_of(&anew, "deleted"), n_of(&anew, "failed")), (11, 11, 0), "{anew:?}");
    assert!(play.is_well().await);
    let gone = play.at_the_desk(async |desk| remove(desk, None, play.child, false).await).await.unwrap();
    assert_eq!((gone.webhooks_deleted, gone.webhooks_left), (11, Some(0)));
    assert_eq!(client.hooks().await.unwrap(), []);
    assert_eq!(
        play.at_the_desk(async |desk| remove(desk, None, play.main, false).await).await.unwrap().webhooks_deleted,
        15
    );
}
