use super::*;
use crate::delivery::courier::Couriers;
use crate::manage::directory::{Change, Entry};
use crate::model::delivery::{Attempt, DeliveryStatus};
use crate::model::tenant::Tenant;
use crate::testing::MemoryStore;
use crate::testing::samples;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + second).unwrap()
}

fn tenant(name: &str) -> TenantId {
    format!("ten_{name}").parse().unwrap()
}

const HORIZON: Horizon = Horizon {
    clock: || Timestamp::from_second(1_900_001_000).unwrap_or(Timestamp::MAX),
    kept_for: SignedDuration::from_hours(24 * 90),
};

fn attempt(n: u32, error: Option<&str>) -> Attempt {
    Attempt {
        n,
        at: at(n.into()),
        http_status: Some(if error.is_some() { 503 } else { 200 }),
        duration_ms: 12,
        error: error.map(str::to_owned),
        response: Some("the answer".into()),
        next_retry_at: error.map(|_| at(i64::from(n) + 60)),
    }
}

async fn put(store: &MemoryStore, name: &str, second: i64, change: impl FnOnce(&mut Delivery)) -> Delivery {
    let mut row = samples::delivery(name, &tenant("a"), at(second));
    change(&mut row);
    assert!(store.insert(&row).await.unwrap());
    row
}

async fn ids(store: &MemoryStore, query: &str) -> Vec<String> {
    let page = list(store, &tenant("a"), Some(query), &HORIZON).await.unwrap();
    let text = serde_json::to_value(&page.data).unwrap();
    text.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_filter_lets_through_what_it_names() {
    let store = MemoryStore::default();
    let one = put(&store, "one", 1, |_| ()).await;
    let two = put(&store, "two", 2, |row| row.status = DeliveryStatus::Delivered).await;
    let three = put(&store, "three", 3, |row| {
        row.event_type = crate::model::event_type::EventType::PaymentFailed;
        row.subscription = "sub_2".parse().unwrap();
    });
    let three = three.await;
    put(&store, "forgotten", 4, |row| row.work.expires_at = Some(at(1_000))).await;
    let [one, two, three] = [one, two, three].map(|row| row.id.to_string());
    for (query, found) in [
        ("", vec![&three, &two, &one]),
        ("status=delivered", vec![&two]),
        ("status=pending", vec![&three, &one]),
        ("event=payment.failed", vec![&three]),
        ("event=invoice.*", vec![&two, &one]),
        ("event=*&subscription_id=sub_1", vec![&two, &one]),
        ("since=2030-03-17T17:46:42Z", vec![&three, &two]),
        ("until=2030-03-17T17:46:42Z", vec![&one]),
        ("since=2030-03-17T17:46:42Z&until=2030-03-17T17:46:43Z", vec![&two]),
        ("limit=1", vec![&three]),
        ("status=failed", vec![]),
    ] {
        assert_eq!(ids(&store, query).await.iter().collect::<Vec<_>>(), found, "{query}");
    }
    assert!(list(&store, &tenant("b"), None, &HORIZON).await.unwrap().data.is_empty(), "another tenant's list");
}

#[tokio::test]
async fn a_list_goes_back_to_when_its_tenant_was_made_and_no_further() {
    let store = MemoryStore::default();
    put(&store, "one", 1, |_| ()).await;
    for (made_at, found) in [(at(-100_000), 1), (at(2), 0)] {
        let made = Tenant { id: tenant("a"), ..Tenant::default_tenant(made_at) };
        store.commit(&[Change::Put(Entry::Tenant(made))]).await.unwrap();
        assert_eq!(ids(&store, "").await.len(), found);
    }
    assert_eq!(ids(&store, "since=2030-03-17T00:00:00Z").await.len(), 1, "unless it is told since when");
}

#[tokio::test]
async fn a_delivery_is_shown_with_its_attempts() {
    let store = MemoryStore::default();
    let row = put(&store, "one", 0, |row| {
        row.last = Some(attempt(2, None));
        row.status = DeliveryStatus::Delivered;
        row.work.attempts = 2;
    });
    let row = row.await;
    store.put_attempt(&row.id, &attempt(1, Some("http_503")), at(9_000)).await.unwrap();
    insta::assert_json_snapshot!(get(&store, &tenant("a"), &row.id, at(10)).await.unwrap());
    let page = list(&store, &tenant("a"), None, &HORIZON).await.unwrap();
    insta::assert_json_snapshot!(page);
}

#[tokio::test]
async fn another_tenants_a_forgotten_and_a_made_up_delivery_look_alike() {
    let store = MemoryStore::default();
    let row = put(&store, "one", 0, |row| row.work.expires_at = Some(at(100))).await;
    assert!(get(&store, &tenant("a"), &row.id, at(99)).await.is_ok());
    for (who, id, now) in
        [("b", row.id.as_str(), 99), ("a", row.id.as_str(), 100), ("a", "dlv_x", 0), ("a", "dlv_1_2_3", 0)]
    {
        let answer = get(&store, &tenant(who), &id.parse().unwrap(), at(now)).await;
        assert_eq!(answer, Err(Refusal::NotFound), "{who} {id}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_answers_as_soon_as_there_is_something() {
    let store = MemoryStore::default();
    let start = tokio::time::Instant::now();
    let later = async {
        tokio::time::sleep(Duration::from_millis(3_500)).await;
        put(&store, "late", 1, |_| ()).await
    };
    let (who, query) = (tenant("a"), Some("since=2030-03-17T17:46:40Z&wait_s=20"));
    let (page, _) = tokio::join!(list(&store, &who, query, &HORIZON), later);
    assert_eq!(page.unwrap().data.len(), 1);
    assert_eq!(start.elapsed(), Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_ends_in_time_with_an_empty_page() {
    let store = MemoryStore::default();
    let start = tokio::time::Instant::now();
    let page = list(&store, &tenant("a"), Some("wait_s=5"), &HORIZON).await.unwrap();
    assert!(page.data.is_empty() && start.elapsed() <= Duration::from_secs(5), "{:?}", start.elapsed());
    let now = tokio::time::Instant::now();
    list(&store, &tenant("a"), None, &HORIZON).await.unwrap();
    assert_eq!(now.elapsed(), Duration::ZERO, "nobody asked to wait");
}
