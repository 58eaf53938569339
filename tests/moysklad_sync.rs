//! The real client and the drain of dirty rows, against the sandbox: two accounts are brought into step and stay so.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails its test")]

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;

use gancho::clients::{HookPrefix, MoyskladClient, MoyskladConfig, Secret, upstream_http};
use gancho::model::ids::TenantId;
use gancho::model::moysklad::{Account, AccountId, Action, EntityId, EntityKind, EntityRef, Groups, Role};
use gancho::model::sealed::Sealed;
use gancho::providers::moysklad::payload::Notice;
use gancho::sync::plan::{Mark, id_of};
use gancho::sync::ports::{Audit, Hooks, MoyskladError};
use gancho::sync::store::{Clients, DirtyRows};
use gancho::sync::worker::{Drain, Drained, Heard, Teller, drain, take_notice};
use gancho::testing::memory_sync::{MemorySync, Nobody};
use gancho_tests::sandbox::{self, Credentials, Running};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// As long as an entity stands aside at which MoySklad was silent.
const ASIDE: SignedDuration = SignedDuration::from_secs(30);
const DOORBELLS: &str = "https://hooks.example.com/api/webhooks/moysklad/";

/// An account of the sandbox, and what it is furnished with.
struct Opened {
    id: AccountId,
    furnished: Value,
}

impl Opened {
    fn own(&self, what: &str) -> EntityId {
        self.furnished[what]["id"].as_str().unwrap().parse().unwrap()
    }
}

#[derive(Default)]
struct ByAccount {
    clients: HashMap<AccountId, MoyskladClient>,
    base: String,
}

impl Clients for ByAccount {
    type Client = MoyskladClient;

    fn client(&self, account: &Account) -> Option<MoyskladClient> {
        self.clients.get(&account.id).cloned()
    }

    fn base(&self) -> &str {
        &self.base
    }
}

/// A main account and a child of it.
struct Play {
    sandbox: Running,
    http: reqwest::Client,
    clients: ByAccount,
    store: MemorySync,
    main: Opened,
    child: Opened,
}

impl Play {
    async fn new() -> Self {
        // Both clients here come with this one's cryptography.
        let upstream = upstream_http().unwrap();
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let sandbox = sandbox::start(anywhere, Credentials::default()).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let base = format!("{}/moysklad/api/remap/1.2", sandbox.url());
        let mut clients = ByAccount { base: base.clone(), ..ByAccount::default() };
        let mut opened = Vec::new();
        for name in ["main", "child"] {
            let token = format!("token-of-{name}");
            let order = json!({"name": name, "tokens": [{"token": token, "kind": "solution"}]});
            let url = format!("{}/control/moysklad/accounts", sandbox.url());
            let furnished: Value = http.post(url).json(&order).send().await.unwrap().json().await.unwrap();
            let id: AccountId = furnished["id"].as_str().unwrap().parse().unwrap();
            let config = MoyskladConfig {
                base_url: base.clone(),
                token: Secret::new(token),
                timeout: MoyskladClient::TIMEOUT,
                clock: Timestamp::now,
            };
            let prefix = HookPrefix::new(DOORBELLS).unwrap();
            clients.clients.insert(id, MoyskladClient::new(upstream.clone(), config, prefix).unwrap());
            opened.push(Opened { id, furnished });
        }
        let (child, main) = (opened.pop().unwrap(), opened.pop().unwrap());
        let store = MemorySync::default();
        let settings = serde_json::from_value(json!({
            "entities": ["product", "service", "variant", "bundle", "productfolder"], "match_field": "external_code",
            "orders": {"kinds": ["customerorder"], "organization": main.own("organization"), "agent": main.own("counterparty")},
        }));
        let settings = Box::new(settings.unwrap());
        for (id, role) in [(main.id, Role::Main), (child.id, Role::Child { main: main.id, settings })] {
            store.put_account(Account {
                id,
                tenant: TenantId::default_tenant(),
                source: "src_moysklad".parse().unwrap(),
                name: None,
                role,
                enabled: true,
                token: Sealed::from_text("sealed"),
                doorbell: None,
                created_at: Timestamp::UNIX_EPOCH,
                rev: 0,
            });
        }
        Self { sandbox, http, clients, store, main, child }
    }

    /// A person does something at the web interface.
    async fn act(&self, of: &Opened, method: &str, path: &str, body: Value) -> Value {
        let url = format!("{}/control/moysklad/accounts/{}/act", self.sandbox.url(), of.id);
        let mut order = json!({"method": method, "path": path, "quiet": true});
        if !body.is_null() {
            order["body"] = body;
        }
        let acted: Value = self.http.post(url).json(&order).send().await.unwrap().json().await.unwrap();
        assert_eq!(acted["status"], 200, "{acted}");
        acted["body"].clone()
    }

    async fn make(&self, of: &Opened, kind: EntityKind, body: Value) -> EntityId {
        let made = self.act(of, "POST", &format!("entity/{kind}"), body).await;
        made["id"].as_str().unwrap().parse().unwrap()
    }

    async fn all(&self, of: &Opened, kind: EntityKind) -> Vec<Value> {
        self.act(of, "GET", &format!("entity/{kind}"), Value::Null).await["rows"].as_array().unwrap().clone()
    }

    async fn tell(&self, of: &Opened, kind: EntityKind, id: EntityId, action: Action) -> Heard {
        let notice = Notice::seen(of.id, kind, id, action, Timestamp::now());
        let tenant = TenantId::default_tenant();
        let (now, teller) = (Timestamp::now(), Teller::Webhook { received_at: Timestamp::now() });
        take_notice(&self.store, &self.clients, &tenant, &notice, None, teller, now).await.unwrap()
    }

    /// Drains an account as it would be so much later.
    async fn drain_in(&self, target: &Opened, later: SignedDuration) -> Drained {
        let tenant = TenantId::default_tenant();
        let clock = move || Timestamp::now() + later;
        let asked =
            Drain { tenant: &tenant, target: target.id, last_call: Timestamp::MAX, clock: &clock, listener: &Nobody };
        drain(&self.store, &self.clients, &asked).await.unwrap()
    }

    async fn drain(&self, target: &Opened) {
        assert_eq!(self.drain_in(target, SignedDuration::ZERO).await, Drained::Clean);
    }

    async fn control(&self, path: &str) -> Value {
        self.http.get(format!("{}{path}", self.sandbox.url())).send().await.unwrap().json().await.unwrap()
    }

    /// How many requests both clients have made.
    async fn n_requests(&self) -> usize {
        let mut n = 0;
        for name in ["main", "child"] {
            let path = format!("/control/requests?upstream=moysklad&token=token-of-{name}&limit=1000");
            let asked = self.control(&path).await;
            n += asked["data"].as_array().or(asked["requests"].as_array()).unwrap().len();
        }
        n
    }

    /// How many calls of a method a client has made.
    async fn n_calls(&self, name: &str, method: &str) -> usize {
        let asked =
            self.control(&format!("/control/requests?upstream=moysklad&token=token-of-{name}&limit=1000")).await;
        let all = asked["data"].as_array().or(asked["requests"].as_array()).unwrap().clone();
        all.iter().filter(|request| request["method"] == method).count()
    }
}

fn id_of_row(row: &Value) -> EntityId {
    row["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_product_comes_down_changes_comes_back_and_its_order_goes_up() {
    let play = Play::new().await;
    let (main, child) = (&play.main, &play.child);
    let folder = play.make(main, EntityKind::ProductFolder, json!({"name": "Goods"})).await;
    let lies = json!({"meta": {"href": format!("{}/entity/productfolder/{folder}", play.clients.base), "type": "productfolder", "mediaType": "application/json"}});
    let body = json!({"name": "Tea", "article": "A-1", "productFolder": lies, "salePrices": [{"value": 10_000}]});
    let product = play.make(main, EntityKind::Product, body).await;

    play.tell(main, EntityKind::Product, product, Action::Create).await;
    play.drain(child).await;
    let there = play.all(child, EntityKind::Product).await;
    assert_eq!(there.len(), 1);
    assert_eq!((&there[0]["article"], &there[0]["pathName"]), (&json!("A-1"), &json!("Goods")));
    assert_eq!(there[0]["salePrices"][0]["value"], 10_000.0);
    assert_eq!(id_of(&there[0]["salePrices"][0]["priceType"]), Some(child.own("price_type")));

    let before = play.n_calls("child", "PUT").await;
    play.act(main, "PUT", &format!("entity/product/{product}"), json!({"salePrices": [{"value": 15_000}]})).await;
    play.tell(main, EntityKind::Product, product, Action::Update).await;
    play.drain(child).await;
    assert_eq!(play.all(child, EntityKind::Product).await[0]["salePrices"][0]["value"], 15_000.0);
    assert_eq!(play.n_calls("child", "PUT").await, before + 1);

    let childs = id_of_row(&play.all(child, EntityKind::Product).await[0]);
    assert_eq!(play.tell(child, EntityKind::Product, childs, Action::Update).await, Heard::Echo);
    play.act(child, "DELETE", &format!("entity/product/{childs}"), Value::Null).await;
    play.tell(child, EntityKind::Product, childs, Action::Delete).await;
    play.drain(child).await;
    let again = play.all(child, EntityKind::Product).await;
    assert_eq!((again.len(), &again[0]["name"]), (1, &json!("Tea")));
    assert_ne!(id_of_row(&again[0]), childs, "not out of the recycle bin");

    let reference = |kind: &str, id: EntityId| json!({"meta": {"href": format!("{}/entity/{kind}/{id}", play.clients.base), "type": kind, "mediaType": "application/json"}});
    let order = json!({
        "organization": reference("organization", child.own("organization")),
        "agent": reference("counterparty", child.own("counterparty")),
        "positions": [{"assortment": reference("product", id_of_row(&again[0])), "quantity": 3, "price": 15_000}],
    });
    let order = play.make(child, EntityKind::CustomerOrder, order).await;
    play.tell(child, EntityKind::CustomerOrder, order, Action::Create).await;
    play.drain(main).await;
    let orders = play.all(main, EntityKind::CustomerOrder).await;
    assert_eq!((orders.len(), &orders[0]["sum"]), (1, &json!(45_000.0)));
    play.tell(child, EntityKind::CustomerOrder, order, Action::Update).await;
    play.drain(main).await;
    assert_eq!(play.n_calls("main", "PUT").await, 0, "nothing had changed");
}

#[tokio::test]
async fn packages_come_in_the_childs_units_and_a_long_order_goes_up_whole_and_in_its_state() {
    let play = Play::new().await;
    let (main, child) = (&play.main, &play.child);
    let reference = |path: &str, of_type: &str, id: &Value| json!({"meta": {"href": format!("{}/{path}/{}", play.clients.base, id.as_str().unwrap()), "type": of_type, "mediaType": "application/json"}});
    let (mut states, mut units) = (Vec::new(), Vec::new());
    for of in [main, child] {
        let state = json!({"name": "Packed", "color": 1, "stateType": "Regular"});
        states.push(play.act(of, "POST", "entity/customerorder/metadata/states", state).await["id"].clone());
        units.push(play.act(of, "POST", "entity/uom", json!({"name": "box"})).await["id"].clone());
    }
    let pack = json!({"uom": reference("entity/uom", "uom", &units[0]), "quantity": 6, "barcodes": [{"ean13": "2000000000015"}]});
    let product = play.make(main, EntityKind::Product, json!({"name": "Tea", "packs": [pack]})).await;
    play.tell(main, EntityKind::Product, product, Action::Create).await;
    play.drain(child).await;
    let there = play.all(child, EntityKind::Product).await.remove(0);
    let pack = &there["packs"][0];
    assert!(pack["uom"]["meta"]["href"].as_str().unwrap().ends_with(units[1].as_str().unwrap()), "{there:#}");
    assert_eq!((&pack["quantity"], &pack["barcodes"][0]["ean13"]), (&json!(6.0), &json!("2000000000015")));

    let own = |what: &str| json!(child.own(what));
    let goods = reference("entity/product", "product", &there["id"]);
    let positions: Vec<Value> = (1..=150).map(|n| json!({"assortment": goods, "quantity": n, "price": 100})).collect();
    let order = json!({
        "organization": reference("entity/organization", "organization", &own("organization")),
        "agent": reference("entity/counterparty", "counterparty", &own("counterparty")),
        "state": reference("entity/customerorder/metadata/states", "state", &states[1]),
        "positions": positions,
    });
    let order = play.make(child, EntityKind::CustomerOrder, order).await;
    play.tell(child, EntityKind::CustomerOrder, order, Action::Create).await;
    play.drain(main).await;
    let orders = play.all(main, EntityKind::CustomerOrder).await;
    assert_eq!((orders.len(), &orders[0]["positions"]["meta"]["size"]), (1, &json!(150)));
    assert!(orders[0]["state"]["meta"]["href"].as_str().unwrap().ends_with(states[0].as_str().unwrap()));
    let n_writes = play.n_calls("main", "PUT").await;
    play.tell(child, EntityKind::CustomerOrder, order, Action::Update).await;
    play.drain(main).await;
    play.tell(main, EntityKind::Product, product, Action::Update).await;
    play.drain(child).await;
    assert_eq!(play.n_calls("main", "PUT").await + play.n_calls("child", "PUT").await, n_writes, "nothing had changed");
}

#[tokio::test]
async fn a_creation_that_was_cut_off_after_its_effect_is_made_once() {
    let play = Play::new().await;
    let product = play.make(&play.main, EntityKind::Product, json!({"name": "Tea"})).await;
    play.tell(&play.main, EntityKind::Product, product, Action::Create).await;
    let fault = json!({"upstream": "moysklad", "times": 1, "fault": {"kind": "cut_after_effect"},
        "match": {"token": "token-of-child", "method": "POST", "path": "/entity/product"}});
    let ordered = play.http.post(format!("{}/control/faults", play.sandbox.url())).json(&fault).send().await.unwrap();
    assert!(ordered.status().is_success());
    let cut = play.drain_in(&play.child, SignedDuration::ZERO).await;
    assert!(matches!(cut, Drained::Troubled(MoyskladError::UnknownOutcome, _)), "{cut:?}");
    assert_eq!(play.drain_in(&play.child, ASIDE).await, Drained::Clean);
    assert_eq!(play.all(&play.child, EntityKind::Product).await.len(), 1);
}

#[tokio::test]
async fn many_creations_that_were_cut_off_after_their_effect_are_made_once() {
    let play = Play::new().await;
    let (main, child) = (&play.main, &play.child);
    let mut ids = Vec::new();
    for n in 0..6 {
        let product = play.make(main, EntityKind::Product, json!({"name": format!("Tea {n}")})).await;
        ids.push((EntityKind::Product, product));
    }
    let product = json!({"meta": {"href": format!("{}/entity/product/{}", play.clients.base, ids[0].1), "type": "product", "mediaType": "application/json"}});
    for n in 0..6 {
        let body = json!({"product": product, "characteristics": [{"name": "Size", "value": n.to_string()}]});
        ids.push((EntityKind::Variant, play.make(main, EntityKind::Variant, body).await));
    }
    for (kind, id) in ids {
        play.tell(main, kind, id, Action::Create).await;
    }
    for path in ["/entity/product", "/entity/variant"] {
        let fault = json!({"upstream": "moysklad", "times": 1, "fault": {"kind": "cut_after_effect"},
            "match": {"token": "token-of-child", "method": "POST", "path": path}});
        let ordered =
            play.http.post(format!("{}/control/faults", play.sandbox.url())).json(&fault).send().await.unwrap();
        assert!(ordered.status().is_success());
        let cut = play.drain_in(child, SignedDuration::ZERO).await;
        assert!(matches!(cut, Drained::Troubled(MoyskladError::UnknownOutcome, _)), "{cut:?}");
    }
    assert_eq!(play.drain_in(child, ASIDE).await, Drained::Clean);
    for kind in [EntityKind::Product, EntityKind::Variant] {
        assert_eq!(play.all(child, kind).await.len(), 6, "{kind}");
    }
    assert!(play.n_calls("child", "POST").await < 12, "they went together");
}

#[tokio::test]
async fn twenty_products_come_within_the_limit_and_without_a_violation() {
    let play = Play::new().await;
    for n in 0..20 {
        let product = play.make(&play.main, EntityKind::Product, json!({"name": format!("Tea {n}")})).await;
        play.tell(&play.main, EntityKind::Product, product, Action::Create).await;
    }
    for _ in 0..20 {
        match play.drain_in(&play.child, SignedDuration::ZERO).await {
            Drained::Clean => break,
            Drained::Troubled(MoyskladError::RateLimited { .. }, _) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(play.all(&play.child, EntityKind::Product).await.len(), 20);
    for of in [&play.main, &play.child] {
        let account = play.control(&format!("/control/moysklad/accounts/{}", of.id)).await;
        assert_eq!(account["violations"], json!([]), "{account}");
    }
}

#[tokio::test]
async fn a_thousand_products_come_within_the_limit_each_once_and_in_few_requests() {
    let play = Play::new().await;
    let (main, child) = (&play.main, &play.child);
    let folder = play.make(main, EntityKind::ProductFolder, json!({"name": "Goods"})).await;
    let lies = json!({"meta": {"href": format!("{}/entity/productfolder/{folder}", play.clients.base), "type": "productfolder", "mediaType": "application/json"}});
    let bodies: Vec<Value> = (0..1_000)
        .map(|n| json!({"name": format!("Чай {n}"), "externalCode": format!("код;{n}"), "productFolder": lies, "archived": n % 10 == 0}))
        .collect();
    let made = play.act(main, "POST", "entity/product", Value::Array(bodies)).await;
    let made: Vec<EntityId> = made.as_array().unwrap().iter().map(id_of_row).collect();
    let resync = async || {
        for id in &made {
            let origin = EntityRef { account: main.id, kind: EntityKind::Product, id: *id };
            let mark = Mark { target: child.id, origin, groups: Groups::all(), because: None };
            let (tenant, now) = (TenantId::default_tenant(), Timestamp::now());
            play.store.mark(&tenant, &mark, now, now).await.unwrap();
        }
        let before = play.n_requests().await;
        for _ in 0..100 {
            match play.drain_in(child, SignedDuration::ZERO).await {
                Drained::Clean => return play.n_requests().await - before,
                Drained::Troubled(MoyskladError::RateLimited { .. }, _) => {}
                other => panic!("{other:?}"),
            }
        }
        panic!("it does not come to rest");
    };
    let of_the_first = resync().await;
    // What was archived before it came stays away.
    let there = play.act(child, "GET", "entity/product", Value::Null).await["rows"].as_array().unwrap().clone();
    let names: BTreeSet<&str> = there.iter().map(|product| product["name"].as_str().unwrap()).collect();
    assert_eq!((there.len(), names.len()), (900, 900));
    assert!(there.iter().all(|product| product["pathName"] == "Goods"));
    assert_eq!(play.all(child, EntityKind::ProductFolder).await.len(), 1);
    let of_the_second = resync().await;
    assert!((20..80).contains(&of_the_first), "{of_the_first} requests");
    assert!((20..45).contains(&of_the_second), "{of_the_second} requests");
    for of in [main, child] {
        let account = play.control(&format!("/control/moysklad/accounts/{}", of.id)).await;
        assert_eq!(account["violations"], json!([]), "{account}");
    }
}

#[tokio::test]
async fn hooks_are_made_found_switched_off_and_deleted_and_deletions_are_in_the_audit() {
    let play = Play::new().await;
    let client = &play.clients.clients[&play.main.id];
    let url = format!("{DOORBELLS}token");
    let wanted: Vec<_> = Action::ALL.iter().map(|action| (EntityKind::Product, *action)).collect();
    let made = client.make_hooks(&url, &wanted).await.unwrap();
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    let twice = client.make_hooks(&url, &wanted[..1]).await.unwrap();
    assert!(matches!(twice[0], Err(MoyskladError::Refused { .. } | MoyskladError::Conflict { .. })), "{twice:?}");
    let hooks = client.hooks().await.unwrap();
    assert_eq!(hooks.len(), 3);
    assert!(hooks.iter().any(|hook| hook.diff_type.as_deref() == Some("FIELDS")));
    client.enable_hook(hooks[0].id, false).await.unwrap();
    assert_eq!(client.hooks().await.unwrap().iter().filter(|hook| !hook.enabled).count(), 1);
    for hook in hooks {
        client.delete_hook(hook.id).await.unwrap();
    }
    assert_eq!(client.hooks().await.unwrap(), []);

    let since = Timestamp::now() - SignedDuration::from_mins(1);
    let product = play.make(&play.main, EntityKind::Product, json!({"name": "Tea"})).await;
    play.act(&play.main, "DELETE", &format!("entity/product/{product}"), Value::Null).await;
    let page = client.deletions(EntityKind::Product, since, 0).await.unwrap();
    assert_eq!((page.gone.iter().map(|one| one.id).collect::<Vec<_>>(), page.more), (vec![product], false));
}
