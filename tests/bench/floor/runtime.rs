//! The Runtime API of the benchmarks, held against a real function: the floor.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use gancho_bench::runtime::envelope::Request;
use gancho_bench::runtime::spent::Allocations;
use gancho_bench::runtime::{Program, Worker, run_for};
use gancho_bench::stand_ins::StandIns;

const SECRET: &str = "the-stack-key";

/// A folder of a test's own, emptied.
fn folder() -> PathBuf {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let name = format!("runtime-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).expect("a folder below the target directory");
    folder
}

/// The floor with the services that it calls.
fn floor(services: &StandIns, folder: &std::path::Path) -> Program {
    services.put_secret(SECRET, "{}");
    let tables = services.tables();
    let items = format!(
        r##"{{"directory": "{}", "events": "{}", "signals": "{}",
            "card": {{"pk": {{"S": "CARD#1"}}, "sk": {{"S": "CARD"}}}},
            "row": {{"pk": {{"S": ""}}, "sk": {{"S": "EVENT"}}, "turn": {{"N": "1"}}}},
            "body": {{"pk": {{"S": ""}}, "sk": {{"S": "BODY"}}, "body": {{"B": "AQID"}}}}}}"##,
        tables.directory, tables.events, tables.signals
    );
    let file = folder.join("items.json");
    fs::write(&file, items).expect("the folder can be written to");
    let queue = services.queues().lead.expect("the template has a lead queue");
    Program::new("floor", [env!("CARGO_BIN_EXE_floor")]).with(services.environment(false)).with([
        ("FLOOR_ITEMS", file.into_os_string()),
        ("QUEUE_LEAD_URL", queue.into()),
        ("SECRET_STACK_KEY", SECRET.into()),
    ])
}

fn event() -> bytes::Bytes {
    let request = Request { target: "/api/v1/webhooks/c2s".into(), headers: Vec::new(), body: "{}".into() };
    request.envelope(1)
}

#[tokio::test]
async fn an_event_is_handed_over_and_its_whole_answer_comes_back_with_its_times() {
    let services = StandIns::start();
    let mut worker = Worker::start(&floor(&services, &folder())).await.unwrap();
    let ready = worker.ready().await.unwrap();
    let before = worker.cpu().unwrap();
    let answer = worker.invoke(event()).await.unwrap();
    assert!(String::from_utf8_lossy(&answer.body).contains("\"statusCode\":200"), "{:?}", answer.body);
    assert!(answer.since_start >= ready + answer.took, "first it begins, then it answers");
    assert!(worker.cpu().unwrap() > before && worker.peak_memory().unwrap() > 1 << 20);
    let counts = services.counts();
    assert_eq!((counts.of("PutItem"), counts.of("SendMessageBatch")), (2, 1));
}

#[tokio::test]
async fn an_event_that_a_function_cannot_read_fails_alone() {
    let services = StandIns::start();
    let mut worker = Worker::start(&floor(&services, &folder())).await.unwrap();
    assert!(worker.invoke("[1]".into()).await.is_err());
    assert!(worker.invoke(event()).await.is_ok());
}

#[tokio::test]
async fn a_process_that_cannot_begin_is_noticed() {
    let mut worker = Worker::start(&Program::new("floor", [env!("CARGO_BIN_EXE_floor")])).await.unwrap();
    let error = worker.ready().await.unwrap_err().to_string();
    assert!(error.contains("has ended"), "{error}");
}

#[tokio::test]
async fn allocations_are_those_of_the_events_that_are_counted() {
    let (services, folder) = (StandIns::start(), folder());
    let (program, counter) = (floor(&services, &folder), Allocations::compile(&folder).unwrap());
    let events = vec![event(); 20];
    let each = run_for(&program, &counter, &events, &events).await.unwrap();
    let total = counter.read().unwrap();
    assert!(each > 10.0, "three calls of AWS allocate: {each}");
    assert!(each * 20.0 < total as f64, "the start allocates too: {each} of {total}");
}
