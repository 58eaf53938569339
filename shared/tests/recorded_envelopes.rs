//! The envelopes carry what they say: the demo lead, and bells.

#![expect(clippy::unwrap_used, reason = "a recording that cannot be read is a failed test")]

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gancho::providers::c2s::payload::parse_body;
use serde_json::Value;

fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events").join(name);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn files(prefix: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/envelopes");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(prefix)).map(|name| format!("envelopes/{name}")).collect()
}

#[test]
fn every_api_envelope_carries_the_demo_lead() {
    let demo = read("c2s/lead.created.json")["request"]["body"].to_string();
    let demo = parse_body(demo.as_bytes()).unwrap().remove(0).unwrap();
    let envelopes = files("apigw.");
    assert_eq!(envelopes.len(), 4);
    for name in envelopes {
        let envelope = read(&name);
        let text = envelope["body"].as_str().unwrap();
        let body = if envelope["isBase64Encoded"] == true { STANDARD.decode(text).unwrap() } else { text.into() };
        let event = parse_body(&body).unwrap().remove(0).unwrap();
        assert_eq!(event.body_digest, demo.body_digest, "{name}");
    }
}

#[test]
fn every_queue_envelope_has_the_bells_its_name_says() {
    let readable = |name: &str| -> Vec<bool> {
        let records = read(name)["Records"].as_array().unwrap().clone();
        records
            .iter()
            .map(|r| serde_json::from_str::<Value>(r["body"].as_str().unwrap()).is_ok_and(|b| b["v"] == 1))
            .collect()
    };
    assert_eq!(readable("envelopes/sqs.bell.json"), [true]);
    assert_eq!(readable("envelopes/sqs.bell.unreadable.json"), [false]);
    assert_eq!(readable("envelopes/sqs.bell.mixed.json"), [true, false, true]);
}
