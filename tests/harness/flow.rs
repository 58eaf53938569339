//! A flow: a tenant of its own, with a key, a C2S source, a receiver and a subscription to all it hears of leads.
//!
//! Flows run beside each other and do not meet: their tenants, leads and people are theirs alone. What all share, the
//! upstreams' breakers and the workers' processes, is disturbed only by a flow that runs alone.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::api::{Answer, Api};
use crate::cloud::Cloud;
use crate::lead::{Lead, Person, unique};
use crate::stack::Stack;
use crate::stage::Stage;
use crate::waiting::{taken_effect, until, until_within};

/// Held by every flow: shared by those that run beside each other, whole by one that runs alone.
static FLOOR: RwLock<()> = RwLock::const_new(());

/// Held by a flow in which calls to upstreams fail now and then. One at a time: five failures in a row, of whichever
/// flows, would open a breaker.
static TROUBLE: Mutex<()> = Mutex::const_new(());

/// What ends an event.
const ENDS: [&str; 3] = ["completed", "failed", "superseded"];
const UPSTREAMS: [&str; 3] = ["c2s", "diretrix", "work_api"];

/// A tenant with all it takes.
pub struct Flow {
    /// The operator.
    pub operator: Api,
    /// The tenant, with its key.
    pub tenant: Api,
    /// The sandbox's control.
    pub stage: Stage,
    /// The cloud beneath.
    pub cloud: Cloud,
    /// The tenant's id.
    pub tenant_id: String,
    /// The source's id.
    pub source: String,
    /// The token in the source's address.
    pub token: String,
    /// The receiver's name at the sandbox.
    pub receiver: String,
    /// The subscription's id.
    pub subscription: String,
    /// The subscription's secret.
    pub secret: String,
    _place: Place,
}

enum Place {
    Beside { _floor: RwLockReadGuard<'static, ()>, _trouble: Option<MutexGuard<'static, ()>> },
    Alone { _floor: RwLockWriteGuard<'static, ()> },
    Guest,
}

impl Drop for Place {
    fn drop(&mut self) {
        if matches!(self, Self::Alone { .. }) {
            // Also after a failure: the next flow must find the upstreams open, and nothing switched off.
            let swept = std::thread::spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(async {
                    close_breakers(&Cloud::default()).await;
                    resume_for_all().await;
                });
            });
            let _ = swept.join();
        }
    }
}

/// Forgets what the breakers have seen.
async fn close_breakers(cloud: &Cloud) {
    for upstream in UPSTREAMS {
        cloud.delete_item("signals", &format!("BREAKER#{upstream}"), "BREAKER").await;
    }
}

/// The switches that concern other flows, too.
const EVERYBODYS: [&str; 4] = ["all", "provider:c2s", "provider:moysklad", "tenant:ten_default"];

/// Turns on again what a flow that ran alone has left switched off.
async fn resume_for_all() {
    let operator = Api::operator();
    let switches = operator.get("/api/v1/admin/switches").await.with(200);
    let paused = switches["data"].as_array().into_iter().flatten().filter(|switch| switch["paused"] == true);
    let left = paused.filter_map(|switch| switch["what"].as_str()).filter(|what| EVERYBODYS.contains(what));
    for what in left {
        operator.put(&format!("/api/v1/admin/switches/{what}"), &json!({"paused": false})).await.with(200);
        taken_effect().await;
    }
}

impl Flow {
    /// A flow that disturbs nobody and runs beside others.
    pub async fn beside_others() -> Self {
        let place = Place::Beside { _floor: FLOOR.read().await, _trouble: None };
        Self::begin(place).await
    }

    /// A flow in which a few calls to upstreams fail.
    pub async fn with_trouble() -> Self {
        let trouble = Some(TROUBLE.lock().await);
        let place = Place::Beside { _floor: FLOOR.read().await, _trouble: trouble };
        Self::begin(place).await
    }

    /// A flow that kills workers, or lets an upstream fail so often that its breaker opens.
    pub async fn alone() -> Self {
        let place = Place::Alone { _floor: FLOOR.write().await };
        close_breakers(&Cloud::default()).await;
        Self::begin(place).await
    }

    /// A second tenant in a flow: it takes no place of its own. A second place would wait for a flow that wants to run
    /// alone, which waits for the first.
    pub async fn another() -> Self {
        Self::begin(Place::Guest).await
    }

    /// A flow that asks the API and nothing behind it, for minutes: it minds nobody and waits for nobody, and those that
    /// want to be alone need not wait for it.
    pub async fn at_the_door() -> Self {
        Self::begin(Place::Guest).await
    }

    async fn begin(place: Place) -> Self {
        let (operator, stage) = (Api::operator(), Stage::default());
        let name = format!("flow-{}", unique());
        let tenant_id = id_of(&operator.post("/api/v1/admin/tenants", &json!({"name": name})).await.with(201));
        let key = operator.post(&format!("/api/v1/admin/tenants/{tenant_id}/keys"), &json!({})).await.with(201);
        let order = json!({"provider": "c2s", "tenant_id": tenant_id, "name": name});
        let source = operator.post("/api/v1/admin/sources", &order).await.with(201);
        let tenant = Api::bearer(key["key"].as_str().expect("the key"));
        let mut flow = Self {
            operator,
            tenant,
            stage,
            cloud: Cloud::default(),
            tenant_id,
            source: id_of(&source),
            token: source["token"].as_str().expect("the token").to_owned(),
            receiver: name,
            subscription: String::new(),
            secret: String::new(),
            _place: place,
        };
        let made = flow.subscribe(&flow.receiver, json!({"event": "lead.*"})).await;
        flow.subscription = id_of(&made);
        flow.secret = made["secret"].as_str().expect("shown this once").to_owned();
        flow
    }

    /// A subscription of the tenant's whose deliveries go to that receiver, which is told the secret.
    pub async fn subscribe(&self, receiver: &str, mut fields: Value) -> Value {
        fields["url"] = json!(Stage::address(receiver));
        let made = self.tenant.post("/api/v1/tenant/webhooks/subscriptions", &fields).await.with(201);
        self.stage.instruct(receiver, json!({"secret": made["secret"]})).await;
        made
    }

    /// A tenant publishes an event that is taken; its id.
    pub async fn publish(&self, event: &Value) -> String {
        let taken = self.tenant.post("/api/v1/tenant/events", event).await.with(202);
        assert_eq!(taken["duplicate"], false, "{taken}");
        id_of(&taken)
    }

    /// A subscription to one event at a receiver of its own; its id and the receiver.
    pub async fn receiver_of(&self, event: &str, name: &str, mut fields: Value, orders: Value) -> (String, String) {
        let receiver = format!("{}-{name}", self.receiver);
        self.stage.instruct(&receiver, orders).await;
        fields["event"] = json!(event);
        let made = self.subscribe(&receiver, fields).await;
        (id_of(&made), receiver)
    }

    /// The only delivery to a subscription, once it has this status.
    pub async fn delivery_that_is(&self, status: &str, subscription: &str) -> Value {
        until(&format!("a delivery that is {status}"), async || {
            let found = self.deliveries(subscription).await.into_iter().next()?;
            (found["status"] == status).then_some(found)
        })
        .await
    }

    /// A person the registries know, new to everybody else.
    pub async fn known_person(&self) -> Person {
        let person = Person::new();
        self.stage.know(&person).await;
        person
    }

    /// C2S posts to the source's address.
    pub async fn post(&self, body: &Value) -> Answer {
        Api::nobody().c2s_by_path(&self.token, body).await
    }

    /// C2S posts changes of a lead, each in a request of its own, and is told that they are new; the events' ids.
    pub async fn bring(&self, lead: &Lead, changes: &[i64]) -> Vec<String> {
        for seconds in changes {
            let answer = self.post(&lead.changed(*seconds)).await.with(200);
            assert_eq!(answer["processed"], 1, "{answer}");
        }
        let mut ids = Vec::new();
        for seconds in changes {
            ids.push(self.event_at(lead, *seconds).await);
        }
        ids
    }

    /// A new lead of this customer comes in by the default source; the lead and its event, which are the default
    /// tenant's.
    pub async fn default_lead(&self, customer: Value) -> (Lead, String) {
        let lead = Lead::new(customer);
        let answer = Api::nobody().c2s_by_header(Some(&Stack::get().c2s_token), &lead.changed(0)).await.with(200);
        assert_eq!(answer["processed"], 1, "{answer}");
        let event = self.only_event_of(&lead).await.expect("it was recorded");
        (lead, event)
    }

    /// The event of a lead that has one, whoever's it is.
    pub async fn only_event_of(&self, lead: &Lead) -> Option<String> {
        let page = self.operator.get(&format!("/api/v1/admin/events?lead_id={}", lead.id)).await.with(200);
        let found = page["data"].as_array().cloned().unwrap_or_default();
        assert!(found.len() <= 1, "{page:#}");
        found.first().map(id_of)
    }

    /// A new lead of this customer comes in; the lead and its event.
    pub async fn new_lead(&self, customer: Value) -> (Lead, String) {
        let lead = Lead::new(customer);
        let event = self.bring(&lead, &[0]).await.remove(0);
        (lead, event)
    }

    /// The event of a lead's change.
    pub async fn event_at(&self, lead: &Lead, seconds: i64) -> String {
        let at = (lead.born + jiff::SignedDuration::from_secs(seconds)).strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let bodies = self.cloud.partition("events", &format!("SUBJECT#{}#{}", self.source, lead.id)).await;
        let found = bodies.iter().find(|body| body["sk"].as_str().is_some_and(|sk| sk.starts_with(&at)));
        found.and_then(|body| body["event"].as_str()).expect("the event's body is stored").to_owned()
    }

    /// The events recorded of a lead.
    pub async fn n_events(&self, lead: &Lead) -> usize {
        self.cloud.partition("events", &format!("SUBJECT#{}#{}", self.source, lead.id)).await.len()
    }

    /// An event as the operator sees it.
    pub async fn event(&self, id: &str) -> Value {
        self.operator.get(&format!("/api/v1/admin/events/{id}")).await.with(200)
    }

    /// An event, once its work has ended.
    pub async fn ended(&self, id: &str) -> Value {
        until("the end of an event's work", async || {
            let event = self.event(id).await;
            ENDS.iter().any(|end| event["status"] == *end).then_some(event)
        })
        .await
    }

    /// An event, once its work has ended well.
    pub async fn completed(&self, id: &str) -> Value {
        let event = self.ended(id).await;
        assert_eq!(event["status"], "completed", "{event:#}");
        event
    }

    /// The tenant's deliveries to a subscription, newest first.
    pub async fn deliveries(&self, subscription: &str) -> Vec<Value> {
        let path = format!("/api/v1/tenant/webhooks/deliveries?subscription_id={subscription}");
        self.tenant.get(&path).await.with(200)["data"].as_array().cloned().unwrap_or_default()
    }

    /// A delivery of the tenant's with its attempts.
    pub async fn delivery(&self, id: &str) -> Value {
        self.tenant.get(&format!("/api/v1/tenant/webhooks/deliveries/{id}")).await.with(200)
    }

    /// What the row of an event holds.
    pub async fn row(&self, id: &str) -> Value {
        self.cloud.item("events", &format!("EVENT#{id}"), "EVENT").await.expect("the event's row")
    }

    /// What the flow's receiver was sent of a type, in the order in which it came.
    pub async fn heard(&self, event_type: &str) -> Vec<Value> {
        self.heard_at(&self.receiver, event_type).await
    }

    /// What a receiver was sent of a type.
    pub async fn heard_at(&self, receiver: &str, event_type: &str) -> Vec<Value> {
        let received = self.stage.received(receiver).await;
        received.into_iter().filter(|delivery| body_of(delivery)["type"] == event_type).collect()
    }

    /// The first delivery of a type, once it is there, its signature accepted by the official library.
    pub async fn hears(&self, event_type: &str) -> Value {
        let delivery = until(event_type, async || self.heard(event_type).await.into_iter().next()).await;
        assert_eq!(delivery["signature"], "verified", "{delivery:#}");
        delivery
    }

    /// Lets the time pass until a row whose worker died is due, and sweeps.
    ///
    /// The lease is waited for. That the row is due then is written: a sweep of the schedule that came while the lease
    /// stood has moved it on by two minutes.
    pub async fn sweep_after_the_lease(&self, id: &str) {
        until_within("the end of a dead worker's lease", Duration::from_secs(60), async || {
            let lease = self.row(id).await["lease_until"].as_i64();
            lease.is_none_or(|until| until < Timestamp::now().as_millisecond()).then_some(())
        })
        .await;
        self.make_due(id).await;
        self.cloud.sweep().await;
    }

    /// The same for a delivery of an event.
    pub async fn sweep_after_the_lease_of(&self, event: &str, delivery: &str) {
        let (pk, sk) = (format!("EVENT#{event}"), format!("DELIVERY#{delivery}"));
        until_within("the end of a dead worker's lease", Duration::from_secs(60), async || {
            let row = self.cloud.item("events", &pk, &sk).await?;
            row["lease_until"].as_i64().is_none_or(|until| until < Timestamp::now().as_millisecond()).then_some(())
        })
        .await;
        self.cloud.set_number("events", &pk, &sk, "due_at", Timestamp::now().as_millisecond() - 1).await;
        self.cloud.sweep().await;
    }

    /// The upstreams are well again, and the time has come to try them.
    pub async fn mended(&self) {
        close_breakers(&self.cloud).await;
    }

    /// Waits until an event waits behind a switch.
    pub async fn waits_behind(&self, id: &str, switch: &str) {
        let hold = format!("switch:{switch}");
        until("an event to wait behind a switch", async || {
            let event = self.event(id).await;
            event["timeline"].as_array()?.iter().any(|moment| moment["detail"] == hold.as_str()).then_some(())
        })
        .await;
    }

    /// Makes an event due now, if its work has not ended.
    pub async fn make_due(&self, id: &str) {
        if self.row(id).await.get("due_at").is_some() {
            let now = Timestamp::now().as_millisecond();
            self.cloud.set_number("events", &format!("EVENT#{id}"), "EVENT", "due_at", now - 1).await;
        }
    }
}

/// The JSON a receiver was sent.
#[must_use]
pub fn body_of(delivery: &Value) -> Value {
    delivery["body"].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null)
}

fn id_of(made: &Value) -> String {
    made["id"].as_str().expect("an id").to_owned()
}
