//! WhatsApp's messages and statuses, from the Cloud API and in each gateway's dialect.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::{NUMBER, PHONE_NUMBER_ID, SECRET, caller, now};
use crate::model::event::Provider;
use crate::model::event_schema::schema;
use crate::model::event_type::EventType;
use crate::model::whatsapp::{Line, WhatsappNumber};
use crate::providers::batch::MAX_EVENT_BYTES;
use crate::providers::whatsapp::cloud::verify as cloud;
use crate::providers::whatsapp::gateways::{Dialect, verify as gateways};
use crate::providers::whatsapp::reading::{Reading, RequestError};
use crate::providers::whatsapp::translate::announced;
use crate::providers::whatsapp::{HmacKey, MAX_EVENTS};
use crate::signing::hmac_sha256;

static MESSAGE: LazyLock<Validator> = LazyLock::new(|| validator(EventType::WhatsappMessage));
static STATUS: LazyLock<Validator> = LazyLock::new(|| validator(EventType::WhatsappStatus));

/// Members that must not be kept, as gateways write them.
const NEVER_KEPT: [&str; 6] = ["apikey", "instanceToken", "token", "base64", "jpegThumbnail", "password"];

fn validator(event_type: EventType) -> Validator {
    let schema: Value = serde_json::from_str(schema(event_type)).expect("a schema is JSON");
    jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema is one")
}

pub(super) fn cloud_api(body: &[u8]) {
    let key = HmacKey::parse(SECRET).expect("a key");
    let signature = |key: &str| format!("sha256={}", hex::encode(hmac_sha256(key.as_bytes(), &[body])));
    assert!(cloud::signed(&key, None, body).is_err(), "nobody is let in without a signature");
    assert!(cloud::signed(&key, Some(&signature("fake-shared-secret-0002")), body).is_err());
    let signed = cloud::signed(&key, Some(&signature(SECRET)), body).expect("the key's own signature");
    let lines = [line(Some(PHONE_NUMBER_ID))];
    let read = || cloud::incoming(&caller(Provider::WhatsappCloud), &lines, &[], signed, now());
    look_at(&read(), &read());
}

pub(super) fn baileys(body: &[u8]) {
    gateway(Dialect::Baileys, body);
}

pub(super) fn evolution(body: &[u8]) {
    gateway(Dialect::Evolution, body);
}

pub(super) fn wppconnect(body: &[u8]) {
    gateway(Dialect::Wppconnect, body);
}

pub(super) fn wuzapi(body: &[u8]) {
    gateway(Dialect::Wuzapi, body);
}

pub(super) fn gowa(body: &[u8]) {
    gateway(Dialect::Gowa, body);
}

fn gateway(dialect: Dialect, body: &[u8]) {
    let proven = gateways::proven(dialect, None, |_| None, body, now()).expect("no secret, no proof");
    let lines = [line(None)];
    let read = || gateways::incoming(&caller(Provider::Baileys), &lines, &[], proven, now());
    let reading = read();
    look_at(&reading, &read());
    for event in reading.iter().flat_map(|reading| &reading.taken) {
        let kept: Value = serde_json::from_slice(&event.body().bytes).expect("what is kept is JSON");
        assert!(!has_any(&kept["event"], &NEVER_KEPT), "no key and no file is kept");
    }
}

fn line(phone_number_id: Option<&str>) -> Line {
    Line {
        connection: "con_hostile".parse().expect("an identifier"),
        number: WhatsappNumber::parse(NUMBER).expect("a number"),
        phone_number_id: phone_number_id.map(str::to_owned),
        client: None,
        disabled: false,
    }
}

fn look_at(reading: &Result<Reading, RequestError>, again: &Result<Reading, RequestError>) {
    let (reading, again) = match (reading, again) {
        (Ok(reading), Ok(again)) => (reading, again),
        (first, second) => {
            assert_eq!(first.as_ref().err(), second.as_ref().err());
            return;
        }
    };
    assert!(reading.taken.len() + reading.refused.len() <= MAX_EVENTS);
    assert_eq!(reading.taken.len(), again.taken.len());
    for (event, again) in reading.taken.iter().zip(&again.taken) {
        assert_eq!(event.id(), again.id(), "the same request is the same events");
        let kept = &event.body().bytes;
        assert!(kept.len() <= MAX_EVENT_BYTES);
        let data = announced(kept).expect("what is kept can be told");
        assert!(data.to_string().len() <= MAX_EVENT_BYTES);
        let sent =
            json!({"id": event.id(), "type": event.event_type(), "timestamp": event.occurred_at(), "data": data});
        let validator = if event.event_type() == EventType::WhatsappMessage { &*MESSAGE } else { &*STATUS };
        let wrong: Vec<String> = validator.iter_errors(&sent).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "what is told is what its schema says: {wrong:?}");
    }
}

fn has_any(value: &Value, names: &[&str]) -> bool {
    match value {
        Value::Object(object) => {
            object.iter().any(|(name, value)| names.contains(&name.as_str()) || has_any(value, names))
        }
        Value::Array(array) => array.iter().any(|value| has_any(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
