use super::*;
use crate::auth::Door;
use crate::dispatch::Subscribers;
use crate::manage::source_body::NewSource;
use crate::manage::subscription_book::SubscriptionBook;
use crate::manage::tenants::{self, TenantFields};
use crate::model::custom_header::HeaderName;
use crate::model::event::Provider;
use crate::model::whatsapp::Dialect;
use crate::providers::whatsapp::HmacKey;
use crate::signing::seal::{NONCE_BYTES, StackKeys};
use crate::testing::MemoryStore;
use crate::testing::samples::subscription;

const OLD: &str = "oooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo";
const NEW: &str = "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn";

fn keys(text: &str) -> StackKeys {
    StackKeys::parse(text).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + second).unwrap()
}

/// A subscription whose secret, the secret before, and a header's value were sealed with the old key.
fn sealed_long_ago(tenant: &TenantId, id: &str, previous_until: i64) -> Subscription {
    let plain = subscription(id, "lead.*");
    let seal = |text: &str| keys(OLD).seal(text.as_bytes(), tenant, id, [3; NONCE_BYTES]);
    let previous = PreviousSecret { sealed: seal("the secret before"), valid_until: at(previous_until) };
    Subscription {
        tenant: tenant.clone(),
        url: format!("https://hooks.example.com/{id}"),
        secrets: SigningSecrets { current: seal("the secret"), hint: "…".into(), previous: Some(previous) },
        headers: vec![CustomHeader { name: HeaderName::parse("x-team").unwrap(), value: seal("billing") }],
        ..plain
    }
}

async fn tenant_with(store: &MemoryStore, id: &str, subscriptions: usize) -> TenantId {
    let tenant: TenantId = id.parse().unwrap();
    tenants::create(store, tenant.clone(), TenantFields { name: Some("Sol".into()), enabled: None }, at(0))
        .await
        .unwrap();
    for n in 0..subscriptions {
        let sub = sealed_long_ago(&tenant, &format!("sub_{}{n:03}", id.trim_start_matches("ten_")), 60);
        assert_eq!(store.add(&sub).await, Ok(Booked::Done));
    }
    tenant
}

async fn run(store: &MemoryStore, keys: &StackKeys, before: Option<&TenantId>) -> Resealed {
    let fill = |bytes: &mut [u8]| bytes.fill(5);
    reseal(store, before, &Chance { keys, fill: &fill }, at(10)).await.unwrap()
}

/// What a subscription's seals hold, opened with these keys.
fn opened(sub: &Subscription, keys: &StackKeys) -> Result<Vec<String>, OpenError> {
    let values = std::iter::once(&sub.secrets.current)
        .chain(sub.secrets.previous.iter().map(|previous| &previous.sealed))
        .chain(sub.headers.iter().map(|header| &header.value));
    values.map(|value| keys.open_text(value, &sub.tenant, sub.id.as_str())).collect()
}

#[tokio::test]
async fn what_was_sealed_anew_opens_without_the_old_key() {
    let store = MemoryStore::default();
    let tenant = tenant_with(&store, "ten_a", 2).await;
    let both = keys(&format!("{NEW},{OLD}"));
    let done = run(&store, &both, None).await;
    assert_eq!(done, Resealed { resealed: 2, looked_at: 2, left: 0, next: None });
    for sub in store.subscribers(&tenant).await.unwrap() {
        assert_eq!(opened(&sub, &keys(NEW)).unwrap(), ["the secret", "the secret before", "billing"]);
        assert_eq!(sub.updated_at, at(10), "a change that began before does not put the old seals back");
    }
    assert_eq!(
        run(&store, &both, None).await,
        Resealed { looked_at: 2, ..Resealed::default() },
        "nothing is left to do"
    );
}

#[tokio::test]
async fn a_secret_that_signs_no_more_does_not_hold_the_old_key_back() {
    let store = MemoryStore::default();
    let tenant = tenant_with(&store, "ten_a", 0).await;
    store.add(&sealed_long_ago(&tenant, "sub_a", 10)).await.unwrap();
    run(&store, &keys(&format!("{NEW},{OLD}")), None).await;
    let sub = store.subscribers(&tenant).await.unwrap().remove(0);
    assert_eq!((sub.secrets.previous.is_none(), opened(&sub, &keys(NEW)).unwrap().len()), (true, 2));
}

#[tokio::test]
async fn what_no_key_opens_is_told_and_left_as_it_is() {
    let store = MemoryStore::default();
    let tenant = tenant_with(&store, "ten_a", 1).await;
    let before = store.subscribers(&tenant).await.unwrap();
    let done = run(&store, &keys(NEW), None).await;
    assert_eq!((done.resealed, done.looked_at, done.left), (0, 1, 1));
    assert_eq!(store.subscribers(&tenant).await.unwrap(), before);
}

#[tokio::test]
async fn the_walk_goes_on_where_it_ended_until_every_tenant_was_seen() {
    let store = MemoryStore::default();
    for n in 0..MOST_TENANTS + 5 {
        tenant_with(&store, &format!("ten_t{n:04}"), if n % 20 == 0 { 90 } else { 1 }).await;
    }
    let both = keys(&format!("{NEW},{OLD}"));
    let (mut total, mut calls, mut next) = (Resealed::default(), 0, None);
    loop {
        let done = run(&store, &both, next.as_ref()).await;
        assert!(done.looked_at < MOST_LOOKED_AT + 100, "{} in one call", done.looked_at);
        (total.resealed, total.looked_at, calls) =
            (total.resealed + done.resealed, total.looked_at + done.looked_at, calls + 1);
        next = done.next;
        if next.is_none() {
            break;
        }
    }
    let all = 6 * 90 + (MOST_TENANTS + 5 - 6);
    assert_eq!((total.resealed, total.looked_at), (all, all));
    assert!(calls > 2);
}

#[tokio::test]
async fn the_last_tenant_of_a_full_page_is_not_the_last_of_all() {
    let store = MemoryStore::default();
    for n in 0..=MOST_TENANTS {
        tenant_with(&store, &format!("ten_t{n:04}"), 0).await;
    }
    let first = run(&store, &keys(NEW), None).await;
    assert_eq!(first.next.as_ref().map(ToString::to_string).as_deref(), Some("ten_t0001"));
    assert_eq!(run(&store, &keys(NEW), first.next.as_ref()).await.next, None);
}

#[tokio::test]
async fn what_a_whatsapp_sender_proves_itself_with_is_sealed_anew_on_its_source_and_its_card() {
    let store = MemoryStore::default();
    let tenant = tenant_with(&store, "ten_a", 0).await;
    let (old, fill) = (keys(OLD), |bytes: &mut [u8]| bytes.fill(3));
    let mut new = NewSource::plain(Provider::Baileys, tenant);
    new.settings.dialect = Some(Dialect::Gowa);
    new.settings.secret = Some(HmacKey::parse("correct horse").ok());
    let opened = sources::create(&store, new, &Chance { keys: &old, fill: &fill }, at(0)).await.unwrap();
    let done = run(&store, &keys(&format!("{NEW},{OLD}")), None).await;
    assert_eq!(done, Resealed { resealed: 1, looked_at: 1, left: 0, next: None });
    let (caller, setup) =
        Door::new(store).whatsapp(Some(&opened.token), Provider::Baileys, None, at(10)).await.unwrap();
    let secret = keys(NEW).open_text(setup.sender.secret().unwrap(), &caller.tenant, caller.source.as_str());
    assert_eq!(secret.unwrap(), "correct horse");
}
