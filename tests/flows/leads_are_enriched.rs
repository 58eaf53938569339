//! Who is behind a lead, and what the broker and the tenant are told.

use gancho_tests::flow::{Flow, body_of};
use gancho_tests::lead::{Lead, Person};
use serde_json::{Value, json};

fn steps(event: &Value) -> Vec<String> {
    let moments = event["timeline"].as_array().cloned().unwrap_or_default();
    let text = |moment: &Value, name: &str| moment[name].as_str().unwrap_or_default().to_owned();
    moments.iter().map(|moment| format!("{} {}", text(moment, "step"), text(moment, "outcome"))).collect()
}

async fn message(flow: &Flow, lead: &Lead) -> String {
    let messages = flow.stage.messages(&lead.id).await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    messages[0]["body"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_lead_found_by_its_telephone_number_is_told_to_broker_and_tenant() {
    let flow = Flow::beside_others().await;
    let person = flow.known_person().await;
    let (lead, id) = flow.new_lead(person.by_phone()).await;
    let event = flow.completed(&id).await;
    assert_eq!(event["result"]["message"], "sent", "{event:#}");
    assert_eq!(event["result"]["found_by"], "phone");

    let text = message(&flow, &lead).await;
    assert!(text.contains("Cadastro localizado pelo telefone") && text.contains(&person.name), "{text}");
    assert!(!text.contains(&person.cpf) && !text.contains(&person.phone), "{text}");

    let received = body_of(&flow.hears("lead.received").await);
    assert_eq!(received["data"]["lead_id"], json!(lead.id));
    let enriched = body_of(&flow.hears("lead.enriched").await);
    assert_eq!(enriched["data"]["person"]["name"], json!(person.name));
    assert!(!enriched.to_string().contains(&person.cpf), "{enriched}");
}

#[tokio::test]
async fn the_timeline_of_a_lead_has_every_step_and_its_time() {
    let flow = Flow::beside_others().await;
    let person = flow.known_person().await;
    let (_, id) = flow.new_lead(person.by_phone()).await;
    flow.completed(&id).await;
    flow.hears("lead.enriched").await;
    let event = gancho_tests::waiting::until("both deliveries on the timeline", async || {
        let event = flow.event(&id).await;
        let told = steps(&event);
        (told.iter().filter(|step| *step == "delivery delivered").count() == 2).then_some(event)
    })
    .await;
    let told = steps(&event);
    let order = ["received recorded", "diretrix found", "work_api found", "message sent", "announced lead.enriched"];
    let places: Vec<_> = order.iter().map(|step| told.iter().position(|told| told == step)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{told:#?}");
    assert!(told.contains(&"processed completed".to_owned()), "{told:#?}");
    assert_eq!(told.iter().filter(|step| *step == "attempt accepted").count(), 2, "{told:#?}");
    let times: Vec<jiff::Timestamp> =
        event["timeline"].as_array().unwrap().iter().map(|m| m["at"].as_str().unwrap().parse().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert!(!event.to_string().contains(&person.phone) && !event.to_string().contains(&person.cpf), "{event}");
}

#[tokio::test]
async fn a_lead_that_states_its_cpf_is_not_searched_for() {
    let flow = Flow::beside_others().await;
    let person = flow.known_person().await;
    let (lead, id) = flow.new_lead(json!({"name": person.name, "phone": person.phone, "cpf": person.cpf})).await;
    let event = flow.completed(&id).await;
    assert_eq!(event["result"]["found_by"], "payload", "{event:#}");
    assert!(message(&flow, &lead).await.contains("pelo CPF informado"));
    assert!(flow.stage.requests("diretrix", &person.phone[2..]).await.is_empty());
}

#[tokio::test]
async fn a_lead_can_be_found_by_its_address_alone() {
    let flow = Flow::beside_others().await;
    let person = flow.known_person().await;
    let (lead, id) = flow.new_lead(person.by_email()).await;
    assert_eq!(flow.completed(&id).await["result"]["found_by"], "email");
    assert!(message(&flow, &lead).await.contains("pelo e-mail"));
}

#[tokio::test]
async fn where_several_could_be_meant_nobody_is_named() {
    let flow = Flow::beside_others().await;
    let first = Person::named("Carla Amostra Pereira");
    let second = Person { phone: first.phone.clone(), ..Person::named("Davi Amostra Lima") };
    flow.stage.know(&first).await;
    flow.stage.know(&second).await;
    let (lead, id) = flow.new_lead(json!({"name": "Zulmira Outra", "phone": first.phone})).await;
    let event = flow.completed(&id).await;
    assert_eq!(event["result"], json!({"message": "skipped", "reason": "ambiguous"}));
    assert!(flow.stage.messages(&lead.id).await.is_empty());
    assert_eq!(body_of(&flow.hears("lead.unmatched").await)["data"]["reason"], "ambiguous");
}

#[tokio::test]
async fn where_nobody_is_found_the_tenant_is_told_and_the_broker_is_not() {
    let flow = Flow::beside_others().await;
    let (lead, id) = flow.new_lead(Person::new().by_phone()).await;
    assert_eq!(flow.completed(&id).await["result"], json!({"message": "skipped", "reason": "not_found"}));
    assert!(flow.stage.messages(&lead.id).await.is_empty());
    assert_eq!(body_of(&flow.hears("lead.unmatched").await)["data"]["reason"], "not_found");
}

#[tokio::test]
async fn nothing_that_may_not_be_kept_of_a_person_is_kept_or_told() {
    let flow = Flow::beside_others().await;
    let person = flow.known_person().await;
    let (lead, id) = flow.new_lead(person.by_phone()).await;
    flow.completed(&id).await;
    flow.hears("lead.enriched").await;
    let kept = flow.cloud.partition("parties", &format!("LEAD#{}#{}", flow.source, lead.id)).await;
    assert_eq!(kept.len(), 1, "one look-up");
    let everything = format!("{kept:?} {:?} {:?}", flow.stage.received(&flow.receiver).await, flow.event(&id).await);
    for never in ["SANDBOX-HEALTH", "SANDBOX-TAX", "SANDBOX-FAMILY", &person.cpf] {
        assert!(!everything.contains(never), "{never}");
    }
}
