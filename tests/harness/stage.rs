//! The stage the third parties are played on: its control, for a test that arranges and looks.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::api::{answer_of, client};
use crate::lead::Person;
use crate::stack::Stack;

/// The sandbox's control.
#[derive(Clone)]
pub struct Stage {
    http: Client,
}

/// Something a third party gets wrong, until it is taken back or has struck its last time.
#[derive(Debug, Clone, Copy)]
#[must_use = "a fault without a number of times stands until it is taken back"]
pub struct Fault(u64);

impl Default for Stage {
    fn default() -> Self {
        Self { http: client() }
    }
}

impl Stage {
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let request = self.http.request(method, format!("{}/control{path}", Stack::get().sandbox_url));
        let answer = answer_of(body.iter().fold(request, |request, body| request.json(body))).await;
        assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.body);
        answer.body
    }

    /// Lets `upstream` (`c2s`, `diretrix`, `moysklad`, `work`) get something wrong, `times` times or until it is taken back.
    pub async fn fault(&self, upstream: &str, when: Value, times: Option<u32>, fault: Value) -> Fault {
        let order = json!({"upstream": upstream, "match": when, "times": times, "fault": fault});
        let made = self.ask(Method::POST, "/faults", Some(&order)).await;
        Fault(made["id"].as_u64().expect("the fault's number"))
    }

    /// Lets one request in so many of an upstream's go wrong, until it is taken back; `passed` of them it takes for past.
    pub async fn fault_one_in(&self, upstream: &str, one_in: u32, passed: u32, fault: Value) -> Fault {
        let order = json!({"upstream": upstream, "one_in": one_in, "passed": passed, "fault": fault});
        let made = self.ask(Method::POST, "/faults", Some(&order)).await;
        Fault(made["id"].as_u64().expect("the fault's number"))
    }

    /// How often a fault has struck; none where it has struck its last time.
    pub async fn struck(&self, fault: Fault) -> Option<u64> {
        let standing = self.ask(Method::GET, "/faults", None).await;
        let found = standing["data"].as_array()?.iter().find(|standing| standing["id"] == fault.0)?;
        found["struck"].as_u64()
    }

    /// Ends a fault.
    pub async fn take_back(&self, fault: Fault) {
        self.ask(Method::DELETE, &format!("/faults/{}", fault.0), None).await;
    }

    /// What an upstream was asked with this text in path, query or body, oldest first.
    pub async fn requests(&self, upstream: &str, containing: &str) -> Vec<Value> {
        let found = self.ask(Method::GET, &format!("/requests?upstream={upstream}&contains={containing}"), None).await;
        found["data"].as_array().cloned().unwrap_or_default()
    }

    /// Makes a person known to the registries.
    pub async fn know(&self, person: &Person) {
        self.ask(Method::POST, "/people", Some(&person.as_registered())).await;
    }

    /// What stands in a lead's thread.
    pub async fn messages(&self, lead: &str) -> Vec<Value> {
        let request = self.http.get(format!("{}/control/c2s/leads/{lead}", Stack::get().sandbox_url));
        let answer = answer_of(request).await;
        if answer.status == 404 {
            // Nobody has asked for it, or written to it.
            return Vec::new();
        }
        answer.with(200)["messages"].as_array().cloned().unwrap_or_default()
    }

    /// C2S has a lead, and tells nobody of it.
    pub async fn hold_lead(&self, lead: &Value) {
        self.ask(Method::POST, "/c2s/leads", Some(lead)).await;
    }

    /// Whether C2S shows this lead's thread to those who read it back.
    pub async fn show_messages(&self, lead: &str, visible: bool) {
        let order = json!({"lead_id": lead, "messages_visible": visible});
        self.ask(Method::PUT, "/c2s", Some(&order)).await;
    }

    /// Tells a receiver how to behave.
    pub async fn instruct(&self, receiver: &str, orders: Value) {
        self.ask(Method::PUT, &format!("/receivers/{receiver}"), Some(&orders)).await;
    }

    /// What a receiver was sent, oldest first.
    pub async fn received(&self, receiver: &str) -> Vec<Value> {
        let report = self.ask(Method::GET, &format!("/receivers/{receiver}"), None).await;
        report["data"].as_array().cloned().unwrap_or_default()
    }

    /// The address of a receiver.
    #[must_use]
    pub fn address(receiver: &str) -> String {
        format!("{}/receiver/{receiver}", Stack::get().sandbox_url)
    }
}
