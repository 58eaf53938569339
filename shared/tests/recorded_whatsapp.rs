//! Every recorded WhatsApp request is read as it says it should be, and told in the one form. A file added under
//! `events/whatsapp` or `events/baileys` is a test added here.

#![expect(clippy::unwrap_used, reason = "a recording that cannot be read is a failed test")]

mod recorded;

use std::collections::{BTreeMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gancho::auth::SourceCaller;
use gancho::model::event::Provider;
use gancho::model::event_schema::schema;
use gancho::model::event_type::EventType;
use gancho::model::whatsapp::{Line, MessageFilter, MessageTraits, WhatsappNumber};
use gancho::providers::Incoming;
use gancho::providers::batch::BodyError;
use gancho::providers::whatsapp::HmacKey;
use gancho::providers::whatsapp::cloud::verify as cloud;
use gancho::providers::whatsapp::gateways::{Dialect, proof::Proof, verify as gateways};

use gancho::providers::whatsapp::reading::{Reading, RequestError};
use gancho::providers::whatsapp::translate::announced;
use gancho::signing::hmac_sha256;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use self::recorded::{Recorded, Request, files, name_of, read};

/// When the recordings are played.
const NOW: i64 = 1_749_416_400;
const DAY: i64 = 86_400;
const OURS: &str = "fake-shared-secret-0001";
const ANOTHERS: &str = "fake-shared-secret-0002";

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Expect {
    status: u16,
    received: usize,
    processed: usize,
    duplicates: usize,
    rejected: usize,
    codes: Vec<String>,
    ignored: BTreeMap<String, usize>,
}

/// The headers, with what can only be made of the body and a secret put in.
fn headers(request: &Request, body: &[u8]) -> BTreeMap<String, String> {
    let mac = |secret: &str| hex::encode(hmac_sha256(secret.as_bytes(), &[body]));
    let filled = |value: &String| {
        value
            .replace("{{signature}}", &format!("sha256={}", mac(OURS)))
            .replace("{{signature_of_another}}", &format!("sha256={}", mac(ANOTHERS)))
            .replace("{{signature_bare}}", &mac(OURS))
            .replace("{{jwt}}", &jwt(OURS, NOW))
            .replace("{{jwt_over}}", &jwt(OURS, NOW - DAY))
            .replace("{{jwt_of_another}}", &jwt(ANOTHERS, NOW))
    };
    request.headers.iter().map(|(name, value)| (name.clone(), filled(value))).collect()
}

fn jwt(secret: &str, iat: i64) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"iat": iat, "exp": iat + 600, "app": "evolution", "action": "webhook"});
    let signed = format!("{}.{}", part(json!({"alg": "HS256", "typ": "JWT"})), part(claims));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hmac_sha256(secret.as_bytes(), &[signed.as_bytes()])))
}

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

/// What stands in double braces: the time, mostly.
fn filled(mut text: String) -> String {
    for quoted in [r#""{{now_number}}""#, r#"\"{{now_number}}\""#] {
        text = text.replace(quoted, &NOW.to_string());
    }
    for (name, value) in [
        ("now", NOW.to_string()),
        ("now_rfc3339", now().to_string()),
        ("stale", (NOW - 31 * DAY).to_string()),
        ("future", (NOW + 7 * DAY).to_string()),
    ] {
        text = text.replace(&format!("{{{{{name}}}}}"), &value);
    }
    text
}

fn caller(provider: Provider) -> SourceCaller {
    SourceCaller { source: "src_recorded".parse().unwrap(), provider, tenant: "ten_recorded".parse().unwrap() }
}

fn line(phone_number_id: Option<&str>) -> [Line; 1] {
    [Line {
        connection: "con_recorded".parse().unwrap(),
        number: WhatsappNumber::parse("5511900000090").unwrap(),
        phone_number_id: phone_number_id.map(str::to_owned),
        client: None,
        disabled: false,
    }]
}

/// Nothing where nobody is let in.
type Answered = Option<Result<Reading, RequestError>>;

fn by_the_cloud_api(request: &Request) -> Answered {
    let body = request.body();
    let headers = headers(request, &body);
    let signature = headers.get(cloud::SIGNATURE_HEADER).map(String::as_str);
    let signed = cloud::signed(&HmacKey::parse(OURS).unwrap(), signature, &body).ok()?;
    let lines = line(Some("100000000000001"));
    Some(cloud::incoming(&caller(Provider::WhatsappCloud), &lines, &[], signed, now()))
}

/// The first word of a file's name is its dialect. Its source has a secret where the request brings a proof.
fn by_a_gateway(name: &str, request: &Request) -> Answered {
    let dialect: Dialect = name.split('.').next().unwrap().parse().unwrap();
    let body = request.body();
    let headers = headers(request, &body);
    let brings_proof = Proof::of(dialect).is_some_and(|proof| headers.contains_key(proof.header()));
    let secret = brings_proof.then(|| HmacKey::parse(OURS).unwrap());
    let header = |wanted: &str| headers.get(wanted).map(String::as_str);
    let proven = gateways::proven(dialect, secret.as_ref(), header, &body, now()).ok()?;
    Some(gateways::incoming(&caller(Provider::Baileys), &line(None), &[], proven, now()))
}

fn whole(status: u16, code: &str) -> Expect {
    Expect { status, codes: vec![code.to_owned()], ..Expect::default() }
}

/// The answer that follows from what was read, for a source that has seen none of it before. Once somebody was let in,
/// what is refused of an event is no reason to send it again.
fn answer(answered: Answered) -> (Expect, Vec<Incoming>) {
    let reading = match answered {
        None => return (whole(401, "unauthorized"), vec![]),
        Some(Err(RequestError::Shape(error))) => return (whole(422, error.code), vec![]),
        Some(Err(RequestError::Body(error))) => {
            let status = match error {
                BodyError::BodyTooLarge | BodyError::TooManyEvents => 413,
                BodyError::InvalidJson | BodyError::EmptyBatch => 400,
            };
            return (whole(status, error.code()), vec![]);
        }
        Some(Ok(reading)) => reading,
    };
    let distinct: HashSet<_> = reading.taken.iter().map(Incoming::id).collect();
    let (processed, rejected) = (distinct.len(), reading.refused.len());
    let expect = Expect {
        status: 200,
        received: reading.taken.len() + rejected,
        processed,
        duplicates: reading.taken.len() - processed,
        rejected,
        codes: reading.refused.iter().map(|refusal| refusal.code.as_str().to_owned()).collect(),
        ignored: reading.ignored.iter().map(|(why, n)| (why.as_str().to_owned(), *n)).collect(),
    };
    (expect, reading.taken)
}

fn all() -> impl Iterator<Item = (&'static str, String, Recorded<Expect>)> {
    let of = |folder| files(folder).into_iter().map(move |path| (folder, name_of(&path), read(&path, filled)));
    of("whatsapp").chain(of("baileys"))
}

fn answered(folder: &str, name: &str, request: &Request) -> Answered {
    if folder == "whatsapp" { by_the_cloud_api(request) } else { by_a_gateway(name, request) }
}

#[test]
fn every_recorded_request_is_read_as_it_expects_and_told_in_one_form() {
    for (folder, name, Recorded { description, request, expect }) in all() {
        assert!(!description.is_empty(), "{name}");
        let path = match folder {
            "whatsapp" => "/api/v1/webhooks/whatsapp/{{source_id}}",
            _ => "/api/v1/webhooks/baileys/{{token}}",
        };
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", path), "{name}");
        let (read, events) = answer(answered(folder, &name, &request));
        assert_eq!(read, expect, "{folder}/{name}: {description}");
        if events.is_empty() {
            continue;
        }
        let told: Vec<Value> = events
            .iter()
            .map(|event| {
                json!({
                    "id": event.id(), "type": event.event_type(), "timestamp": event.occurred_at(),
                    "data": announced(&event.body().bytes).unwrap(),
                })
            })
            .collect();
        insta::with_settings!({prepend_module_to_snapshot => false, description => description, omit_expression => true}, {
            insta::assert_json_snapshot!(format!("{folder}.{name}"), told);
        });
    }
}

#[test]
fn what_is_told_of_every_recorded_event_is_what_its_schema_says() {
    let validators = [EventType::WhatsappMessage, EventType::WhatsappStatus].map(|event_type| {
        let schema: Value = serde_json::from_str(schema(event_type)).unwrap();
        (event_type, jsonschema::options().should_validate_formats(true).build(&schema).unwrap())
    });
    let mut n_told = BTreeMap::<&str, usize>::new();
    for (folder, name, recorded) in all() {
        for event in answer(answered(folder, &name, &recorded.request)).1 {
            let data = announced(&event.body().bytes).unwrap();
            let sent =
                json!({"id": event.id(), "type": event.event_type(), "timestamp": event.occurred_at(), "data": data});
            let (_, validator) = validators.iter().find(|(of, _)| *of == event.event_type()).unwrap();
            let wrong: Vec<String> = validator.iter_errors(&sent).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{folder}/{name}: {wrong:?}");
            if event.event_type() == EventType::WhatsappMessage {
                let traits = MessageTraits::of(&data).unwrap();
                assert_eq!(MessageFilter::default().wants(&traits), data["direction"] == "in", "{folder}/{name}");
            }
            *n_told.entry(event.event_type().as_str()).or_default() += 1;
        }
    }
    assert!(n_told["whatsapp.message"] > 80 && n_told["whatsapp.status"] > 15, "{n_told:?}");
}

#[test]
fn no_recorded_request_leaves_a_key_in_what_is_kept_or_a_person_in_what_is_shown() {
    for (folder, name, recorded) in all() {
        let answered = answered(folder, &name, &recorded.request);
        let shown = format!("{answered:?}");
        for person in ["Ana", "Bia", "1190000", "Exemplo"] {
            assert!(!shown.contains(person), "{folder}/{name}: {shown}");
        }
        for event in answer(answered).1 {
            let kept = String::from_utf8(event.body().bytes.to_vec()).unwrap();
            for key in ["fake-", "apikey", "instanceToken", "base64", "humbnail"] {
                assert!(!kept.contains(key), "{folder}/{name}: {kept}");
            }
        }
    }
}

#[test]
fn every_dialect_has_recordings() {
    let first_words: HashSet<String> =
        files("baileys").iter().map(|path| name_of(path).split('.').next().unwrap().to_owned()).collect();
    assert_eq!(first_words, Dialect::ALL.iter().map(|dialect| dialect.name().to_owned()).collect());
}
