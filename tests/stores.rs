//! The exams that every store passes, taken by the real one: DynamoDB as the local cloud plays it, on the stack's own
//! tables.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails its test")]

use gancho::aws::{Budget, QueueUrls, Store, Tables, connect};
use gancho::testing::{book_exam, listing_exam, work_exam};
use gancho::work::Timing;
use gancho_tests::lead::unique;
use gancho_tests::stack::Stack;

async fn store() -> Store {
    let stack = Stack::get();
    let told = std::env::var("AWS_ENDPOINT_URL").unwrap_or_default();
    assert_eq!(told, stack.endpoint_url, "an exam is taken on the local cloud, never on an account of somebody's");
    let table = |name: &str| stack.tables[name].clone();
    let tables = Tables {
        events: table("events"),
        directory: table("directory"),
        signals: table("signals"),
        parties: table("parties"),
    };
    let aws = connect(Budget::WORKER.stretched(10)).await;
    Store::new(&aws, tables, QueueUrls::default(), Timing::default())
}

#[tokio::test]
async fn dynamodb_passes_the_exam_in_work() {
    work_exam::all(&store().await, &format!("dynamo{}", unique())).await;
}

#[tokio::test]
async fn dynamodb_passes_the_exam_in_listing() {
    listing_exam::all(&store().await, &format!("dynamo{}", unique())).await;
}

#[tokio::test]
async fn dynamodb_passes_the_exam_in_subscriptions() {
    book_exam::all(&store().await, &format!("dynamo{}", unique())).await;
}
