//! Every operation that `/openapi.json` describes, with every credential that must not open it, and with every id of
//! another tenant's. Nothing is listed here but what stands in a path: an operation that is added is tried by itself,
//! and fails this flow by name if it is not known what to fill its path with.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use gancho_tests::api::{Answer, Api, answer_of};
use gancho_tests::described::{Door, Operation, operations};
use gancho_tests::flow::Flow;
use gancho_tests::lead::Person;
use gancho_tests::moysklad::{ADMIN, Warehouse};
use gancho_tests::stage::Stage;
use gancho_tests::waiting::{taken_effect, until};
use gancho_tests::whatsapp::{Line, text};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::tenants_publish::payment;

/// Requests under way at a time: the flows beside this one want to be answered, too.
const AT_ONCE: usize = 6;
/// What anybody may ask for.
const OPEN_TO_ALL: [&str; 2] = ["health", "read_openapi"];
/// Different each time, whoever asks.
const FLEETING: [&str; 3] = ["as_of", "last_used_at", "request_id"];
/// Reads whose answers move by themselves: what is measured, and how an upstream is just now.
const NEVER_AT_REST: [&str; 2] = ["check_moysklad_health", "read_moysklad_stats"];

/// A tenant with one of everything, all of it at rest; and what stands in a path where each is named.
struct House {
    flow: Flow,
    key: String,
    gateway: String,
    ids: BTreeMap<&'static str, String>,
}

fn id_of(made: &Value) -> String {
    made["id"].as_str().unwrap().to_owned()
}

/// Of the same form, and nobody's.
fn nobodys(name: &str) -> String {
    let end = if name.ends_with('0') { '1' } else { '0' };
    format!("{}{end}", &name[..name.len() - 1])
}

async fn new_key(flow: &Flow, fields: Value) -> (String, String) {
    let made = flow.operator.post(&format!("/api/v1/admin/tenants/{}/keys", flow.tenant_id), &fields).await.with(201);
    (id_of(&made), made["key"].as_str().unwrap().to_owned())
}

/// A number that Meta's Cloud API serves; its source.
async fn cloud_source(flow: &Flow) -> String {
    let order =
        json!({"phone_number": Person::new().phone, "provider": "cloud_api", "app_secret": "a secret of Meta's"});
    let made = flow.tenant.post("/api/whatsapp/connections", &order).await.with(201);
    made["source_id"].as_str().unwrap().to_owned()
}

/// A webhook of a number, and the first event that was sent to it.
async fn webhook(flow: &Flow, line: &Line) -> (String, String) {
    let order = json!({"phone_number": line.number, "webhook_url": Stage::address(&flow.receiver)});
    let webhook = id_of(&flow.tenant.post("/api/webhooks/register", &order).await.with(201)["webhook"]);
    line.posts(&[text("oi")]).await;
    flow.delivery_that_is("delivered", &webhook).await;
    let events = flow.tenant.get(&format!("/api/webhooks/{webhook}/events")).await.with(200);
    let event = id_of(&events["data"][0]);
    (webhook, event)
}

/// A MoySklad account that nothing is carried to or from.
async fn moysklad_account(flow: &Flow) -> String {
    let warehouse = Warehouse::open("shut").await;
    let order = json!({
        "tenant_id": flow.tenant_id, "account_id": warehouse.id, "role": "main", "token": warehouse.token, "enabled": false,
    });
    flow.operator.post(&format!("{ADMIN}/accounts"), &order).await.with(201);
    warehouse.id
}

async fn receipt(flow: &Flow) -> String {
    let asked = json!({"email": format!("{}@example.com", flow.tenant_id)});
    let job = id_of(&flow.operator.post("/api/v1/admin/data-subjects/report", &asked).await.with(202));
    let path = format!("/api/v1/admin/data-subjects/{job}");
    until("a receipt", async || flow.operator.get(&path).await.with(200)["done_at"].is_string().then_some(())).await;
    job
}

impl House {
    async fn furnished(flow: Flow) -> Self {
        let (key_id, key) = new_key(&flow, json!({})).await;
        let (subscription, _) = flow.receiver_of("payment.*", "shut", json!({}), json!({})).await;
        let event = flow.publish(&payment("1.00")).await;
        let delivery = id_of(&flow.delivery_that_is("delivered", &subscription).await);
        let line = Line::linked(&flow).await;
        let (webhook, sent) = webhook(&flow, &line).await;
        let account = moysklad_account(&flow).await;
        let ids = BTreeMap::from([
            ("subscriptions/{id}", subscription.clone()),
            ("?subscription_id", subscription),
            ("deliveries/{id}", delivery),
            ("connections/{id}", line.connection.clone()),
            ("webhooks/{id}", webhook),
            ("events/{event_id}", sent),
            ("accounts/{account_id}", account.clone()),
            ("?account_id", account),
            ("tenants/{id}", flow.tenant_id.clone()),
            ("?tenant_id", flow.tenant_id.clone()),
            ("keys/{key}", key_id),
            ("sources/{id}", flow.source.clone()),
            ("events/{id}", event),
            ("data-subjects/{id}", receipt(&flow).await),
            ("whatsapp/{source_id}", cloud_source(&flow).await),
            ("switches/{what}", format!("tenant:{}", flow.tenant_id)),
            ("dlq/{queue}", "lead".to_owned()),
        ]);
        Self { key, gateway: line.token().to_owned(), ids, flow }
    }

    /// What names this tenant's thing at a place of an operation.
    fn name(&self, operation: &Operation, place: &str) -> String {
        let known = self.ids.get(place).cloned();
        known.unwrap_or_else(|| panic!("{}: say in this flow what stands at {place}", operation.id))
    }

    /// The path to what is this tenant's, with a query that asks for nothing else.
    fn path(&self, operation: &Operation) -> String {
        let named = |name: &String| Some(format!("{name}={}", self.ids.get(format!("?{name}").as_str())?));
        let query = operation.query.iter().filter_map(named).collect::<Vec<_>>().join("&");
        let path = operation.filled(|place| self.name(operation, place));
        if query.is_empty() { path } else { format!("{path}?{query}") }
    }

    /// Whether a text names this tenant, or anything of it.
    fn is_in(&self, text: &str) -> bool {
        self.ids.iter().any(|(place, id)| *place != "dlq/{queue}" && text.contains(id.as_str()))
    }

    /// Everything of this tenant that can be read by those who may: of whole lists, the lines that name it.
    async fn all_there_is(&self, described: &[Operation]) -> BTreeMap<String, Value> {
        let mut found = BTreeMap::new();
        let reads =
            |operation: &&Operation| operation.method == Method::GET && !NEVER_AT_REST.contains(&operation.id.as_str());
        for operation in described.iter().filter(reads) {
            let by = match operation.door {
                Door::Tenant => &self.flow.tenant,
                Door::Operator => &self.flow.operator,
                Door::Header | Door::Token | Door::Proof | Door::Open => continue,
            };
            let mut body = settled(by.get(&self.path(operation)).await.with(200));
            if operation.places().is_empty() {
                if !body["data"].is_array() || !body["next_cursor"].is_null() {
                    continue;
                }
                body["data"].as_array_mut().unwrap().retain(|line| self.is_in(&line.to_string()));
            }
            found.insert(operation.id.clone(), body);
        }
        found
    }
}

/// Without what is different each time.
fn settled(mut body: Value) -> Value {
    match &mut body {
        Value::Object(members) => {
            members.retain(|name, _| !FLEETING.contains(&name.as_str()));
            members.values_mut().for_each(|member| *member = settled(member.take()));
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| *element = settled(element.take())),
        _ => {}
    }
    body
}

/// A credential, and how it is to be refused by a door that it does not open.
struct Stranger {
    who: &'static str,
    credential: Option<String>,
    status: u16,
}

fn stranger(who: &'static str, credential: impl Into<Option<String>>, status: u16) -> Stranger {
    Stranger { who, credential: credential.into(), status }
}

/// A request that is to be refused with this status and the one body that goes with it.
struct Knock {
    told: String,
    request: RequestBuilder,
    status: u16,
}

/// An operation asked with a credential, where that belongs.
fn knock(operation: &Operation, path: String, by: &Stranger) -> Knock {
    let nobody = Api::nobody();
    let credential = by.credential.clone();
    let request = match (operation.door, &credential) {
        (Door::Header, Some(token)) => nobody.request(operation.method.clone(), &path).header("x-webhook-token", token),
        (Door::Tenant | Door::Operator, Some(token)) => {
            nobody.request(operation.method.clone(), &path).bearer_auth(token)
        }
        _ => nobody.request(operation.method.clone(), &path),
    };
    let request = match &operation.body {
        Some(body) => request.json(body),
        None => request,
    };
    Knock { told: format!("{} by {}", operation.id, by.who), request, status: by.status }
}

/// How each is answered: status and body.
async fn answers(requests: Vec<(String, RequestBuilder)>) -> Vec<(String, u16, Value)> {
    let asked = requests.into_iter().map(async |(told, request)| {
        let Answer { status, body, .. } = answer_of(request).await;
        (told, status, settled(body))
    });
    stream::iter(asked).buffer_unordered(AT_ONCE).collect().await
}

/// Knocks at every door; everything that is not refused as it should be.
async fn refused(knocks: Vec<Knock>) -> Vec<String> {
    let wanted: BTreeMap<String, u16> = knocks.iter().map(|knock| (knock.told.clone(), knock.status)).collect();
    assert_eq!(wanted.len(), knocks.len(), "each is told apart");
    let mut bodies: BTreeMap<u16, BTreeSet<String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (told, status, body) in answers(knocks.into_iter().map(|knock| (knock.told, knock.request)).collect()).await {
        let code = if status == 401 { "unauthorized" } else { "wrong_credential" };
        if status == wanted[&told] && body["code"] == code {
            bodies.entry(status).or_default().insert(body.to_string());
        } else {
            wrong.push(format!("{told}: {status} {body}"));
        }
    }
    let alike = bodies.values().filter(|bodies| bodies.len() > 1).map(|bodies| format!("not alike: {bodies:#?}"));
    wrong.extend(alike.collect::<Vec<_>>());
    wrong
}

/// Credentials that open nothing: none, one that nobody made, and a tenant's keys that were good until just now.
struct Spent {
    revoked: String,
    expired: String,
}

impl Spent {
    async fn keys_of(flow: &Flow) -> Self {
        let soon = Timestamp::now() + SignedDuration::from_secs(5);
        let (_, expired) = new_key(flow, json!({"expires_at": soon})).await;
        let (id, revoked) = new_key(flow, json!({})).await;
        for key in [&expired, &revoked] {
            Api::bearer(key).get("/api/v1/tenant/webhooks/subscriptions").await.with(200);
        }
        let gone = flow.operator.delete(&format!("/api/v1/admin/tenants/{}/keys/{id}", flow.tenant_id)).await;
        assert_eq!(gone.status, 204);
        Self { revoked, expired }
    }

    fn strangers(&self) -> [Stranger; 3] {
        [
            stranger("a credential that nobody made", nobodys(&self.revoked), 401),
            stranger("a revoked key", self.revoked.clone(), 401),
            stranger("an expired key", self.expired.clone(), 401),
        ]
    }
}

#[tokio::test]
async fn no_door_opens_to_a_credential_that_is_not_its_own() {
    let house = House::furnished(Flow::beside_others().await).await;
    let spent = Spent::keys_of(&house.flow).await;
    let described = operations().await;
    assert!(described.len() > 60, "{}", described.len());
    let open: Vec<&str> =
        described.iter().filter(|operation| operation.door == Door::Open).map(|one| one.id.as_str()).collect();
    assert_eq!(open, OPEN_TO_ALL, "whatever else is described asks for a credential");
    let before = house.all_there_is(&described).await;
    taken_effect().await;

    let a_key = || stranger("a tenant's key", house.key.clone(), 403);
    let the_operator = || stranger("the operator", Api::operator().credential().map(str::to_owned), 403);
    let a_source = || stranger("a source's token", house.flow.token.clone(), 403);
    let a_gateway = || stranger("a gateway's token", house.gateway.clone(), 403);
    let mut knocks = Vec::new();
    for operation in &described {
        let others = match operation.door {
            Door::Tenant => vec![stranger("nobody", None, 401), the_operator(), a_source()],
            Door::Operator => vec![stranger("nobody", None, 401), a_key(), a_source()],
            Door::Header => {
                let another = stranger("another source's token", house.flow.token.clone(), 401);
                vec![stranger("nobody", None, 401), a_key(), the_operator(), a_gateway(), another]
            }
            Door::Token => {
                let of_another = if operation.path.contains("/c2s/") { a_gateway() } else { a_source() };
                vec![a_key(), the_operator(), of_another]
            }
            // What asks for a proof has a flow of its own, below.
            Door::Proof | Door::Open => continue,
        };
        for by in others.iter().chain(&spent.strangers()) {
            let credential = || by.credential.clone().unwrap_or_default();
            let path = match operation.door {
                Door::Token => operation.filled(|_| credential()),
                _ => house.path(operation),
            };
            knocks.push(knock(operation, path, by));
        }
    }
    let wrong = refused(knocks).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(house.all_there_is(&described).await, before, "and nothing came of it");
}

/// What a tenant may ask with another's names, and the same with names of nothing.
fn in_vain(operation: &Operation, own: &House, others: &House) -> Vec<(String, [String; 2])> {
    let places = operation.places();
    let queried = operation.query.iter().filter(|name| name.ends_with("_id")).map(|name| format!("?{name}"));
    // One place at a time is another's; and all at once, where there are several.
    let mut choices: Vec<BTreeSet<String>> =
        places.iter().cloned().chain(queried).map(|place| BTreeSet::from([place])).collect();
    if places.len() > 1 {
        choices.push(places.into_iter().collect());
    }
    let asked = choices.into_iter().map(|foreign| {
        let with = |theirs: &dyn Fn(&str) -> String| {
            let mut path = operation.filled(|place| match foreign.contains(place) {
                true => theirs(place),
                false => own.name(operation, place),
            });
            if let Some(asked) = foreign.iter().find(|place| place.starts_with('?')) {
                path = format!("{path}{asked}={}", theirs(asked));
            }
            path
        };
        let there = with(&|place| others.name(operation, place));
        let nowhere = with(&|place| nobodys(&others.name(operation, place)));
        (format!("{} with {foreign:?}", operation.id), [there, nowhere])
    });
    asked.collect()
}

#[tokio::test]
async fn no_id_of_another_tenants_opens_anything_or_is_told_from_an_id_of_nothing() {
    let owner = House::furnished(Flow::beside_others().await).await;
    let other = House::furnished(Flow::another().await).await;
    let described = operations().await;
    let before = owner.all_there_is(&described).await;
    let (mut requests, mut in_path) = (Vec::new(), BTreeSet::new());
    for operation in described.iter().filter(|operation| operation.door == Door::Tenant) {
        for (told, paths) in in_vain(operation, &other, &owner) {
            for (path, which) in paths.iter().zip(["theirs", "nobody's"]) {
                let request = other.flow.tenant.request(operation.method.clone(), path);
                let request = operation.body.iter().fold(request, |request, body| request.json(body));
                requests.push((format!("{told}, {which}"), request));
            }
            if !told.contains('?') {
                in_path.insert(told);
            }
        }
    }
    assert!(in_path.len() > 20, "{in_path:#?}");
    let told: BTreeMap<String, (u16, Value)> =
        answers(requests).await.into_iter().map(|(told, status, body)| (told, (status, body))).collect();
    let mut wrong = Vec::new();
    for (which, theirs) in told.iter().filter(|(which, _)| which.ends_with(", theirs")) {
        let nobodys = &told[&which.replace(", theirs", ", nobody's")];
        let hidden = !in_path.contains(which.trim_end_matches(", theirs")) || theirs.0 == 404;
        if theirs != nobodys || !hidden || owner.is_in(&theirs.1.to_string()) {
            wrong.push(format!("{which}: {theirs:?}; an id of nothing: {nobodys:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(owner.all_there_is(&described).await, before, "and nothing came of it");
}

#[tokio::test]
async fn a_doorbell_that_asks_for_a_proof_opens_to_no_credential_and_tells_no_source_from_none() {
    let house = House::furnished(Flow::beside_others().await).await;
    let credentials = [None, Some(house.key.clone()), Some(house.flow.token.clone())];
    let described = operations().await;
    let mut requests = Vec::new();
    for operation in described.iter().filter(|operation| operation.door == Door::Proof) {
        for (n, credential) in credentials.iter().enumerate() {
            let api = credential.as_deref().map_or_else(Api::nobody, Api::bearer);
            for there in [true, false] {
                let id = |place: &str| house.name(operation, place);
                let path = operation.filled(|place| if there { id(place) } else { nobodys(&id(place)) });
                let request = api.request(operation.method.clone(), &path);
                let request = operation.body.iter().fold(request, |request, body| request.json(body));
                requests.push((format!("{} {n} {there}", operation.id), request));
            }
        }
    }
    assert!(!requests.is_empty());
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (which, status, body) in answers(requests).await {
        assert!([401, 403].contains(&status), "{which}: {status} {body}");
        told.entry(which.split_once(' ').unwrap().0.to_owned()).or_default().insert(format!("{status} {body}"));
    }
    assert!(told.values().all(|answers| answers.len() == 1), "{told:#?}");
}
