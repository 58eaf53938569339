use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::delivery::prepare::Prepared;
use crate::delivery::send::{Answer, Sent, TransportFailure};
use crate::model::subscription::SubscriptionState;
use crate::signing::secret::Secret;
use crate::signing::standard;
use crate::testing::MemoryStore;
use crate::testing::samples::{stack_keys, subscription};

fn now() -> Timestamp {
    Timestamp::from_second(1_900_000_000).unwrap()
}

/// Answers always the same, and keeps what it was given.
struct Endpoint(Answer, Mutex<Vec<Prepared>>);

impl Endpoint {
    fn answering(answer: Answer) -> Self {
        Self(answer, Mutex::default())
    }

    fn status(code: u16) -> Self {
        Self::answering(Answer::Status { code, retry_after: None, head: "said so".into() })
    }
}

impl Sender for Endpoint {
    async fn send(&self, prepared: &Prepared) -> Sent {
        self.1.lock().unwrap().push(prepared.clone());
        Sent { at: prepared.at(), duration: Duration::from_millis(12), answer: self.0.clone() }
    }
}

async fn tested(store: &MemoryStore, endpoint: &Endpoint, tenant: &TenantId) -> Result<Tested, Refusal> {
    let (keys, fill) = (stack_keys(), |bytes: &mut [u8]| bytes.fill(7));
    let chance = Chance { keys: &keys, fill: &fill };
    send(store, endpoint, tenant, &"sub_1".parse().unwrap(), &AllowList::default(), &chance, now()).await
}

async fn answered(endpoint: &Endpoint) -> Tested {
    let store = MemoryStore::default();
    store.put_subscription(subscription("sub_1", "invoice.*"));
    tested(&store, endpoint, &TenantId::default_tenant()).await.unwrap()
}

#[tokio::test]
async fn a_test_is_signed_like_any_delivery() {
    let endpoint = Endpoint::status(204);
    insta::assert_json_snapshot!(answered(&endpoint).await);
    let sent = endpoint.1.lock().unwrap().pop().unwrap();
    insta::assert_snapshot!(std::str::from_utf8(sent.body()).unwrap());
    let header = |name: &str| sent.headers()[name].to_str().unwrap();
    let signed = standard::sign(header("webhook-id"), now(), sent.body(), &[Secret::generate([7; 32])]);
    assert_eq!(header("webhook-signature"), signed);
}

#[tokio::test]
async fn a_failing_receiver_is_an_answer() {
    insta::assert_json_snapshot!("refused", answered(&Endpoint::status(410)).await);
    insta::assert_json_snapshot!(
        "silent",
        answered(&Endpoint::answering(Answer::Failed(TransportFailure::Timeout))).await
    );
}

#[tokio::test]
async fn a_test_changes_nothing_whatever_comes_back() {
    let store = MemoryStore::default();
    let mut off = subscription("sub_1", "*");
    off.state = SubscriptionState::set_by_tenant(false);
    store.put_subscription(off.clone());
    let tenant = TenantId::default_tenant();
    assert!(
        tested(&store, &Endpoint::status(200), &tenant).await.unwrap().delivered,
        "not active, and tested all the same"
    );
    tested(&store, &Endpoint::status(410), &tenant).await.unwrap();
    assert_eq!(subscriptions::find(&store, &tenant, &off.id).await, Ok(off));
    assert_eq!(store.announced(), 0);
}

#[tokio::test]
async fn a_url_that_is_no_longer_allowed_is_not_sent_to() {
    let store = MemoryStore::default();
    store.put_subscription(Subscription { url: "https://10.0.0.1/".into(), ..subscription("sub_1", "*") });
    let endpoint = Endpoint::status(200);
    let answer = tested(&store, &endpoint, &TenantId::default_tenant()).await.unwrap();
    assert!(!answer.delivered && answer.error.unwrap().starts_with("url_not_allowed"));
    assert!(endpoint.1.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_slow_receiver_is_waited_for_as_long_as_the_caller_can() {
    let store = MemoryStore::default();
    store.put_subscription(Subscription { timeout_s: 30, ..subscription("sub_1", "*") });
    let endpoint = Endpoint::status(200);
    tested(&store, &endpoint, &TenantId::default_tenant()).await.unwrap();
    assert_eq!(endpoint.1.lock().unwrap()[0].timeout(), Duration::from_secs(25));
}

#[tokio::test]
async fn another_tenants_subscription_is_not_tested() {
    let store = MemoryStore::default();
    store.put_subscription(subscription("sub_1", "*"));
    let endpoint = Endpoint::status(200);
    assert_eq!(tested(&store, &endpoint, &"ten_other".parse().unwrap()).await, Err(Refusal::NotFound));
    assert!(endpoint.1.lock().unwrap().is_empty());
}
