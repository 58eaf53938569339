//! The webhook receiver.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::{Stage, text};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const BODY: &str = r#"{"type":"webhook.test"}"#;

impl Stage {
    /// What a receiver got, once it is so much.
    pub(crate) async fn received(&self, name: &str, n: usize) -> Vec<Value> {
        for _ in 0..200 {
            let report = self.look(&format!("/control/receivers/{name}")).await;
            let data = report["data"].as_array().unwrap();
            if data.len() >= n {
                return data.clone();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{name} did not receive {n} requests");
    }

    fn deliver(&self, name: &str) -> RequestBuilder {
        self.client.post(self.url(&format!("/receiver/{name}"))).body(BODY)
    }

    fn deliver_signed(&self, name: &str, webhook: &Webhook, age_s: i64) -> RequestBuilder {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        let timestamp = now - age_s;
        self.deliver(name)
            .header("webhook-id", "evt_1")
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", webhook.sign("evt_1", timestamp, BODY.as_bytes()).unwrap())
    }
}

#[tokio::test]
async fn a_genuine_signature_is_verified_and_an_altered_body_is_not() {
    let stage = Stage::set().await;
    stage.put("/control/receivers/signed", json!({"secret": SECRET})).await;
    let webhook = Webhook::new(SECRET).unwrap();
    stage.deliver_signed("signed", &webhook, 0).send().await.unwrap();
    stage.deliver_signed("signed", &webhook, 0).body("{}").send().await.unwrap();
    stage.deliver_signed("signed", &webhook, 600).send().await.unwrap();
    stage.deliver("signed").send().await.unwrap();

    let got = stage.received("signed", 4).await;
    let errors =
        [json!(null), json!("signature invalid"), json!("signature timestamp too old"), json!("missing header id")];
    for (n, error) in errors.iter().enumerate() {
        assert_eq!((&got[n]["verified"], &got[n]["error"]), (&json!(n == 0), error));
    }
    assert_eq!((&got[0]["body"], &got[0]["headers"]["webhook-id"]), (&json!(BODY), &json!("evt_1")));
    let summary = stage.look("/control/receivers/signed?summary=true").await;
    assert_eq!((&summary["verified"], &summary["failed"], summary.get("data")), (&json!(1), &json!(3), None));
}

#[tokio::test]
async fn a_plain_secret_is_its_bytes_and_a_rotation_may_match_either() {
    let stage = Stage::set().await;
    stage.put("/control/receivers/rotating", json!({"secrets": [SECRET, "a plain secret"]})).await;
    let plain = Webhook::from_bytes(b"a plain secret".to_vec()).unwrap();
    stage.deliver_signed("rotating", &plain, 0).send().await.unwrap();
    let got = stage.received("rotating", 1).await;
    assert_eq!((&got[0]["signature"], &got[0]["secrets_matched"]), (&json!("verified"), &json!([1])));
}

#[tokio::test]
async fn without_a_secret_nothing_is_checked() {
    let stage = Stage::set().await;
    let raw = vec![0xff, 0x00];
    stage.deliver("open/with/a/path?and=query").body(raw).send().await.unwrap();
    let got = stage.received("open", 1).await;
    assert_eq!((&got[0]["signature"], &got[0]["verified"]), (&json!("unchecked"), &json!(false)));
    assert_eq!((&got[0]["path"], &got[0]["query"]), (&json!("/receiver/open/with/a/path"), &json!("and=query")));
    assert_eq!((&got[0]["body_base64"], &got[0]["body_bytes"]), (&json!("/wA="), &json!(2)));
}

#[tokio::test]
async fn the_script_is_played_once_and_then_the_default() {
    let stage = Stage::set().await;
    let script = json!([
        {"status": 503, "headers": {"retry-after": "3"}, "body": "busy"},
        {"status": 302, "headers": {"location": stage.url("/receiver/elsewhere")}},
    ]);
    stage.put("/control/receivers/scripted", json!({"script": script, "default": {"status": 410}})).await;

    let first = stage.deliver("scripted").send().await.unwrap();
    assert_eq!((first.status().as_u16(), &first.headers()["retry-after"]), (503, &"3".parse().unwrap()));
    assert_eq!(first.text().await.unwrap(), "busy");
    let second = stage.deliver("scripted").send().await.unwrap();
    assert_eq!((second.status().as_u16(), second.headers().contains_key("location")), (302, true));
    for _ in 0..2 {
        assert_eq!(text(stage.deliver("scripted")).await.0, 410);
    }
    let answered: Vec<Value> =
        stage.received("scripted", 4).await.iter().map(|received| received["answered"].clone()).collect();
    assert_eq!(answered, [503, 302, 410, 410]);
}

#[tokio::test]
async fn it_can_hang_break_off_and_cut() {
    let stage = Stage::set().await;
    let script = json!([{"hang": true}, {"drop": "before"}, {"status": 200, "drop": "mid"}, {"delay_ms": 60_000}]);
    stage.put("/control/receivers/broken", json!({"script": script})).await;
    let soon = Duration::from_millis(300);

    assert!(stage.deliver("broken").timeout(soon).send().await.unwrap_err().is_timeout());
    let cut = stage.deliver("broken").send().await.unwrap_err();
    assert!(cut.is_request() && !cut.is_timeout());
    let mid = stage.deliver("broken").send().await.unwrap();
    assert_eq!(mid.status(), 200);
    assert!(mid.text().await.is_err());
    assert!(stage.deliver("broken").timeout(soon).send().await.unwrap_err().is_timeout());

    let answered: Vec<Value> =
        stage.received("broken", 4).await.iter().map(|received| received["answered"].clone()).collect();
    assert_eq!(answered, [json!(null), json!(null), json!(200), json!(null)]);
}

#[tokio::test]
async fn it_can_answer_at_great_length_or_drop_by_drop() {
    let stage = Stage::set().await;
    let script = json!([{"body_bytes": 3_000_000}, {"body_bytes": 1_000, "drip_ms": 50}]);
    stage.put("/control/receivers/long", json!({"script": script})).await;
    assert_eq!(text(stage.deliver("long")).await.1.len(), 3_000_000);
    let dripping = stage.deliver("long").timeout(Duration::from_millis(400)).send().await.unwrap();
    assert_eq!(dripping.status(), 200);
    assert!(dripping.text().await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_forgotten_receiver_starts_afresh() {
    let stage = Stage::set().await;
    stage.put("/control/receivers/forgetful", json!({"secret": SECRET, "default": {"status": 500}})).await;
    stage.deliver("forgetful").send().await.unwrap();
    stage.client.delete(stage.url("/control/receivers/forgetful")).send().await.unwrap();
    assert_eq!(text(stage.deliver("forgetful")).await.0, 200);
    let got = stage.received("forgetful", 1).await;
    assert_eq!((got.len(), &got[0]["signature"]), (1, &json!("unchecked")));
}
