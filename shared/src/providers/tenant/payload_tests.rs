use proptest::prelude::*;
use serde_json::json;

use super::*;

fn now() -> Timestamp {
    Timestamp::from_second(1_900_000_000).unwrap()
}

fn payment() -> Value {
    json!({"type": "payment.received", "data": {"payment_id": "pay_1", "amount": "10.00", "currency": "EUR"}})
}

fn one(event: &Value) -> Result<Published, Unpublished> {
    match parse(event.to_string().as_bytes(), now()).unwrap() {
        Request::One(one) => one,
        Request::Many(_) => panic!("one event"),
    }
}

fn first_wrong(event: &Value) -> (String, &'static str) {
    match one(event).unwrap_err() {
        Unpublished::Wrong(errors) => (errors[0].path.clone(), errors[0].code),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_event_is_its_type_its_data_and_what_the_tenant_says_of_it() {
    let mut event = payment();
    event["id"] = json!("order-7/paid");
    event["timestamp"] = json!("2025-01-20T12:00:00+02:00");
    let published = one(&event).unwrap();
    assert_eq!(published.event_type, EventType::PaymentReceived);
    assert_eq!(published.id.as_deref(), Some("order-7/paid"));
    assert_eq!(published.timestamp, Some("2025-01-20T10:00:00Z".parse().unwrap()));
    assert_eq!(serde_json::from_slice::<Value>(&published.data).unwrap(), event["data"]);
}

#[test]
fn the_fingerprint_is_of_what_is_said_and_not_of_how_it_is_spelled() {
    let spelled = r#" {"data":{"currency":"EUR", "payment_id":"pay_1","amount":"10.00"},"type":"payment.received"}"#;
    let Request::One(Ok(other)) = parse(spelled.as_bytes(), now()).unwrap() else { panic!("one event") };
    assert_eq!(other.digest, one(&payment()).unwrap().digest);
    let mut changed = payment();
    changed["data"]["amount"] = json!("10.01");
    assert_ne!(one(&changed).unwrap().digest, other.digest);
}

#[test]
fn what_cannot_be_published_is_told_with_its_place() {
    let with = |change: fn(&mut Value)| {
        let mut event = payment();
        change(&mut event);
        first_wrong(&event)
    };
    assert_eq!(with(|event| event["type"] = json!("payment.lost")), ("type".into(), "unknown_event_type"));
    assert_eq!(with(|event| event["type"] = json!("lead.received")), ("type".into(), "event_type_not_publishable"));
    assert_eq!(with(|event| event["type"] = Value::Null), ("type".into(), "missing"));
    assert_eq!(with(|event| event["data"]["amount"] = json!(10)), ("data.amount".into(), "invalid_type"));
    assert_eq!(with(|event| event["id"] = json!("")), ("id".into(), "too_short"));
    assert_eq!(with(|event| event["timestamp"] = json!("2999-01-01T00:00:00Z")), ("timestamp".into(), "out_of_range"));
    assert_eq!(with(|event| event["timestamp"] = json!("1969-01-01T00:00:00Z")), ("timestamp".into(), "out_of_range"));
    assert_eq!(first_wrong(&json!({"type": "payment.received"})), ("data".into(), "missing"));
}

#[test]
fn a_bad_event_does_not_spoil_its_neighbours() {
    let body = json!({"events": [payment(), {"type": "nothing"}, 7, payment()]});
    let Request::Many(events) = parse(body.to_string().as_bytes(), now()).unwrap() else { panic!("many") };
    assert_eq!(events.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false, true]);
}

#[test]
fn a_request_that_holds_nothing_to_look_at_is_refused_whole() {
    let refused = |body: &str| parse(body.as_bytes(), now()).unwrap_err();
    assert_eq!(refused("nothing"), RequestError::Body(BodyError::InvalidJson));
    assert_eq!(refused(""), RequestError::Body(BodyError::InvalidJson));
    assert_eq!(refused(r#"{"events":[]}"#), RequestError::Body(BodyError::EmptyBatch));
    let crowd = json!({"events": vec![payment(); MAX_EVENTS + 1]}).to_string();
    assert_eq!(refused(&crowd), RequestError::Body(BodyError::TooManyEvents));
    for body in ["[]", "7", r#"{"events":{}}"#, r#"{"events":[1],"events":[2]}"#] {
        assert!(matches!(refused(body), RequestError::Shape(_)), "{body}");
    }
    let huge = format!("\"{}\"", "x".repeat(MAX_BODY_BYTES));
    assert_eq!(refused(&huge), RequestError::Body(BodyError::BodyTooLarge));
}

#[test]
fn an_event_above_its_size_is_refused_before_it_is_read() {
    let mut event = payment();
    event["data"]["note"] = json!("x".repeat(MAX_EVENT_BYTES));
    assert_eq!(one(&event), Err(Unpublished::TooLarge));
}

#[test]
fn an_event_that_would_be_kept_above_its_size_is_refused() {
    let mut body = payment().to_string();
    let numbers = format!(r#""data":{{"n":[{}1],"#, "1e15,".repeat(MAX_EVENT_BYTES / 10));
    body = body.replacen(r#""data":{"#, &numbers, 1);
    assert!(body.len() < MAX_EVENT_BYTES);
    assert_eq!(parse(body.as_bytes(), now()), Ok(Request::One(Err(Unpublished::TooLarge))));
}

#[test]
fn what_is_nested_too_deep_is_refused() {
    let deep = format!(r#"{{"type":"payment.received","data":{}{}}}"#, "[".repeat(500), "]".repeat(500));
    let read = parse(deep.as_bytes(), now());
    assert!(!matches!(read, Ok(Request::One(Ok(_)))), "{read:?}");
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&body, now());
    }

    #[test]
    fn no_shape_of_json_makes_the_parser_panic(
        text in r#"\{"(type|events|data|id)":("payment.received"|\[[0-9,\{\}]{0,20}\]|\{("amount":[0-9"]{0,4})?\}|null)(,"(data|events|id)":("[a-z]{0,3}"|\{\}|\[\]))?\}"#
    ) {
        let _ = parse(text.as_bytes(), now());
    }
}
