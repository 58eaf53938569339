use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::auth::SourceCaller;
use crate::intake::take_in;
use crate::model::event::{Event, EventStatus, Provider};
use crate::model::ids::{SourceId, TenantId};
use crate::model::job::JobStatus;
use crate::model::moysklad::{
    Account, AccountId, Action, DrainJob, EntityId, EntityKind, ReconciliationJob, ResyncJob, Role, Tally,
};
use crate::model::row::{RowKey, WorkRow as _};
use crate::model::sealed::Sealed;
use crate::providers::moysklad::payload::Notice;
use crate::providers::moysklad::verify::{incoming, polled};
use crate::sync::jobs;
use crate::sync::ports::MoyskladError;
use crate::sync::store::DirtyRows as _;
use crate::testing::MemoryStore;
use crate::testing::memory_moysklad::{Fault, MemoryMoysklad};
use crate::testing::memory_sync::MemorySync;
use crate::testing::samples::subscription;
use crate::work::{Bell, Hold, StoreError};

const START: i64 = 1_900_000_000_000;

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(START) };
}

fn now() -> Timestamp {
    Timestamp::from_millisecond(NOW.get()).unwrap()
}

fn wait(seconds: i64) {
    NOW.set(NOW.get() + seconds * 1_000);
}

fn account(n: u32) -> AccountId {
    format!("00000000-0000-0000-0000-{n:012}").parse().unwrap()
}

fn tenant() -> TenantId {
    TenantId::default_tenant()
}

fn source(n: u32) -> SourceId {
    format!("src_{n}").parse().unwrap()
}

const MAIN: u32 = 1;
const CHILD: u32 = 11;

fn account_row(n: u32, role: Role) -> Account {
    Account {
        id: account(n),
        tenant: tenant(),
        source: source(n),
        name: None,
        role,
        enabled: true,
        token: Sealed::from_text("sealed"),
        doorbell: None,
        created_at: Timestamp::UNIX_EPOCH,
        rev: 0,
    }
}

/// Nothing stops the work, or one thing does.
struct Brakes(Option<Hold>);

impl Brake for Brakes {
    async fn held(&self) -> Result<Option<Hold>, StoreError> {
        Ok(self.0.clone())
    }
}

struct House {
    syncer: Syncer<MemoryStore, MemorySync, MemoryMoysklad>,
    world: MemoryMoysklad,
}

impl House {
    fn new() -> Self {
        NOW.set(START);
        let (store, memory, world) = (MemoryStore::default(), MemorySync::default(), MemoryMoysklad::default());
        let settings = json!({"entities": ["product", "productfolder"], "match_field": "external_code"});
        let settings = Box::new(serde_json::from_value(settings).unwrap());
        memory.put_account(account_row(MAIN, Role::Main));
        memory.put_account(account_row(CHILD, Role::Child { main: account(MAIN), settings }));
        world.set_time(now());
        let settings = Settings {
            call_time: SignedDuration::from_secs(20),
            poll_interval: SignedDuration::from_mins(10),
            event_kept_for: SignedDuration::from_hours(24),
            timing: Timing::default(),
        };
        let syncer = Syncer { store, memory, clients: world.clone(), settings, clock: now };
        Self { syncer, world }
    }

    fn deadline() -> Timestamp {
        now() + SignedDuration::from_mins(4)
    }

    fn make(&self, name: &str) -> EntityId {
        self.world.made_by_hand(account(MAIN), EntityKind::Product, json!({"name": name, "externalCode": name}))
    }

    fn change(&self, id: EntityId, body: Value) {
        self.world.set_time(now());
        self.world.changed_by_hand(account(MAIN), EntityKind::Product, id, body);
    }

    fn names_in_the_child(&self) -> Vec<String> {
        let all = self.world.all(account(CHILD), EntityKind::Product);
        let mut names: Vec<_> = all.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    /// What was told comes in by the doorbell; the events.
    async fn ring(&self) -> Vec<Event> {
        let incoming: Vec<_> = self
            .world
            .told()
            .into_iter()
            .map(|mut notice| {
                notice.at = now();
                polled(&source(MAIN), &tenant(), &notice)
            })
            .collect();
        take_in(&self.syncer.store, &incoming, &self.syncer.settings.timing, now()).await.unwrap();
        let mut events = Vec::new();
        for one in &incoming {
            events.push(self.syncer.store.read::<Event>(&RowKey::Event(one.id().clone())).await.unwrap().unwrap());
        }
        events
    }

    async fn hear(&self, event: &Event) -> NoticeTold {
        let bell = Bell::new(event.key(), event.work.turn);
        let Answered::Yours(claimed) = self.syncer.take_event(&bell, Self::deadline()).await.unwrap() else {
            panic!("not ours");
        };
        self.syncer.hear(*claimed, None, Self::deadline()).await.unwrap()
    }

    async fn hear_all(&self) {
        for event in self.ring().await {
            self.hear(&event).await;
        }
    }

    /// As `hear_all`, where MoySklad tells it, each change in a request of its own.
    async fn hear_all_of_webhooks(&self) {
        for (n, told) in self.world.told().into_iter().enumerate() {
            let href = format!("https://x/entity/{}/{}", told.entity_type, told.entity_id);
            let event = json!({"meta": {"type": told.entity_type, "href": href}, "action": told.action,
                "accountId": told.account_id, "updatedFields": told.updated_fields});
            let caller = SourceCaller { source: source(MAIN), provider: Provider::Moysklad, tenant: tenant() };
            let (request, body) = (format!("{}-{n}", NOW.get()), json!({"events": [event]}).to_string());
            let read = incoming(&caller, told.account_id, Some(&request), &[], body.as_bytes(), now()).unwrap();
            let read: Vec<_> = read.into_iter().map(Result::unwrap).collect();
            take_in(&self.syncer.store, &read, &self.syncer.settings.timing, now()).await.unwrap();
            let key = RowKey::Event(read[0].id().clone());
            self.hear(&self.syncer.store.read::<Event>(&key).await.unwrap().unwrap()).await;
        }
    }

    async fn job(&self) -> DrainJob {
        self.syncer.store.read(&RowKey::Drain(tenant(), account(CHILD))).await.unwrap().unwrap()
    }

    async fn claim(&self) -> Option<crate::work::Claimed<DrainJob>> {
        let job = self.job().await;
        self.syncer.take_drain(&Bell::new(job.key(), job.work.turn), Self::deadline()).await.unwrap()
    }

    async fn drain(&self) -> DrainTold {
        let claimed = self.claim().await.unwrap();
        self.syncer.drain(claimed, &Brakes(None), Self::deadline()).await.unwrap()
    }

    async fn tally(&self, n: u32) -> Tally {
        let all = self.syncer.memory.tallies(&tenant(), account(n), now()).await.unwrap();
        all.into_iter().fold(Tally::default(), |sum, (_, tally)| sum.and(tally))
    }
}

#[tokio::test]
async fn a_notice_ends_with_its_targets_and_its_account_is_drained_clean() {
    let house = House::new();
    let pen = house.make("pen");
    let event = house.ring().await.remove(0);
    let told = house.hear(&event).await;
    assert_eq!((told.outcome, told.targets), ("marked", 1));
    let event: Event = house.syncer.store.read(&event.key()).await.unwrap().unwrap();
    assert_eq!(event.status, EventStatus::Completed);
    let result = event.result.unwrap();
    assert_eq!((&result["entity_id"], &result["targets"]), (&json!(pen), &json!([account(CHILD)])));
    let told = house.drain().await;
    assert_eq!((told.outcome, told.tally.written), ("clean", 1));
    assert_eq!(house.names_in_the_child(), ["pen"]);
    let job = house.job().await;
    assert!(job.status == JobStatus::Done && job.work.ended());
    assert_eq!((house.tally(MAIN).await.missed, house.tally(CHILD).await.written), (1, 1));
}

#[tokio::test]
async fn who_asks_while_an_account_is_drained_is_not_forgotten() {
    let house = House::new();
    house.make("pen");
    house.hear_all().await;
    let claimed = house.claim().await.unwrap();
    house.make("ink");
    house.hear_all().await;
    // The second came before the line was looked at, and is carried; that it asked is seen at the end all the same.
    let told = house.syncer.drain(claimed, &Brakes(None), House::deadline()).await.unwrap();
    assert_eq!(told.tally.written, 2);
    let job = house.job().await;
    assert!(!job.work.ended() && job.status == JobStatus::Waiting && job.work.not_before <= now());
    assert_eq!(house.drain().await.tally.written, 0);
    assert!(house.job().await.work.ended());
    house.make("cap");
    house.hear_all().await;
    assert_eq!((house.job().await.work.turn, house.drain().await.outcome), (2, "clean"));
    assert_eq!(house.names_in_the_child(), ["cap", "ink", "pen"]);
}

#[tokio::test]
async fn a_troubled_account_is_left_alone_whoever_asks() {
    let house = House::new();
    house.make("pen");
    house.hear_all().await;
    house.world.fail_after(0, Fault::Before(MoyskladError::CredentialsRefused));
    let told = house.drain().await;
    assert!(told.outcome == "troubled" && told.refused);
    house.world.heal();
    house.make("ink");
    house.hear_all().await;
    let _ = house.world.n_calls();
    let told = house.drain().await;
    assert_eq!((told.outcome, house.world.n_calls()), ("spared", 0));
    assert!(house.claim().await.is_none(), "it may not run yet");
    wait(600);
    assert_eq!((house.drain().await.outcome, house.job().await.trouble), ("clean", None));
    assert_eq!(house.names_in_the_child(), ["ink", "pen"]);
}

#[tokio::test]
async fn an_account_behind_a_switch_is_parked_with_all_that_waits() {
    let house = House::new();
    house.make("pen");
    house.hear_all().await;
    let hold = Hold::switch("provider:moysklad");
    let claimed = house.claim().await.unwrap();
    let told = house.syncer.drain(claimed, &Brakes(Some(hold.clone())), House::deadline()).await.unwrap();
    assert_eq!((told.outcome, told.reason.as_deref()), ("held", Some("switch:provider:moysklad")));
    assert!(house.job().await.work.due_shard.unwrap().contains("parked"));
    assert_eq!(house.names_in_the_child(), [""; 0]);
    assert_eq!(house.drain().await.outcome, "clean");
}

#[tokio::test]
async fn a_row_that_failed_is_tried_again_in_time_and_the_account_waits_for_it() {
    let house = House::new();
    house.make("pen");
    house.hear_all().await;
    house.world.refuse_name("pen");
    let told = house.drain().await;
    assert_eq!((told.outcome, told.tally.put_off, told.waiting), ("later", 1, Some(1)));
    let job = house.job().await;
    assert_eq!(job.work.not_before, now() + SignedDuration::from_secs(30));
}

#[tokio::test]
async fn what_was_held_is_looked_at_when_it_is_quiet_though_nobody_asks_again() {
    let house = House::new();
    let pen = house.make("pen");
    house.hear_all_of_webhooks().await;
    house.drain().await;
    for name in ["red pen", "blue pen"] {
        wait(60);
        house.change(pen, json!({"name": name}));
        house.hear_all_of_webhooks().await;
        if house.job().await.work.not_before <= now() {
            house.drain().await;
        }
    }
    assert_eq!(house.names_in_the_child(), ["red pen"], "the third change is held");
    let job = house.job().await;
    assert!(!job.work.ended(), "the account's row waits with it");
    assert_eq!(job.work.not_before, now() + SignedDuration::from_mins(30));
    wait(1_800);
    assert_eq!((house.drain().await.outcome, house.names_in_the_child()), ("clean", vec!["blue pen".to_owned()]));
}

#[tokio::test]
async fn subscribers_hear_what_was_carried_once_and_what_was_given_up() {
    let house = House::new();
    house.syncer.store.put_subscription(subscription("sub_1", "moysklad.*"));
    house.make("pen");
    let event = house.ring().await.remove(0);
    house.hear(&event).await;
    house.drain().await;
    let said = house.syncer.store.announcements();
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].id.parent(), event.id, "it is found in the story of the notice");
    insta::assert_json_snapshot!(said[0].data, @r#"
    {
      "account_id": "00000000-0000-0000-0000-000000000001",
      "entity_id": "e0000000-0000-0000-0000-000000000001",
      "entity_type": "product",
      "outcome": "written",
      "target_account_id": "00000000-0000-0000-0000-000000000011"
    }
    "#);
    house.make("ink");
    house.world.refuse_name("ink");
    house.hear_all().await;
    for _ in 0..6 {
        house.drain().await;
        wait(1_000);
    }
    let said = house.syncer.store.announcements();
    let failed: Vec<_> = said.iter().filter(|one| one.event_type.as_str() == "moysklad.sync_failed").collect();
    assert_eq!((failed.len(), &failed[0].data["reason"], &failed[0].data["tries"]), (1, &json!("refused"), &json!(6)));
    assert_eq!(house.tally(CHILD).await.failed + house.tally(MAIN).await.failed, 1);
}

async fn reconcile(house: &House, n: u32) -> ReconciliationTold {
    let key = RowKey::Reconciliation(tenant(), account(n), EntityKind::Product);
    if house.syncer.store.read::<ReconciliationJob>(&key).await.unwrap().is_none() {
        let of = (account(n), &source(n));
        let job = jobs::reconciliation(&tenant(), of, EntityKind::Product, now(), &house.syncer.settings.timing);
        house.syncer.store.insert(&job).await.unwrap();
        wait(1);
    }
    house.syncer.store.make_ready(&key, now());
    let job: ReconciliationJob = house.syncer.store.read(&key).await.unwrap().unwrap();
    let bell = Bell::new(key, job.work.turn);
    let claimed = house.syncer.take_reconciliation(&bell, House::deadline()).await.unwrap().unwrap();
    house.syncer.reconcile(claimed, None, House::deadline()).await.unwrap()
}

/// Works off the bells that were rung for notices.
async fn hear_rung(house: &House) {
    for ring in house.syncer.store.rung() {
        if let RowKey::Event(_) = ring.bell.row
            && let Answered::Yours(claimed) = house.syncer.take_event(&ring.bell, House::deadline()).await.unwrap()
        {
            house.syncer.hear(*claimed, None, House::deadline()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_poll_finds_what_no_webhook_told_and_nothing_that_one_did() {
    let house = House::new();
    let pen = house.make("pen");
    house.hear_all().await;
    house.drain().await;
    assert_eq!(reconcile(&house, MAIN).await.missed, 0, "it was carried as it is");
    house.change(pen, json!({"name": "fine pen"}));
    let _ = house.world.told();
    wait(5);
    let told = reconcile(&house, MAIN).await;
    assert_eq!((told.missed, told.trouble), (1, None));
    hear_rung(&house).await;
    assert_eq!(house.drain().await.tally.written, 1);
    assert_eq!(house.names_in_the_child(), ["fine pen"]);
    house.world.set_time(now());
    house.world.deleted_by_hand(account(MAIN), EntityKind::Product, pen);
    let _ = house.world.told();
    assert_eq!(reconcile(&house, MAIN).await.missed, 1);
    hear_rung(&house).await;
    house.drain().await;
    assert_eq!(house.names_in_the_child(), [""; 0]);
    assert_eq!(reconcile(&house, MAIN).await.missed, 0);
}

#[tokio::test]
async fn a_poll_finds_what_was_deleted_in_a_child_and_it_comes_back() {
    let house = House::new();
    house.make("pen");
    house.hear_all().await;
    house.drain().await;
    assert_eq!(reconcile(&house, CHILD).await.missed, 0);
    let all = house.world.all(account(CHILD), EntityKind::Product);
    let id: EntityId = all[0]["id"].as_str().unwrap().parse().unwrap();
    house.world.set_time(now());
    house.world.deleted_by_hand(account(CHILD), EntityKind::Product, id);
    let _ = house.world.told();
    assert_eq!(reconcile(&house, CHILD).await.missed, 1);
    hear_rung(&house).await;
    house.drain().await;
    assert_eq!(house.names_in_the_child(), ["pen"]);
}

#[tokio::test]
async fn a_poll_that_was_not_answered_asks_for_the_same_again() {
    let house = House::new();
    reconcile(&house, MAIN).await;
    house.make("pen");
    let _ = house.world.told();
    house.world.fail_after(0, Fault::Before(MoyskladError::Timeout));
    let key = RowKey::Reconciliation(tenant(), account(MAIN), EntityKind::Product);
    let before: ReconciliationJob = house.syncer.store.read(&key).await.unwrap().unwrap();
    wait(600);
    assert_eq!(reconcile(&house, MAIN).await.trouble.as_deref(), Some("timeout"));
    let after: ReconciliationJob = house.syncer.store.read(&key).await.unwrap().unwrap();
    assert_eq!((after.since, after.trouble.as_deref()), (before.since, Some("timeout")));
    assert!(after.work.not_before < now() + SignedDuration::from_mins(10), "sooner than usual");
    house.world.heal();
    assert_eq!(reconcile(&house, MAIN).await.missed, 1);
}

#[tokio::test]
async fn a_poll_of_several_pages_passes_nothing_over_though_something_goes_meanwhile() {
    let house = House::new();
    reconcile(&house, MAIN).await;
    let mut ids = Vec::new();
    for n in 0..1_100 {
        house.world.set_time(now() + SignedDuration::from_millis(n));
        ids.push(house.make(&format!("pen {n}")));
    }
    let _ = house.world.told();
    wait(600);
    house.world.set_time(now());
    house.world.delete_by_hand_after(1, account(MAIN), EntityKind::Product, ids[5]);
    let told = reconcile(&house, MAIN).await;
    assert_eq!((told.missed, told.trouble), (1_100, None));
}

#[tokio::test]
async fn an_audit_too_long_for_one_run_is_read_on_where_that_stopped() {
    let house = House::new();
    let ids: Vec<EntityId> = (0..10).map(|n| house.make(&format!("pen {n}"))).collect();
    house.hear_all().await;
    house.drain().await;
    reconcile(&house, MAIN).await;
    wait(600);
    house.world.set_time(now());
    for id in ids {
        house.world.deleted_by_hand(account(MAIN), EntityKind::Product, id);
    }
    // What has changed, and two pages of the audit.
    house.world.fail_after(3, Fault::Before(MoyskladError::Unreachable));
    let first = reconcile(&house, MAIN).await;
    assert_eq!((first.missed, first.trouble.as_deref()), (6, Some("unreachable")));
    house.world.heal();
    let _ = house.world.n_calls();
    wait(120);
    let second = reconcile(&house, MAIN).await;
    assert_eq!((second.missed, second.trouble, house.world.n_calls()), (4, None, 3));
    let key = RowKey::Reconciliation(tenant(), account(MAIN), EntityKind::Product);
    let job: ReconciliationJob = house.syncer.store.read(&key).await.unwrap().unwrap();
    assert_eq!((job.audit, job.deletions_since), (None, now() - SignedDuration::from_secs(120)));
}

#[tokio::test]
async fn the_poll_of_an_account_that_is_gone_ends() {
    let house = House::new();
    assert!(reconcile(&house, 99).await.ended);
    let key = RowKey::Reconciliation(tenant(), account(99), EntityKind::Product);
    let job: ReconciliationJob = house.syncer.store.read(&key).await.unwrap().unwrap();
    assert!(job.work.ended() && job.status == JobStatus::Done);
}

async fn resync_once(house: &House) -> Option<ResyncTold> {
    let key = RowKey::Resync(tenant(), account(CHILD));
    let job: ResyncJob = house.syncer.store.read(&key).await.unwrap().unwrap();
    let claimed = house.syncer.take_resync(&Bell::new(key, job.work.turn), House::deadline()).await.unwrap()?;
    Some(house.syncer.resync(claimed, None, House::deadline()).await.unwrap())
}

#[tokio::test]
async fn a_resync_marks_each_page_once_and_goes_on_where_its_worker_died() {
    let house = House::new();
    for n in 0..1_200 {
        house.make(&format!("pen {n}"));
    }
    let _ = house.world.told();
    let job = jobs::resync(&tenant(), account(CHILD), now(), &house.syncer.settings.timing);
    house.syncer.store.insert(&job).await.unwrap();
    // Folders first, of which there are none.
    assert_eq!(resync_once(&house).await.unwrap().marked, 0);
    assert_eq!(resync_once(&house).await.unwrap().marked, 500);
    // Its worker dies in the middle of the second page.
    house.syncer.memory.die_after(100);
    let key = RowKey::Resync(tenant(), account(CHILD));
    let bell = Bell::new(key.clone(), 1);
    let claimed = house.syncer.take_resync(&bell, House::deadline()).await.unwrap().unwrap();
    house.syncer.resync(claimed, None, House::deadline()).await.unwrap_err();
    house.syncer.memory.revive();
    house.syncer.store.end_lease(&key);
    assert_eq!(resync_once(&house).await.unwrap().marked, 980);
    assert_eq!(resync_once(&house).await.unwrap().marked, 1_200);
    let job: ResyncJob = house.syncer.store.read(&key).await.unwrap().unwrap();
    assert_eq!((job.status, job.done_at, job.kind), (JobStatus::Done, Some(now()), None));
    assert_eq!(house.syncer.memory.n_dirty(&tenant(), account(CHILD)).await, Ok(1_200));
    let told = house.drain().await;
    assert_eq!((told.outcome, told.tally.written), ("clean", 1_200));
    assert_eq!(house.names_in_the_child().len(), 1_200);
}

#[tokio::test]
async fn a_resync_passes_nothing_over_though_something_goes_meanwhile() {
    let house = House::new();
    let ids: Vec<EntityId> = (0..600).map(|n| house.make(&format!("pen {n}"))).collect();
    let _ = house.world.told();
    let job = jobs::resync(&tenant(), account(CHILD), now(), &house.syncer.settings.timing);
    house.syncer.store.insert(&job).await.unwrap();
    for marked in [0, 500] {
        assert_eq!(resync_once(&house).await.unwrap().marked, marked);
    }
    for id in &ids[..5] {
        house.world.deleted_by_hand(account(MAIN), EntityKind::Product, *id);
    }
    resync_once(&house).await.unwrap();
    let dirty = house.syncer.memory.all_dirty();
    assert!(ids.iter().all(|id| dirty.iter().any(|row| row.origin.id == *id)), "{} of 600", dirty.len());
}

#[tokio::test]
async fn a_resync_of_what_is_equal_writes_nothing() {
    let house = House::new();
    for n in 0..20 {
        house.make(&format!("pen {n}"));
    }
    house.hear_all().await;
    house.drain().await;
    let _ = house.world.written();
    let job = jobs::resync(&tenant(), account(CHILD), now(), &house.syncer.settings.timing);
    house.syncer.store.insert(&job).await.unwrap();
    resync_once(&house).await.unwrap();
    resync_once(&house).await.unwrap();
    let told = house.drain().await;
    assert_eq!((told.tally.written, told.tally.equal), (0, 20));
    assert_eq!(house.world.written(), []);
}

#[tokio::test]
async fn a_notice_that_is_no_notice_or_lost_its_body_is_given_up() {
    let house = House::new();
    house.make("pen");
    let event = house.ring().await.remove(0);
    house.syncer.store.forget_body(&event.id);
    for _ in 0..5 {
        assert_eq!(house.hear(&event).await.outcome, "again");
        wait(30);
    }
    let told = house.hear(&event).await;
    assert_eq!((told.outcome, told.reason.as_deref()), ("failed", Some("body_missing")));
}

#[test]
fn what_is_looked_back_to_is_from_the_audit_too() {
    let notice =
        Notice::seen(account(MAIN), EntityKind::Product, EntityId::new(account(5).uuid()), Action::Delete, now());
    let one = polled(&source(MAIN), &tenant(), &notice);
    assert!(crate::providers::moysklad::verify::is_polled(&one.body().headers));
}
