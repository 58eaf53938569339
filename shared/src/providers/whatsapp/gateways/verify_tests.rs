use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::event::Provider;
use crate::model::whatsapp::WhatsappNumber;
use crate::providers::whatsapp::reading::{Ignored, RefusalCode};
use crate::providers::whatsapp::translate::announced;

fn now() -> Timestamp {
    Timestamp::from_second(1_749_416_400).unwrap()
}

fn caller() -> SourceCaller {
    SourceCaller { source: "src_a".parse().unwrap(), provider: Provider::Baileys, tenant: "ten_a".parse().unwrap() }
}

fn line(n: u8) -> Line {
    let number = WhatsappNumber::parse(&format!("551190000009{n}")).unwrap();
    Line {
        connection: format!("con_{n}").parse().unwrap(),
        number,
        phone_number_id: None,
        client: None,
        disabled: false,
    }
}

fn read_of(dialect: Dialect, body: &[u8]) -> Result<Reading, RequestError> {
    incoming(&caller(), &[line(0)], &[], Proven { dialect, body }, now())
}

fn reading(dialect: Dialect, body: &Value) -> Reading {
    read_of(dialect, body.to_string().as_bytes()).unwrap()
}

/// What a tenant hears of the only event in it.
fn told(dialect: Dialect, body: &Value) -> Value {
    let read = reading(dialect, body);
    let [event] = read.taken.as_slice() else { panic!("{read:?}") };
    announced(&event.body().bytes).unwrap()
}

/// One message, as each dialect says it.
fn spoken() -> [(Dialect, Value); 5] {
    let jid = "5511900000001@s.whatsapp.net";
    let wa_message = json!({
        "key": {"remoteJid": jid, "fromMe": false, "id": "3EB0A1"},
        "pushName": "Ana", "message": {"conversation": "oi"}, "messageTimestamp": 1_749_416_383,
    });
    [
        (Dialect::Baileys, json!({"event": "messages.upsert", "data": {"messages": [wa_message], "type": "notify"}})),
        (
            Dialect::Evolution,
            json!({"event": "messages.upsert", "instance": "a", "data": wa_message, "sender": "5511900000090@s.whatsapp.net", "apikey": "fake-key-of-evolution"}),
        ),
        (
            Dialect::Wppconnect,
            json!({"event": "onmessage", "session": "a", "id": "false_5511900000001@c.us_3EB0A1", "type": "chat", "body": "oi", "from": "5511900000001@c.us", "to": "5511900000090@c.us", "t": 1_749_416_383, "notifyName": "Ana"}),
        ),
        (
            Dialect::Wuzapi,
            json!({"type": "Message", "token": "fake-token-of-wuzapi", "event": {"Info": {"Chat": jid, "Sender": "5511900000001:7@s.whatsapp.net", "IsFromMe": false, "ID": "3EB0A1", "PushName": "Ana", "Timestamp": "2025-06-08T17:59:43-03:00"}, "Message": {"conversation": "oi"}}}),
        ),
        (
            Dialect::Gowa,
            json!({"event": "message", "device_id": "5511900000090@s.whatsapp.net", "payload": {"id": "3EB0A1", "chat_id": jid, "from": jid, "from_name": "Ana", "timestamp": "2025-06-08T20:59:43Z", "is_from_me": false, "body": "oi"}}),
        ),
    ]
}

#[test]
fn one_message_is_told_the_same_whichever_gateway_it_came_by() {
    let mut all = spoken().map(|(dialect, body)| told(dialect, &body));
    for told in &mut all {
        assert!(told.as_object_mut().unwrap().remove("raw").is_some());
    }
    insta::assert_json_snapshot!(all[0], @r#"
    {
      "chat": "5511900000001",
      "connection_id": "con_0",
      "contact": {
        "name": "Ana"
      },
      "direction": "in",
      "from": "5511900000001",
      "message_id": "3EB0A1",
      "text": "oi",
      "timestamp": "2025-06-08T20:59:43Z",
      "to": "5511900000090",
      "type": "text"
    }
    "#);
    assert!(all.iter().all(|told| *told == all[0]), "{all:#?}");
}

#[test]
fn one_message_is_one_event_in_every_spelling_of_its_addresses() {
    let ids: Vec<_> = spoken().iter().map(|(dialect, body)| reading(*dialect, body).taken[0].id().clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[test]
fn another_chat_direction_or_participant_makes_another_event_of_the_same_id() {
    let event = |chat: &str, from_me: bool, participant: Value| {
        let key = json!({"remoteJid": chat, "fromMe": from_me, "id": "3EB0A1", "participant": participant});
        let message = json!({"key": key, "message": {"conversation": "oi"}, "messageTimestamp": 1_749_416_383});
        reading(Dialect::Baileys, &json!({"messages": [message], "type": "notify"})).taken[0].id().clone()
    };
    let (ana, bia, group) = ("5511900000001@s.whatsapp.net", "5511900000002@s.whatsapp.net", "120363000000000001@g.us");
    let ids = std::collections::BTreeSet::from([
        event(ana, false, Value::Null),
        event(ana, true, Value::Null),
        event(bia, false, Value::Null),
        event(group, false, json!(ana)),
        event(group, false, json!(bia)),
    ]);
    assert_eq!(ids.len(), 5);
    assert_eq!(event(group, false, json!(ana)), event(group, false, json!("5511900000001:9@s.whatsapp.net")));
}

#[test]
fn no_key_to_a_gateway_is_kept_or_told() {
    for (dialect, mut body) in spoken() {
        let nested =
            json!({"apikey": "fake-nested", "instanceToken": "fake-nested", "deeper": [{"api_key": "fake-nested"}]});
        for inside in ["/data", "/data/messages/0", "/event", "/payload", ""] {
            if let Some(Value::Object(members)) = body.pointer_mut(inside) {
                members.insert("apikey".into(), "fake-key".into());
                members.insert("token".into(), "fake-token".into());
                members.insert("more".into(), nested.clone());
            }
        }
        let read = reading(dialect, &body);
        let kept = String::from_utf8(read.taken[0].body().bytes.to_vec()).unwrap();
        assert!(!kept.contains("fake"), "{dialect:?}: {kept}");
    }
}

#[test]
fn a_message_of_another_number_is_refused_where_the_gateway_says_whose_it_is() {
    for (dialect, body) in spoken() {
        let names_it = !matches!(dialect, Dialect::Baileys | Dialect::Wuzapi);
        let body = body.to_string().replace("5511900000090", "5511900000091");
        let read = read_of(dialect, body.as_bytes()).unwrap();
        let codes: Vec<_> = read.refused.iter().map(|refusal| refusal.code).collect();
        assert_eq!(codes, if names_it { vec![RefusalCode::NumberForeign] } else { vec![] }, "{dialect:?}");
    }
}

#[test]
fn a_source_of_several_numbers_takes_only_what_names_one() {
    for (dialect, body) in spoken() {
        let body = body.to_string();
        let read =
            incoming(&caller(), &[line(1), line(0)], &[], Proven { dialect, body: body.as_bytes() }, now()).unwrap();
        match dialect {
            Dialect::Baileys | Dialect::Wuzapi => assert_eq!(read.refused[0].code, RefusalCode::NumberMissing),
            _ => assert_eq!(announced(&read.taken[0].body().bytes).unwrap()["connection_id"], "con_0"),
        }
    }
}

#[test]
fn what_could_not_be_decrypted_yet_does_not_take_the_place_of_the_message() {
    let stub = json!({"key": {"remoteJid": "5511900000001@s.whatsapp.net", "fromMe": false, "id": "3EB0A1"}, "messageStubType": 2, "messageTimestamp": 1_749_416_383});
    let read = reading(Dialect::Baileys, &json!({"messages": [stub], "type": "notify"}));
    assert_eq!((read.taken.len(), read.ignored), (0, [(Ignored::NoContent, 1)].into()));
}

#[test]
fn what_receipts_share_is_not_kept_a_thousand_times() {
    let ids: Vec<String> = (0..1_000).map(|n| format!("3EB0{n}")).collect();
    let jid = "5511900000001@s.whatsapp.net";
    let wuzapi = |sender: &str| json!({"type": "ReadReceipt", "event": {"Chat": jid, "Sender": sender, "MessageIDs": ids, "Type": "read"}});
    let gowa = |from: &str| json!({"event": "message.ack", "payload": {"chat_id": jid, "from": from, "ids": ids, "receipt_type": "read"}});
    let long = "x".repeat(200_000);
    for (dialect, body) in [
        (Dialect::Wuzapi, wuzapi(jid)),
        (Dialect::Wuzapi, wuzapi(&long)),
        (Dialect::Gowa, gowa(jid)),
        (Dialect::Gowa, gowa(&long)),
    ] {
        let read = reading(dialect, &body);
        let kept: usize = read.taken.iter().map(|event| event.body().bytes.len()).sum();
        assert!(read.taken.len() == 1_000 && kept < 1_000_000, "{dialect:?}: {kept} bytes");
    }
}

#[test]
fn more_messages_than_are_taken_at_once_are_refused_whole() {
    let ids: Vec<String> = (0..=1_000).map(|n| format!("3EB0{n}")).collect();
    let body = json!({"event": "message.ack", "payload": {"from": "5511900000001@s.whatsapp.net", "ids": ids, "receipt_type": "read"}});
    let refused = read_of(Dialect::Gowa, body.to_string().as_bytes()).unwrap_err();
    assert_eq!(refused, RequestError::Body(crate::providers::batch::BodyError::TooManyEvents));
}

#[test]
fn a_source_with_a_secret_takes_nothing_unproven() {
    let secret = HmacKey::parse("a-gateways-secret").unwrap();
    for dialect in Dialect::ALL {
        assert_eq!(proven(dialect, Some(&secret), |_| None, b"{}", now()).unwrap_err(), Forged, "{dialect:?}");
        assert!(proven(dialect, None, |_| None, b"{}", now()).is_ok());
    }
    let signature = format!("sha256={}", hex::encode(crate::signing::hmac_sha256(b"a-gateways-secret", &[b"{}"])));
    let header = |name: &str| (name == "x-hub-signature-256").then_some(signature.as_str());
    assert!(proven(Dialect::Gowa, Some(&secret), header, b"{}", now()).is_ok());
}

#[test]
fn every_dialect_is_read_back_from_its_name() {
    for dialect in Dialect::ALL {
        assert_eq!(dialect.name().parse(), Ok(dialect));
        assert_eq!(serde_json::to_value(dialect).unwrap(), dialect.name());
    }
    assert!("cloud_api".parse::<Dialect>().is_err());
}

/// A request that was right until something in it was put in another's place.
fn nearly_right() -> impl Strategy<Value = (Dialect, Value)> {
    let odd = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
        Just(json!([])),
        Just(json!([{}, 1])),
        Just(json!({"id": {"id": 1}})),
    ];
    (0..5_usize, any::<prop::sample::Index>(), odd).prop_map(|(n, place, odd)| {
        let (dialect, mut body) = spoken()[n].clone();
        let mut places = Vec::new();
        walk(&body, String::new(), &mut places);
        *body.pointer_mut(&places[place.index(places.len())]).unwrap() = odd;
        (dialect, body)
    })
}

fn walk(value: &Value, path: String, places: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| walk(value, format!("{path}/{name}"), places))
        }
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(n, value)| walk(value, format!("{path}/{n}"), places))
        }
        _ => {}
    }
    places.push(path);
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        for dialect in Dialect::ALL {
            let _ = read_of(dialect, &body);
        }
    }

    #[test]
    fn whatever_is_taken_can_be_told((dialect, body) in nearly_right()) {
        for event in read_of(dialect, body.to_string().as_bytes()).map(|read| read.taken).unwrap_or_default() {
            let told = announced(&event.body().bytes).unwrap();
            prop_assert_eq!(&told, &announced(&event.body().bytes).unwrap());
            prop_assert!(told["chat"].as_str().is_some_and(|chat| !chat.is_empty()));
        }
    }

    #[test]
    fn what_was_cut_off_is_refused_whole(cut in any::<prop::sample::Index>(), n in 0..5_usize) {
        let (dialect, body) = spoken()[n].clone();
        let body = body.to_string();
        let cut = &body.as_bytes()[..cut.index(body.len())];
        prop_assert!(read_of(dialect, cut).is_err());
    }
}
