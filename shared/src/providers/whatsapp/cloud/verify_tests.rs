use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::event::Provider;
use crate::model::event_type::EventType;
use crate::model::ids::TenantId;
use crate::model::whatsapp::WhatsappNumber;
use crate::providers::Incoming;
use crate::providers::batch::BodyError;
use crate::providers::whatsapp::reading::{Ignored, Refusal, RefusalCode};
use crate::providers::whatsapp::translate::announced;

fn now() -> Timestamp {
    Timestamp::from_second(1_749_416_400).unwrap()
}

fn caller(source: &str) -> SourceCaller {
    let source = source.parse().unwrap();
    SourceCaller { source, provider: Provider::WhatsappCloud, tenant: "ten_a".parse().unwrap() }
}

fn line() -> Line {
    Line {
        connection: "con_1".parse().unwrap(),
        number: WhatsappNumber::parse("5511900000090").unwrap(),
        phone_number_id: Some("100000000000001".into()),
        client: None,
        disabled: false,
    }
}

fn read_of(source: &str, lines: &[Line], body: &[u8]) -> Result<Reading, RequestError> {
    incoming(&caller(source), lines, &[], Signed(body), now())
}

fn text(id: &str) -> Value {
    json!({"from": "5511900000001", "id": id, "timestamp": "1749416383", "type": "text", "text": {"body": "oi"}})
}

fn body(messages: &[Value]) -> Vec<u8> {
    with(json!({"messages": messages}))
}

fn with(mut value: Value) -> Vec<u8> {
    value["metadata"] = json!({"display_phone_number": "5511900000090", "phone_number_id": "100000000000001"});
    let change = json!({"field": "messages", "value": value});
    json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}).to_string().into_bytes()
}

fn reading(body: &[u8]) -> Reading {
    read_of("src_a", &[line()], body).unwrap()
}

#[test]
fn only_what_the_apps_secret_has_signed_becomes_readable() {
    let secret = HmacKey::parse("an-app-secret-0001").unwrap();
    let body = body(&[text("wamid.1")]);
    let signature = format!("sha256={}", hex::encode(crate::signing::hmac_sha256(b"an-app-secret-0001", &[&body])));
    assert!(signed(&secret, Some(&signature), &body).is_ok());
    let mut altered = body.clone();
    altered[0] ^= 1;
    assert_eq!(signed(&secret, Some(&signature), &altered).unwrap_err(), Forged);
    let other = HmacKey::parse("another-app-secret").unwrap();
    assert_eq!(signed(&other, Some(&signature), &body).unwrap_err(), Forged);
    assert_eq!(signed(&secret, None, &body).unwrap_err(), Forged);
}

#[test]
fn the_tenant_is_the_sources_whatever_the_body_says() {
    let mut message = text("wamid.1");
    message["tenant_id"] = json!("ten_b");
    assert_eq!(reading(&body(&[message])).taken[0].tenant().as_str(), "ten_a");
    let clients = Line { client: Some("ten_client".parse().unwrap()), ..line() };
    let read = read_of("src_a", &[clients], &body(&[text("wamid.1")])).unwrap();
    assert_eq!(*read.taken[0].tenant(), "ten_client".parse::<TenantId>().unwrap(), "as the operator named it");
}

#[test]
fn a_message_sent_again_is_the_same_event_and_another_sources_is_another() {
    let id =
        |source: &str, message: Value| read_of(source, &[line()], &body(&[message])).unwrap().taken[0].id().clone();
    let mut later = text("wamid.1");
    later["text"]["body"] = json!("something else");
    assert_eq!(id("src_a", text("wamid.1")), id("src_a", later.clone()));
    assert_ne!(id("src_a", text("wamid.1")), id("src_b", text("wamid.1")));
    assert_ne!(id("src_a", text("wamid.1")), id("src_a", text("wamid.2")));
    let digests = [text("wamid.1"), later].map(|message| reading(&body(&[message])).taken[0].digest().to_owned());
    assert_eq!(digests[0], digests[1], "a copy is a copy, whatever surrounds it");
}

#[test]
fn each_status_of_a_message_and_recipient_is_an_event() {
    let status = |status: &str, to: &str| json!({"id": "wamid.1", "status": status, "timestamp": "1749416383", "recipient_id": to});
    let statuses = [
        status("sent", "5511900000001"),
        status("read", "5511900000001"),
        status("read", "5511900000002"),
        status("sent", "5511900000001"),
    ];
    let read = reading(&with(json!({"statuses": statuses, "messages": [text("wamid.1")]})));
    let ids: std::collections::BTreeSet<_> = read.taken.iter().map(Incoming::id).collect();
    assert_eq!((read.taken.len(), ids.len()), (5, 4));
    assert_eq!(read.taken[1].event_type(), EventType::WhatsappStatus);
}

#[test]
fn an_event_for_another_number_is_refused_and_spoils_no_other() {
    let change = |id: &str, events: Value| json!({"field": "messages", "value": {"metadata": {"phone_number_id": id}, "messages": events}});
    let body = json!({"object": "whatsapp_business_account", "entry": [{"changes": [
        change("100000000000002", json!([text("wamid.1"), text("wamid.2")])),
        change("100000000000001", json!([text("wamid.3")])),
        {"field": "messages", "value": {"messages": [text("wamid.4")]}},
        {"field": "account_update", "value": {}},
    ]}]});
    let read = reading(body.to_string().as_bytes());
    assert_eq!(read.taken.len(), 1);
    let refused = |index, code| Refusal { index, code };
    let foreign = RefusalCode::NumberForeign;
    assert_eq!(read.refused, [refused(0, foreign), refused(1, foreign), refused(3, RefusalCode::NumberMissing)]);
    assert_eq!(read.ignored, [(Ignored::OtherField, 1)].into());
}

#[test]
fn a_thousand_events_are_taken_and_one_more_is_refused_whole() {
    let messages: Vec<Value> = (0..1_001).map(|n| text(&format!("wamid.{n}"))).collect();
    assert_eq!(reading(&body(&messages[..1_000])).taken.len(), 1_000);
    let refused = read_of("src_a", &[line()], &body(&messages)).unwrap_err();
    assert_eq!(refused, RequestError::Body(BodyError::TooManyEvents));
    let halves = json!({"messages": messages[..600], "statuses": messages[..600]});
    assert_eq!(read_of("src_a", &[line()], &with(halves)).unwrap_err(), RequestError::Body(BodyError::TooManyEvents));
}

#[test]
fn a_request_that_holds_nothing_to_look_at_is_refused_whole() {
    let refused = |body: &str| read_of("src_a", &[line()], body.as_bytes()).unwrap_err();
    for body in ["", "nothing", "{", "{}}"] {
        assert_eq!(refused(body), RequestError::Body(BodyError::InvalidJson), "{body}");
    }
    for body in
        ["[]", "7", r#"{"object":"whatsapp_business_account"}"#, r#"{"object":"whatsapp_business_account","entry":{}}"#]
    {
        assert!(matches!(refused(body), RequestError::Shape(_)), "{body}");
    }
    let huge = format!("\"{}\"", "x".repeat(3 * 1024 * 1024));
    assert_eq!(refused(&huge), RequestError::Body(BodyError::BodyTooLarge));
}

#[test]
fn an_event_too_large_or_too_deep_spoils_itself_only() {
    let mut large = text("wamid.1");
    large["text"]["body"] = json!("x".repeat(300_000));
    let mut escaped = text("wamid.2");
    escaped["text"]["body"] = json!("\u{1}".repeat(45_000));
    let whole = String::from_utf8(body(&[large, escaped, text("wamid.3")])).unwrap();
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let whole = whole.replace(r#""messages":["#, &format!(r#""messages":[{{"id":"wamid.0","x":{deep}}},"#));
    let codes: Vec<_> = reading(whole.as_bytes()).refused.into_iter().map(|refusal| refusal.code).collect();
    assert_eq!(codes, [RefusalCode::InvalidJson, RefusalCode::EventTooLarge, RefusalCode::EventTooLarge]);
}

#[test]
fn what_stands_beside_the_events_is_not_kept_a_thousand_times() {
    let messages: Vec<Value> = (0..1_000).map(|n| text(&format!("wamid.{n}"))).collect();
    let person = |name: usize| json!([{"wa_id": "5511900000001", "profile": {"name": "x".repeat(name)}}]);
    for (name, is_told) in [(100, true), (5_000, false), (600_000, false)] {
        let read = reading(&with(json!({"messages": messages, "contacts": person(name)})));
        let kept: usize = read.taken.iter().map(|event| event.body().bytes.len()).sum();
        assert!(read.taken.len() == 1_000 && kept < 1_000_000, "{kept} bytes");
        let told = announced(&read.taken[0].body().bytes).unwrap();
        assert_eq!(told.get("contact").is_some(), is_told, "{name}");
    }
}

/// Names, numbers and shapes that mean something to the reader, in every wrong place.
fn anything() -> impl Strategy<Value = Value> {
    let words = "wamid\\.[0-9]|5511900000001|100000000000001|1749416383|text|image|read|messages|whatsapp_business_account|BR\\.1|\\PC{0,4}";
    let names = "from|id|timestamp|type|text|body|image|caption|status|recipient_id|recipient_type|context|errors|code|location|latitude|interactive|group_id|from_user_id";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 30, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map(names, inner, 0..6).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_of("src_a", &[line()], &body);
    }

    #[test]
    fn whatever_is_taken_can_be_told_and_the_rest_is_accounted_for(events in proptest::collection::vec(anything(), 0..4), contacts in anything()) {
        let read = reading(&with(json!({"messages": events, "statuses": events, "contacts": contacts})));
        prop_assert_eq!(read.taken.len() + read.refused.len(), 2 * events.len());
        for event in &read.taken {
            let told = announced(&event.body().bytes).unwrap();
            prop_assert_eq!(&told, &announced(&event.body().bytes).unwrap());
            prop_assert!(told["chat"].as_str().is_some_and(|chat| !chat.is_empty()));
        }
    }

    #[test]
    fn an_event_of_any_depth_is_told_or_refused(depth in 1..140_usize) {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let plain = String::from_utf8(body(&[text("wamid.1")])).unwrap();
        let read = reading(plain.replace(r#"{"body":"oi"}"#, &format!(r#"{{"body":"oi","x":{deep}}}"#)).as_bytes());
        prop_assert_eq!(read.taken.len(), usize::from(depth <= 62));
        prop_assert!(read.taken.iter().all(|event| announced(&event.body().bytes).is_ok()));
    }

    #[test]
    fn an_event_of_any_content_is_taken_if_it_says_who_and_when(mut event in anything()) {
        prop_assume!(event.is_object());
        for (name, value) in text("wamid.1").as_object().unwrap() {
            if name != "text" {
                event[name] = value.clone();
            }
        }
        prop_assert_eq!(reading(&body(&[event])).refused, []);
    }
}
