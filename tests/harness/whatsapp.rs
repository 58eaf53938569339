//! A number of a client's, linked by a gateway that is played here: it posts what Baileys would.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::Api;
use crate::flow::Flow;
use crate::lead::{Person, unique};

/// A group that somebody writes in.
pub const GROUP: &str = "120363000000000001@g.us";

/// A linked number, and the address its gateway posts to.
pub struct Line {
    /// The number, digits.
    pub number: String,
    /// The connection's id.
    pub connection: String,
    address: String,
}

impl Line {
    /// Links a new number to a flow's tenant.
    pub async fn linked(flow: &Flow) -> Self {
        let number = Person::new().phone;
        let order = json!({"phone_number": number, "provider": "baileys"});
        let made = flow.tenant.post("/api/whatsapp/connections", &order).await.with(201);
        let text = |name: &str| made[name].as_str().expect("a text").to_owned();
        Self { number, connection: text("id"), address: text("address") }
    }

    /// Where its gateway posts to.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The token in the address.
    #[must_use]
    pub fn token(&self) -> &str {
        self.address.rsplit('/').next().unwrap_or_default()
    }

    /// The gateway posts messages, of which each is new.
    pub async fn posts(&self, messages: &[Value]) {
        let answer = self.post(messages).await;
        assert_eq!(answer["processed"], messages.len(), "{answer}");
    }

    /// The gateway posts messages that it has posted before.
    pub async fn posts_again(&self, messages: &[Value]) {
        let answer = self.post(messages).await;
        assert_eq!(answer["duplicates"], messages.len(), "{answer}");
    }

    async fn post(&self, messages: &[Value]) -> Value {
        let body = json!({"event": "messages.upsert", "data": {"messages": messages, "type": "notify"}});
        Api::nobody().post_to(&self.address, &body).await.with(200)
    }

    /// The gateway tells what became of a message that was sent.
    pub async fn tells(&self, message: &Value, status: u8) {
        let update = json!({"key": message["key"], "update": {"status": status}});
        let body = json!({"event": "messages.update", "data": [update]});
        let answer = Api::nobody().post_to(&self.address, &body).await.with(200);
        assert_eq!(answer["processed"], 1, "{answer}");
    }
}

/// A text that somebody sent, as Baileys has it; nobody has sent it before.
#[must_use]
pub fn text(says: &str) -> Value {
    let key =
        json!({"remoteJid": format!("{}@s.whatsapp.net", Person::new().phone), "fromMe": false, "id": message_id()});
    message(&key, json!({"conversation": says}))
}

/// A text that the number's owner sent, on the telephone.
#[must_use]
pub fn own_text(says: &str) -> Value {
    let mut own = text(says);
    own["key"]["fromMe"] = json!(true);
    own
}

/// A picture that somebody sent to a group.
#[must_use]
pub fn picture_in_group(caption: &str) -> Value {
    let participant = format!("{}@s.whatsapp.net", Person::new().phone);
    let key = json!({"remoteJid": GROUP, "fromMe": false, "id": message_id(), "participant": participant});
    let url = "https://mmg.whatsapp.net/v/t62.7118-24/0_n.enc";
    message(&key, json!({"imageMessage": {"url": url, "mimetype": "image/jpeg", "caption": caption}}))
}

fn message(key: &Value, content: Value) -> Value {
    let at = Timestamp::now().as_second();
    json!({"key": key, "messageTimestamp": at, "pushName": "Ana Exemplo", "message": content})
}

fn message_id() -> String {
    format!("3EB0{:012X}", unique())
}
