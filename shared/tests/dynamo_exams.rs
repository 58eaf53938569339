//! The exams, sat by the store on DynamoDB: against the local cloud that `make test` starts. Where there is none they
//! are not sat, and say so.
#![expect(clippy::unwrap_used, reason = "in an integration test the helpers are test code, too")]

use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use gancho::aws::{Budget, QueueUrls, Store, Tables, connect};
use gancho::testing::{book_exam, directory_exam, listing_exam, person_exam, work_exam};
use gancho::work::Timing;

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

/// A store over tables of its own; none where there is no local cloud.
async fn store() -> Option<Store> {
    let local = std::env::var("AWS_ENDPOINT_URL").is_ok_and(|endpoint| endpoint.starts_with("http://127.0.0.1:"));
    if !local {
        eprintln!("not sat: there is no local cloud (`make test` has one)");
        return None;
    }
    let aws = connect(Budget::WORKER.stretched(4)).await;
    let run = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let name = |table: &str| format!("exam-{run}-{table}");
    let tables = Tables {
        events: name("events"),
        directory: name("directory"),
        signals: name("signals"),
        parties: name("parties"),
    };
    let db = Client::new(&aws);
    create_table(&db, &tables.events, &INDEXES).await;
    create_table(&db, &tables.directory, &[("kind", "kind_pk", "kind_sk")]).await;
    create_table(&db, &tables.parties, &[]).await;
    create_table(&db, &tables.signals, &[]).await;
    Some(Store::new(&aws, tables, QueueUrls::default(), Timing::default()))
}

#[tokio::test]
async fn the_store_on_dynamodb_passes_the_exams() {
    let Some(store) = store().await else { return };
    work_exam::all(&store, "dynamo").await;
    book_exam::all(&store, "dynamo").await;
    listing_exam::all(&store, "dynamo").await;
    directory_exam::all(&store, "dynamo").await;
    person_exam::all(&store).await;
}
