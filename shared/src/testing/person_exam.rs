//! What a store must do with what it holds of a person: show it to an operator, find it, and let it be gone.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::samples::{lead_event, published, stack_keys, subscription};
use crate::data_subjects::needle::Needle;
use crate::data_subjects::{PersonalData, take_job, walk};
use crate::delivery::courier::Couriers;
use crate::dispatch::{Batches, Keep, Outbox, Subscribers, fan_out};
use crate::enrichment::look_up::{LookUp, LookUpState, LookUps, Party, Step};
use crate::enrichment::message::Reference;
use crate::intake::{Inbox, Recorded, row};
use crate::manage::data_subjects::{JobChance, ask};
use crate::manage::event_file::EventFiles;
use crate::manage::event_walk::Subjects;
use crate::manage::listing::{Place, Window};
use crate::manage::reprocess::{NotAgain, reprocess};
use crate::manage::switches::SwitchPanel;
use crate::manage::timeline::timeline;
use crate::model::delivery::{Attempt, Delivery, DeliveryStatus};
use crate::model::event::{Announcement, Event, EventStatus, RawBody};
use crate::model::event_type::EventType;
use crate::model::ids::{DeliveryId, TenantId};
use crate::model::job::{DataSubjectJob, JobStatus, SubjectRequest};
use crate::model::row::{RowKey, WorkRow};
use crate::model::switch::{Switch, Switched};
use crate::switches::Switches;
use crate::work::{Bell, Bells, Claim, ClaimOutcome, Next, Record, Rows, Timing};

/// What sits the exam.
pub trait Examined:
    Bells
    + Couriers
    + EventFiles
    + Inbox
    + LookUps
    + Batches
    + Outbox
    + PersonalData
    + Rows
    + Subjects
    + Subscribers
    + SwitchPanel
    + Switches
{
}
impl<S> Examined for S where
    S: Bells
        + Couriers
        + EventFiles
        + Inbox
        + LookUps
        + Batches
        + Outbox
        + PersonalData
        + Rows
        + Subjects
        + Subscribers
        + SwitchPanel
        + Switches
{
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + seconds).expect("a time")
}

const CPF: &str = "00000000191";
const PHONE: &str = "(11) 98765-0001";

/// All of it. The store must be empty of people.
///
/// # Panics
/// When the store fails the exam.
pub async fn all(store: &impl Examined) {
    a_turned_switch_is_off(store).await;
    let ana = lead(store, "ana", PHONE).await;
    let other = lead(store, "other", "(11) 98765-0002").await;
    the_story_of_an_event_is_whole(store, &ana).await;
    a_subjects_events_are_found(store, &ana).await;
    let report = done(store, SubjectRequest::Report, "phone", PHONE).await;
    assert!(
        report.found_total >= 7,
        "body, variant, event, announcement, delivery, attempt, look-up: {:?}",
        report.found
    );
    assert!(report.found.iter().all(|key| !key.contains("other")), "{:?}", report.found);
    // The look-up is known by its CPF, its lead by the telephone number: either finds both.
    let erased = done(store, SubjectRequest::Erase, "cpf", CPF).await;
    assert_eq!(erased.found_total, report.found_total);
    nothing_is_left(store, &ana).await;
    let others = store.file(&other.id, at(9)).await.expect("the store answers").expect("it is there");
    assert!(!others.event.erased);
    let empty = done(store, SubjectRequest::Report, "phone", PHONE).await;
    assert_eq!(empty.found_total, 0, "{:?}", empty.found);
    what_a_tenant_published_of_a_person_is_found_and_forgotten(store).await;
}

/// A published event holds its body in its own row, or beside it: neither says anything any more.
async fn what_a_tenant_published_of_a_person_is_found_and_forgotten(store: &impl Examined) {
    const PUBLISHED: &str = "(11) 98765-0003";
    let tenant = TenantId::default_tenant();
    let long: String = (0..2_000).map(|n| n.to_string()).collect();
    let mut events = Vec::new();
    for (name, note) in [("small", ""), ("large", long.as_str())] {
        let data = json!({"customer_id": name, "customer_name": "Ana", "phone": PUBLISHED, "note": note});
        let one = published(&tenant, json!({"type": "customer.created", "id": name, "data": data}), at(0));
        let event = row(&one, at(0), &Timing::default());
        assert_eq!(store.record_event(&event, one.body()).await, Ok(Recorded::New));
        end::<Event>(store, &event.key(), EventStatus::Completed.name(), json!({"processed_at": at(2)})).await;
        assert!(store.announcement(&event.id).await.expect("the store answers").is_some());
        events.push((event, one));
    }
    let report = done(store, SubjectRequest::Report, "phone", PUBLISHED).await;
    assert!(report.found_total >= 2, "{:?}", report.found);
    let erased = done(store, SubjectRequest::Erase, "phone", PUBLISHED).await;
    assert_eq!(erased.found_total, report.found_total);
    for (event, one) in &events {
        assert_eq!(store.announcement(&event.id).await, Ok(None));
        assert_eq!(store.record_event(event, one.body()).await, Ok(Recorded::Duplicate));
        assert_eq!(store.announcement(&event.id).await, Ok(None), "the copy did not bring it back");
    }
    let empty = done(store, SubjectRequest::Report, "phone", PUBLISHED).await;
    assert_eq!(empty.found_total, 0, "{:?}", empty.found);
}

async fn a_turned_switch_is_off(store: &impl Examined) {
    let mut switch = Switch { what: Switched::All, paused: true, reason: Some("exam".into()), changed_at: at(0) };
    store.turn(&switch).await.expect("turned");
    assert!(store.off().await.expect("the store answers").contains("all"));
    switch.paused = false;
    store.turn(&switch).await.expect("turned");
    assert!(store.off().await.expect("the store answers").is_empty());
    assert_eq!(store.switches().await, Ok(vec![switch]));
}

fn raw(phone: &str, more: &str) -> RawBody {
    let body = json!({"id": "x", "attributes": {"customer": {"phone": phone}, "more": more}});
    RawBody { bytes: Bytes::from(body.to_string()), headers: Vec::new() }
}

/// A lead's event with a variant, ended, announced, delivered; and its look-up.
async fn lead(store: &impl Examined, name: &str, phone: &str) -> Event {
    let timing = Timing::default();
    let mut event = lead_event(name, at(0), &timing);
    event.contact = Some(format!("contact-{name}"));
    assert_eq!(store.record_event(&event, &raw(phone, "first")).await, Ok(Recorded::New));
    let variant = Event { digest: "e".repeat(32), received_at: at(1), ..event.clone() };
    assert_eq!(store.record_event(&variant, &raw(phone, "second")).await, Ok(Recorded::Variant { ring: None }));
    end::<Event>(store, &event.key(), EventStatus::Completed.name(), json!({"processed_at": at(2)})).await;

    let said = Announcement {
        id: event.id.child(1),
        tenant: event.tenant.clone(),
        event_type: EventType::LeadEnriched,
        at: at(0),
        data: json!({"phone": phone}),
    };
    fan_out(store, &said, Keep::Always, &timing, at(2)).await.expect("fanned out");
    let to = subscription("sub_exam", "*");
    let id = DeliveryId::derive(&said.id, said.at, &to.id);
    let delivery = Delivery {
        work: super::samples::work(&RowKey::Delivery(id.clone()), crate::model::row::Queue::Delivery, at(2), &timing),
        id: id.clone(),
        event: said.id,
        tenant: event.tenant.clone(),
        subscription: to.id,
        event_type: EventType::LeadEnriched,
        created_at: at(2),
        ..super::samples::delivery("exam", &event.tenant, at(2))
    };
    assert_eq!(store.insert(&delivery).await, Ok(true));
    let attempt = Attempt {
        n: 1,
        at: at(3),
        http_status: Some(200),
        duration_ms: 5,
        error: None,
        response: Some(format!("thanks for {phone}")),
        next_retry_at: None,
    };
    store.put_attempt(&id, &attempt, at(1_000_000)).await.expect("kept");
    let last = json!({"last": attempt});
    end::<Delivery>(store, &RowKey::Delivery(id), DeliveryStatus::Delivered.name(), last).await;

    let known = name == "ana";
    let look_up = LookUp {
        tenant: event.tenant.clone(),
        source: event.source.clone(),
        lead: name.parse().expect("a lead"),
        contact: format!("contact-{name}"),
        owner: event.id.clone(),
        owner_turn: 1,
        version: 1,
        state: LookUpState::Sent,
        working: None,
        party: known.then(|| Party {
            name: "Ana".into(),
            cpf_masked: "***".into(),
            cpf_hash: stack_keys().person_hash(CPF.as_bytes()),
            income_band: None,
            phones: Vec::new(),
            emails: Vec::new(),
            legal_basis: "exam".into(),
        }),
        found_by: None,
        silent_because: None,
        tries: 0,
        reference: Reference::derive(name),
        intended_at: None,
        resent: false,
        steps: vec![Step { at: at(1), step: "diretrix".into(), outcome: "found".into(), detail: None }],
        updated_at: at(2),
        expires_at: at(1_000_000),
    };
    assert_eq!(store.begin(&look_up).await, Ok(None));
    event
}

async fn end<R: WorkRow>(store: &impl Rows, key: &RowKey, status: &'static str, patch: serde_json::Value) {
    let claim = Claim::new(key.clone(), 1, &Timing::default(), at(2), at(60));
    let ClaimOutcome::Claimed(claimed) = store.claim::<R>(&claim).await.expect("the store answers") else {
        panic!("{key} could not be claimed");
    };
    let next = Next::End { now: at(2), expires_at: at(1_000_000), failed: false };
    let record = Record { status, next, counted: true, patch, remove: &[] };
    assert_eq!(store.record::<R, _>(&claimed.fence, &record).await, Ok(true));
}

async fn the_story_of_an_event_is_whole(store: &impl Examined, event: &Event) {
    let file = store.file(&event.id, at(5)).await.expect("the store answers").expect("it is there");
    let told: Vec<String> =
        timeline(&file).into_iter().map(|moment| format!("{} {}", moment.step, moment.outcome)).collect();
    assert_eq!(
        told,
        [
            "received recorded",
            "received variant",
            "diretrix found",
            "announced lead.enriched",
            "delivery opened",
            "processed completed",
            "attempt accepted",
            "delivery delivered",
        ]
    );
    assert_eq!(store.file(&"evt_none".parse().expect("an identifier"), at(5)).await, Ok(None));
}

async fn a_subjects_events_are_found(store: &impl Examined, event: &Event) {
    let window = |before| Window { since: Timestamp::MIN, before };
    let find = async |before| store.of_subject(&event.source, "ana", &window(before), 10).await;
    let place = Place::of(event.occurred_at, event.key());
    assert_eq!(find(Place::before(Timestamp::MAX)).await, Ok(vec![place.clone()]));
    assert_eq!(find(place).await, Ok(Vec::new()));
}

/// Runs a job to its end, however many bells it takes.
async fn done(store: &impl Examined, request: SubjectRequest, known_by: &str, text: &str) -> DataSubjectJob {
    let (keys, timing) = (stack_keys(), Timing::default());
    let needle = Needle::parse(known_by, text).expect("a needle");
    let salt = u8::from(request == SubjectRequest::Erase) * 2 + u8::from(known_by == "cpf");
    let asked = at(10).saturating_add(SignedDuration::from_millis(rand::random_range(0..1_000_000))).expect("a time");
    let chance = JobChance { id: [salt; 10], nonce: [salt; 24] };
    let job = ask(store, &keys, &timing, request, &needle, chance, asked).await.expect("asked");
    for round in 1..20 {
        let now = asked + SignedDuration::from_secs(round);
        let bell = Bell::new(job.key(), 1);
        let claimed = take_job(store, &bell, &timing, now, now + SignedDuration::from_secs(60)).await;
        if let Some(claimed) = claimed.expect("the store answers") {
            walk(store, &keys, claimed, &|| now, now + SignedDuration::from_secs(60)).await.expect("walked");
        }
        let row: DataSubjectJob = store.read(&job.key()).await.expect("the store answers").expect("it is there");
        if row.status == JobStatus::Done {
            assert_eq!((row.needle.as_ref(), row.pending.len()), (None, 0));
            return row;
        }
    }
    panic!("the job does not end");
}

async fn nothing_is_left(store: &impl Examined, event: &Event) {
    let file = store.file(&event.id, at(9)).await.expect("the store answers").expect("its key and status stay");
    assert_eq!((file.event.erased, file.event.status), (true, EventStatus::Completed));
    assert_eq!(file.deliveries[0].last.as_ref().expect("the attempt stays").response, None);
    assert!(file.attempts.iter().all(|(_, attempt)| attempt.response.is_none()));
    assert_eq!(store.announcement(&event.id.child(1)).await, Ok(None));
    assert_eq!(reprocess(store, &event.id, at(9)).await, Err(NotAgain::Erased));
    let page = store.items(None).await.expect("the store answers");
    let left = page.items.iter().filter(|item| item.key.contains("ana") && item.holds.get("body").is_some());
    assert_eq!(left.count(), 0);
    // What comes in again for the same event is a duplicate, and does not bring the body back.
    assert_eq!(store.record_event(event, &raw(PHONE, "first")).await, Ok(Recorded::Duplicate));
}
