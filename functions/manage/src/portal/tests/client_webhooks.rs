//! The routes of a client's webhooks: for their client, and for nobody else.

use super::*;

impl Desk {
    /// The tenants' numbers are linked.
    fn linked() -> Self {
        let desk = Self::new();
        for n in [1, 2] {
            let number = format!("551199000000{n}");
            desk.store.put_connection(samples::connection(&format!("con_{n}"), &tenant(n), &number));
        }
        desk
    }

    async fn register(&self, n: u8) -> String {
        let body = json!({"phone_number": format!("551199000000{n}"), "webhook_url": "https://example.com/in"});
        let (status, made) = self.ask(n, Method::POST, "/api/webhooks/register", body.to_string()).await;
        assert_eq!((status, &made["status"]), (StatusCode::CREATED, &json!("success")), "{made}");
        made["webhook"]["id"].as_str().unwrap().to_owned()
    }
}

/// Every route, with a body that it would take.
fn routes(webhook: &str, event: &str) -> Vec<(Method, String, &'static str)> {
    let on = |method: Method, path: String, body| (method, format!("/api/webhooks{path}"), body);
    vec![
        on(
            Method::POST,
            "/register".into(),
            r#"{"phone_number":"5511990000001","webhook_url":"https://example.com/b"}"#,
        ),
        on(Method::GET, "/list".into(), ""),
        on(Method::GET, format!("/{webhook}"), ""),
        on(Method::PATCH, format!("/{webhook}"), r#"{"max_retries":4}"#),
        on(Method::PUT, format!("/{webhook}"), r#"{"is_active":true}"#),
        on(Method::GET, format!("/{webhook}/events"), ""),
        on(Method::GET, format!("/{webhook}/events/{event}"), ""),
        on(Method::POST, format!("/{webhook}/events/{event}/retry"), ""),
        on(Method::POST, format!("/{webhook}/test"), ""),
        on(Method::DELETE, format!("/{webhook}"), ""),
    ]
}

#[tokio::test]
async fn another_clients_webhooks_look_like_nothing() {
    let desk = Desk::linked();
    let theirs = desk.register(1).await;
    let own = desk.register(2).await;
    let delivery = desk.failed_delivery(1, &theirs).await;
    let event = delivery.id.as_str();
    let path = format!("/api/webhooks/{theirs}");
    let before = desk.ask(1, Method::GET, &path, "").await;
    let mine_then_theirs = routes(&own, event).into_iter().filter(|(_, path, _)| path.contains(event));
    for (method, path, body) in routes(&theirs, event).into_iter().chain(mine_then_theirs) {
        let answer = desk.ask(2, method.clone(), &path, body).await;
        if path.ends_with("/register") {
            // Their number is as good as nobody's.
            assert_eq!(answer.1["code"], "number_not_linked", "{}", answer.1);
            let nobodys = body.replace("5511990000001", "5511990000009");
            assert_eq!(answer, desk.ask(2, method, &path, nobodys).await);
            continue;
        }
        if path.ends_with("/list") {
            assert_eq!(answer.1["data"].as_array().map(Vec::len), Some(1));
            assert_eq!((answer.0, &answer.1["data"][0]["id"]), (StatusCode::OK, &json!(own)));
            continue;
        }
        let made_up = path.replace(&theirs, "sub_x").replace(event, "dlv_1_2_3");
        assert_eq!(answer.0, StatusCode::NOT_FOUND, "{method} {path}");
        assert_eq!(answer, desk.ask(2, method.clone(), &made_up, body).await, "{method} {path}");
    }
    assert_eq!(desk.ask(1, Method::GET, &path, "").await, before);
    let kept: Delivery =
        desk.store.read(&gancho::model::row::RowKey::Delivery(delivery.id.clone())).await.unwrap().unwrap();
    assert_eq!(kept, delivery);
}

#[tokio::test]
async fn every_route_of_a_webhook_opens_for_its_client_and_for_nobody_else() {
    let desk = Desk::linked();
    let mine = desk.register(1).await;
    let delivery = desk.failed_delivery(1, &mine).await;
    let mut answers = Vec::new();
    for (method, path, body) in routes(&mine, delivery.id.as_str()) {
        for (n, refused, code) in
            [(3, StatusCode::FORBIDDEN, "wrong_credential"), (4, StatusCode::UNAUTHORIZED, "unauthorized")]
        {
            let (status, problem) = desk.ask(n, method.clone(), &path, body).await;
            assert_eq!((status, &problem["code"]), (refused, &json!(code)), "{method} {path}");
        }
        let (status, _) = desk.ask(1, method.clone(), &path, body).await;
        let path = path.replace(&mine, "{id}").replace(delivery.id.as_str(), "{event_id}");
        answers.push(format!("{method} {path}: {}", status.as_u16()));
    }
    insta::assert_snapshot!(answers.join("\n"));
}

#[tokio::test]
async fn a_webhook_is_a_subscription_and_its_events_are_deliveries() {
    let desk = Desk::linked();
    let mine = desk.register(1).await;
    let (_, subscription) = desk.ask(1, Method::GET, &format!("/subscriptions/{mine}"), "").await;
    assert_eq!((&subscription["connection_id"], &subscription["max_retries"]), (&json!("con_1"), &json!(2)));
    assert_eq!(subscription["events"], json!(["whatsapp.message"]));
    let delivery = desk.failed_delivery(1, &mine).await;
    let (_, listed) = desk.ask(1, Method::GET, &format!("/api/webhooks/{mine}/events"), "").await;
    assert_eq!(listed["data"][0]["id"], json!(delivery.id), "{listed}");
    let elsewhere = desk.subscribe(1).await;
    let path = format!("/api/webhooks/{elsewhere}");
    assert_eq!(desk.ask(1, Method::GET, &path, "").await.0, StatusCode::NOT_FOUND, "it is of no number");
}

#[tokio::test]
async fn what_is_refused_of_a_webhook_is_refused_in_one_form() {
    let desk = Desk::linked();
    let mine = desk.register(1).await;
    let one = format!("/api/webhooks/{mine}");
    let mut answers = Vec::new();
    for (method, path, body) in [
        (Method::POST, "/api/webhooks/register", "{"),
        (Method::POST, "/api/webhooks/register", r#"{"webhook_url":"https://10.0.0.1/","max_retries":0}"#),
        (
            Method::POST,
            "/api/webhooks/register",
            r#"{"phone_number":"5511990000001","webhook_url":"https://example.com/in"}"#,
        ),
        (
            Method::POST,
            "/api/webhooks/register",
            r#"{"phone_number":"5511990000002","webhook_url":"https://example.com/in"}"#,
        ),
        (Method::PATCH, &one, r#"{"phone_number":"5511990000002"}"#),
        (Method::PUT, &one, r#"{"secret":"a new secret","is_active":null}"#),
        (Method::GET, &format!("{one}/events?status=lost&subscription_id=sub_1"), ""),
        (Method::GET, "/api/webhooks/no-id", ""),
    ] {
        let (status, problem) = desk.ask(1, method.clone(), path, body.to_owned()).await;
        assert_eq!(problem["status"], json!(status.as_u16()), "{method} {path}");
        answers.push(format!("{method} {path}\n  {problem}").replace(&mine, "{id}"));
    }
    insta::assert_snapshot!(answers.join("\n"));
}
