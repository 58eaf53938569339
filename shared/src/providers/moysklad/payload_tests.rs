use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const OURS: &str = "9171a53c-1b2c-4f7d-9c1a-000000000001";
const ENTITY: &str = "75c896d0-0a3d-11ec-0a80-0ffc000b2a4c";

fn now() -> Timestamp {
    "2021-07-21T12:51:17Z".parse().unwrap()
}

fn parse(body: &Value) -> Result<Batch, RequestError> {
    parse_body(body.to_string().as_bytes(), OURS.parse().unwrap(), now())
}

fn event(change: impl FnOnce(&mut Value)) -> Value {
    let mut event = json!({
        "meta": {"type": "product", "href": format!("https://api.moysklad.ru/api/remap/1.2/entity/product/{ENTITY}")},
        "updatedFields": ["name", "salePrices"], "action": "UPDATE", "accountId": OURS,
    });
    change(&mut event);
    event
}

fn one(change: impl FnOnce(&mut Value)) -> Result<Notice, RejectionCode> {
    let body =
        json!({"auditContext": {"moment": "2021-07-21 15:51:16", "uid": "someone@else"}, "events": [event(change)]});
    parse(&body).unwrap().remove(0).map_err(|rejection| rejection.code)
}

#[test]
fn the_documented_example_is_read() {
    let notice = one(|_| ()).unwrap();
    assert_eq!(notice.kind(), Some(EntityKind::Product));
    assert_eq!((notice.entity_id.to_string().as_str(), notice.action), (ENTITY, Action::Update));
    assert_eq!(notice.at.to_string(), "2021-07-21T12:51:16Z");
    assert_eq!(notice.groups().iter().count(), 2);
}

#[test]
fn what_is_stored_is_read_back_and_names_nobody() {
    let notice = one(|_| ()).unwrap();
    let stored = serde_json::to_string(&notice).unwrap();
    assert!(!stored.contains("someone") && !stored.contains("http"), "{stored}");
    assert_eq!(Notice::read(stored.as_bytes()), Ok(notice));
    assert_eq!(Notice::read(stored.replace(r#""v":1"#, r#""v":2"#).as_bytes()), Err(NoNotice));
}

#[test]
fn one_notice_of_another_account_refuses_the_request() {
    let foreign = event(|event| event["accountId"] = json!("9171a53c-1b2c-4f7d-9c1a-000000000002"));
    let body = json!({"events": [event(|_| ()), foreign]});
    assert_eq!(parse(&body), Err(RequestError::ForeignAccount));
}

#[test]
fn a_bad_notice_spoils_no_neighbour() {
    let body = json!({"events": [
        event(|_| ()), 7, [], event(|event| { event.as_object_mut().unwrap().remove("accountId"); }),
        event(|event| event["action"] = json!("PROCESSED")), event(|_| ()),
    ]});
    let read: Vec<_> = parse(&body).unwrap().into_iter().map(|one| one.map_err(|r| (r.index, r.code)).err()).collect();
    assert_eq!(
        read,
        [
            None,
            Some((1, RejectionCode::InvalidEvent)),
            Some((2, RejectionCode::InvalidEvent)),
            Some((3, RejectionCode::MissingAccount)),
            Some((4, RejectionCode::UnknownAction)),
            None
        ]
    );
}

#[test]
fn an_address_gives_a_kind_and_an_identifier_and_nothing_else() {
    let of = |href: &str| one(|event| event["meta"]["href"] = json!(href)).map(|notice| notice.entity_id.to_string());
    for good in [
        format!("https://api.moysklad.ru/api/remap/1.2/entity/product/{ENTITY}"),
        format!("https://evil.example/entity/product/{ENTITY}?expand=owner#x"),
        format!("file:///entity/Product/{ENTITY}"),
    ] {
        assert_eq!(of(&good).as_deref(), Ok(ENTITY), "{good}");
    }
    for bad in [
        String::new(),
        ENTITY.to_owned(),
        format!("https://api.moysklad.ru/api/remap/1.2/entity/service/{ENTITY}"),
        format!("https://api.moysklad.ru/api/remap/1.2/audit/product/{ENTITY}"),
        format!("https://api.moysklad.ru/api/remap/1.2/entity/product/{ENTITY}/"),
        format!("https://api.moysklad.ru/api/remap/1.2/entity/product/{ENTITY}/images"),
        "https://api.moysklad.ru/api/remap/1.2/entity/product/../../webhook".to_owned(),
        format!("{}/entity/product/{ENTITY}", "x".repeat(2_000)),
    ] {
        assert_eq!(of(&bad), Err(RejectionCode::MissingEntity), "{bad}");
    }
    assert_eq!(one(|event| event["meta"] = json!([ENTITY])), Err(RejectionCode::MissingEntity));
}

#[test]
fn a_kind_that_is_not_carried_is_still_a_notice() {
    let notice = one(|event| {
        event["meta"] = json!({"type": "supply", "href": format!("https://x/entity/supply/{ENTITY}")});
    });
    assert_eq!(notice.map(|notice| (notice.kind(), notice.entity_type)), Ok((None, "supply".to_owned())));
}

#[test]
fn fields_that_make_no_sense_mean_that_everything_may_have_changed() {
    for fields in
        [json!(null), json!("name"), json!([1]), json!(["na me"]), json!(vec!["x"; MOST_FIELDS + 1]), json!([])]
    {
        let notice = one(|event| event["updatedFields"] = fields.clone()).unwrap();
        assert_eq!(notice.groups(), Groups::all(), "{fields}");
    }
    let created = one(|event| event["action"] = json!("CREATE")).unwrap();
    assert_eq!((created.updated_fields.clone(), created.groups()), (None, Groups::all()));
}

#[test]
fn a_time_that_cannot_be_is_ours() {
    for moment in [
        json!(null),
        json!(7),
        json!("2021-07-21T15:51:16"),
        json!("2031-01-01 00:00:00"),
        json!("0001-01-01 00:00:00"),
    ] {
        let body = json!({"auditContext": {"moment": moment}, "events": [event(|_| ())]});
        assert_eq!(parse(&body).unwrap()[0].as_ref().unwrap().at, now(), "{moment}");
    }
}

#[test]
fn what_is_no_request_is_refused_whole() {
    let whole = |body: &[u8]| parse_body(body, OURS.parse().unwrap(), now()).unwrap_err().code();
    assert_eq!(whole(b""), "invalid_json");
    assert_eq!(whole(b"{\"events\":[]} x"), "invalid_json");
    assert_eq!(whole(b"[]"), "invalid_body");
    assert_eq!(whole(b"{\"events\":{}}"), "invalid_body");
    assert_eq!(whole(b"{\"events\":[]}"), "empty_batch");
    assert_eq!(whole(b"{\"events\":[],\"events\":[]}"), "invalid_body");
    assert_eq!(whole(format!("{{\"events\":[{}0]}}", "0,".repeat(MAX_EVENTS)).as_bytes()), "too_many_events");
    assert_eq!(whole(&vec![b' '; MAX_BODY_BYTES + 1]), "body_too_large");
    let deep = format!("{{\"events\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(parse_body(deep.as_bytes(), OURS.parse().unwrap(), now()).is_ok_and(|batch| batch[0].is_err()));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_body(&body, OURS.parse().unwrap(), now());
    }

    #[test]
    fn no_href_leads_out_of_its_two_parts(href in "\\PC{0,80}") {
        if let Ok(notice) = one(|event| event["meta"]["href"] = json!(href)) {
            prop_assert!(href.contains(&notice.entity_id.to_string()) && notice.entity_type == "product");
        }
    }
}
