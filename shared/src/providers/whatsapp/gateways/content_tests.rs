use proptest::prelude::*;
use serde_json::json;

use super::*;

fn said(message: &Value) -> Option<(String, Option<String>)> {
    read(message).map(|content| (content.message_type.to_string(), content.text))
}

fn text_of(text: &str) -> Option<(String, Option<String>)> {
    Some(("text".into(), Some(text.into())))
}

#[test]
fn a_message_says_the_same_in_every_wrapper() {
    let plain = json!({"conversation": "oi"});
    assert_eq!(said(&plain), text_of("oi"));
    assert_eq!(said(&json!({"extendedTextMessage": {"text": "oi"}})), text_of("oi"));
    for wrapper in WRAPPERS {
        assert_eq!(said(&json!({wrapper: {"message": plain}})), text_of("oi"), "{wrapper}");
        let noise = json!({wrapper: {"message": plain}, "messageContextInfo": {"deviceListMetadata": {}}});
        assert_eq!(said(&noise), text_of("oi"), "{wrapper}");
    }
    let twice = json!({"ephemeralMessage": {"message": {"viewOnceMessageV2": {"message": {"imageMessage": {"caption": "foto"}}}}}});
    assert_eq!(said(&twice), Some(("image".into(), Some("foto".into()))));
}

#[test]
fn what_devices_tell_each_other_is_not_content() {
    for name in NO_CONTENT {
        assert_eq!(said(&json!({name: {"groupId": "1@g.us"}})), None, "{name}");
        assert_eq!(said(&json!({name: {}, "conversation": "oi"})), text_of("oi"), "{name}");
    }
    for nothing in
        [json!({}), json!(null), json!("oi"), json!({"conversation": 7}), json!({"protocolMessage": {"type": 5}})]
    {
        assert_eq!(said(&nothing), None, "{nothing}");
    }
}

#[test]
fn a_change_and_a_withdrawal_name_the_message_they_are_of() {
    let key = json!({"remoteJid": "5511900000001@s.whatsapp.net", "fromMe": false, "id": "3EB0A1"});
    for kind in [json!(14), json!("MESSAGE_EDIT")] {
        let edit = json!({"editedMessage": {"message": {"protocolMessage": {"key": key, "type": kind, "editedMessage": {"conversation": "depois"}}}}});
        let content = read(&edit).unwrap();
        assert_eq!((content.message_type, content.text.as_deref()), (MessageType::Edit, Some("depois")));
        assert_eq!(content.context.unwrap().message_id.as_deref(), Some("3EB0A1"));
    }
    for kind in [json!(0), json!("REVOKE")] {
        let content = read(&json!({"protocolMessage": {"key": key, "type": kind}})).unwrap();
        assert_eq!(content.message_type, MessageType::Revoke);
        assert_eq!(content.context.unwrap().message_id.as_deref(), Some("3EB0A1"));
    }
    assert_eq!(said(&json!({"protocolMessage": {"type": 0}})), None, "of which message?");
}

#[test]
fn a_kind_not_known_yet_is_carried_under_its_own_word() {
    assert_eq!(
        said(&json!({"scheduledCallCreationMessage": {"title": "x"}})),
        Some(("scheduled_call_creation".into(), None))
    );
    let both = json!({"aNewMessage": {}, "imageMessage": {"caption": "foto"}});
    assert_eq!(said(&both), Some(("image".into(), Some("foto".into()))), "a known one comes first");
}

#[test]
fn wrappers_without_end_are_nothing() {
    let mut message = json!({"conversation": "oi"});
    for _ in 0..100 {
        message = json!({"ephemeralMessage": {"message": message}});
    }
    assert_eq!(said(&message), None);
}

#[test]
fn go_and_javascript_spell_a_file_and_an_answer_differently() {
    let javascript = json!({"audioMessage": {"url": "https://x.example.com/a", "mimetype": "audio/ogg", "fileSha256": "c2hh", "fileLength": "7420", "ptt": true, "contextInfo": {"stanzaId": "3EB0A1", "participant": "5511900000002@s.whatsapp.net"}}});
    let go = json!({"audioMessage": {"URL": "https://x.example.com/a", "mimetype": "audio/ogg", "fileSHA256": "c2hh", "fileLength": 7420, "PTT": true, "contextInfo": {"stanzaID": "3EB0A1", "participant": "5511900000002:3@s.whatsapp.net"}}});
    assert_eq!(read(&javascript), read(&go));
    let content = read(&go).unwrap();
    assert_eq!(content.context.unwrap().from.as_deref(), Some("5511900000002"));
    assert!(content.media.unwrap().voice);
}

fn anything() -> impl Strategy<Value = Value> {
    let names = "conversation|imageMessage|protocolMessage|message|editedMessage|ephemeralMessage|viewOnceMessage|key|id|type|text|contextInfo|stanzaId|fileLength|caption|xMessage";
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from)
    ];
    leaf.prop_recursive(6, 40, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map(names, inner, 0..4).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_a_message_is_made_of_it_is_read_or_passed_over(message in anything()) {
        let _ = read(&message);
    }
}
