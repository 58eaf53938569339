//! When C2S, Diretrix or the Work API do not do what they are asked.

use gancho_tests::cloud::Cloud;
use gancho_tests::flow::{Flow, body_of};
use gancho_tests::lead::Lead;
use gancho_tests::processes;
use gancho_tests::waiting::until;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

fn asked_at(request: &Value) -> Timestamp {
    request["at"].as_str().and_then(|text| text.parse().ok()).unwrap()
}

#[tokio::test]
async fn an_error_in_a_200_of_the_work_api_is_an_error() {
    let flow = Flow::with_trouble().await;
    let person = flow.known_person().await;
    let _ = flow
        .stage
        .fault("work", json!({"key": person.cpf}), Some(1), json!({"kind": "work_error", "name": "erro"}))
        .await;
    let (lead, id) = flow.new_lead(person.by_phone()).await;
    assert_eq!(flow.completed(&id).await["result"]["message"], "sent");
    assert_eq!(flow.stage.requests("work", &person.cpf).await.len(), 2);
    assert_eq!(flow.stage.requests("diretrix", &person.phone[2..]).await.len(), 1, "what was paid for is kept");
    assert_eq!(flow.stage.messages(&lead.id).await.len(), 1);
}

#[tokio::test]
async fn somebody_the_work_api_does_not_know_is_told_of_all_the_same() {
    let flow = Flow::beside_others().await;
    let person = flow.known_person().await;
    let order = json!({"kind": "work_error", "name": "not_found"});
    let fault = flow.stage.fault("work", json!({"key": person.cpf}), None, order).await;
    let (lead, id) = flow.new_lead(person.by_phone()).await;
    assert_eq!(flow.completed(&id).await["result"]["message"], "sent");
    flow.stage.take_back(fault).await;
    let messages = flow.stage.messages(&lead.id).await;
    assert!(messages[0]["body"].as_str().unwrap().contains(&person.name), "{messages:?}");
}

#[tokio::test]
async fn a_message_that_c2s_refused_with_a_500_is_sent_again_and_stands_once() {
    let flow = Flow::with_trouble().await;
    let lead = Lead::new(flow.known_person().await.by_phone());
    let when = json!({"method": "POST", "lead_id": lead.id});
    let _ = flow.stage.fault("c2s", when, Some(1), json!({"kind": "status", "status": 500})).await;
    let id = flow.bring(&lead, &[0]).await.remove(0);
    assert_eq!(flow.completed(&id).await["result"]["message"], "sent");
    assert_eq!(flow.stage.messages(&lead.id).await.len(), 1);
    assert_eq!(flow.stage.requests("c2s", &format!("{}/create_message", lead.id)).await.len(), 2);
}

/// The message's connection breaks; what the event says in the end, and how many messages stand and were sent.
async fn an_unknown_outcome(fault: &str, visible: bool) -> (Value, usize, usize) {
    let flow = Flow::with_trouble().await;
    let lead = Lead::new(flow.known_person().await.by_phone());
    flow.stage.show_messages(&lead.id, visible).await;
    let when = json!({"method": "POST", "lead_id": lead.id});
    let _ = flow.stage.fault("c2s", when, Some(1), json!({"kind": fault})).await;
    let id = flow.bring(&lead, &[0]).await.remove(0);
    let result = flow.completed(&id).await["result"]["message"].clone();
    assert_eq!(body_of(&flow.hears("lead.enriched").await)["data"]["message"], result);
    let sent = flow.stage.requests("c2s", &format!("{}/create_message", lead.id)).await;
    (result, flow.stage.messages(&lead.id).await.len(), sent.len())
}

#[tokio::test]
async fn a_message_without_an_answer_that_stands_in_the_thread_counts_as_sent() {
    assert_eq!(an_unknown_outcome("cut_after_effect", true).await, (json!("sent"), 1, 1));
}

#[tokio::test]
async fn a_message_without_an_answer_is_not_sent_again_where_the_thread_is_not_shown() {
    assert_eq!(an_unknown_outcome("cut_after_effect", false).await, (json!("unconfirmed"), 1, 1));
}

#[tokio::test]
async fn a_message_without_an_answer_that_is_not_in_the_thread_is_shown_as_unconfirmed() {
    assert_eq!(an_unknown_outcome("cut", true).await, (json!("unconfirmed"), 0, 1));
}

#[tokio::test]
async fn a_message_without_an_answer_or_a_thread_is_shown_as_unconfirmed() {
    assert_eq!(an_unknown_outcome("cut", false).await, (json!("unconfirmed"), 0, 1));
}

/// A stack that sends a message of unknown outcome once more: `enrich` in a version of its own.
struct Resending(String);

impl Resending {
    async fn begin(flow: &Flow) -> Self {
        let before = flow.cloud.deploy_with("enrich", "RESEND_AFTER_UNKNOWN", "true").await;
        // Whoever was at work goes on in the version before; nobody is, after this.
        let _ = processes::kill("enrich");
        Self(before)
    }
}

impl Drop for Resending {
    fn drop(&mut self) {
        let before = self.0.clone();
        let restored = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(Cloud::default().point("enrich", &before));
            let _ = processes::kill("enrich");
        });
        let _ = restored.join();
    }
}

#[tokio::test]
async fn a_message_without_an_answer_is_sent_once_more_and_never_twice_where_the_operator_wants_it() {
    let flow = Flow::alone().await;
    let resending = Resending::begin(&flow).await;
    // How often the connection breaks before C2S has the message; what becomes of it.
    for (times, result, messages) in [(1, "sent", 1), (2, "unconfirmed", 0)] {
        let lead = Lead::new(flow.known_person().await.by_phone());
        let when = json!({"method": "POST", "lead_id": lead.id});
        let _ = flow.stage.fault("c2s", when, Some(times), json!({"kind": "cut"})).await;
        let id = flow.bring(&lead, &[0]).await.remove(0);
        assert_eq!(flow.completed(&id).await["result"]["message"], result, "{times} times");
        assert_eq!(flow.stage.messages(&lead.id).await.len(), messages, "{times} times");
        let sent = flow.stage.requests("c2s", &format!("{}/create_message", lead.id)).await;
        assert_eq!(sent.len(), 2, "{times} times: once, and once more");
    }
    drop(resending);
    let (_, id) = flow.new_lead(flow.known_person().await.by_phone()).await;
    flow.completed(&id).await;
}

#[tokio::test]
async fn an_upstream_that_asks_for_time_gets_it() {
    const ASKED_FOR: SignedDuration = SignedDuration::from_secs(12);
    let flow = Flow::with_trouble().await;
    let person = flow.known_person().await;
    let order = json!({"kind": "status", "status": 429, "headers": {"retry-after": "12"}});
    let _ = flow.stage.fault("diretrix", json!({"key": &person.phone[2..]}), Some(1), order).await;
    let (_, id) = flow.new_lead(person.by_phone()).await;
    flow.completed(&id).await;
    let asked = flow.stage.requests("diretrix", &person.phone[2..]).await;
    assert_eq!(asked.len(), 2);
    let waited = asked_at(&asked[1]).duration_since(asked_at(&asked[0]));
    assert!(waited >= ASKED_FOR, "{waited:#}");
}

#[tokio::test]
async fn after_the_last_try_the_lead_has_failed_with_a_reason_and_a_reprocess_completes_it() {
    let flow = Flow::with_trouble().await;
    let person = flow.known_person().await;
    let when = json!({"key": &person.phone[2..]});
    let fault = flow.stage.fault("diretrix", when, None, json!({"kind": "status", "status": 500})).await;
    let (lead, id) = flow.new_lead(person.by_phone()).await;
    let event = flow.ended(&id).await;
    flow.stage.take_back(fault).await;
    assert_eq!((&event["status"], &event["error"]), (&json!("failed"), &json!("diretrix: broken")), "{event:#}");
    assert_eq!(flow.stage.requests("diretrix", &person.phone[2..]).await.len(), 3);
    let failed = flow.hears("lead.enrichment_failed").await;
    assert_eq!(body_of(&failed)["data"]["reason"], "diretrix: broken");

    let path = format!("/api/v1/admin/events/{id}/reprocess");
    flow.operator.post(&path, &json!({})).await.with(202);
    assert_eq!(flow.completed(&id).await["result"]["message"], "sent");
    assert_eq!(flow.stage.messages(&lead.id).await.len(), 1);
    let enriched = flow.hears("lead.enriched").await;
    assert_ne!(enriched["headers"]["webhook-id"], failed["headers"]["webhook-id"], "another turn says another thing");
}

/// Five leads meet an upstream that only an operator can mend; then it is mended.
async fn an_account_in_trouble(name: &str) {
    const LEADS: usize = 5;
    let flow = Flow::alone().await;
    let fault = flow.stage.fault("work", json!({}), None, json!({"kind": "work_error", "name": name})).await;
    let mut events = Vec::new();
    for _ in 0..LEADS {
        events.push(flow.new_lead(flow.known_person().await.by_phone()).await);
    }
    for (_, id) in &events {
        until("a lead waiting behind the breaker", async || {
            let event = flow.event(id).await;
            let waiting = event["timeline"].as_array()?.iter().any(|moment| moment["detail"] == "breaker:work_api");
            waiting.then_some(())
        })
        .await;
    }
    // Those that were under way when the first answer came have asked as well, and nobody after them.
    let asked = flow.stage.struck(fault).await.unwrap();
    assert!((1..=LEADS as u64).contains(&asked), "{asked}");
    flow.cloud.sweep().await;
    assert_eq!(flow.stage.struck(fault).await, Some(asked), "a sweep wakes nobody while the breaker stands open");

    flow.stage.take_back(fault).await;
    flow.mended().await;
    flow.cloud.sweep().await;
    for (lead, id) in &events {
        assert_eq!(flow.completed(id).await["result"]["message"], "sent");
        assert_eq!(flow.stage.messages(&lead.id).await.len(), 1);
    }
}

#[tokio::test]
async fn refused_credentials_hold_the_leads_back_and_cause_no_storm() {
    an_account_in_trouble("token").await;
}

#[tokio::test]
async fn an_account_without_credits_holds_the_leads_back_until_it_has_some() {
    an_account_in_trouble("credits").await;
}
