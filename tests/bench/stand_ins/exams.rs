//! Whether the stand-ins are what they stand in for: the exams that the store passes on the local cloud's DynamoDB, it
//! passes on them.

use std::env::{current_exe, temp_dir, var};
use std::process::Command;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use gancho::aws::{Budget, Secrets, Store, connect};
use gancho::manage::dead_letters::{DeadLetters, Redriven, redrive};
use gancho::model::row::Queue;
use gancho::testing::samples::lead_event;
use gancho::testing::{
    book_exam, counters_exam, directory_exam, listing_exam, person_exam, post_exam, sync_exam, work_exam,
};
use gancho::work::{Bells, Ring, Rows, Timing};
use jiff::{SignedDuration, Timestamp};

use super::counts::{Place, Units};
use super::{Service, StandIns};

async fn store(stand_ins: &StandIns) -> Store {
    let aws = stand_ins.aws(Budget::WORKER.stretched(4)).await;
    let kept_for = SignedDuration::from_hours(24 * 400);
    let store = Store::new(&aws, stand_ins.tables(), stand_ins.queues(), Timing::default(), kept_for);
    store.with_dead_letters(stand_ins.dead_letters())
}

#[tokio::test]
async fn the_stand_in_passes_the_exams_of_the_store() {
    let stand_ins = StandIns::start();
    let store = store(&stand_ins).await;
    work_exam::all(&store, "standin").await;
    book_exam::all(&store, "standin").await;
    listing_exam::all(&store, "standin").await;
    directory_exam::all(&store, "standin").await;
    post_exam::all(&store, "standin").await;
    counters_exam::all(&store, "standin").await;
    sync_exam::all(&store, "standin").await;
    sync_exam::drains(&store, "standin").await;
    person_exam::all(&store).await;
}

#[tokio::test]
async fn bells_are_sent_and_dead_letters_are_sent_again() {
    let stand_ins = StandIns::start();
    let store = store(&stand_ins).await;
    let dead = store.dead_letters_of(Queue::Lead).unwrap();
    let sqs = aws_sdk_sqs::Client::new(&stand_ins.aws(Budget::WORKER).await);
    for body in (0..12).map(|n| format!(r#"{{"v":1,"row":"event/evt_{n}","turn":1}}"#)).chain(["garbage".to_owned()]) {
        sqs.send_message().queue_url(dead).message_body(body).send().await.unwrap();
    }
    let done = redrive(&store, Queue::Lead).await.unwrap();
    assert_eq!(done, Redriven { moved: 12, unreadable: 1, unsent: 0, more: false });
    let event = lead_event("rung", Timestamp::now(), store.timing());
    assert!(store.ring(&[Ring::of(&event)], Timestamp::now()).await.is_empty());
    let depths = store.depths(Queue::Lead).await.unwrap();
    assert_eq!((depths.main.waiting, depths.dead.unwrap().in_flight), (13, 1));
    let rung = stand_ins.drain("LeadQueue").pop().unwrap();
    assert_eq!((rung.body, rung.group), (Ring::of(&event).bell.write(), Some(event.tenant.to_string())));
}

/// One write unit for a row under 1 KB, one for each index that has it; a unit for the try that comes to nothing; half a
/// read unit for each 4 KB that may be stale.
#[tokio::test]
async fn calls_are_counted_and_billed_as_dynamodb_bills_them() {
    let stand_ins = StandIns::start();
    let store = store(&stand_ins).await;
    let event = lead_event("billed", Timestamp::now(), store.timing());
    assert!(store.insert(&event).await.unwrap());
    assert!(!store.insert(&event).await.unwrap());
    let counts = stand_ins.counts();
    let put = counts.calls["PutItem"];
    assert_eq!((put.count, put.refused), (2, 1));
    assert!(put.request_bytes > 2 * 300 && put.response_bytes > 300, "{put:?}");
    let written = |index: Option<&str>| {
        let place = Place { table: "EventsTable".into(), index: index.map(str::to_owned) };
        counts.units.get(&place).map_or(0.0, |units| units.write)
    };
    assert_eq!(
        [written(None), written(Some("due")), written(Some("list")), written(Some("failed"))],
        [2.0, 1.0, 1.0, 0.0]
    );
    // The store counts for itself what it is told, and knows of the refusal what it is not told.
    assert_eq!(store.meter().take(), counts.billed().write);

    stand_ins.reset();
    let row: Option<gancho::model::event::Event> = store.read(&gancho::model::row::WorkRow::key(&event)).await.unwrap();
    assert_eq!(row.unwrap().id, event.id);
    assert_eq!(stand_ins.counts().billed(), Units { read: 1.0, write: 0.0 });
}

#[tokio::test]
async fn slow_answers_wait_beside_each_other() {
    const SLOW: Duration = Duration::from_secs(1);
    let stand_ins = StandIns::start();
    let store = store(&stand_ins).await;
    let rows: Vec<_> = (0..20).map(|n| lead_event(&format!("slow-{n}"), Timestamp::now(), store.timing())).collect();
    stand_ins.set_latency(Service::DynamoDb, SLOW);
    let started = Instant::now();
    assert!(store.insert(&rows[0]).await.unwrap());
    assert!(started.elapsed() >= SLOW);
    let started = Instant::now();
    futures::future::try_join_all(rows[1..].iter().map(|row| store.insert(row))).await.unwrap();
    assert!(started.elapsed() < SLOW * 10, "nineteen answers one after the other would take {:?}", SLOW * 19);
}

/// What is loaded beside the protocol is there as if it had been put.
#[tokio::test]
async fn what_is_loaded_is_found() {
    let stand_ins = StandIns::start();
    let store = store(&stand_ins).await;
    let told = lead_event("loaded", Timestamp::now(), store.timing());
    store.insert(&told).await.unwrap();
    let db = aws_sdk_dynamodb::Client::new(&stand_ins.aws(Budget::WORKER).await);
    let page = db.scan().table_name("EventsTable").send().await.unwrap();
    let mut item = page.items.unwrap().remove(0);
    let other = lead_event("other", Timestamp::now(), store.timing());
    for name in ["pk", "id"] {
        let text = item[name].as_s().unwrap().replace(told.id.as_str(), other.id.as_str());
        item.insert(name.into(), AttributeValue::S(text));
    }
    stand_ins.reset();
    stand_ins.load("EventsTable", [item]);
    assert_eq!(stand_ins.counts().total().count, 0);
    assert!(!store.insert(&other).await.unwrap());
}

/// A process that is told of the authority as a function is, by `SSL_CERT_FILE`, speaks TLS with the stand-ins: this
/// test runs itself as that process.
#[tokio::test]
async fn whoever_is_told_of_the_authority_speaks_tls_with_the_stand_ins() {
    const PLAYED: &str = "GANCHO_BENCH_CLIENT";
    if var(PLAYED).is_ok() {
        let secrets = Secrets::new(&connect(Budget::WORKER).await);
        assert_eq!(secrets.read("a secret").await.unwrap(), "a text");
        assert_eq!(secrets.read_previous("a secret").await.unwrap(), None);
        assert!(secrets.read("another").await.is_err());
        return;
    }
    let stand_ins = StandIns::start();
    stand_ins.put_secret("a secret", "a text");
    let trusted = stand_ins.trust_file(&temp_dir()).unwrap();
    let itself = "stand_ins::exams::whoever_is_told_of_the_authority_speaks_tls_with_the_stand_ins";
    let client = |trusted: &std::path::Path| {
        let mut client = Command::new(current_exe().unwrap());
        client
            .args(["--exact", itself])
            .env(PLAYED, "")
            .envs(stand_ins.environment(true))
            .env("SSL_CERT_FILE", trusted);
        client.output().unwrap()
    };
    let (told, untold) = (client(&trusted), client(std::path::Path::new("/dev/null")));
    std::fs::remove_file(&trusted).unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stdout));
    assert!(!untold.status.success());
    assert_eq!(stand_ins.counts().of("GetSecretValue"), 3);
}
