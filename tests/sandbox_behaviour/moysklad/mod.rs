//! MoySklad.

mod audit;
mod bulk;
mod door;
mod entities;
mod limits;
mod lists;
mod notifications;
mod orders;
mod settings;
mod silence;
mod syncing;
mod webhooks;

use std::io::Read;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::{Stage, answer};

/// An account of a test's own, asked by a solution's token.
struct Account {
    client: Client,
    sandbox: String,
    id: String,
    base: String,
    token: String,
    /// What it was opened with.
    furnished: Value,
}

impl Stage {
    /// Its rate is not counted, so that a test is as fast as it can be.
    async fn account(&self, name: &str) -> Account {
        let token = json!({"token": format!("token-of-{name}"), "kind": "solution"});
        self.account_with(name, json!({"tokens": [token], "settings": {"rate_limited": false}})).await
    }

    async fn account_with(&self, name: &str, mut order: Value) -> Account {
        order["name"] = json!(name);
        let token = order["tokens"][0]["token"].as_str().unwrap().to_owned();
        let furnished = self.order("/control/moysklad/accounts", order).await;
        Account {
            client: self.client.clone(),
            sandbox: self.url(""),
            id: furnished["id"].as_str().unwrap().to_owned(),
            base: furnished["base"].as_str().unwrap().to_owned(),
            token,
            furnished,
        }
    }
}

impl Account {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}/{path}", self.base));
        request.bearer_auth(&self.token).header("accept-encoding", "gzip")
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        read(self.request(Method::GET, path).send().await.unwrap()).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        read(self.request(Method::POST, path).json(&body).send().await.unwrap()).await
    }

    async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        read(self.request(Method::PUT, path).json(&body).send().await.unwrap()).await
    }

    async fn delete(&self, path: &str) -> (u16, Value) {
        read(self.request(Method::DELETE, path).send().await.unwrap()).await
    }

    /// Something that is expected to be made.
    async fn make(&self, kind: &str, body: Value) -> Value {
        let (status, made) = self.post(&format!("entity/{kind}"), body).await;
        assert_eq!(status, 200, "{made}");
        made
    }

    async fn look(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// The names of a list's rows.
    async fn names(&self, kind: &str, query: &[(&str, &str)]) -> Vec<String> {
        let request = self.request(Method::GET, &format!("entity/{kind}")).query(query);
        let (status, list) = read(request.send().await.unwrap()).await;
        assert_eq!(status, 200, "{list}");
        rows(&list).iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    }

    fn reference(&self, kind: &str, id: &Value) -> Value {
        let href = format!("{}/entity/{kind}/{}", self.base, id.as_str().unwrap());
        json!({"meta": {"href": href, "type": kind, "mediaType": "application/json"}})
    }

    /// What a kind was furnished with.
    fn own(&self, kind: &str) -> Value {
        self.reference(kind, &self.furnished[kind]["id"])
    }

    /// An order with positions `(assortment, quantity, price)`.
    fn order_of(&self, positions: &[(Value, f64, f64)]) -> Value {
        let position = |(assortment, quantity, price): &(Value, f64, f64)| json!({"assortment": assortment, "quantity": quantity, "price": price});
        json!({
            "organization": self.own("organization"), "agent": self.own("counterparty"),
            "positions": positions.iter().map(position).collect::<Vec<_>>()
        })
    }

    fn control(&self, path: &str) -> String {
        format!("{}/control/moysklad/accounts/{}{path}", self.sandbox, self.id)
    }

    async fn behave(&self, settings: Value) {
        let (status, body) = answer(self.client.put(self.control("")).json(&settings)).await;
        assert_eq!(status, 200, "{body}");
    }

    async fn report(&self) -> Value {
        answer(self.client.get(self.control(""))).await.1
    }

    /// At the web interface.
    async fn act(&self, method: &str, path: &str, body: Value, quiet: bool) -> Value {
        let order = json!({"method": method, "path": path, "body": body, "quiet": quiet});
        let (status, done) = answer(self.client.post(self.control("/act")).json(&order)).await;
        assert_eq!((status, &done["status"]), (200, &json!(200)), "{done}");
        done["body"].clone()
    }

    /// Subscribes a receiver.
    async fn subscribe(&self, kind: &str, action: &str, receiver: &str) -> Value {
        let url = format!("{}/receiver/{receiver}", self.sandbox);
        self.make("webhook", json!({"entityType": kind, "action": action, "url": url})).await
    }

    /// The notifications, once so many have come to an end.
    async fn settled(&self, n: usize) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let report = answer(self.client.get(self.control("/notifications"))).await.1;
            let data = report["data"].as_array().unwrap().clone();
            let is_over = |notification: &&Value| !matches!(notification["outcome"].as_str(), Some("pending" | "held"));
            if data.iter().filter(is_over).count() >= n {
                return data;
            }
            assert!(Instant::now() < deadline, "{report}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Status and body, which is null where there is none.
async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let is_gzipped = response.headers().get("content-encoding").is_some_and(|coding| coding == "gzip");
    let bytes = response.bytes().await.unwrap();
    if bytes.is_empty() {
        return (status, Value::Null);
    }
    let mut text = String::new();
    match is_gzipped {
        true => GzDecoder::new(bytes.as_ref()).read_to_string(&mut text).unwrap(),
        false => bytes.as_ref().read_to_string(&mut text).unwrap(),
    };
    (status, serde_json::from_str(&text).unwrap())
}

fn rows(list: &Value) -> &Vec<Value> {
    list["rows"].as_array().unwrap()
}

/// The code of the first error.
fn code(body: &Value) -> Option<u64> {
    body["errors"][0]["code"].as_u64()
}

fn id(entity: &Value) -> &str {
    entity["id"].as_str().unwrap()
}
