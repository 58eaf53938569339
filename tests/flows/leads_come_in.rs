//! At the door: who is let in, what is counted, what is refused.

use std::sync::atomic::{AtomicUsize, Ordering};

use gancho_tests::api::{Answer, Api};
use gancho_tests::flow::Flow;
use gancho_tests::lead::{Lead, Person};
use gancho_tests::stack::Stack;
use gancho_tests::waiting::until;
use jiff::Timestamp;
use serde_json::{Value, json};

fn counts(answer: &Value) -> (u64, u64, u64, u64) {
    let count = |name: &str| answer[name].as_u64().unwrap_or(u64::MAX);
    (count("received"), count("processed"), count("duplicates"), count("rejected"))
}

fn a_lead() -> Lead {
    Lead::new(Person::new().by_phone())
}

fn code(answer: &Answer) -> &str {
    answer.body["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn without_a_token_nobody_is_let_in() {
    let answer = Api::nobody().c2s_by_header(None, &a_lead().changed(0)).await;
    assert_eq!((answer.status, code(&answer)), (401, "unauthorized"));
}

#[tokio::test]
async fn with_a_wrong_token_nobody_is_let_in() {
    for token in ["wrong", "", "gch_wrong"] {
        let by_header = Api::nobody().c2s_by_header(Some(token), &a_lead().changed(0)).await;
        assert_eq!(by_header.status, 401, "{token}");
    }
    let by_path = Api::nobody().c2s_by_path("wrong", &a_lead().changed(0)).await;
    assert_eq!((by_path.status, code(&by_path)), (401, "unauthorized"));
}

#[tokio::test]
async fn the_token_of_one_source_does_not_open_the_door_of_another() {
    let flow = Flow::beside_others().await;
    let answer = Api::nobody().c2s_by_header(Some(&flow.token), &a_lead().changed(0)).await;
    assert_eq!(answer.status, 401, "the header is the default source's");
}

#[tokio::test]
async fn a_lead_is_counted_once_by_header_and_by_path() {
    let flow = Flow::beside_others().await;
    let lead = a_lead();
    let first = flow.post(&lead.changed(0)).await.with(200);
    assert_eq!(first["status"], "received");
    assert_eq!(counts(&first), (1, 1, 0, 0));
    assert_eq!(counts(&flow.post(&lead.changed(0)).await.with(200)), (1, 0, 1, 0), "the same again");
    assert_eq!(counts(&flow.post(&lead.changed(1)).await.with(200)), (1, 1, 0, 0), "the same lead, changed");

    let (lead, token) = (a_lead(), Some(Stack::get().c2s_token.as_str()));
    let by_header = async |body: Value| counts(&Api::nobody().c2s_by_header(token, &body).await.with(200));
    assert_eq!(by_header(lead.changed(0)).await, (1, 1, 0, 0));
    assert_eq!(by_header(lead.changed(0)).await, (1, 0, 1, 0));
    assert_eq!(by_header(lead.changed(1)).await, (1, 1, 0, 0));
}

#[tokio::test]
async fn a_batch_is_counted_event_by_event() {
    let flow = Flow::beside_others().await;
    let batch: Vec<Value> = (0..3).map(|_| a_lead().changed(0)).collect();
    assert_eq!(counts(&flow.post(&json!(batch)).await.with(200)), (3, 3, 0, 0));
    assert_eq!(counts(&flow.post(&json!(batch)).await.with(200)), (3, 0, 3, 0));
}

#[tokio::test]
async fn a_lead_without_a_time_or_with_a_bad_one_is_refused() {
    let flow = Flow::beside_others().await;
    let mut without = a_lead().changed(0);
    without["attributes"].as_object_mut().unwrap().remove("updated_at");
    for body in [without, a_lead().spelt("yesterday", "on_create_lead"), a_lead().spelt("", "on_create_lead")] {
        let answer = flow.post(&body).await;
        assert_eq!((answer.status, code(&answer)), (400, "invalid_updated_at"), "{}", answer.body);
        assert_eq!(counts(&answer.body), (1, 0, 0, 1));
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn a_bad_event_does_not_spoil_its_neighbours() {
    let flow = Flow::beside_others().await;
    let (good, again) = (a_lead(), a_lead());
    flow.post(&again.changed(0)).await.with(200);
    let batch = json!([good.changed(0), 7, again.changed(0), a_lead().spelt("never", "on_create_lead"), {"id": "x"}]);
    let answer = flow.post(&batch).await.with(200);
    assert_eq!(counts(&answer), (5, 1, 1, 3), "{answer}");
    let errors: Vec<_> =
        answer["errors"].as_array().unwrap().iter().map(|e| (e["index"].as_u64(), &e["code"])).collect();
    assert_eq!(json!(errors), json!([[1, "not_an_object"], [3, "invalid_updated_at"], [4, "invalid_updated_at"]]),);
}

#[tokio::test]
async fn one_instant_in_two_spellings_is_one_event() {
    let flow = Flow::beside_others().await;
    let lead = a_lead();
    let first = flow.post(&lead.spelt("2025-01-20T10:00:00Z", "on_update_lead")).await.with(200);
    assert_eq!(counts(&first), (1, 1, 0, 0));
    for spelling in ["2025-01-20 07:00:00 -0300", "2025-01-20T07:00:00.000-03:00", "2025-01-20 10:00:00"] {
        let answer = flow.post(&lead.spelt(spelling, "on_update_lead")).await.with(200);
        assert_eq!(counts(&answer), (1, 0, 1, 0), "{spelling}");
    }
}

#[tokio::test]
async fn an_operator_finds_an_event_by_its_lead_its_source_and_its_status() {
    let flow = Flow::beside_others().await;
    let (lead, id) = flow.new_lead(Person::new().by_phone()).await;
    flow.completed(&id).await;
    let found = async |query: String| {
        let page = flow.operator.get(&format!("/api/v1/admin/events?{query}")).await.with(200);
        let events = page["data"].as_array().cloned().unwrap_or_default();
        events.iter().map(|event| event["id"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let source = &flow.source;
    assert_eq!(found(format!("lead_id={}", lead.id)).await, [id.as_str()]);
    assert_eq!(found(format!("source={source}&status=completed")).await, [id.as_str()]);
    assert!(found(format!("source={source}&status=failed")).await.is_empty());
    assert!(found(format!("source={source}&until=2020-01-01T00:00:00Z")).await.is_empty());
}

#[tokio::test]
async fn two_hundred_copies_at_once_are_one_event_one_message_and_one_delivery() {
    // Two hundred processes of one function on one machine: nothing else should run beside them.
    let flow = Flow::alone().await;
    let person = flow.known_person().await;
    let lead = Lead::new(person.by_phone());
    let body = lead.changed(0);
    let unsure = AtomicUsize::new(0);
    let copies = (0..200).map(async |_| {
        // A copy that could not be stored in time is sent again, as its sender would.
        until("a copy to be taken", async || {
            let answer = flow.post(&body).await;
            unsure.fetch_add(usize::from(answer.status >= 500), Ordering::Relaxed);
            (answer.status < 500).then_some(answer)
        })
        .await
    });
    let answers = futures::future::join_all(copies).await;
    let all: Vec<_> = answers.into_iter().map(|answer| counts(&answer.with(200))).collect();
    let processed = all.iter().map(|(_, processed, ..)| processed).sum::<u64>();
    let duplicates = all.iter().map(|(_, _, duplicates, _)| duplicates).sum::<u64>();
    assert_eq!(processed + duplicates, 200);
    // What was stored under a 503 counts as a duplicate when it is sent again.
    let told_of = if unsure.into_inner() == 0 { 1..=1 } else { 0..=1 };
    assert!(told_of.contains(&processed), "{processed} processed");

    let event = flow.event_at(&lead, 0).await;
    flow.completed(&event).await;
    flow.hears("lead.enriched").await;
    assert_eq!(flow.stage.messages(&lead.id).await.len(), 1);
    let deliveries = until("both deliveries", async || {
        let received = flow.stage.received(&flow.receiver).await;
        (received.len() >= 2).then_some(received)
    })
    .await;
    assert_eq!(deliveries.len(), 2, "one lead.received and one lead.enriched");
}

#[tokio::test]
async fn a_lead_whose_webhook_never_came_is_brought_in_by_the_poll() {
    // The poll takes in whatever C2S has, for the default source.
    let flow = Flow::alone().await;
    let lead = Lead::new(flow.known_person().await.by_phone());
    let told = lead.changed(0);
    flow.stage.hold_lead(&json!({"id": told["id"], "attributes": told["attributes"]})).await;
    assert_eq!(flow.only_event_of(&lead).await, None);

    let before_now = Timestamp::now().as_millisecond() - 1;
    for time in ["not_before", "due_at"] {
        flow.cloud.set_number("events", "POLL#src_default", "JOB", time, before_now).await;
    }
    flow.cloud.sweep().await;
    let id = until("the lead to come in", async || flow.only_event_of(&lead).await).await;
    let event = flow.completed(&id).await;
    assert_eq!((&event["tenant_id"], &event["result"]["message"]), (&json!("ten_default"), &json!("sent")));
    assert_eq!(flow.stage.messages(&lead.id).await.len(), 1);

    let token = Some(Stack::get().c2s_token.as_str());
    let late = Api::nobody().c2s_by_header(token, &told).await.with(200);
    assert_eq!(counts(&late), (1, 0, 1, 0), "the webhook that comes after all tells nothing new");
}
