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
use gancho::model::event::{Announcement, Event, RawBody};
use gancho::model::ids::TenantId;
use gancho::model::moysklad::{Account, EntityKind, EntityRef, Role};
use gancho::model::row::Queue;
use gancho::model::sealed::Sealed;
use gancho::sync::guards::{LoopGuard, Written};
use gancho::sync::store::{Accounts, GuardRows, Notices};
use gancho::testing::samples::lead_event;
use gancho::testing::{
    book_exam, counters_exam, directory_exam, listing_exam, person_exam, post_exam, sync_exam, work_exam,
};
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

/// Accounts lie beside what else is their tenant's, and only theirs are found.
async fn accounts_are_their_tenants(store: &Store, tables: &Tables) {
    let db = Client::new(&connect(Budget::WORKER.stretched(4)).await);
    let account = |n: u8, tenant: &str| Account {
        id: format!("00000000-0000-0000-0000-00000000000{n}").parse().unwrap(),
        tenant: tenant.parse().unwrap(),
        source: "src_1".parse().unwrap(),
        name: None,
        role: Role::Main,
        enabled: true,
        token: Sealed::from_text("sealed"),
        doorbell: None,
        created_at: "2026-01-20T10:00:00Z".parse().unwrap(),
        rev: u32::from(n),
    };
    let accounts = [account(1, "ten_mine"), account(2, "ten_mine"), account(3, "ten_theirs")];
    for account in &accounts {
        let key = keys::moysklad_account(&account.tenant, account.id);
        let (id, tenant) = (account.id.to_string(), account.tenant.to_string());
        let texts = [
            ("pk", key.pk.as_str()),
            ("sk", &key.sk),
            ("kind_pk", keys::MOYSKLAD_ACCOUNTS),
            ("kind_sk", &id),
            ("id", &id),
            ("tenant", &tenant),
            ("source", "src_1"),
            ("role", "main"),
            ("token", "sealed"),
            ("created_at", "2026-01-20T10:00:00Z"),
        ];
        let put = texts.into_iter().fold(db.put_item().table_name(&tables.directory), |put, (name, text)| {
            put.item(name, AttributeValue::S(text.to_owned()))
        });
        let put =
            put.item("enabled", AttributeValue::Bool(true)).item("rev", AttributeValue::N(account.rev.to_string()));
        put.send().await.unwrap();
    }
    let mine = store.accounts(&"ten_mine".parse().unwrap()).await.unwrap();
    assert_eq!(mine, accounts[..2]);
    assert_eq!(store.accounts(&"ten_nobody".parse().unwrap()).await, Ok(Vec::new()));
}

/// A notice is read back, whether its event has a subject or not; of an event that is not stored there is none.
async fn the_notice_of_an_event_is_read_back(store: &Store) {
    for subject in [None, Some("75c896d0-0a3d-11ec-0a80-0ffc000b2a4c")] {
        let name = format!("notice-{}", subject.is_some());
        let event = lead_event(&name, Timestamp::now(), store.timing());
        let event = Event { subject: subject.map(str::to_owned), ..event };
        let body = RawBody { bytes: r#"{"v":1}"#.into(), headers: vec![("a".into(), "b".into())] };
        assert_eq!(store.notice_of(&event).await, Ok(None));
        assert_eq!(store.record_event(&event, &body).await, Ok(Recorded::New));
        assert_eq!(store.notice_of(&event).await, Ok(Some(body)));
    }
}

/// What we wrote is kept a day and an hour, a loop guard two hours after its entity's last change, closed or not.
async fn what_the_guards_remember_is_forgotten(store: &Store, tables: &Tables) {
    let db = Client::new(&connect(Budget::WORKER.stretched(4)).await);
    let expires_at = async |key: keys::Key| {
        let (pk, sk) = (AttributeValue::S(key.pk), AttributeValue::S(key.sk));
        let got = db.get_item().table_name(&tables.sync).key("pk", pk).key("sk", sk).send().await.unwrap();
        got.item.unwrap()["expires_at"].as_n().unwrap().parse::<i64>().unwrap()
    };
    let at = |seconds: i64| Timestamp::from_second(1_900_000_000 + seconds).unwrap();
    let tenant: TenantId = "ten_forgotten".parse().unwrap();
    let entity = EntityRef {
        account: "00000000-0000-0000-0000-00000000000a".parse().unwrap(),
        kind: EntityKind::Product,
        id: "00000000-0000-0000-0000-000000000001".parse().unwrap(),
    };
    let written = Written::default().and("one", at(0)).and("two", at(50));
    store.put_written(&tenant, entity, &written).await.unwrap();
    assert_eq!(expires_at(keys::written(&tenant, entity)).await, at(50 + 25 * 3_600).as_second());
    let (guard, _) = LoopGuard::new(tenant.clone(), entity).changed(at(7), at(7));
    for guard in [&guard, &guard.closed()] {
        assert_eq!(store.put_loop_guard(guard).await, Ok(true));
        assert_eq!(expires_at(keys::loop_guard(&tenant, entity)).await, at(7 + 2 * 3_600).as_second());
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
    sync_exam::all(&store, "dynamo").await;
    sync_exam::drains(&store, "dynamo").await;
    accounts_are_their_tenants(&store, &tables).await;
    the_notice_of_an_event_is_read_back(&store).await;
    what_the_guards_remember_is_forgotten(&store, &tables).await;
    dead_letters_are_sent_again(&store).await;
    bodies_are_kept_as_long_as_events_and_a_month(&store, &tables).await;
    person_exam::all(&store).await;
}
