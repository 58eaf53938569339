//! Every recorded MoySklad request is read as it says it should be. A file added under `events/moysklad` is a test
//! added here.

#![expect(clippy::unwrap_used, reason = "a recording that cannot be read is a failed test")]

mod recorded;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use gancho::auth::SourceCaller;
use gancho::model::event::Provider;
use gancho::model::moysklad::{Action, EntityKind};
use gancho::model::row::Queue;
use gancho::providers::Incoming;
use gancho::providers::batch::BodyError;
use gancho::providers::moysklad::payload::{Notice, Rejection, RequestError};
use gancho::providers::moysklad::translate::announced;
use gancho::providers::moysklad::verify::{REQUEST_ID, incoming};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use self::recorded::{Recorded, Request, files, name_of, read};

/// The account of the source that the recordings are played to.
const ACCOUNT: &str = "9171a53c-1b2c-4f7d-9c1a-000000000001";

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Expect {
    status: u16,
    received: usize,
    processed: usize,
    duplicates: usize,
    rejected: usize,
    codes: Vec<String>,
}

type Answered = Result<Vec<Result<Incoming, Rejection>>, RequestError>;

fn played(request: &Request) -> Answered {
    let tenant = "ten_recorded".parse().unwrap();
    let caller = SourceCaller { source: "src_recorded".parse().unwrap(), provider: Provider::Moysklad, tenant };
    let url = Url::parse(&format!("https://hooks.example.com{}", request.path)).unwrap();
    let request_id = url.query_pairs().find(|(name, _)| name == REQUEST_ID).map(|(_, value)| value.into_owned());
    let headers: Vec<_> = request.headers.clone().into_iter().collect();
    let now: Timestamp = "2026-03-02T09:30:16Z".parse().unwrap();
    incoming(&caller, ACCOUNT.parse().unwrap(), request_id.as_deref(), &headers, &request.body(), now)
}

/// The answer that follows from what was read, for a source that has seen none of it before.
fn answer(answered: Answered) -> (Expect, Vec<Incoming>) {
    let read = match answered {
        Ok(read) => read,
        Err(error) => {
            let status = match error {
                RequestError::ForeignAccount => 403,
                RequestError::Shape => 422,
                RequestError::Body(BodyError::BodyTooLarge | BodyError::TooManyEvents) => 413,
                RequestError::Body(BodyError::InvalidJson | BodyError::EmptyBatch) => 400,
            };
            return (Expect { status, codes: vec![error.code().to_owned()], ..Expect::default() }, vec![]);
        }
    };
    let received = read.len();
    let codes: Vec<String> =
        read.iter().filter_map(|one| one.as_ref().err().map(|rejection| rejection.code.to_string())).collect();
    let events: Vec<Incoming> = read.into_iter().filter_map(Result::ok).collect();
    let processed = events.iter().map(Incoming::id).collect::<HashSet<_>>().len();
    let (duplicates, rejected) = (events.len() - processed, codes.len());
    (Expect { status: 200, received, processed, duplicates, rejected, codes }, events)
}

#[test]
fn every_recorded_request_is_read_as_it_expects() {
    let mut told = BTreeMap::new();
    for path in files("moysklad") {
        let Recorded { description, request, expect } = read::<Expect>(&path, |text| text);
        let name = name_of(&path);
        assert!(!description.is_empty() && request.method == "POST", "{name}");
        assert!(request.path.starts_with("/api/webhooks/moysklad/{{token}}"), "{name}");
        let (read, events) = answer(played(&request));
        assert_eq!(read, expect, "{name}: {description}");
        let data: Vec<Value> = events
            .iter()
            .map(|event| json!({"at": event.occurred_at(), "data": announced(&event.body().bytes).unwrap()}))
            .collect();
        if !data.is_empty() {
            told.insert(name, data);
        }
    }
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_json_snapshot!("moysklad.told", told);
    });
}

#[test]
fn what_is_kept_of_a_recorded_request_names_no_person_and_no_address() {
    for path in files("moysklad") {
        for event in answer(played(&read::<Expect>(&path, |text| text).request)).1 {
            let kept = String::from_utf8(event.body().bytes.to_vec()).unwrap();
            assert!(!kept.contains("admin@example") && !kept.contains("href") && !kept.contains("//"), "{kept}");
            assert_eq!(event.queue(), Queue::Sync);
        }
    }
}

#[test]
fn every_kind_and_action_has_a_recording() {
    let mut seen = BTreeSet::new();
    let mut done = BTreeSet::new();
    for path in files("moysklad") {
        for event in answer(played(&read::<Expect>(&path, |text| text).request)).1 {
            let notice = Notice::read(&event.body().bytes).unwrap();
            seen.extend(notice.kind());
            done.insert(notice.action);
        }
    }
    assert_eq!(seen, EntityKind::ALL.into());
    assert_eq!(done, Action::ALL.into());
}
