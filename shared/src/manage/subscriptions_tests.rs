use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::model::subscription::DisabledReason;
use crate::testing::MemoryStore;
use crate::testing::samples::{self, stack_keys};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + second).unwrap()
}

fn tenant(name: &str) -> TenantId {
    format!("ten_{name}").parse().unwrap()
}

/// The use cases over a store in memory, at times the test says.
struct Desk {
    store: MemoryStore,
    keys: crate::signing::seal::StackKeys,
    drawn: AtomicU8,
}

impl Desk {
    fn new() -> Self {
        Self { store: MemoryStore::default(), keys: stack_keys(), drawn: AtomicU8::new(0) }
    }

    async fn with<T>(&self, wish: impl AsyncFnOnce(&MemoryStore, &Chance<'_>) -> T) -> T {
        // Never the same twice, always the same again.
        let fill = |bytes: &mut [u8]| bytes.fill(self.drawn.fetch_add(1, Ordering::Relaxed));
        wish(&self.store, &Chance { keys: &self.keys, fill: &fill }).await
    }

    async fn create(&self, body: &Value, now: Timestamp) -> Result<SubscriptionView, Refusal> {
        let body = body.to_string();
        self.with(async |store, chance| {
            create(store, &tenant("a"), body.as_bytes(), &AllowList::default(), chance, now).await
        })
        .await
    }

    async fn change(&self, id: &SubscriptionId, body: &Value, now: Timestamp) -> Result<SubscriptionView, Refusal> {
        let body = body.to_string();
        self.with(async |store, chance| {
            change(store, &tenant("a"), id, body.as_bytes(), &AllowList::default(), chance, now).await
        })
        .await
    }

    async fn rotate(&self, id: &SubscriptionId, body: &str, now: Timestamp) -> Result<Rotated, Refusal> {
        self.with(async |store, chance| rotate_secret(store, &tenant("a"), id, body.as_bytes(), chance, now).await)
            .await
    }

    async fn stored(&self, id: &SubscriptionId) -> Subscription {
        find(&self.store, &tenant("a"), id).await.unwrap()
    }
}

fn wish(url: &str, event: &str) -> Value {
    json!({"url": url, "event": event})
}

fn conflict<T>(answer: Result<T, Refusal>) -> &'static str {
    match answer {
        Err(Refusal::Conflict(conflict)) => conflict.code(),
        Err(other) => panic!("another refusal: {other}"),
        Ok(_) => "none",
    }
}

#[tokio::test]
async fn the_secret_is_shown_once_and_masked_ever_after() {
    let desk = Desk::new();
    let body =
        json!({"url": "https://example.com/in", "events": ["invoice.sent", "*"], "headers": {"X-Team": "billing"}});
    let made = desk.create(&body, at(0)).await.unwrap();
    insta::assert_json_snapshot!("made", made);
    let read = get(&desk.store, &tenant("a"), &made.id, at(1)).await.unwrap();
    insta::assert_json_snapshot!("read", read);
    let stored = serde_json::to_string(&desk.stored(&made.id).await).unwrap();
    assert!(!stored.contains(&made.secret) && !stored.contains("billing"), "nothing secret is stored in the clear");
}

#[tokio::test]
async fn a_given_secret_is_taken() {
    let desk = Desk::new();
    let body = json!({"url": "https://example.com/in", "event": "*", "secret": "correct horse"});
    assert_eq!(desk.create(&body, at(0)).await.unwrap().secret, "correct horse");
}

#[tokio::test]
async fn the_same_url_and_event_twice_is_a_conflict_that_names_the_first() {
    let desk = Desk::new();
    let first = desk.create(&wish("https://example.com/in", "invoice.sent"), at(0)).await.unwrap();
    let again = desk.create(&wish("https://EXAMPLE.com:443/in", "invoice.sent"), at(1)).await;
    assert_eq!(again, Err(Conflict::SubscriptionExists { by: Some(first.id.clone()) }.into()));
    assert!(desk.create(&wish("https://example.com/in", "invoice.created"), at(2)).await.is_ok());
    delete(&desk.store, &tenant("a"), &first.id).await.unwrap();
    assert!(desk.create(&wish("https://example.com/in", "invoice.sent"), at(3)).await.is_ok(), "deleted, so free");
}

#[tokio::test]
async fn a_tenant_has_a_hundred_subscriptions_at_most() {
    let desk = Desk::new();
    for n in 0..MAX_SUBSCRIPTIONS {
        let made = desk.create(&wish(&format!("https://example.com/{n}"), "*"), at(i64::try_from(n).unwrap())).await;
        made.unwrap();
    }
    assert_eq!(conflict(desk.create(&wish("https://example.com/more", "*"), at(200)).await), "too_many_subscriptions");
}

#[tokio::test]
async fn the_list_is_newest_first_and_goes_on_where_it_stopped() {
    let desk = Desk::new();
    for n in 0..5 {
        desk.create(&wish(&format!("https://example.com/{n}"), "*"), at(n)).await.unwrap();
    }
    let mut query = "limit=2".to_owned();
    let mut pages = Vec::new();
    loop {
        let page = list(&desk.store, &tenant("a"), Some(&query), at(9)).await.unwrap();
        pages.push(page.data.iter().map(|one| one.url.chars().last().unwrap()).collect::<String>());
        let Some(cursor) = page.next_cursor else { break };
        query = format!("limit=2&cursor={cursor}");
    }
    assert_eq!(pages, ["43", "21", "0"]);
    let exact = list(&desk.store, &tenant("a"), Some("limit=5"), at(9)).await.unwrap();
    assert_eq!(exact.next_cursor, None);
    assert!(list(&desk.store, &tenant("b"), None, at(9)).await.unwrap().data.is_empty());
}

#[tokio::test]
async fn a_change_onto_what_another_has_changes_nothing() {
    let desk = Desk::new();
    desk.create(&wish("https://example.com/a", "*"), at(0)).await.unwrap();
    let second = desk.create(&wish("https://example.com/b", "*"), at(1)).await.unwrap();
    let before = desk.stored(&second.id).await;
    let onto = desk.change(&second.id, &json!({"url": "https://example.com/a"}), at(2)).await;
    assert_eq!(conflict(onto), "subscription_exists");
    assert_eq!(desk.stored(&second.id).await, before);
    let both = desk.change(&second.id, &json!({"url": "https://example.com/a", "event": "invoice.*"}), at(3)).await;
    assert_eq!(both.unwrap().updated_at, at(3));
}

#[tokio::test]
async fn what_cannot_be_used_is_named() {
    let desk = Desk::new();
    let made = desk.create(&wish("https://example.com/a", "*"), at(0)).await.unwrap();
    for (field, value, code) in [
        ("url", json!("http://example.com/"), "url_not_allowed"),
        ("url", json!("https://127.0.0.1/"), "url_not_allowed"),
        ("url", json!("https://0x7f.1/"), "url_not_allowed"),
        ("url", json!("https://user:pass@example.com/"), "url_not_allowed"),
        ("event", json!("invoice.lost"), "unknown_event_type"),
        ("colour", json!("red"), "unknown_field"),
        ("batch", json!({"max_events": 1, "max_wait_s": 1, "colour": "red"}), "unknown_field"),
    ] {
        let mut body = wish("https://example.com/b", "*");
        if field == "event" {
            body.as_object_mut().unwrap().remove("event");
        }
        body[field] = value.clone();
        for answer in [desk.create(&body, at(1)).await, desk.change(&made.id, &json!({field: value}), at(1)).await] {
            let Err(Refusal::Input(BodyError::Fields(errors))) = answer else { panic!("{field} was taken") };
            assert_eq!(errors.iter().map(|error| error.code).collect::<Vec<_>>(), [code], "{field}");
            assert!(errors[0].path.starts_with(field));
        }
    }
}

#[tokio::test]
async fn a_scope_is_a_connection_of_the_tenants_own() {
    let desk = Desk::new();
    for name in ["a", "b"] {
        let connection = samples::connection(&format!("con_{name}"), &tenant(name), "5511900000001");
        desk.store.put_connection(connection);
    }
    let body =
        |connection: &str| json!({"url": "https://example.com/a", "event": "whatsapp.*", "connection_id": connection});
    let made = desk.create(&body("con_a"), at(0)).await.unwrap();
    assert_eq!((made.connection_id, made.retry_base_s), ("con_a".parse().ok(), Some(5)));
    for foreign in ["con_b", "con_none"] {
        let change = json!({"connection_id": foreign});
        for answer in [desk.create(&body(foreign), at(1)).await, desk.change(&made.id, &change, at(1)).await] {
            let Err(Refusal::Input(BodyError::Fields(errors))) = answer else { panic!("{foreign} was taken") };
            assert_eq!((errors[0].path.as_str(), errors[0].code), ("connection_id", "unknown_connection"));
        }
    }
    let lifted = desk.change(&made.id, &json!({"connection_id": null}), at(2)).await.unwrap();
    assert_eq!(lifted.connection_id, None);
}

#[tokio::test]
async fn after_a_rotation_both_secrets_sign_until_the_overlap_ends() {
    let desk = Desk::new();
    let made = desk.create(&wish("https://example.com/a", "*"), at(0)).await.unwrap();
    let rotated = desk.rotate(&made.id, r#"{"overlap_s": 60}"#, at(10)).await.unwrap();
    assert_eq!(rotated.previous_secret_valid_until, Some(at(70)));
    let signs = async |now: Timestamp| -> Vec<String> {
        let stored = desk.stored(&made.id).await;
        let open = |sealed| desk.keys.open_text(sealed, &tenant("a"), made.id.as_str()).unwrap();
        stored.secrets.valid(now).map(open).collect()
    };
    assert_eq!(signs(at(69)).await, [rotated.secret.clone(), made.secret.clone()]);
    assert_eq!(signs(at(70)).await, std::slice::from_ref(&rotated.secret));
    let shown = get(&desk.store, &tenant("a"), &made.id, at(20)).await.unwrap();
    assert_eq!(shown.previous_secret_valid_until, Some(at(70)));
    assert!(rotated.secret.ends_with(shown.secret.trim_start_matches('•')));
}

#[tokio::test]
async fn a_rotation_overlaps_for_a_day_unless_asked_otherwise() {
    let desk = Desk::new();
    let made = desk.create(&wish("https://example.com/a", "*"), at(0)).await.unwrap();
    for (body, until) in [("", Some(at(86_400))), ("{}", Some(at(86_400))), (r#"{"overlap_s":0}"#, None)] {
        assert_eq!(desk.rotate(&made.id, body, at(0)).await.unwrap().previous_secret_valid_until, until, "{body}");
    }
    for bad in
        [r#"{"overlap_s":-1}"#, r#"{"overlap_s":2592001}"#, r#"{"secret":"short"}"#, r#"{"overlap":1}"#, "[]", "{"]
    {
        assert!(matches!(desk.rotate(&made.id, bad, at(0)).await, Err(Refusal::Input(_))), "{bad}");
    }
    assert_eq!(desk.rotate(&made.id, r#"{"secret":"correct horse"}"#, at(0)).await.unwrap().secret, "correct horse");
}

#[tokio::test]
async fn what_the_platform_wrote_in_between_is_not_overwritten() {
    let desk = Desk::new();
    let made = desk.create(&wish("https://example.com/a", "*"), at(0)).await.unwrap();
    let before = desk.stored(&made.id).await;
    desk.store.disable(&tenant("a"), &made.id, DisabledReason::Gone, at(1)).await.unwrap();
    let stale = Subscription { description: Some("late".into()), ..before.clone() };
    assert_eq!(desk.store.replace(&before, &stale).await, Ok(Booked::Changed));
    let after = desk.change(&made.id, &json!({"description": "late"}), at(2)).await.unwrap();
    assert_eq!((after.active, after.disabled_reason), (false, Some(DisabledReason::Gone)));
    let on = desk.change(&made.id, &json!({"active": true}), at(3)).await.unwrap();
    assert_eq!((on.active, on.disabled_reason, on.disabled_at), (true, None, None));
}

#[tokio::test]
async fn another_tenants_subscription_looks_like_none() {
    let desk = Desk::new();
    let made = desk.create(&wish("https://example.com/a", "*"), at(0)).await.unwrap();
    let (store, other) = (&desk.store, tenant("b"));
    assert_eq!(get(store, &other, &made.id, at(1)).await, Err(Refusal::NotFound));
    assert_eq!(delete(store, &other, &made.id).await, Err(Refusal::NotFound));
    let answers = desk
        .with(async |store, chance| {
            let allowed = AllowList::default();
            // Not even that the body is wrong is told.
            let changed = change(store, &other, &made.id, b"{", &allowed, chance, at(1)).await.unwrap_err();
            let rotated = rotate_secret(store, &other, &made.id, b"{", chance, at(1)).await.unwrap_err();
            [changed, rotated]
        })
        .await;
    assert_eq!(answers, [Refusal::NotFound, Refusal::NotFound]);
    assert!(get(store, &tenant("a"), &made.id, at(1)).await.is_ok());
}
