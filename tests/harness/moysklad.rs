//! Accounts at MoySklad, played by the sandbox, and how the platform is told of them.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::Answer;
use crate::flow::Flow;
use crate::lead::unique;
use crate::stage::Stage;
use crate::waiting::{until, until_within};

/// Where the operator's API for MoySklad begins.
pub const ADMIN: &str = "/api/v1/admin/moysklad";
/// How long a change may take to reach a child: five minutes are promised.
pub const TO_A_CHILD: Duration = Duration::from_secs(300);
/// How long an order may take to reach its main account.
pub const TO_THE_MAIN: Duration = Duration::from_secs(30);

/// An account at MoySklad.
pub struct Warehouse {
    /// Its identifier.
    pub id: String,
    /// The token of its API.
    pub token: String,
    /// What it is furnished with.
    furnished: Value,
    stage: Stage,
}

impl Warehouse {
    /// Opens an account. Its notifications wait long for an answer: a function of the local cloud starts slowly.
    pub async fn open(name: &str) -> Self {
        Self::open_with(name, json!({})).await
    }

    /// Opens an account with settings of the sandbox's.
    pub async fn open_with(name: &str, mut settings: Value) -> Self {
        let stage = Stage::default();
        let name = format!("{name}-{}", unique());
        let token = format!("token-of-{name}");
        settings["patience_ms"] = json!(20_000);
        let order = json!({"name": name, "tokens": [{"token": token, "kind": "solution"}], "settings": settings});
        let furnished = stage.ask(Method::POST, "/moysklad/accounts", Some(&order)).await;
        let id = furnished["id"].as_str().expect("its id").to_owned();
        Self { id, token, furnished, stage }
    }

    fn path(&self) -> String {
        format!("/moysklad/accounts/{}", self.id)
    }

    /// Something it is furnished with: its id.
    #[must_use]
    pub fn own(&self, what: &str) -> String {
        self.furnished[what]["id"].as_str().expect("its id").to_owned()
    }

    /// A reference to one of its entities, as MoySklad writes them.
    #[must_use]
    pub fn meta(&self, kind: &str, id: &str) -> Value {
        let base = self.furnished["base"].as_str().expect("its base");
        json!({"meta": {"href": format!("{base}/entity/{kind}/{id}"), "type": kind, "mediaType": "application/json"}})
    }

    /// Changes the sandbox's settings of it.
    pub async fn set(&self, settings: Value) {
        self.stage.ask(Method::PUT, &self.path(), Some(&settings)).await;
    }

    /// What the sandbox has noted of it.
    pub async fn report(&self) -> Value {
        self.stage.ask(Method::GET, &self.path(), None).await
    }

    async fn act(&self, method: &str, path: &str, body: Option<Value>, quiet: bool) -> Value {
        let mut order = json!({"method": method, "path": path, "quiet": quiet});
        if let Some(body) = body {
            order["body"] = body;
        }
        let acted = self.stage.ask(Method::POST, &format!("{}/act", self.path()), Some(&order)).await;
        assert_eq!(acted["status"], 200, "{method} {path}: {acted}");
        acted["body"].clone()
    }

    /// A person makes an entity; its id.
    pub async fn make(&self, kind: &str, body: Value) -> String {
        let made = self.act("POST", &format!("entity/{kind}"), Some(body), false).await;
        made["id"].as_str().expect("its id").to_owned()
    }

    /// A person makes an entity, and nobody is told; its id.
    pub async fn make_quietly(&self, kind: &str, body: Value) -> String {
        let made = self.act("POST", &format!("entity/{kind}"), Some(body), true).await;
        made["id"].as_str().expect("its id").to_owned()
    }

    /// A person makes many at once: a webhook is told of all of them in one request.
    pub async fn make_many(&self, kind: &str, bodies: Vec<Value>) {
        self.act("POST", &format!("entity/{kind}"), Some(json!(bodies)), false).await;
    }

    /// A person makes many, and nobody is told.
    pub async fn make_many_quietly(&self, kind: &str, bodies: Vec<Value>) {
        for bodies in bodies.chunks(1_000) {
            self.act("POST", &format!("entity/{kind}"), Some(json!(bodies)), true).await;
        }
    }

    /// A person changes an entity.
    pub async fn change(&self, kind: &str, id: &str, body: Value) {
        self.act("PUT", &format!("entity/{kind}/{id}"), Some(body), false).await;
    }

    /// A person changes an entity, and nobody is told.
    pub async fn change_quietly(&self, kind: &str, id: &str, body: Value) {
        self.act("PUT", &format!("entity/{kind}/{id}"), Some(body), true).await;
    }

    /// A person deletes an entity.
    pub async fn delete(&self, kind: &str, id: &str) {
        self.act("DELETE", &format!("entity/{kind}/{id}"), None, false).await;
    }

    /// A person deletes an entity, and nobody is told.
    pub async fn delete_quietly(&self, kind: &str, id: &str) {
        self.act("DELETE", &format!("entity/{kind}/{id}"), None, true).await;
    }

    async fn listed(&self, kind: &str, query: &str) -> Vec<Value> {
        let order = json!({"method": "GET", "path": format!("entity/{kind}"), "query": query, "quiet": true});
        let acted = self.stage.ask(Method::POST, &format!("{}/act", self.path()), Some(&order)).await;
        assert_eq!(acted["status"], 200, "{acted}");
        acted["body"]["rows"].as_array().cloned().unwrap_or_default()
    }

    /// All entities of a kind; of a thousand more, as many as a page has.
    pub async fn all(&self, kind: &str) -> Vec<Value> {
        self.act("GET", &format!("entity/{kind}"), None, true).await["rows"].as_array().cloned().unwrap_or_default()
    }

    /// The positions of a document.
    pub async fn positions(&self, kind: &str, id: &str) -> Vec<Value> {
        let path = format!("entity/{kind}/{id}/positions");
        self.act("GET", &path, None, true).await["rows"].as_array().cloned().unwrap_or_default()
    }

    /// Sends what is held back, the last first.
    pub async fn release_reversed(&self) {
        let path = format!("{}/notifications/release", self.path());
        self.stage.ask(Method::POST, &path, Some(&json!({"reversed": true}))).await;
    }

    /// How many live entities of a kind there are.
    pub async fn n(&self, kind: &str) -> u64 {
        self.report().await["entities"][kind]["live"].as_u64().unwrap_or(0)
    }

    /// The entity of a kind that is called so, once it is there and is as it should be.
    pub async fn comes_to_have(
        &self,
        kind: &str,
        name: &str,
        within: Duration,
        as_it_should_be: impl Fn(&Value) -> bool,
    ) -> Value {
        until_within(&format!("{kind} {name}"), within, async || {
            let found = self.all(kind).await.into_iter().find(|row| row["name"] == name)?;
            as_it_should_be(&found).then_some(found)
        })
        .await
    }

    /// The same where it is archived there: lists leave that out.
    pub async fn comes_to_have_archived(&self, kind: &str, name: &str, within: Duration) {
        until_within(&format!("{kind} {name}, archived"), within, async || {
            let found = self.listed(kind, "filter=archived=true").await;
            found.iter().any(|row| row["name"] == name).then_some(())
        })
        .await;
    }

    /// How many entities of a kind lie in the recycle bin.
    pub async fn trashed(&self, kind: &str) -> u64 {
        self.report().await["entities"][kind]["trashed"].as_u64().unwrap_or(0)
    }

    /// What MoySklad has told of it so far, oldest first.
    pub async fn notifications(&self) -> Vec<Value> {
        let path = format!("{}/notifications", self.path());
        self.stage.ask(Method::GET, &path, None).await["data"].as_array().cloned().unwrap_or_default()
    }

    /// Notifications that were sent to us, whatever became of them.
    pub async fn n_sent(&self) -> usize {
        let sent = self.notifications().await;
        sent.iter().filter(|one| one["attempts"].as_array().is_some_and(|attempts| !attempts.is_empty())).count()
    }

    /// The calls a method's client has made with its token.
    pub async fn calls(&self, method: &str, containing: &str) -> Vec<Value> {
        let path = format!("/requests?upstream=moysklad&token={}&contains={containing}&limit=10000", self.token);
        let found = self.stage.ask(Method::GET, &path, None).await;
        let all = found["data"].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|one| method.is_empty() || one["method"] == method).collect()
    }

    /// A webhook that a person has made by hand.
    pub async fn hook_by_hand(&self, entity_type: &str, action: &str, url: &str) {
        let body = json!({"entityType": entity_type, "action": action, "url": url});
        self.act("POST", "entity/webhook", Some(body), true).await;
    }

    /// The webhooks it has.
    pub async fn hooks(&self) -> Vec<Value> {
        self.all("webhook").await
    }

    /// Breaks no rule of MoySklad's: nothing was banned, or would have been.
    pub async fn is_at_peace(&self) {
        let report = self.report().await;
        assert_eq!(report["violations"], json!([]), "{report:#}");
    }
}

/// What is carried between a child and its main account, in these tests.
#[must_use]
pub fn settings(main: &Warehouse) -> Value {
    json!({
        "entities": ["product", "service", "variant", "bundle", "productfolder"],
        "match_field": "external_code",
        "orders": {"kinds": ["customerorder"], "organization": main.own("organization"), "agent": main.own("counterparty")},
    })
}

/// Tells the platform of a main account.
pub async fn take_up_main(flow: &Flow, main: &Warehouse) -> Value {
    let order = json!({"tenant_id": flow.tenant_id, "account_id": main.id, "role": "main", "token": main.token, "name": "main"});
    flow.operator.post(&format!("{ADMIN}/accounts"), &order).await.with(201)
}

/// Tells the platform of a child.
pub async fn take_up_child(flow: &Flow, main: &Warehouse, child: &Warehouse) -> Value {
    take_up(flow, main, child, settings(main)).await.with(201)
}

/// Asks the platform to take up a child with these settings.
pub async fn take_up(flow: &Flow, main: &Warehouse, child: &Warehouse, settings: Value) -> Answer {
    let order = json!({
        "tenant_id": flow.tenant_id, "account_id": child.id, "role": "child", "main_account_id": main.id,
        "token": child.token, "settings": settings,
    });
    flow.operator.post(&format!("{ADMIN}/accounts"), &order).await
}

/// Sets the webhooks of accounts up.
pub async fn set_up_hooks(flow: &Flow, accounts: &[&Warehouse]) {
    for account in accounts {
        let body = json!({"account_id": account.id});
        let done = flow.operator.post(&format!("{ADMIN}/webhooks/setup"), &body).await.with(200);
        assert_eq!(done["data"][0]["status"], "done", "{done:#}");
    }
}

/// Tells the platform that accounts are no longer its own, children first: their polls would go on beside all that follows.
pub async fn give_up(flow: &Flow, accounts: &[&Warehouse]) {
    for account in accounts {
        flow.operator.delete(&format!("{ADMIN}/accounts/{}?force=true", account.id)).await.with(200);
    }
}

/// A main account and a child of it, kept in step for a flow's tenant.
pub struct Pair {
    /// The main account.
    pub main: Warehouse,
    /// Its child.
    pub child: Warehouse,
}

impl Pair {
    /// Opens both, tells the platform, sets their webhooks up.
    pub async fn in_step(flow: &Flow) -> Self {
        let (main, child) = (Warehouse::open("main").await, Warehouse::open("child").await);
        take_up_main(flow, &main).await;
        take_up_child(flow, &main, &child).await;
        set_up_hooks(flow, &[&main, &child]).await;
        Self { main, child }
    }

    /// Waits until neither has anything to be carried.
    pub async fn rest(&self, flow: &Flow) {
        for account in [&self.main, &self.child] {
            until("an account with nothing to do", async || {
                let path = format!("{ADMIN}/stats?account_id={}", account.id);
                let stats = flow.operator.get(&path).await.with(200);
                (stats["data"][0]["queue_depth"] == 0).then_some(())
            })
            .await;
        }
    }
}

/// A product's price in kopecks, the first there is.
#[must_use]
pub fn price(product: &Value) -> f64 {
    product["salePrices"][0]["value"].as_f64().unwrap_or_default()
}

/// An order of a child for so many of a product of its own.
#[must_use]
pub fn order(child: &Warehouse, product: &str, quantity: u32) -> Value {
    let mut position = child.meta("product", product);
    position = json!({"assortment": position, "quantity": quantity, "price": 15_000});
    json!({
        "organization": child.meta("organization", &child.own("organization")),
        "agent": child.meta("counterparty", &child.own("counterparty")),
        "applicable": true,
        "positions": [position],
    })
}
