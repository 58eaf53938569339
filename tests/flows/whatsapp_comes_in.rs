//! WhatsApp messages come in by Meta's Cloud API and by gateways, and go out to whose number they are for.

use std::collections::BTreeSet;
use std::time::Duration;

use gancho_tests::api::Api;
use gancho_tests::flow::{Flow, body_of};
use gancho_tests::lead::unique;
use gancho_tests::waiting::{taken_effect, until, until_within};
use serde_json::{Value, json};

use crate::whatsapp_senders::{CONNECTIONS, Linked, SECRET, new_number};

/// A subscription to all that comes of WhatsApp; its receiver.
async fn listening(flow: &Flow) -> String {
    flow.receiver_of("whatsapp.*", "whatsapp", json!({}), json!({})).await.1
}

/// What a receiver was sent, once it is that much.
async fn heard(flow: &Flow, receiver: &str, n: usize) -> Vec<Value> {
    until(&format!("{n} deliveries"), async || {
        let received = flow.stage.received(receiver).await;
        (received.len() >= n).then_some(received)
    })
    .await
}

/// The ids of the messages that a receiver was sent, each signed and each once.
async fn messages(flow: &Flow, receiver: &str) -> BTreeSet<String> {
    let received = flow.stage.received(receiver).await;
    assert!(received.iter().all(|one| one["signature"] == "verified"), "{received:#?}");
    let ids: BTreeSet<String> =
        received.iter().map(|one| body_of(one)["data"]["message_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), received.len(), "each once");
    ids
}

#[tokio::test]
async fn meta_verifies_the_address_and_its_messages_are_delivered_verified() {
    let flow = Flow::beside_others().await;
    let (receiver, line) = (listening(&flow).await, Linked::at_meta(&flow).await);
    let token = line.verify_token.clone().unwrap();
    assert_eq!(line.path, format!("/api/v1/webhooks/whatsapp/{}", line.source));
    let ask = async |token: &str| {
        let query = format!("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}");
        Api::nobody().get(&format!("{}?{query}", line.path)).await
    };
    let answered = ask(&token).await;
    assert!(answered.headers["content-type"].to_str().unwrap().starts_with("text/plain"));
    assert_eq!(answered.with(200), json!(1_158_201_444));
    assert_eq!(ask("another-token").await.with(403)["code"], "not_verified");

    let answer = line.recorded("whatsapp/message.text.json").await.with(200);
    assert_eq!((&answer["received"], &answer["processed"]), (&json!(1), &json!(1)), "{answer}");
    line.recorded("whatsapp/status.delivered.json").await.with(200);
    let received = heard(&flow, &receiver, 2).await;
    assert!(received.iter().all(|one| one["signature"] == "verified"), "{received:#?}");
    let said = received.iter().map(body_of).find(|body| body["type"] == "whatsapp.message").unwrap();
    let data = &said["data"];
    assert_eq!((&data["connection_id"], &data["to"]), (&json!(line.id), &json!(line.number)));
    assert_eq!(
        (&data["from"], &data["direction"], &data["type"]),
        (&json!("5511900000001"), &json!("in"), &json!("text"))
    );
    assert!(received.iter().any(|one| body_of(one)["data"]["status"] == "delivered"));

    let event = flow.completed(said["id"].as_str().unwrap()).await;
    assert_eq!((&event["provider"], &event["result"]["deliveries"]), (&json!("whatsapp_cloud"), &json!(1)));
}

#[tokio::test]
async fn whichever_gateway_a_message_comes_by_it_is_told_in_one_form() {
    let flow = Flow::beside_others().await;
    let receiver = listening(&flow).await;
    let dialects = ["baileys", "evolution", "wppconnect", "wuzapi", "gowa"];
    let mut lines = Vec::new();
    for dialect in dialects {
        let line = Linked::at_gateway(&flow, dialect).await;
        assert!(line.path.starts_with("/api/v1/webhooks/baileys/"));
        let answer = line.recorded(&format!("baileys/{dialect}.text.json")).await.with(200);
        assert_eq!(answer["processed"], 1, "{dialect}: {answer}");
        let forged = line.post_signed_with("another-shared-secret", "application/json", b"{}".to_vec()).await;
        assert_eq!(forged.status, if dialect == "wppconnect" { 200 } else { 401 }, "{dialect}: {forged:?}");
        lines.push(line);
    }
    let received = heard(&flow, &receiver, dialects.len()).await;
    assert_eq!(messages(&flow, &receiver).await.len(), dialects.len());
    for line in &lines {
        let body = received.iter().map(body_of).find(|body| body["data"]["connection_id"] == line.id.as_str());
        let data = &body.unwrap()["data"];
        let told = ["from", "to", "direction", "type", "chat"].map(|name| data[name].as_str().unwrap_or_default());
        assert_eq!(told, ["5511900000001", line.number.as_str(), "in", "text", "5511900000001"]);
        assert!(data["text"].as_str().unwrap().starts_with("Bom dia"), "{data}");
    }
}

#[tokio::test]
async fn what_is_not_signed_with_the_apps_secret_is_refused() {
    let flow = Flow::beside_others().await;
    let (receiver, line) = (listening(&flow).await, Linked::at_meta(&flow).await);
    let body = crate::whatsapp_senders::batch(&[line.message("wamid.forged")]);
    let forged = line.post_signed_with("another-app-secret", "application/json", body.to_string().into_bytes()).await;
    let unsigned = Api::nobody().post(&line.path, &body).await;
    let nobodys = Api::nobody().post("/api/v1/webhooks/whatsapp/src_none", &body).await;
    let text = nobodys.body["detail"].clone();
    for answer in [forged, unsigned, nobodys] {
        let problem = answer.with(401);
        assert_eq!((&problem["code"], &problem["detail"]), (&json!("unauthorized"), &text));
    }
    line.meta_sends(&[line.message("wamid.genuine")]).await.with(200);
    heard(&flow, &receiver, 1).await;
    assert_eq!(messages(&flow, &receiver).await, BTreeSet::from(["wamid.genuine".to_owned()]));
}

#[tokio::test]
async fn a_whatsapp_source_for_some_addresses_is_closed_to_all_others() {
    let flow = Flow::beside_others().await;
    let line = Linked::at_gateway(&flow, "gowa").await;
    let path = format!("/api/v1/admin/sources/{}", line.source);
    flow.operator.patch(&path, &json!({"allowed_cidrs": ["203.0.113.0/24"]})).await.with(200);
    taken_effect().await;
    assert_eq!(line.recorded("baileys/gowa.text.json").await.with(403)["code"], "address_not_allowed");
    flow.operator.patch(&path, &json!({"allowed_cidrs": ["127.0.0.0/8"]})).await.with(200);
    taken_effect().await;
    line.recorded("baileys/gowa.text.json").await.with(200);
}

#[tokio::test]
async fn two_clients_with_two_numbers_hear_nothing_of_each_other() {
    let one = Flow::beside_others().await;
    let other = Flow::another().await;
    let (at_one, at_other) = (listening(&one).await, listening(&other).await);
    let (first, second) = (Linked::at_meta(&one).await, Linked::at_meta(&other).await);
    // A message for the other's number, at one's own address and with one's own signature.
    let answer = first.meta_sends(&[second.message("wamid.stolen"), first.message("wamid.1")]).await.with(200);
    assert_eq!((&answer["processed"], &answer["rejected"]), (&json!(1), &json!(1)));
    assert_eq!(answer["errors"][0]["code"], "number_foreign");
    second.meta_sends(&[second.message("wamid.1"), first.message("wamid.stolen")]).await.with(200);
    heard(&one, &at_one, 1).await;
    heard(&other, &at_other, 1).await;
    for (flow, receiver, line) in [(&one, &at_one, &first), (&other, &at_other, &second)] {
        assert_eq!(messages(flow, receiver).await, BTreeSet::from(["wamid.1".to_owned()]));
        let data = &body_of(&flow.stage.received(receiver).await[0])["data"];
        assert_eq!(data["connection_id"], line.id.as_str());
    }
    let taken = json!({"phone_number": first.number, "provider": "baileys"});
    let (own, anothers) =
        (one.tenant.post(CONNECTIONS, &taken).await.with(409), other.tenant.post(CONNECTIONS, &taken).await.with(409));
    assert_eq!((&own["code"], &own["detail"]), (&anothers["code"], &anothers["detail"]));
    other.tenant.delete(&format!("{CONNECTIONS}/{}", first.id)).await.with(404);

    let release = json!({"phone_number": first.number});
    let released = one.operator.post("/api/v1/admin/whatsapp/connections/release", &release).await.with(200);
    assert_eq!(released["id"], first.id.as_str());
    other.tenant.post(CONNECTIONS, &taken).await.with(201);
}

#[tokio::test]
async fn an_operators_source_brings_each_client_what_is_for_its_number() {
    let one = Flow::beside_others().await;
    let other = Flow::another().await;
    let (at_one, at_other) = (listening(&one).await, listening(&other).await);
    let numbers = [new_number(), new_number()];
    let body = json!({
        "provider": "whatsapp_cloud", "tenant_id": one.tenant_id,
        "config": {"app_secret": SECRET, "numbers": [
            {"phone_number": numbers[0]}, {"phone_number": numbers[1], "tenant_id": other.tenant_id},
        ]},
    });
    let made = one.operator.post("/api/v1/admin/sources", &body).await.with(201);
    let source = made["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/webhooks/whatsapp/{source}");
    let [first, second] = numbers.map(|number| Linked {
        id: String::new(),
        source: source.clone(),
        number,
        path: path.clone(),
        verify_token: None,
    });
    let answer = first.meta_sends(&[first.message("wamid.1"), second.message("wamid.2")]).await.with(200);
    assert_eq!(answer["processed"], 2, "{answer}");
    heard(&one, &at_one, 1).await;
    heard(&other, &at_other, 1).await;
    assert_eq!(messages(&one, &at_one).await, BTreeSet::from(["wamid.1".to_owned()]));
    assert_eq!(messages(&other, &at_other).await, BTreeSet::from(["wamid.2".to_owned()]));

    let theirs = other.tenant.get(CONNECTIONS).await.with(200);
    let released = format!("{CONNECTIONS}/{}", theirs["data"][0]["id"].as_str().unwrap());
    other.tenant.delete(&released).await.with(204);
    taken_effect().await;
    let answer = first.meta_sends(&[first.message("wamid.3"), second.message("wamid.4")]).await.with(200);
    assert_eq!((&answer["processed"], &answer["errors"][0]["code"]), (&json!(1), &json!("number_foreign")));
}

#[tokio::test]
async fn a_batch_of_a_thousand_updates_is_answered_in_time_and_delivered_once_each() {
    // Alone, for it keeps the whole local cloud busy; and gathered, so that a thousand deliveries are ten.
    let flow = Flow::alone().await;
    let gathered = json!({"batch": {"max_events": 100, "max_wait_s": 5}});
    let (_, receiver) = flow.receiver_of("whatsapp.*", "whatsapp", gathered, json!({})).await;
    let line = Linked::at_meta(&flow).await;
    let run = unique();
    let changes: Vec<Value> = (0..1_000).map(|n| line.message(&format!("wamid.{run}.{n}"))).collect();
    let answer = line.meta_sends(&changes).await.with(200);
    assert_eq!((&answer["received"], &answer["processed"]), (&json!(1_000), &json!(1_000)));
    let again = line.meta_sends(&changes).await.with(200);
    assert_eq!((&again["processed"], &again["duplicates"]), (&json!(0), &json!(1_000)));
    let too_many: Vec<Value> = (0..=1_000).map(|n| line.message(&format!("wamid.{run}.more.{n}"))).collect();
    assert_eq!(line.meta_sends(&too_many).await.with(413)["code"], "too_many_events");
    let told = until_within("all thousand", Duration::from_secs(300), async || {
        let batches = flow.stage.received(&receiver).await;
        assert!(batches.iter().all(|one| one["signature"] == "verified"), "{batches:#?}");
        let events = batches.iter().flat_map(|one| body_of(one)["events"].as_array().cloned().unwrap_or_default());
        let ids: Vec<String> = events.map(|event| event["data"]["message_id"].to_string()).collect();
        (ids.len() >= 1_000).then_some(ids)
    })
    .await;
    assert_eq!((told.len(), told.into_iter().collect::<BTreeSet<_>>().len()), (1_000, 1_000), "each once");
}

#[tokio::test]
async fn copies_of_a_message_are_delivered_once() {
    let flow = Flow::beside_others().await;
    let (receiver, line) = (listening(&flow).await, Linked::at_meta(&flow).await);
    let change = line.message("wamid.copy");
    let copies = futures::future::join_all((0..8).map(|_| line.meta_sends(std::slice::from_ref(&change)))).await;
    let processed: u64 = copies.into_iter().map(|copy| copy.with(200)["processed"].as_u64().unwrap()).sum();
    assert_eq!(processed, 1);
    line.meta_sends(&[line.message("wamid.last")]).await.with(200);
    until("the last", async || messages(&flow, &receiver).await.contains("wamid.last").then_some(())).await;
    heard(&flow, &receiver, 2).await;
    assert_eq!(messages(&flow, &receiver).await.len(), 2);
}

#[tokio::test]
async fn what_came_in_before_a_number_was_released_goes_out_and_what_comes_after_is_refused() {
    let flow = Flow::beside_others().await;
    let line = Linked::at_gateway(&flow, "gowa").await;
    let receiver = listening(&flow).await;
    let switch = format!("/api/v1/admin/switches/source:{}", line.source);
    flow.operator.put(&switch, &json!({"paused": true, "reason": "a flow"})).await.with(200);
    taken_effect().await;
    let answer = line.recorded("baileys/gowa.text.json").await.with(200);
    assert_eq!(answer["processed"], 1, "a paused source stores all the same");
    flow.tenant.delete(&format!("{CONNECTIONS}/{}", line.id)).await.with(204);
    taken_effect().await;
    assert_eq!(line.recorded("baileys/gowa.text.reply.json").await.with(401)["code"], "unauthorized");
    assert!(flow.stage.received(&receiver).await.is_empty());

    flow.operator.put(&switch, &json!({"paused": false})).await.with(200);
    taken_effect().await;
    flow.cloud.sweep().await;
    let received = heard(&flow, &receiver, 1).await;
    assert_eq!(body_of(&received[0])["data"]["connection_id"], line.id.as_str());
}
