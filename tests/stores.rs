//! The exams that every store passes, taken by the real one: DynamoDB and SQS as the local cloud plays them, on tables
//! and queues of the exams' own.

#![expect(clippy::unwrap_used, reason = "a part of a test fails its test")]

use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use gancho::aws::{Budget, QueueUrls, Store, Tables, connect, keys};
use gancho::dispatch::Outbox;
use gancho::intake::{Inbox, Recorded};
use gancho::manage::dead_letters::{DeadLetters, Redriven, redrive};
use gancho::model::event::{Announcement, RawBody};
use gancho::model::row::Queue;
use gancho::testing::samples::lead_event;
use gancho::testing::{book_exam, counters_exam, directory_exam, listing_exam, person_exam, post_exam, work_exam};
use gancho::work::Timing;
use gancho_tests::stack::Stack;
use jiff::{SignedDuration, Timestamp};

/// Not the default, so that a test can tell.
const EVENT_KEPT_FOR: SignedDuration = SignedDuration::from_hours(24 * 400);

/// The indexes of the events table: name, partition, place.
const INDEXES: [(&str, &str, &str); 3] =
    [("due", "due_shard", "due_at"), ("list", "list_pk", "list_sk"), ("failed", "failed_pk", "failed_sk")];

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
}

fn attribute(name: &str) -> AttributeDefinition {
    let kind = if name == "due_at" { ScalarAttributeType::N } else { ScalarAttributeType::S };
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
}

/// A table as the template has it, as far as the exams go.
async fn create_table(db: &Client, name: &str, indexes: &[(&str, &str, &str)]) {
    let names = ["pk", "sk"].into_iter().chain(indexes.iter().flat_map(|(_, pk, sk)| [*pk, *sk]));
    let mut table = db
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(names.map(attribute).collect()))
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range));
    for (index, pk, sk) in indexes {
        let keys_only = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
        let index = GlobalSecondaryIndex::builder()
            .index_name(*index)
            .key_schema(key(pk, KeyType::Hash))
            .key_schema(key(sk, KeyType::Range))
            .projection(keys_only);
        table = table.global_secondary_indexes(index.build().unwrap());
    }
    table.send().await.unwrap();
}

/// A store over tables of its own, on the local cloud and never on an account of somebody's.
async fn store() -> (Store, Tables) {
    let told = std::env::var("AWS_ENDPOINT_URL").unwrap_or_default();
    assert_eq!(told, Stack::get().endpoint_url, "`make test` starts a local cloud and names it");
    let aws = connect(Budget::WORKER.stretched(4)).await;
    let run = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let name = |table: &str| format!("exam-{run}-{table}");
    let tables = Tables {
        events: name("events"),
        directory: name("directory"),
        signals: name("signals"),
        parties: name("parties"),
        sync: name("sync"),
    };
    let db = Client::new(&aws);
    create_table(&db, &tables.events, &INDEXES).await;
    create_table(&db, &tables.directory, &[("kind", "kind_pk", "kind_sk")]).await;
    create_table(&db, &tables.parties, &[]).await;
    create_table(&db, &tables.signals, &[]).await;
    create_table(&db, &tables.sync, &[]).await;
    let sqs = aws_sdk_sqs::Client::new(&aws);
    let (lead, dead) = (create_queue(&sqs, &name("lead")).await, create_queue(&sqs, &name("dead")).await);
    let queues = QueueUrls { lead: Some(lead), ..QueueUrls::default() };
    let dead_letters = QueueUrls { lead: Some(dead), ..QueueUrls::default() };
    let store = Store::new(&aws, tables.clone(), queues, Timing::default(), EVENT_KEPT_FOR);
    (store.with_dead_letters(dead_letters), tables)
}

async fn create_queue(sqs: &aws_sdk_sqs::Client, name: &str) -> String {
    sqs.create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap()
}

/// What lies in a dead-letter queue is sent again, but for what cannot be read.
async fn dead_letters_are_sent_again(store: &Store) {
    let before = store.depths(Queue::Lead).await.unwrap();
    assert_eq!(before.dead.unwrap().waiting, 0);
    let sqs = aws_sdk_sqs::Client::new(&connect(Budget::WORKER.stretched(4)).await);
    let dead = store.dead_letters_of(Queue::Lead).unwrap();
    for body in (0..12).map(|n| format!(r#"{{"v":1,"row":"event/evt_{n}","turn":1}}"#)).chain(["garbage".to_owned()]) {
        sqs.send_message().queue_url(dead).message_body(body).send().await.unwrap();
    }
    let done = redrive(store, Queue::Lead).await.unwrap();
    assert_eq!(done, Redriven { moved: 12, unreadable: 1, unsent: 0, more: false });
    let after = store.depths(Queue::Lead).await.unwrap();
    assert_eq!(after.main.waiting, before.main.waiting + 12);
    let left = after.dead.unwrap();
    assert_eq!(left.waiting + left.in_flight, 1);
}

/// What came in and what is said of it are kept as long as an event is after its end, and 30 days for it to end in.
async fn bodies_are_kept_as_long_as_events_and_a_month(store: &Store, tables: &Tables) {
    let now = Timestamp::now();
    let event = lead_event("kept", now, store.timing());
    let body = RawBody { bytes: "{}".into(), headers: Vec::new() };
    assert_eq!(store.record_event(&event, &body).await, Ok(Recorded::New));
    let (id, tenant, data) = (event.id.child(1), event.tenant.clone(), serde_json::json!({}));
    let said = Announcement { id, tenant, event_type: event.event_type, at: Timestamp::UNIX_EPOCH, data };
    store.announce(&said, now).await.unwrap();

    let db = Client::new(&connect(Budget::WORKER.stretched(4)).await);
    let until = (now + EVENT_KEPT_FOR + SignedDuration::from_hours(24 * 30)).as_second().to_string();
    for key in [keys::body(&event), keys::announcement(&said.id)] {
        let (pk, sk) = (AttributeValue::S(key.pk), AttributeValue::S(key.sk));
        let got = db.get_item().table_name(&tables.events).key("pk", pk).key("sk", sk).send().await.unwrap();
        assert_eq!(got.item.unwrap()["expires_at"].as_n().unwrap(), &until);
    }
}

#[tokio::test]
async fn the_store_on_dynamodb_passes_the_exams() {
    let (store, tables) = store().await;
    work_exam::all(&store, "dynamo").await;
    book_exam::all(&store, "dynamo").await;
    listing_exam::all(&store, "dynamo").await;
    directory_exam::all(&store, "dynamo").await;
    post_exam::all(&store, "dynamo").await;
    counters_exam::all(&store, "dynamo").await;
    dead_letters_are_sent_again(&store).await;
    bodies_are_kept_as_long_as_events_and_a_month(&store, &tables).await;
    person_exam::all(&store).await;
}
