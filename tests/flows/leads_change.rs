//! A lead that changes: one look-up and one message for all that says the same, and no storm.

use gancho_tests::flow::Flow;
use gancho_tests::lead::Lead;
use gancho_tests::waiting::until;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

fn time(event: &Value, name: &str) -> Timestamp {
    event[name].as_str().and_then(|text| text.parse().ok()).unwrap()
}

#[tokio::test]
async fn a_creation_and_an_update_milliseconds_apart_are_looked_up_and_told_once() {
    let flow = Flow::beside_others().await;
    let person = flow.known_person().await;
    let lead = Lead::new(person.by_phone());
    let (created, updated) = (lead.changed(0), lead.changed(1));
    let (first, second) = tokio::join!(flow.post(&created), flow.post(&updated));
    assert_eq!((&first.with(200)["processed"], &second.with(200)["processed"]), (&json!(1), &json!(1)));
    let events = [flow.event_at(&lead, 0).await, flow.event_at(&lead, 1).await];
    let [one, other] = [flow.completed(&events[0]).await, flow.completed(&events[1]).await];
    let mut said = [&one["result"]["message"], &other["result"]["message"]];
    said.sort_by_key(|word| word.to_string());
    assert_eq!(said, ["sent", "skipped"], "{one:#} {other:#}");
    let skipped = if one["result"]["message"] == "skipped" { &one } else { &other };
    assert_eq!(skipped["result"]["reason"], "same_contact");
    assert_eq!(flow.stage.messages(&lead.id).await.len(), 1);
    assert_eq!(flow.stage.requests("diretrix", &person.phone[2..]).await.len(), 1);
    assert_eq!(flow.stage.requests("work", &person.cpf).await.len(), 1);
}

#[tokio::test]
async fn a_second_body_of_one_second_that_comes_while_the_first_is_worked_on_is_worked_on_next() {
    let flow = Flow::beside_others().await;
    let person = flow.known_person().await;
    let mut lead = Lead::new(person.by_phone());
    let when = json!({"key": &person.phone[2..]});
    let slow = flow.stage.fault("diretrix", when, Some(1), json!({"kind": "delay", "ms": 3_000})).await;
    let id = flow.bring(&lead, &[0]).await.remove(0);
    until("the question that is answered late", async || flow.stage.struck(slow).await.is_none().then_some(())).await;
    lead.customer["email"] = json!(person.email);
    let variant = flow.post(&lead.changed(0)).await.with(200);
    assert_eq!((&variant["processed"], &variant["duplicates"]), (&json!(0), &json!(1)));

    let event = until("the end of the second turn", async || {
        let event = flow.event(&id).await;
        (event["turn"] == 2 && event["status"] == "completed").then_some(event)
    })
    .await;
    assert_eq!((&event["variants"], &event["result"]["message"]), (&json!(1), &json!("sent")), "{event:#}");
    assert_eq!(flow.stage.messages(&lead.id).await.len(), 2, "one for each of what the lead said");
}

#[tokio::test]
async fn new_contact_data_is_looked_up_anew() {
    let flow = Flow::beside_others().await;
    let (before, after) = (flow.known_person().await, flow.known_person().await);
    let mut lead = Lead::new(before.by_phone());
    let first = flow.bring(&lead, &[0]).await.remove(0);
    flow.completed(&first).await;
    lead.customer = after.by_phone();
    let second = flow.bring(&lead, &[60]).await.remove(0);
    assert_eq!(flow.completed(&second).await["result"]["message"], "sent");
    assert_eq!(flow.stage.messages(&lead.id).await.len(), 2);
}

#[tokio::test]
async fn of_many_edits_in_a_minute_the_last_ones_are_processed_together_with_all_their_contact_data() {
    const AS_THEY_COME: i64 = 10;
    const COALESCE: SignedDuration = SignedDuration::from_secs(12);
    // The look-up and the message of the one that is processed, on a busy machine.
    const WORK: SignedDuration = SignedDuration::from_secs(15);

    let flow = Flow::beside_others().await;
    let person = flow.known_person().await;
    let mut lead = Lead::new(json!({"name": person.name}));
    let early = flow.bring(&lead, &(0..AS_THEY_COME).collect::<Vec<_>>()).await;
    lead.customer = person.by_phone();
    let with_phone = flow.bring(&lead, &[20]).await.remove(0);
    lead.customer = json!({"name": person.name});
    // The newest by its own time comes in before an older one.
    let newest = flow.bring(&lead, &[40]).await.remove(0);
    let older = flow.bring(&lead, &[30]).await.remove(0);

    for event in &early {
        assert_eq!(flow.completed(event).await["result"]["reason"], "no_contact_data");
    }
    let processed = flow.completed(&newest).await;
    assert_eq!((&processed["result"]["message"], &processed["result"]["found_by"]), (&json!("sent"), &json!("phone")));
    for event in [&with_phone, &older] {
        let event = flow.ended(event).await;
        assert_eq!((&event["status"], &event["superseded_by"]), (&json!("superseded"), &json!(newest)), "{event:#}");
    }
    let waited = time(&processed, "processed_at").duration_since(time(&flow.event(&with_phone).await, "received_at"));
    assert!(waited <= COALESCE + WORK, "{waited:#}");
    assert_eq!(flow.stage.messages(&lead.id).await.len(), 1);
}
