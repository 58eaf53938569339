//! A tenant with all doors: a C2S source, an API key, a WhatsApp number, and receivers that hear of it all.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::offers::Kind;
use crate::api::Api;
use crate::flow::Flow;
use crate::moysklad::Pair;
use crate::whatsapp::Line;

/// A receiver and what it is to hear of.
pub struct Ear {
    /// Its name at the sandbox.
    pub receiver: String,
    /// The subscription's id.
    pub subscription: String,
    /// The subscription's secret when it was made.
    pub secret: String,
    /// Of what it hears.
    pub kind: Kind,
}

/// What the senders show to be let in; a rotation changes it while they send.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) c2s_token: String,
    pub(super) tenant: Api,
}

/// Where traffic goes.
pub struct Scene {
    /// Its tenant.
    pub flow: Flow,
    /// Who hears of it. Of payments there are two.
    pub ears: Vec<Ear>,
    /// MoySklad accounts in step, where there are any.
    pub pair: Option<Pair>,
    pub(super) line: Line,
    /// Who shows nothing but what is in an address.
    pub(super) nobody: Api,
    pub(super) n_put_off: AtomicU64,
    credentials: Mutex<Credentials>,
}

impl Scene {
    /// Furnishes a flow's tenant.
    pub async fn furnished(flow: Flow, with_moysklad: bool) -> Self {
        let mut ears = vec![Ear {
            receiver: flow.receiver.clone(),
            subscription: flow.subscription.clone(),
            secret: flow.secret.clone(),
            kind: Kind::Lead,
        }];
        for (event, name, kind) in [
            ("payment.*", "payments", Kind::Payment),
            ("payment.received", "ledger", Kind::Payment),
            ("whatsapp.message", "messages", Kind::Message),
        ] {
            ears.push(Ear::listening(&flow, event, name, kind).await);
        }
        let line = Line::linked(&flow).await;
        let pair = if with_moysklad { Some(Pair::in_step(&flow).await) } else { None };
        let credentials = Mutex::new(Credentials { c2s_token: flow.token.clone(), tenant: flow.tenant.clone() });
        Self { flow, ears, pair, line, nobody: Api::nobody(), n_put_off: AtomicU64::new(0), credentials }
    }

    pub(super) fn credentials(&self) -> Credentials {
        self.credentials.lock().expect("nobody panics with it").clone()
    }

    /// How often a sender was put off so far: answered badly or not at all, and left to send again.
    #[must_use]
    pub fn n_put_off(&self) -> u64 {
        self.n_put_off.load(Ordering::Relaxed)
    }

    /// C2S is given another token for its source.
    pub fn give_c2s(&self, token: &str) {
        token.clone_into(&mut self.credentials.lock().expect("nobody panics with it").c2s_token);
    }

    /// The tenant is given another key.
    pub fn give_tenant(&self, key: &str) {
        self.credentials.lock().expect("nobody panics with it").tenant = Api::bearer(key);
    }

    /// The tenant, with the key it has now.
    #[must_use]
    pub fn tenant(&self) -> Api {
        self.credentials().tenant
    }
}

impl Ear {
    async fn listening(flow: &Flow, event: &str, name: &str, kind: Kind) -> Self {
        let receiver = format!("{}-{name}", flow.receiver);
        let made = flow.subscribe(&receiver, json!({"event": event})).await;
        let text = |name: &str| made[name].as_str().expect("a text").to_owned();
        Self { receiver, subscription: text("id"), secret: text("secret"), kind }
    }

    /// What this ear knows a delivery's event by; none of what it is not to count.
    pub(super) fn key_of(&self, body: &Value) -> Option<String> {
        let (data, text) = (&body["data"], |value: &Value| value.as_str().map(str::to_owned));
        match self.kind {
            Kind::Lead if body["type"] != "lead.received" => None,
            Kind::Lead => Some(format!("{} {}", text(&data["lead_id"])?, text(&data["updated_at"])?)),
            Kind::Payment => text(&data["payment_id"]),
            Kind::Message => text(&data["message_id"]),
            Kind::Product => None,
        }
    }
}
