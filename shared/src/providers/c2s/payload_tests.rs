use proptest::prelude::*;
use serde_json::json;

use super::*;

fn codes(body: &str) -> Vec<&'static str> {
    let batch = parse_body(body.as_bytes()).unwrap();
    batch.iter().map(|event| event.as_ref().map_or_else(|r| r.code.as_str(), |_| "ok")).collect()
}

fn only(body: Value) -> LeadEvent {
    parse_event(body.to_string().as_bytes()).unwrap()
}

fn detail(body: Value) -> String {
    parse_event(body.to_string().as_bytes()).unwrap_err().detail
}

#[test]
fn a_request_that_is_no_json_is_refused_as_a_whole() {
    for bad in
        ["", " ", "{", "[", "[{}", "{} {}", "[{}] x", "[{},]", "id=1", "{\"id\":1}]", "{'id':1}", "\u{feff}", "nul"]
    {
        assert_eq!(parse_body(bad.as_bytes()), Err(BodyError::InvalidJson), "{bad}");
    }
    assert_eq!(parse_body(b"{\"id\":\"\xff\"}"), Err(BodyError::InvalidJson));
    assert_eq!(parse_body(b" [ ] "), Err(BodyError::EmptyBatch));
}

#[test]
fn anything_but_an_object_is_rejected_in_its_place() {
    assert_eq!(
        codes("[1,\"x\",null,[],{\"id\":1,\"updated_at\":\"2025-01-20T10:00:00Z\"}]"),
        ["not_an_object", "not_an_object", "not_an_object", "not_an_object", "ok"]
    );
    assert_eq!(codes("42"), ["not_an_object"]);
}

#[test]
fn the_limits_are_limits() {
    let event = "{\"id\":1,\"updated_at\":\"2025-01-20T10:00:00Z\"}";
    let batch = |n: usize| format!("[{}]", vec![event; n].join(","));
    assert_eq!(parse_body(batch(MAX_EVENTS).as_bytes()).map(|b| b.len()), Ok(MAX_EVENTS));
    assert_eq!(parse_body(batch(MAX_EVENTS + 1).as_bytes()), Err(BodyError::TooManyEvents));
    assert_eq!(parse_body(format!("[{}0]", "0,".repeat(1_000_000)).as_bytes()), Err(BodyError::TooManyEvents));

    let sized = |n: usize| format!("{{\"id\":1,\"updated_at\":\"2025-01-20T10:00:00Z\",\"x\":\"{}\"}}", "x".repeat(n));
    let frame = sized(0).len();
    assert_eq!(codes(&sized(MAX_EVENT_BYTES - frame)), ["ok"]);
    assert_eq!(codes(&sized(MAX_EVENT_BYTES - frame + 1)), ["event_too_large"]);
    assert_eq!(codes(&format!("[{event},{}]", sized(MAX_EVENT_BYTES))), ["ok", "event_too_large"]);

    assert_eq!(parse_body(&vec![b' '; MAX_BODY_BYTES + 1]), Err(BodyError::BodyTooLarge));
}

#[test]
fn depth_costs_a_rejection_and_not_the_stack() {
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert_eq!(codes(&deep(100_000)), ["invalid_json"]);
    assert_eq!(codes(&format!("{{\"id\":1,\"x\":{}}}", deep(100_000))), ["invalid_json"]);
}

#[test]
fn a_text_that_is_no_unicode_spoils_only_its_own_event() {
    assert_eq!(
        codes("[{\"id\":\"\\ud800\"},{\"id\":1,\"updated_at\":\"2025-01-20T10:00:00Z\"}]"),
        ["invalid_json", "ok"]
    );
}

#[test]
fn the_lead_is_found_in_every_shape() {
    let attributes =
        json!({"updated_at": "2025-01-20T10:00:00Z", "customer": {"name": "Ana Souza", "phone": "11900000001"}});
    let flat = json!({"id": "lead-1", "updated_at": "2025-01-20T10:00:00Z", "customer": {"name": "Ana Souza", "phone": "11900000001"}});
    let shapes = [
        json!({"id": "lead-1", "hook_action": "on_update_lead", "attributes": attributes}),
        json!({"hook_action": "on_update_lead", "lead": {"id": "lead-1", "internal_id": 1, "attributes": attributes}}),
        json!({"hook_action": "on_update_lead", "lead": flat}),
        json!({"hook_action": "on_update_lead", "data": {"type": "lead", "id": "lead-1", "attributes": attributes}, "timestamp": "2026-01-01T00:00:00Z"}),
        json!({"data": {"id": "lead-1", "attributes": attributes}}),
        json!({"data": flat}),
        flat,
        json!({"lead_id": "lead-1", "attributes": attributes}),
        json!({"id": "lead-1", "data": "20/01/2025", "updated_at": "2025-01-20 07:00:00 -0300", "name": "Ana Souza", "phone": "11900000001"}),
    ];
    for shape in shapes {
        let event = only(shape.clone());
        assert_eq!(event.lead_id.as_str(), "lead-1", "{shape}");
        assert_eq!(event.updated_at.to_string(), "2025-01-20T10:00:00Z", "{shape}");
        assert_eq!(event.contact.phones.len(), 1, "{shape}");
    }
}

#[test]
fn a_numeric_id_and_the_same_in_digits_are_one_lead() {
    let event = |id: Value| only(json!({"id": id, "updated_at": "2025-01-20T10:00:00Z"})).lead_id;
    assert_eq!(event(json!(52_489_380_592_u64)), event(json!("52489380592")));
    assert_eq!(event(json!(" 52489380592 ")), event(json!("52489380592")));
}

#[test]
fn an_id_that_cannot_be_one_is_rejected() {
    for id in [
        json!(null),
        json!(""),
        json!("a/b"),
        json!(1.5),
        json!(-1),
        json!(true),
        json!({"id": 1}),
        json!("x".repeat(129)),
    ] {
        let body = json!([{"id": id, "updated_at": "2025-01-20T10:00:00Z"}]).to_string();
        assert_eq!(codes(&body), ["missing_lead_id"], "{body}");
    }
}

#[test]
fn when_the_hook_was_sent_is_not_when_the_lead_changed() {
    let body = json!([{"data": {"id": 1}, "timestamp": "2025-01-20T10:00:00Z"}]).to_string();
    assert_eq!(codes(&body), ["invalid_updated_at"]);
}

#[test]
fn a_detail_says_where_and_what_kind_and_never_the_content() {
    insta::assert_snapshot!(detail(json!({"id": "1", "attributes": {}})), @"no attributes.updated_at, updated_at");
    insta::assert_snapshot!(detail(json!({"id": "1", "attributes": {"updated_at": "Ana Souza 11900000001"}})), @"attributes.updated_at is a text of 21 characters; expected RFC 3339 or YYYY-MM-DD HH:MM:SS[.f] ±zzzz");
    insta::assert_snapshot!(detail(json!({"lead": {"id": 1, "attributes": {"updated_at": 1_737_367_200}}})), @"lead.attributes.updated_at is a number; expected RFC 3339 or YYYY-MM-DD HH:MM:SS[.f] ±zzzz");
    insta::assert_snapshot!(detail(json!({"data": {"id": "Ana Souza", "updated_at": "2025-01-20T10:00:00Z"}})), @"data.id is a text of 9 characters; expected a whole number or 1 to 128 letters, digits, -_.:");
    insta::assert_snapshot!(detail(json!({"lead": {"attributes": {}}})), @"no lead.id, lead.lead_id, lead.attributes.lead_id, lead_id");
    insta::assert_snapshot!(detail(json!("Ana Souza")), @"expected an object, found a text of 9 characters");
}

#[test]
fn key_order_and_spacing_do_not_change_the_digest() {
    let one = parse_event(b"{\"id\":1,\"updated_at\":\"2025-01-20T10:00:00Z\",\"a\":{\"x\":1,\"y\":[1,2]}}").unwrap();
    let other =
        parse_event(b" { \"a\" : {\"y\":[1, 2],\"x\":1}, \"updated_at\":\"2025-01-20T10:00:00Z\",\n\"id\":1}").unwrap();
    let third = parse_event(b"{\"id\":1,\"updated_at\":\"2025-01-20T10:00:00Z\",\"a\":{\"x\":1,\"y\":[2,1]}}").unwrap();
    assert_eq!(one.body_digest, other.body_digest);
    assert_ne!(one.body_digest, third.body_digest);
    assert_ne!(one.raw, other.raw);
}

#[test]
fn an_event_is_kept_exactly_as_received() {
    let raw = r#"{ "id":1, "updated_at": "2025-01-20T10:00:00Z", "price":1.50, "unknown":"\u00e9" }"#;
    let batch = parse_body(format!(" [ {raw} ] ").as_bytes()).unwrap();
    assert_eq!(batch[0].as_ref().unwrap().raw, raw.as_bytes());
}

#[test]
fn a_hook_action_that_is_no_word_is_left_in_the_raw_event() {
    let action =
        |value: Value| only(json!({"id": 1, "updated_at": "2025-01-20T10:00:00Z", "hook_action": value})).hook_action;
    assert_eq!(action(json!("on_create_lead")).as_deref(), Some("on_create_lead"));
    for odd in [json!(null), json!(7), json!(""), json!("a b"), json!("x".repeat(65)), json!("é")] {
        assert_eq!(action(odd), None);
    }
}

#[test]
fn debug_shows_nobody() {
    let event = only(
        json!({"id": 7, "updated_at": "2025-01-20T10:00:00Z", "customer": {"name": "Ana Souza", "phone": "11900000001", "cpf": "12345678909"}}),
    );
    let shown = format!("{event:?}");
    for secret in ["Ana", "Souza", "900000001", "456"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\",:a-z0-9 ]{0,60}") {
        let _ = parse_body(&bytes);
        let _ = parse_body(text.as_bytes());
        let _ = parse_event(&bytes);
    }
}
