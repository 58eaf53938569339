//! From a client's number to the webhook it has registered for it.

use std::collections::BTreeSet;
use std::time::Duration;

use gancho_tests::flow::{Flow, body_of};
use gancho_tests::stage::Stage;
use gancho_tests::waiting::{throughout, until};
use gancho_tests::whatsapp::{Line, own_text, picture_in_group, text};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

const WEBHOOKS: &str = "/api/webhooks";

/// A webhook that was registered, and the receiver behind it.
struct Webhook<'a> {
    flow: &'a Flow,
    id: String,
    receiver: String,
}

impl<'a> Webhook<'a> {
    /// Registers a webhook of a number, at a receiver of its own that behaves as told.
    async fn registered(flow: &'a Flow, line: &Line, name: &str, mut fields: Value, orders: Value) -> Self {
        let receiver = format!("{}-{name}", flow.receiver);
        fields["phone_number"] = json!(line.number);
        fields["webhook_url"] = json!(Stage::address(&receiver));
        let made = flow.tenant.post(&format!("{WEBHOOKS}/register"), &fields).await.with(201);
        assert_eq!(made["status"], "success", "{made}");
        flow.stage.instruct(&receiver, orders).await;
        flow.stage.instruct(&receiver, json!({"secret": made["webhook"]["secret"]})).await;
        Self { flow, id: made["webhook"]["id"].as_str().unwrap().to_owned(), receiver }
    }

    /// What was sent to it, as the audit has it.
    async fn events(&self, query: &str) -> Vec<Value> {
        let path = format!("{WEBHOOKS}/{}/events?{query}", self.id);
        self.flow.tenant.get(&path).await.with(200)["data"].as_array().unwrap().clone()
    }

    /// Its only event, once it has this status.
    async fn event_that_is(&self, status: &str) -> Value {
        until(&format!("an event that is {status}"), async || {
            let events = self.events("").await;
            assert!(events.len() <= 1, "{events:#?}");
            events.into_iter().next().filter(|event| event["status"] == status)
        })
        .await
    }

    async fn received(&self) -> Vec<Value> {
        self.flow.stage.received(&self.receiver).await
    }

    /// So many requests, once they are there; each has been verified.
    async fn receives(&self, n: usize) -> Vec<Value> {
        let received = until(&format!("{n} requests"), async || {
            let received = self.received().await;
            (received.len() >= n).then_some(received)
        })
        .await;
        for one in &received {
            assert_eq!(one["signature"], "verified", "{one:#}");
        }
        received
    }

    async fn retry(&self, event: &Value) -> Value {
        let path = format!("{WEBHOOKS}/{}/events/{}/retry", self.id, event["id"].as_str().unwrap());
        self.flow.tenant.post(&path, &json!({})).await.with(202)
    }
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

/// What the messages said that were sent to a webhook.
fn said(received: &[Value]) -> BTreeSet<String> {
    received.iter().map(|one| body_of(one)["data"]["text"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_message_reaches_its_clients_webhook_signed_and_is_accounted_for() {
    let flow = Flow::beside_others().await;
    let line = Line::linked(&flow).await;
    let fields = json!({"headers": {"X-Team": "support"}});
    let webhook = Webhook::registered(&flow, &line, "support", fields, json!({"default": {"body": "thank you"}})).await;
    let message = text("Bom dia!");
    line.posts(std::slice::from_ref(&message)).await;

    let [received] = webhook.receives(1).await.try_into().unwrap();
    let (body, headers) = (body_of(&received), &received["headers"]);
    assert_eq!((&body["type"], &body["id"]), (&json!("whatsapp.message"), &headers["webhook-id"]));
    assert_eq!(headers["x-team"], "support");
    let sender = message["key"]["remoteJid"].as_str().unwrap().trim_end_matches("@s.whatsapp.net");
    let data = &body["data"];
    assert_eq!((&data["from"], &data["to"]), (&json!(sender), &json!(line.number)));
    assert_eq!((&data["connection_id"], &data["text"]), (&json!(line.connection), &json!("Bom dia!")));
    assert_eq!(data["direction"], "in");

    let row = webhook.event_that_is("delivered").await;
    assert_eq!((&row["webhook_id"], &row["message_id"]), (&json!(webhook.id), &message["key"]["id"]));
    assert_eq!((&row["from"], &row["to"]), (&data["from"], &data["to"]));
    assert_eq!((&row["attempt_count"], &row["http_status"]), (&json!(1), &json!(200)));
    assert_eq!(
        (&row["error"], &row["response"], &row["next_retry_at"]),
        (&Value::Null, &json!("thank you"), &Value::Null)
    );

    line.posts_again(&[message]).await;
    throughout(Duration::from_secs(3), async || assert_eq!(webhook.received().await.len(), 1)).await;
}

#[tokio::test]
async fn a_receiver_that_fails_is_tried_again_after_five_seconds_and_every_attempt_is_counted() {
    let flow = Flow::beside_others().await;
    let line = Line::linked(&flow).await;
    let orders = json!({"script": [{"status": 500, "body": "Database error"}]});
    let webhook = Webhook::registered(&flow, &line, "fails", json!({}), orders).await;
    line.posts(&[text("oi")]).await;
    let failed = webhook.event_that_is("retrying").await;
    assert_eq!((&failed["attempt_count"], &failed["http_status"]), (&json!(1), &json!(500)));
    assert_eq!((&failed["error"], &failed["response"]), (&json!("http_500"), &json!("Database error")));
    let wait = time(&failed["next_retry_at"]).duration_since(time(&failed["last_attempt_at"]));
    let (shortest, longest) = (SignedDuration::from_secs(4), SignedDuration::from_secs(7));
    assert!((shortest..longest).contains(&wait), "five seconds, give or take a fifth: {wait}");

    let row = webhook.event_that_is("delivered").await;
    assert_eq!((&row["id"], &row["attempt_count"]), (&failed["id"], &json!(2)));
    let path = format!("{WEBHOOKS}/{}/events/{}", webhook.id, row["id"].as_str().unwrap());
    let alone = flow.tenant.get(&path).await.with(200);
    let statuses: Vec<_> = alone["attempts"].as_array().unwrap().iter().map(|one| &one["http_status"]).collect();
    assert_eq!(statuses, [200, 500], "newest first");
    let received = webhook.receives(2).await;
    assert_eq!(received[0]["headers"]["webhook-id"], received[1]["headers"]["webhook-id"]);
    assert_eq!(received[0]["body"], received[1]["body"]);
}

#[tokio::test]
async fn what_used_up_its_attempts_or_was_refused_goes_out_again_by_retry() {
    let flow = Flow::beside_others().await;
    let line = Line::linked(&flow).await;
    let down = json!({"default": {"status": 503}});
    let once = Webhook::registered(&flow, &line, "down", json!({"max_retries": 1}), down).await;
    let refuses = Webhook::registered(&flow, &line, "refuses", json!({}), json!({"script": [{"status": 422}]})).await;
    line.posts(&[text("oi")]).await;
    let exhausted = once.event_that_is("exhausted").await;
    assert_eq!((&exhausted["attempt_count"], &exhausted["http_status"]), (&json!(1), &json!(503)));
    let failed = refuses.event_that_is("failed").await;
    assert_eq!(once.events("status=exhausted").await.len(), 1, "it is listed among those");

    flow.stage.instruct(&once.receiver, json!({"default": {"status": 200}})).await;
    for (webhook, dead) in [(&once, &exhausted), (&refuses, &failed)] {
        let row = webhook.retry(dead).await;
        assert_eq!((&row["id"], &row["attempt_count"]), (&dead["id"], &json!(1)));
        let row = webhook.event_that_is("delivered").await;
        assert_eq!((&row["attempt_count"], &row["message_id"]), (&json!(2), &dead["message_id"]));
        let received = webhook.receives(2).await;
        assert_eq!(received[0]["headers"]["webhook-id"], received[1]["headers"]["webhook-id"]);
    }
}

#[tokio::test]
async fn fifty_messages_go_out_in_one_request() {
    let flow = Flow::beside_others().await;
    let line = Line::linked(&flow).await;
    let fields = json!({"batch": {"max_events": 50, "max_wait_s": 300}});
    let webhook = Webhook::registered(&flow, &line, "batch", fields, json!({})).await;
    let messages: Vec<Value> = (0..50).map(|n| text(&format!("{n}"))).collect();
    // Once the first has opened a batch, all others find it, whoever works on them.
    line.posts(&messages[..1]).await;
    webhook.event_that_is("pending").await;
    line.posts(&messages[1..]).await;

    let [received] = webhook.receives(1).await.try_into().unwrap();
    let body = body_of(&received);
    assert_eq!((&body["type"], &body["id"]), (&json!("batch"), &received["headers"]["webhook-id"]));
    let told = |place: &str, of: &Value| -> BTreeSet<String> {
        of.as_array().unwrap().iter().map(|one| one.pointer(place).unwrap().to_string()).collect()
    };
    let sent = told("/key/id", &json!(messages));
    assert_eq!((sent.len(), told("/data/message_id", &body["events"])), (50, sent.clone()));
    let row = webhook.event_that_is("delivered").await;
    assert_eq!(row["events"].as_array().map(Vec::len), Some(50));
    let path = format!("{WEBHOOKS}/{}/events/{}", webhook.id, row["id"].as_str().unwrap());
    assert_eq!(told("/message_id", &flow.tenant.get(&path).await.with(200)["messages"]), sent);
}

#[tokio::test]
async fn a_webhook_is_sent_what_its_filter_lets_through() {
    let flow = Flow::beside_others().await;
    let line = Line::linked(&flow).await;
    let registered = async |name: &str, fields: Value| Webhook::registered(&flow, &line, name, fields, json!({})).await;
    let all = registered("all", json!({"filter": {"directions": ["in", "out"]}})).await;
    let plain = registered("plain", json!({})).await;
    let texts = registered("texts", json!({"filter": {"types": ["text"]}})).await;
    let own = registered("own", json!({"filter": {"directions": ["out"]}})).await;
    let no_groups = registered("no-groups", json!({"filter": {"groups": false}})).await;
    let statuses = registered("statuses", json!({"events": ["status"]})).await;
    let (_, everything) = flow.receiver_of("*", "everything", json!({}), json!({})).await;

    let sent = own_text("Já respondo");
    line.posts(&[text("oi"), sent.clone(), picture_in_group("olha")]).await;
    line.tells(&sent, 4).await;
    // Whoever was told of a message was told by the time anybody heard of it.
    all.receives(3).await;
    let [status] = statuses.receives(1).await.try_into().unwrap();
    assert_eq!(
        (&body_of(&status)["type"], &body_of(&status)["data"]["status"]),
        (&json!("whatsapp.status"), &json!("read"))
    );
    for (webhook, expected) in [
        (&all, vec!["oi", "Já respondo", "olha"]),
        (&plain, vec!["oi", "olha"]),
        (&texts, vec!["oi"]),
        (&own, vec!["Já respondo"]),
        (&no_groups, vec!["oi"]),
    ] {
        assert_eq!(webhook.events("").await.len(), expected.len(), "{}", webhook.receiver);
        let received = webhook.receives(expected.len()).await;
        assert_eq!(said(&received), expected.into_iter().map(str::to_owned).collect(), "{}", webhook.receiver);
    }
    assert_eq!(statuses.events("").await.len(), 1);
    let heard = until("what was not filtered", async || {
        let heard = flow.heard_at(&everything, "whatsapp.message").await;
        (heard.len() >= 2).then_some(heard)
    })
    .await;
    assert_eq!(said(&heard), ["oi", "olha"].map(str::to_owned).into(), "own messages are asked for, or not sent");
}

#[tokio::test]
async fn a_test_is_sent_and_a_webhook_that_is_off_is_sent_nothing_else() {
    let flow = Flow::beside_others().await;
    let line = Line::linked(&flow).await;
    let webhook =
        Webhook::registered(&flow, &line, "tested", json!({}), json!({"script": [{"status": 503, "body": "busy"}]}))
            .await;
    let path = format!("{WEBHOOKS}/{}", webhook.id);
    let tested = flow.tenant.post(&format!("{path}/test"), &json!({})).await.with(200);
    assert_eq!((&tested["delivered"], &tested["http_status"]), (&json!(false), &json!(503)));
    assert_eq!(tested["response"], "busy");
    let off = flow.tenant.put(&path, &json!({"is_active": false})).await.with(200);
    assert_eq!((&off["webhook"]["is_active"], &off["webhook"]["status"]), (&json!(false), &json!("inactive")));
    let beside = Webhook::registered(&flow, &line, "beside", json!({}), json!({})).await;
    line.posts(&[text("oi")]).await;
    beside.receives(1).await;
    let tested = flow.tenant.post(&format!("{path}/test"), &json!({})).await.with(200);
    assert_eq!(tested["delivered"], true);
    let types: Vec<_> = webhook.receives(2).await.iter().map(|one| body_of(one)["type"].clone()).collect();
    assert_eq!(types, ["webhook.test", "webhook.test"]);
    assert!(webhook.events("").await.is_empty());
    assert_eq!(flow.tenant.delete(&path).await.status, 204);
    assert_eq!(flow.tenant.get(&path).await.status, 404);
}

#[tokio::test]
async fn nothing_of_one_number_reaches_another_and_nothing_of_one_client_another_client() {
    let (owner, other) = (Flow::beside_others().await, Flow::another().await);
    let (line, second) = (Line::linked(&owner).await, Line::linked(&owner).await);
    let theirs = Line::linked(&other).await;
    let webhook = Webhook::registered(&owner, &line, "first", json!({}), json!({})).await;
    let of_second = Webhook::registered(&owner, &second, "second", json!({}), json!({})).await;
    let of_other = Webhook::registered(&other, &theirs, "theirs", json!({}), json!({})).await;
    let (everything, receiver) = other.receiver_of("*", "everything", json!({}), json!({})).await;
    line.posts(&[text("oi")]).await;
    webhook.receives(1).await;
    let event = webhook.event_that_is("delivered").await["id"].as_str().unwrap().to_owned();

    let (id, own) = (webhook.id.as_str(), of_other.id.as_str());
    let routes = [
        (Method::GET, format!("/{id}")),
        (Method::PATCH, format!("/{id}")),
        (Method::PUT, format!("/{id}")),
        (Method::DELETE, format!("/{id}")),
        (Method::POST, format!("/{id}/test")),
        (Method::GET, format!("/{id}/events")),
        (Method::GET, format!("/{id}/events/{event}")),
        (Method::POST, format!("/{id}/events/{event}/retry")),
        (Method::GET, format!("/{own}/events/{event}")),
        (Method::POST, format!("/{own}/events/{event}/retry")),
    ];
    for (method, path) in routes {
        let ask = async |path: &str| {
            let request = other.tenant.request(method.clone(), &format!("{WEBHOOKS}{path}"));
            let request = if method == Method::GET { request } else { request.json(&json!({"is_active": false})) };
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            let mut body: Value = response.json().await.unwrap();
            body.as_object_mut().unwrap().remove("request_id");
            (status, body)
        };
        let missing = path.replace(id, "sub_none").replace(&event, "dlv_none_0_none");
        let answer = ask(&path).await;
        assert_eq!(answer.0, 404, "{method} {path}: {}", answer.1);
        assert_eq!(answer, ask(&missing).await, "{method} {path}");
    }
    for number in [line.number.as_str(), "5511990000000"] {
        let order = json!({"phone_number": number, "webhook_url": Stage::address(&of_other.receiver)});
        let refused = other.tenant.post(&format!("{WEBHOOKS}/register"), &order).await.with(422);
        assert_eq!(refused["code"], "number_not_linked", "{refused}");
    }
    let listed = other.tenant.get(&format!("{WEBHOOKS}/list")).await.with(200);
    let ids: Vec<_> = listed["data"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, [own]);
    assert!(of_second.events("").await.is_empty() && of_other.events("").await.is_empty());
    assert!(other.deliveries(&everything).await.is_empty());
    for receiver in [&of_second.receiver, &of_other.receiver, &receiver] {
        assert!(owner.stage.received(receiver).await.is_empty(), "{receiver}");
    }
    let still = owner.tenant.get(&format!("{WEBHOOKS}/{id}")).await.with(200);
    assert_eq!(still["webhook"]["is_active"], true);
}
