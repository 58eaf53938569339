use axum::body::Body;
use axum::http::{Request, StatusCode};
use gancho::auth::{Card, Credential, Opens};
use gancho::counters::{Arrivals, Counters};
use gancho::model::event::Provider;
use gancho::model::ids::TenantId;
use gancho::model::whatsapp::{Dialect, Line, Sender, Setup, WhatsappNumber};
use gancho::providers::whatsapp::cloud::challenge::VerifyToken;
use gancho::signing::hmac_sha256;
use gancho::signing::seal::NONCE_BYTES;
use gancho::testing::samples::stack_keys;
use serde_json::{Value, json};

use crate::testing::{Bell, token};

/// What our tests' senders sign with.
const SECRET: &str = "fake-shared-secret-0001";
/// The clock of the doorbell.
const NOW: i64 = 1_900_000_000;

fn line(n: u8, client: Option<&str>) -> Line {
    Line {
        connection: format!("con_{n}").parse().unwrap(),
        number: WhatsappNumber::parse(&format!("551190000{n:04}")).unwrap(),
        phone_number_id: None,
        client: client.map(|client| client.parse().unwrap()),
        disabled: false,
    }
}

fn put(bell: &Bell, credential: &Credential, provider: Provider, source: &str, setup: impl FnOnce(&str) -> Setup) {
    bell.store.put_card(Card {
        hash: credential.hash(),
        tenant: TenantId::default_tenant(),
        opens: Opens::Source {
            source: source.parse().unwrap(),
            provider,
            whatsapp: Some(Box::new(setup(source))),
            moysklad: None,
        },
        enabled: true,
        allowed_cidrs: Vec::new(),
        valid_until: None,
    });
}

fn sealed(source: &str) -> gancho::model::sealed::Sealed {
    stack_keys().seal(SECRET.as_bytes(), &TenantId::default_tenant(), source, [1; NONCE_BYTES])
}

/// A doorbell of each kind: `src_meta` with the numbers 1 and 2, the second another tenant's, and a gateway's at token 9.
fn bell() -> Bell {
    let bell = Bell::new();
    let verify_token = VerifyToken::parse("a-verify-token").unwrap().hash();
    put(&bell, &Credential::presented("src_meta").unwrap(), Provider::WhatsappCloud, "src_meta", |source| Setup {
        sender: Sender::CloudApi { app_secret: sealed(source), verify_token },
        lines: vec![line(1, None), line(2, Some("ten_client"))],
        made_for: None,
    });
    gateway(&bell, 9, Dialect::Gowa, true);
    bell
}

fn gateway(bell: &Bell, n: u8, dialect: Dialect, signs: bool) {
    put(bell, &token(n), Provider::Baileys, "src_gateway", |source| Setup {
        sender: Sender::Gateway { dialect, secret: signs.then(|| sealed(source)) },
        lines: vec![line(1, None)],
        made_for: None,
    });
}

fn signature(body: &[u8]) -> String {
    format!("sha256={}", hex::encode(hmac_sha256(SECRET.as_bytes(), &[body])))
}

impl Bell {
    async fn meta_sends(&self, body: &Value) -> (StatusCode, Value) {
        self.sends("whatsapp/src_meta", body.to_string()).await
    }

    async fn sends(&self, at: &str, body: String) -> (StatusCode, Value) {
        let request =
            Request::post(format!("/api/v1/webhooks/{at}")).header("x-hub-signature-256", signature(body.as_bytes()));
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    async fn asks(&self, at: &str, query: &str) -> (StatusCode, String) {
        self.send_for_text(Request::get(format!("/api/v1/webhooks/whatsapp/{at}?{query}")).body(Body::empty()).unwrap())
            .await
    }
}

fn message(to: u8, id: &str) -> Value {
    json!({
        "field": "messages",
        "value": {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": format!("551190000{to:04}"), "phone_number_id": "100000000000001"},
            "messages": [{"from": "5511900000033", "id": id, "timestamp": NOW.to_string(), "type": "text", "text": {"body": "oi"}}],
        },
    })
}

fn batch(changes: &[Value]) -> Value {
    json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]})
}

#[tokio::test]
async fn the_right_verify_token_is_answered_with_the_challenge_and_everything_else_alike() {
    let bell = bell();
    let right = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=a-verify-token";
    assert_eq!(bell.asks("src_meta", right).await, (StatusCode::OK, "1158201444".into()));
    let wrong = bell.asks("src_meta", "hub.mode=subscribe&hub.challenge=1&hub.verify_token=another-token").await;
    assert_eq!(wrong.0, StatusCode::FORBIDDEN);
    for (at, query) in [("src_nobody", right), (token(9).expose(), right), ("%FF", right), ("src_meta", "")] {
        assert_eq!(bell.asks(at, query).await, wrong, "{at} {query}");
    }
}

#[tokio::test]
async fn a_batch_is_answered_with_what_became_of_each_event() {
    let bell = bell();
    let changes = [
        message(1, "wamid.1"),
        message(1, "wamid.1"),
        message(2, "wamid.2"),
        message(7, "wamid.3"),
        json!({"field": "flows"}),
    ];
    let (status, answer) = bell.meta_sends(&batch(&changes)).await;
    assert_eq!(status, StatusCode::OK);
    insta::assert_json_snapshot!(answer);
    let rung: Vec<String> = bell.store.rung().into_iter().map(|ring| ring.tenant.to_string()).collect();
    assert_eq!(rung, ["ten_default", "ten_client"], "each client's event is rung for once");
    let counted = bell.store.arrivals().await.unwrap()["whatsapp_cloud"].clone();
    assert_eq!(
        counted,
        Arrivals { received: 2, duplicate: 1, rejected: 1, reasons: [("number_foreign".to_owned(), 1)].into() }
    );
}

#[tokio::test]
async fn whoever_is_let_in_is_answered_200_though_nothing_is_taken() {
    let bell = bell();
    let (status, answer) = bell.meta_sends(&batch(&[message(7, "wamid.1")])).await;
    assert_eq!(
        (status, &answer["rejected"], &answer["errors"][0]["code"]),
        (StatusCode::OK, &json!(1), &json!("number_foreign"))
    );
    let (status, answer) = bell.meta_sends(&json!({"object": "page"})).await;
    assert_eq!((status, &answer["ignored"]), (StatusCode::OK, &json!({"other_object": 1})));
    assert!(bell.store.rung().is_empty());
}

#[tokio::test]
async fn a_request_in_which_no_event_can_be_looked_at_is_refused_whole() {
    let bell = bell();
    let too_large = format!("\"{}\"", "x".repeat(4 * 1024 * 1024));
    for (body, status, code) in [
        ("{".to_owned(), 400, "invalid_json"),
        ("[]".to_owned(), 422, "invalid_type"),
        (batch(&vec![json!({"field": "messages"}); 1_001]).to_string(), 413, "too_many_events"),
        (too_large, 413, "body_too_large"),
    ] {
        let (answered, problem) = bell.sends("whatsapp/src_meta", body).await;
        assert_eq!((answered.as_u16(), problem["code"].as_str()), (status, Some(code)));
    }
}

#[tokio::test]
async fn without_the_proof_nothing_is_taken_whoever_asks_gets_one_answer() {
    let bell = bell();
    let body = batch(&[message(1, "wamid.1")]).to_string();
    let unsigned = |at: &str| Request::post(format!("/api/v1/webhooks/{at}")).body(Body::from(body.clone())).unwrap();
    let nobody = bell.send(unsigned("whatsapp/src_nobody")).await;
    assert_eq!((nobody.0, &nobody.1["code"]), (StatusCode::UNAUTHORIZED, &json!("unauthorized")));
    let gateways = format!("baileys/{}", token(9).expose());
    for at in ["whatsapp/src_meta", &gateways, "baileys/src_nobody", "baileys/%FF"] {
        assert_eq!(bell.send(unsigned(at)).await, nobody, "{at}");
    }
    let forged =
        Request::post("/api/v1/webhooks/whatsapp/src_meta").header("x-hub-signature-256", signature(b"another body"));
    assert_eq!(bell.send(forged.body(Body::from(body.clone())).unwrap()).await, nobody);
    for at in
        [format!("whatsapp/{}", token(1).expose()), format!("baileys/{}", token(1).expose()), "baileys/src_meta".into()]
    {
        let (status, problem) = bell.sends(&at, body.clone()).await;
        assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("wrong_credential")), "{at}");
    }
    assert!(bell.store.rung().is_empty());
}

#[tokio::test]
async fn a_gateways_message_is_its_connections() {
    let bell = bell();
    gateway(&bell, 8, Dialect::Baileys, false);
    let upsert = json!({"type": "notify", "messages": [{
        "key": {"remoteJid": "5511900000033@s.whatsapp.net", "fromMe": false, "id": "3EB0"},
        "messageTimestamp": NOW, "pushName": "Ana", "message": {"conversation": "oi"},
    }]});
    let at = format!("baileys/{}", token(8).expose());
    for processed in [1, 0] {
        let (status, answer) = bell.sends(&at, upsert.to_string()).await;
        assert_eq!(
            (status, &answer["processed"], &answer["duplicates"]),
            (StatusCode::OK, &json!(processed), &json!(1 - processed))
        );
    }
    assert_eq!(bell.store.rung().len(), 1);
}

#[tokio::test]
async fn what_could_not_be_stored_is_asked_for_again() {
    let bell = bell();
    let body = batch(&[message(1, "wamid.1")]);
    assert_eq!(bell.meta_sends(&batch(&[])).await.0, StatusCode::OK, "the card is remembered");
    bell.store.set_down(true);
    let (status, problem) = bell.meta_sends(&body).await;
    assert_eq!((status, &problem["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
    bell.store.set_down(false);
    let (status, answer) = bell.meta_sends(&body).await;
    assert_eq!((status, &answer["processed"]), (StatusCode::OK, &json!(1)));
}
