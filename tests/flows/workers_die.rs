//! Workers that are killed in the middle of their work, and bells that are lost: the row is the work.

use std::time::Duration;

use gancho_tests::flow::Flow;
use gancho_tests::lead::{Lead, Person};
use gancho_tests::processes;
use gancho_tests::waiting::{throughout, until, until_within};
use serde_json::{Value, json};

/// A worker is killed while an upstream holds its call; the sweep brings the lead to another, which ends it.
async fn killed_at(
    upstream: &str,
    when: impl FnOnce(&Lead, &Person) -> Value,
    fault: &str,
) -> (Flow, Lead, Person, Value) {
    let flow = Flow::alone().await;
    let person = flow.known_person().await;
    let lead = Lead::new(person.by_phone());
    let fault = flow.stage.fault(upstream, when(&lead, &person), Some(1), json!({"kind": fault})).await;
    let id = flow.bring(&lead, &[0]).await.remove(0);
    until("the call that is held", async || flow.stage.struck(fault).await.is_none_or(|n| n > 0).then_some(())).await;
    assert!(processes::kill("enrich") > 0, "there was a worker to kill");
    flow.sweep_after_the_lease(&id).await;
    let event = flow.completed(&id).await;
    (flow, lead, person, event)
}

#[tokio::test]
async fn a_lead_whose_worker_died_asking_diretrix_is_ended_once() {
    let (flow, lead, _, event) = killed_at("diretrix", |_, person| json!({"key": &person.phone[2..]}), "hang").await;
    assert_eq!(event["result"]["message"], "sent");
    assert_eq!(flow.stage.messages(&lead.id).await.len(), 1);
}

#[tokio::test]
async fn a_lead_whose_worker_died_asking_the_work_api_keeps_what_was_paid_for() {
    let (flow, lead, person, event) = killed_at("work", |_, person| json!({"key": person.cpf}), "hang").await;
    assert_eq!(event["result"]["message"], "sent");
    assert_eq!(flow.stage.messages(&lead.id).await.len(), 1);
    assert_eq!(flow.stage.requests("diretrix", &person.phone[2..]).await.len(), 1);
}

#[tokio::test]
async fn a_message_whose_sender_died_before_it_arrived_is_shown_as_unconfirmed() {
    let when = |lead: &Lead, _: &Person| json!({"method": "POST", "lead_id": lead.id});
    let (flow, lead, _, event) = killed_at("c2s", when, "hang").await;
    assert_eq!(event["result"]["message"], "unconfirmed");
    assert!(flow.stage.messages(&lead.id).await.is_empty());
}

#[tokio::test]
async fn a_message_whose_sender_died_after_it_arrived_is_found_and_not_sent_again() {
    let when = |lead: &Lead, _: &Person| json!({"method": "POST", "lead_id": lead.id});
    let (flow, lead, _, event) = killed_at("c2s", when, "hang_after_effect").await;
    assert_eq!(event["result"]["message"], "sent");
    assert_eq!(flow.stage.messages(&lead.id).await.len(), 1);
    assert_eq!(flow.stage.requests("c2s", &format!("{}/create_message", lead.id)).await.len(), 1);
}

#[tokio::test]
async fn a_lead_whose_bell_was_lost_is_rung_for_by_the_sweep() {
    let flow = Flow::alone().await;
    let person = flow.known_person().await;
    let lead = Lead::new(person.by_phone());
    flow.cloud.set_consuming("enrich", false).await;
    let id = flow.bring(&lead, &[0]).await.remove(0);
    let queue = &gancho_tests::stack::Stack::get().queues["lead"];
    until("the bell", async || flow.cloud.take_out(queue, &id).await.then_some(())).await;
    flow.cloud.set_consuming("enrich", true).await;
    assert_eq!(flow.event(&id).await["status"], "received");
    flow.make_due(&id).await;
    flow.cloud.sweep().await;
    assert_eq!(flow.completed(&id).await["result"]["message"], "sent");
}

#[tokio::test]
async fn a_bell_that_cannot_be_read_ends_among_the_dead_letters_and_delays_nobody() {
    let flow = Flow::beside_others().await;
    let stack = gancho_tests::stack::Stack::get();
    let text = format!("no bell of {}", flow.tenant_id);
    flow.cloud.send(&stack.queues["lead"], &text).await;
    let person = flow.known_person().await;
    let (_, id) = flow.new_lead(person.by_phone()).await;
    flow.completed(&id).await;
    until_within("the dead letter", Duration::from_secs(180), async || {
        flow.cloud.waiting(&stack.dead_letters["lead"]).await.contains(&text).then_some(())
    })
    .await;
    let depths = flow.operator.get("/api/v1/admin/dlq").await.with(200);
    let lead = depths["data"].as_array().unwrap().iter().find(|queue| queue["queue"] == "lead").unwrap();
    assert!(lead["dead_letters"]["waiting"].as_u64().unwrap() >= 1, "{depths:#}");
}

#[tokio::test]
async fn a_bell_among_the_dead_letters_rings_again_when_an_operator_says_so() {
    let flow = Flow::alone().await;
    let stack = gancho_tests::stack::Stack::get();
    let (queue, dead) = (&stack.queues["lead"], &stack.dead_letters["lead"]);
    let lead = Lead::new(flow.known_person().await.by_phone());
    flow.cloud.set_consuming("enrich", false).await;
    let id = flow.bring(&lead, &[0]).await.remove(0);
    // As SQS does with a message that was received too often.
    until("the bell", async || flow.cloud.take_out(queue, &id).await.then_some(())).await;
    let bell = json!({"v": 1, "row": format!("event/{id}"), "turn": 1}).to_string();
    flow.cloud.send(dead, &bell).await;
    // No sweep is to be what rings for it.
    let in_an_hour = jiff::Timestamp::now().as_millisecond() + 3_600_000;
    flow.cloud.set_number("events", &format!("EVENT#{id}"), "EVENT", "due_at", in_an_hour).await;
    flow.cloud.set_consuming("enrich", true).await;
    flow.cloud.sweep().await;
    throughout(Duration::from_secs(3), async || assert_eq!(flow.event(&id).await["status"], "received")).await;

    let redriven = flow.operator.post("/api/v1/admin/dlq/lead/redrive", &json!({})).await.with(200);
    assert_eq!(redriven["queue"], "lead");
    assert!(redriven["moved"].as_u64().unwrap() >= 1, "{redriven:#}");
    assert_eq!(flow.completed(&id).await["result"]["message"], "sent");
    assert_eq!(flow.stage.messages(&lead.id).await.len(), 1);
    assert!(!flow.cloud.waiting(dead).await.contains(&bell), "it is no dead letter any more");
}

#[tokio::test]
async fn a_lead_that_kills_five_workers_is_given_up_and_its_neighbours_are_not() {
    const DEATHS: usize = 5;
    let flow = Flow::alone().await;
    let person = flow.known_person().await;
    let deadly = Lead::new(person.by_phone());
    let when = json!({"key": &person.phone[2..]});
    let fault = flow.stage.fault("diretrix", when, None, json!({"kind": "hang"})).await;
    let id = flow.bring(&deadly, &[0]).await.remove(0);
    let (_, neighbour) = flow.new_lead(flow.known_person().await.by_phone()).await;
    for death in 1..=DEATHS {
        until("the deadly call", async || (flow.stage.struck(fault).await >= Some(death as u64)).then_some(())).await;
        assert!(processes::kill("enrich") > 0);
        flow.sweep_after_the_lease(&id).await;
    }
    let event = flow.ended(&id).await;
    flow.stage.take_back(fault).await;
    assert_eq!((&event["status"], &event["error"]), (&json!("failed"), &json!("crashed")), "{event:#}");
    flow.make_due(&neighbour).await;
    flow.cloud.sweep().await;
    flow.completed(&neighbour).await;
    assert!(flow.stage.messages(&deadly.id).await.is_empty());
}
