//! Meta and the gateways, as they send: the recorded requests of `events/`, to a number of the flow's own.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gancho::signing::hmac_sha256;
use gancho_tests::api::{Answer, Api};
use gancho_tests::flow::Flow;
use gancho_tests::lead::unique;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

/// Where a client links its numbers.
pub(crate) const CONNECTIONS: &str = "/api/whatsapp/connections";
/// What every sender here proves itself with.
pub(crate) const SECRET: &str = "a-flows-shared-secret";
/// The number of the recordings.
const RECORDED: &str = "5511900000090";

/// A Brazilian mobile number that no other flow has.
pub(crate) fn new_number() -> String {
    format!("55119{:08}", unique() % 100_000_000)
}

/// A number that is linked, and who sends what comes for it.
pub(crate) struct Linked {
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) number: String,
    /// Behind the stack's address.
    pub(crate) path: String,
    pub(crate) verify_token: Option<String>,
}

impl Linked {
    fn of(made: &Value) -> Self {
        let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
        let address = text("address");
        let path = address.find("/api/v1/webhooks/").map(|at| address[at..].to_owned()).expect("an address");
        let verify_token = made["verify_token"].as_str().map(str::to_owned);
        Self { id: text("id"), source: text("source_id"), number: text("phone_number"), path, verify_token }
    }

    /// Links a new number at Meta's Cloud API.
    pub(crate) async fn at_meta(flow: &Flow) -> Self {
        let body = json!({"phone_number": new_number(), "provider": "cloud_api", "app_secret": SECRET});
        Self::of(&flow.tenant.post(CONNECTIONS, &body).await.with(201))
    }

    /// Links a new number at a gateway, which proves itself if it can.
    pub(crate) async fn at_gateway(flow: &Flow, dialect: &str) -> Self {
        let mut body = json!({"phone_number": new_number(), "provider": "baileys", "dialect": dialect});
        if dialect != "wppconnect" {
            body["secret"] = json!(SECRET);
        }
        Self::of(&flow.tenant.post(CONNECTIONS, &body).await.with(201))
    }

    /// A sender posts these bytes, with a proof.
    pub(crate) async fn post(&self, kind: &str, body: Vec<u8>) -> Answer {
        self.post_signed_with(SECRET, kind, body).await
    }

    /// The same with a proof made of this secret: all of them, whichever the dialect has.
    pub(crate) async fn post_signed_with(&self, secret: &str, kind: &str, body: Vec<u8>) -> Answer {
        let signature = hex_of(&hmac_sha256(secret.as_bytes(), &[&body]));
        let request = Api::nobody()
            .request(Method::POST, &self.path)
            .header("content-type", kind)
            .header("x-hub-signature-256", format!("sha256={signature}"))
            .header("x-hmac-signature", signature)
            .header("authorization", format!("Bearer {}", evolutions_token(secret)))
            .body(body);
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, headers, body }
    }

    /// Meta sends these updates.
    pub(crate) async fn meta_sends(&self, changes: &[Value]) -> Answer {
        self.post("application/json", batch(changes).to_string().into_bytes()).await
    }

    /// A message to this number, as Meta puts it into a batch.
    pub(crate) fn message(&self, id: &str) -> Value {
        let message = json!({
            "from": "5511900000001", "id": id, "timestamp": Timestamp::now().as_second().to_string(),
            "type": "text", "text": {"body": "Bom dia!"},
        });
        self.change(json!({"messages": [message], "contacts": [{"profile": {"name": "Ana Exemplo"}, "wa_id": "5511900000001"}]}))
    }

    /// Something of this number's, as Meta puts it into a batch.
    pub(crate) fn change(&self, mut value: Value) -> Value {
        value["messaging_product"] = json!("whatsapp");
        value["metadata"] = json!({"display_phone_number": self.number, "phone_number_id": "100000000000001"});
        json!({"field": "messages", "value": value})
    }

    /// A recorded request of `events/`, sent now and to this number.
    pub(crate) async fn recorded(&self, file: &str) -> Answer {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events").join(file);
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.replace(r#""{{now_number}}""#, &now.as_second().to_string());
        let text = text.replace("{{now}}", &now.as_second().to_string()).replace("{{now_rfc3339}}", &now.to_string());
        let told: Value = serde_json::from_str(&text.replace(RECORDED, &self.number)).unwrap();
        let request = &told["request"];
        let body = match request["body_text"].as_str() {
            Some(text) => text.to_owned(),
            None => request["body"].to_string(),
        };
        self.post(request["headers"]["content-type"].as_str().unwrap(), body.into_bytes()).await
    }
}

/// What Meta sends at once.
pub(crate) fn batch(changes: &[Value]) -> Value {
    json!({"object": "whatsapp_business_account", "entry": [{"id": "200000000000001", "changes": changes}]})
}

fn evolutions_token(secret: &str) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let now = Timestamp::now().as_second();
    let claims = json!({"iat": now, "exp": now + 600, "app": "evolution", "action": "webhook"});
    let signed = format!("{}.{}", part(json!({"alg": "HS256", "typ": "JWT"})), part(claims));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hmac_sha256(secret.as_bytes(), &[signed.as_bytes()])))
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
