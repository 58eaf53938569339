//! What an operator does with accounts, over the stores in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::account_body::{AccountPatch, NewAccount};
use super::accounts::{change, create, remove};
use super::book::MoyskladAccounts;
use super::desk::{Desk, Reach};
use super::health::{Health, Illness, check};
use super::selection::Selection;
use super::webhooks::{Done, HooksDone, delete_all, list, set_up};
use super::{emergency, loops, resync, stats};
use crate::auth::{Credential, Door};
use crate::manage::directory::Directory;
use crate::manage::json_fields::{BodyError, JsonFields};
use crate::manage::page::Page;
use crate::manage::refusal::{Conflict, Refusal};
use crate::manage::{reseal, sources, tenants};
use crate::model::event::Provider;
use crate::model::ids::TenantId;
use crate::model::moysklad::{
    Account, AccountId, Action, DrainJob, EntityId, EntityKind, EntityRef, Mapping, ReconciliationJob, Tally,
};
use crate::model::row::RowKey;
use crate::signing::seal::StackKeys;
use crate::sync::guards::LoopGuard;
use crate::sync::ports::MoyskladError;
use crate::sync::store::{DirtyRows, Drains, GuardRows, Mappings, Tallies};
use crate::testing::MemoryStore;
use crate::testing::memory_hooks::MemoryHooks;
use crate::testing::moysklad_samples::account_id;
use crate::testing::samples::{FixedChance, counting_chance};
use crate::work::{Claim, ClaimOutcome, Rows, Timing};

const START: i64 = 1_900_000_000;
const BASE: &str = "https://api.example.com";

struct Play {
    store: MemoryStore,
    moysklad: MemoryHooks,
    clock: Arc<AtomicI64>,
    chance: FixedChance,
    timing: Timing,
}

impl Play {
    async fn new() -> Self {
        let clock = Arc::new(AtomicI64::new(START));
        let store = MemoryStore::default();
        let play = Self {
            moysklad: MemoryHooks::default(),
            store,
            clock,
            chance: counting_chance(),
            timing: Timing::default(),
        };
        for tenant in ["ten_1", "ten_2"] {
            let id = tenant.parse().unwrap();
            tenants::create(&play.store, id, tenants::TenantFields::default(), play.now()).await.unwrap();
        }
        play
    }

    /// One with a main account (1) and a child of it (2).
    async fn of_two() -> Self {
        let play = Self::new().await;
        play.make(main(1)).await.unwrap();
        play.make(child(2)).await.unwrap();
        play
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.clock.load(Ordering::SeqCst)).unwrap()
    }

    async fn make(&self, body: Value) -> Result<Account, Refusal> {
        let new = NewAccount::read(fields(&body))?;
        create(&self.store, new, &self.chance.of(), &self.timing, self.now()).await
    }

    async fn patch(&self, n: u8, body: Value) -> Result<Account, Refusal> {
        let patch = AccountPatch::read(fields(&body))?;
        change(&self.store, (None, account_id(n)), patch, &self.chance.of(), &self.timing, self.now()).await
    }

    async fn at_the_desk<T>(&self, act: impl AsyncFnOnce(&Desk<'_, MemoryStore, MemoryHooks>) -> T) -> T {
        let clock = || self.now();
        let chance = self.chance.of();
        let desk = Desk {
            store: &self.store,
            clients: &self.moysklad,
            chance: &chance,
            base: BASE,
            timing: &self.timing,
            clock: &clock,
            since: self.now(),
        };
        act(&desk).await
    }

    async fn set_up(&self, n: u8) -> HooksDone {
        self.at_the_desk(async |desk| set_up(desk, one(n)).await).await.unwrap().data.remove(0)
    }

    async fn set_up_all(&self, selection: Selection) -> Page<HooksDone> {
        self.at_the_desk(async |desk| set_up(desk, selection).await).await.unwrap()
    }

    async fn check(&self, n: u8) -> Health {
        self.at_the_desk(async |desk| check(desk, one(n)).await).await.unwrap().data.remove(0)
    }

    async fn account(&self, n: u8) -> Account {
        self.store.claimed_account(account_id(n)).await.unwrap().unwrap()
    }

    async fn opens(&self, url: &str) -> bool {
        let token = url.strip_prefix("https://api.example.com/api/webhooks/moysklad/").and_then(Credential::presented);
        let door = Door::new(self.store.clone());
        door.source(token.as_ref(), Provider::Moysklad, None, self.now()).await.is_ok()
    }
}

fn fields(body: &Value) -> JsonFields {
    JsonFields::read(body.to_string().as_bytes()).unwrap()
}

fn one(n: u8) -> Selection {
    Selection::read(fields(&json!({"account_id": account_id(n)}))).unwrap()
}

fn selection(body: Value) -> Selection {
    Selection::read(fields(&body)).unwrap()
}

fn main(n: u8) -> Value {
    json!({"tenant_id": "ten_1", "account_id": account_id(n), "role": "main", "token": format!("token-of-{n}")})
}

fn child(n: u8) -> Value {
    json!({
        "tenant_id": "ten_1", "account_id": account_id(n), "role": "child", "main_account_id": account_id(1),
        "token": format!("token-of-{n}"), "settings": {
            "entities": ["product"], "match_field": "code",
            "orders": {"kinds": ["customerorder"], "organization": account_id(8), "agent": account_id(9)},
        },
    })
}

fn results(done: &HooksDone) -> Vec<Done> {
    done.webhooks.iter().map(|one| one.result).collect()
}

fn field_errors(refusal: Refusal) -> Vec<String> {
    let Refusal::Input(BodyError::Fields(errors)) = refusal else { panic!("{refusal:?}") };
    errors.into_iter().map(|error| format!("{}:{}", error.path, error.code)).collect()
}

#[tokio::test]
async fn an_account_is_set_up_with_a_source_of_its_own_and_its_polls() {
    let play = Play::of_two().await;
    let account = play.account(2).await;
    let source = play.store.source(&account.source).await.unwrap().unwrap();
    assert_eq!(
        (source.provider, source.moysklad, &source.tenant),
        (Provider::Moysklad, Some(account.id), &account.tenant)
    );
    let keys = crate::testing::samples::stack_keys();
    assert_eq!(keys.open_text(&account.token, &account.tenant, &account.seal_name()).unwrap(), "token-of-2");
    let doorbell = account.doorbell.as_ref().unwrap();
    let token = keys.open_text(doorbell, &account.tenant, &account.doorbell_seal_name()).unwrap();
    assert!(play.opens(&format!("{BASE}/api/webhooks/moysklad/{token}")).await);
    for kind in [EntityKind::Product, EntityKind::CustomerOrder] {
        let key = RowKey::Reconciliation(account.tenant.clone(), account.id, kind);
        let poll: ReconciliationJob = play.store.read(&key).await.unwrap().unwrap();
        assert_eq!(poll.source, account.source);
    }
    assert_eq!(play.store.rung(), [], "sweep rings for polls");
}

#[tokio::test]
async fn an_account_is_one_tenants_and_a_child_has_a_main_account_of_its_tenants() {
    let play = Play::of_two().await;
    for tenant in ["ten_1", "ten_2"] {
        let mut again = main(1);
        again["tenant_id"] = json!(tenant);
        assert_eq!(play.make(again).await.unwrap_err(), Conflict::AccountTaken.into());
    }
    let sources = play.store.sources_of(&"ten_2".parse().unwrap()).await.unwrap();
    assert_eq!(sources, [], "what was refused leaves no source behind");
    let unknown = |refusal| field_errors(refusal) == ["main_account_id:unknown_account"];
    let mut orphan = child(3);
    for main in [account_id(7), account_id(2), account_id(3)] {
        orphan["main_account_id"] = json!(main);
        assert!(unknown(play.make(orphan.clone()).await.unwrap_err()), "none, a child, itself");
    }
    let mut foreign = child(3);
    foreign["tenant_id"] = json!("ten_2");
    assert!(unknown(play.make(foreign).await.unwrap_err()));
    let mut nobodys = main(3);
    nobodys["tenant_id"] = json!("ten_none");
    assert_eq!(field_errors(play.make(nobodys).await.unwrap_err()), ["tenant_id:unknown_tenant"]);
}

#[tokio::test]
async fn a_main_account_with_children_stays_one_and_stays() {
    let play = Play::of_two().await;
    play.make(main(3)).await.unwrap();
    let settings = child(1)["settings"].clone();
    let to_child = json!({"role": "child", "main_account_id": account_id(3), "settings": settings});
    assert_eq!(play.patch(1, to_child.clone()).await.unwrap_err(), Conflict::HasChildren.into());
    let gone = play.at_the_desk(async |desk| remove(desk, None, account_id(1), false).await).await;
    assert_eq!(gone.unwrap_err(), Conflict::HasChildren.into());
    let moved = play.patch(2, json!({"main_account_id": account_id(3)})).await.unwrap();
    assert_eq!(moved.as_child().map(|(main, _)| main), Some(account_id(3)));
    assert_eq!(play.patch(1, to_child).await.unwrap().as_child().map(|(main, _)| main), Some(account_id(3)));
    let alone = play.patch(2, json!({"role": "main"})).await.unwrap();
    assert_eq!(alone.as_child(), None);
    assert_eq!(
        field_errors(play.patch(2, json!({"settings": settings})).await.unwrap_err()),
        ["settings:contradictory"]
    );
    assert_eq!(field_errors(play.patch(2, json!({"role": "child"})).await.unwrap_err()).len(), 2);
}

#[tokio::test]
async fn a_child_that_is_made_meanwhile_keeps_its_main_account_there() {
    let play = Play::new().await;
    let seen = play.make(main(1)).await.unwrap();
    play.make(child(2)).await.unwrap();
    assert_eq!(play.store.commit(&super::accounts::drops(&seen)).await, Ok(false), "it was written since");
}

#[tokio::test]
async fn a_token_that_is_replaced_is_the_one_that_is_used() {
    let play = Play::of_two().await;
    play.moysklad.set_token(account_id(1), "the-new-token");
    assert_eq!(play.set_up(1).await.error.as_deref(), Some("credentials_refused"));
    assert_eq!(play.check(1).await.problems, [Illness::TokenRefused]);
    play.patch(1, json!({"token": "the-new-token", "name": "Central"})).await.unwrap();
    assert_eq!(play.set_up(1).await.status, Reach::Done);
}

#[tokio::test]
async fn webhooks_are_set_up_once_and_those_of_others_are_never_touched() {
    let play = Play::of_two().await;
    let others = "https://shop.example.com/hook/secret";
    play.moysklad.made_by_hand(account_id(1), (EntityKind::Product, Action::Update), others);
    let first = play.set_up(1).await;
    assert_eq!((first.status, results(&first)), (Reach::Done, vec![Done::Made; 3]));
    let hooks = play.moysklad.all(account_id(1));
    assert_eq!(hooks.len(), 4);
    for hook in hooks.iter().filter(|hook| hook.url != others) {
        assert!(play.opens(&hook.url).await && hook.url.len() <= 255);
    }
    assert_eq!(results(&play.set_up(1).await), vec![Done::Kept; 3]);
    assert_eq!(play.moysklad.all(account_id(1)), hooks);
    let of_child = play.set_up(2).await;
    let told: Vec<_> = of_child.webhooks.iter().map(|one| format!("{} {}", one.action, one.entity_type)).collect();
    assert_eq!(told, ["DELETE product", "CREATE customerorder", "UPDATE customerorder"]);
    assert!(play.check(1).await.ok && play.check(2).await.ok);
}

#[tokio::test]
async fn what_was_switched_off_rings_again_and_what_is_no_longer_wanted_goes() {
    let play = Play::of_two().await;
    play.set_up(2).await;
    play.moysklad.change(account_id(2), |hook| hook.enabled = hook.action != "DELETE");
    assert_eq!(play.check(2).await.problems, [Illness::WebhooksDisabled]);
    play.patch(2, json!({"settings": {"entities": ["product", "bundle"], "match_field": "code"}})).await.unwrap();
    let ill = play.check(2).await;
    assert_eq!(ill.problems, [Illness::WebhooksMissing, Illness::WebhooksDisabled, Illness::WebhooksStale]);
    let done = play.set_up(2).await;
    assert_eq!(results(&done), [Done::Enabled, Done::Made, Done::Deleted, Done::Deleted]);
    assert!(play.check(2).await.ok);
}

#[tokio::test]
async fn a_source_that_was_rotated_behind_its_accounts_back_gets_its_webhooks_anew() {
    let play = Play::of_two().await;
    play.set_up(1).await;
    let old: Vec<String> = play.moysklad.all(account_id(1)).into_iter().map(|hook| hook.url).collect();
    let source = play.account(1).await.source;
    sources::rotate(&play.store, &source, sources::DEFAULT_OVERLAP, [9; 32], play.now()).await.unwrap();
    assert_eq!(
        play.check(1).await.problems,
        [Illness::DoorbellStale, Illness::WebhooksMissing, Illness::WebhooksStale]
    );
    let done = play.set_up(1).await;
    assert_eq!(results(&done), [[Done::Made; 3], [Done::Deleted; 3]].concat());
    let new = play.moysklad.all(account_id(1));
    assert!(new.len() == 3 && new.iter().all(|hook| !old.contains(&hook.url)));
    assert!(play.opens(&new[0].url).await && play.check(1).await.ok);
}

#[tokio::test]
async fn a_source_that_was_taken_away_is_made_again() {
    let play = Play::of_two().await;
    play.set_up(1).await;
    let before = play.account(1).await.source;
    sources::remove(&play.store, &before).await.unwrap();
    assert!(play.check(1).await.problems.contains(&Illness::SourceMissing));
    assert_eq!(play.set_up(1).await.status, Reach::Done);
    let after = play.account(1).await.source;
    assert_ne!(before, after);
    assert!(play.opens(&play.moysklad.all(account_id(1)).last().unwrap().url).await);
    let key = RowKey::Reconciliation("ten_1".parse().unwrap(), account_id(1), EntityKind::Product);
    let poll: ReconciliationJob = play.store.read(&key).await.unwrap().unwrap();
    assert_eq!(poll.source, after, "it is polled for the new one");
}

#[tokio::test]
async fn a_sixth_webhook_is_refused_by_its_number_and_made_where_our_old_one_makes_room() {
    let play = Play::of_two().await;
    let told = (EntityKind::Product, Action::Create);
    for n in 0..5 {
        play.moysklad.made_by_hand(account_id(1), told, &format!("https://shop.example.com/{n}"));
    }
    let crowded = play.set_up(1).await;
    assert_eq!((crowded.status, crowded.error.as_deref()), (Reach::Failed, Some("too_many_webhooks")));
    assert_eq!(crowded.webhooks[0].code, Some(30_007));
    assert_eq!(results(&crowded)[1..], [Done::Made; 2]);

    let play = Play::of_two().await;
    play.set_up(1).await;
    for n in 0..4 {
        play.moysklad.made_by_hand(account_id(1), told, &format!("https://shop.example.com/{n}"));
    }
    let source = play.account(1).await.source;
    sources::rotate(&play.store, &source, sources::DEFAULT_OVERLAP, [9; 32], play.now()).await.unwrap();
    let done = play.set_up(1).await;
    assert_eq!((done.status, play.check(1).await.ok), (Reach::Done, true), "{done:?}");
}

#[tokio::test]
async fn dying_or_failing_anywhere_in_a_set_up_leaves_what_the_next_one_completes() {
    for calls in 0..10 {
        let play = Play::of_two().await;
        play.set_up(1).await;
        let source = play.account(1).await.source;
        sources::rotate(&play.store, &source, sources::DEFAULT_OVERLAP, [9; 32], play.now()).await.unwrap();
        play.moysklad.fail_after(account_id(1), calls, MoyskladError::Unreachable);
        let _ = play.set_up(1).await;
        play.moysklad.heal();
        play.set_up(1).await;
        assert!(play.check(1).await.ok, "after {calls} calls");
        assert_eq!(play.moysklad.all(account_id(1)).len(), 3);
    }
}

#[tokio::test]
async fn our_webhooks_are_deleted_and_with_force_those_at_a_forgotten_address_too() {
    let play = Play::of_two().await;
    play.set_up(1).await;
    let forgotten = format!("{BASE}/api/webhooks/moysklad/{}", "f".repeat(64));
    let others = "https://shop.example.com/hook/secret";
    for url in [forgotten.as_str(), others] {
        play.moysklad.made_by_hand(account_id(1), (EntityKind::Product, Action::Delete), url);
    }
    let shown = play.at_the_desk(async |desk| list(desk, one(1)).await).await.unwrap();
    let text = serde_json::to_string(&shown.data).unwrap();
    assert!(!text.contains("https") && !text.contains("secret"), "{text}");
    assert_eq!(shown.data[0].webhooks.iter().filter(|hook| hook.ours).count(), 3);

    play.moysklad.fail_after(account_id(1), 2, MoyskladError::Timeout);
    let stopped = play.at_the_desk(async |desk| delete_all(desk, one(1), false).await).await.unwrap().data.remove(0);
    assert_eq!((stopped.status, results(&stopped)), (Reach::Failed, vec![Done::Deleted, Done::Failed]));
    play.moysklad.heal();
    let gentle = play.at_the_desk(async |desk| delete_all(desk, one(1), false).await).await.unwrap().data.remove(0);
    assert_eq!(results(&gentle), [Done::Deleted; 2]);
    play.at_the_desk(async |desk| delete_all(desk, one(1), true).await).await.unwrap();
    let left: Vec<String> = play.moysklad.all(account_id(1)).into_iter().map(|hook| hook.url).collect();
    assert_eq!(left, [others]);
}

#[tokio::test]
async fn many_accounts_are_gone_through_as_long_as_there_is_time_and_the_cursor_goes_on() {
    let mut play = Play::new().await;
    for n in 1..=12 {
        play.clock.fetch_add(1, Ordering::SeqCst);
        play.make(main(n)).await.unwrap();
    }
    play.moysklad = MemoryHooks::slow(&play.clock, 1);
    let mut reached = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..6 {
        let mut body = json!({"all": true, "tenant_id": "ten_1"});
        body["cursor"] = json!(cursor);
        let page = play.set_up_all(selection(body)).await;
        let of = |status| page.data.iter().filter(|one| one.status == status).map(|one| one.account_id).collect();
        let (done, left): (Vec<AccountId>, Vec<AccountId>) = (of(Reach::Done), of(Reach::NotReached));
        assert_eq!(left.is_empty(), page.next_cursor.is_none(), "{page:?}");
        reached.extend(done);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let wanted: Vec<AccountId> = (1..=12).rev().map(account_id).collect();
    assert_eq!((reached, cursor), (wanted, None), "each once, the newest first");
}

#[test]
fn how_far_a_call_came_is_said_in_one_word() {
    let words = [Reach::Done, Reach::Failed, Reach::NotReached].map(|reach| json!(reach));
    assert_eq!(words, [json!("done"), json!("failed"), json!("not_reached")]);
}

#[tokio::test]
async fn each_account_stands_alone_and_another_tenants_looks_like_none() {
    let play = Play::of_two().await;
    play.moysklad.fail_after(account_id(1), 0, MoyskladError::Refused { status: 403, code: Some(30_006) });
    let named = json!({"account_ids": [account_id(1), account_id(2), account_id(9)], "tenant_id": "ten_1"});
    let page = play.set_up_all(selection(named)).await;
    let told: Vec<_> = page.data.iter().map(|one| (one.status, one.error.as_deref())).collect();
    assert_eq!(told, [(Reach::Failed, Some("not_in_tariff")), (Reach::Done, None), (Reach::Failed, Some("not_found"))]);
    let foreign = selection(json!({"account_ids": [account_id(2)], "tenant_id": "ten_2"}));
    assert_eq!(play.set_up_all(foreign).await.data[0].error.as_deref(), Some("not_found"));
    let foreign = selection(json!({"account_id": account_id(2), "tenant_id": "ten_2"}));
    let refused = play.at_the_desk(async |desk| set_up(desk, foreign).await).await;
    assert_eq!(refused.unwrap_err(), Refusal::NotFound);
    let nobody = selection(json!({"all": true, "tenant_id": "ten_2"}));
    assert_eq!(play.set_up_all(nobody).await, Page { data: Vec::new(), next_cursor: None });
}

#[tokio::test]
async fn an_account_goes_with_its_webhooks_its_source_and_its_cards() {
    let play = Play::of_two().await;
    play.set_up(2).await;
    let (account, url) = (play.account(2).await, play.moysklad.all(account_id(2))[0].url.clone());
    play.moysklad.fail_after(account_id(2), 1, MoyskladError::Timeout);
    let go = async |force| play.at_the_desk(async |desk| remove(desk, None, account_id(2), force).await).await;
    assert_eq!(go(false).await.unwrap_err(), Refusal::Upstream("timeout".to_owned()));
    assert!(play.opens(&url).await, "it is still there");
    let gone = go(true).await.unwrap();
    assert_eq!((gone.webhooks_deleted, gone.webhooks_left, gone.error.as_deref()), (0, None, Some("timeout")));
    assert!(!play.opens(&url).await);
    assert_eq!(play.store.source(&account.source).await, Ok(None));
    assert_eq!(play.store.claimed_account(account.id).await, Ok(None));
    assert_eq!(go(true).await.unwrap_err(), Refusal::NotFound);
    play.moysklad.heal();
    let mut elsewhere = main(2);
    elsewhere["tenant_id"] = json!("ten_2");
    assert!(play.make(elsewhere).await.is_ok(), "whoever may have it now");
}

#[tokio::test]
async fn a_tenant_takes_its_accounts_along() {
    let play = Play::of_two().await;
    let tenant: TenantId = "ten_1".parse().unwrap();
    tenants::remove(&play.store, &tenant).await.unwrap();
    assert_eq!(play.store.accounts_of(&tenant).await, Ok(Vec::new()));
    assert_eq!(play.store.claimed_account(account_id(1)).await, Ok(None));
}

#[tokio::test]
async fn tokens_are_sealed_anew_with_the_newest_stack_key() {
    let play = Play::of_two().await;
    play.set_up(1).await;
    let keys = StackKeys::parse(&format!("{},{}", "n".repeat(64), "k".repeat(64))).unwrap();
    let fill = |bytes: &mut [u8]| bytes.fill(7);
    let chance = crate::manage::chance::Chance { keys: &keys, fill: &fill };
    let done = reseal::reseal(&play.store, None, &chance, play.now()).await.unwrap();
    assert_eq!((done.resealed, done.left), (2, 0));
    let newest = StackKeys::parse(&"n".repeat(64)).unwrap();
    let account = play.account(1).await;
    assert_eq!(newest.open_text(&account.token, &account.tenant, &account.seal_name()).unwrap(), "token-of-1");
    let doorbell = account.doorbell.as_ref().unwrap();
    assert!(newest.open_text(doorbell, &account.tenant, &account.doorbell_seal_name()).is_ok());
    assert_eq!(reseal::reseal(&play.store, None, &chance, play.now()).await.unwrap().resealed, 0);
}

#[tokio::test]
async fn what_is_wrong_with_an_account_is_told_and_nothing_is_mended() {
    let play = Play::of_two().await;
    let before = play.check(2).await;
    assert_eq!((before.problems.as_slice(), before.ok), ([Illness::WebhooksMissing].as_slice(), false));
    assert_eq!(before.webhooks.unwrap().missing.len(), 3);
    assert_eq!(play.moysklad.all(account_id(2)), []);
    play.set_up(2).await;
    play.patch(1, json!({"enabled": false})).await.unwrap();
    play.moysklad.fail_after(account_id(2), 0, MoyskladError::Broken { status: 502 });
    let entity = of_child(EntityKind::CustomerOrder);
    open(&play, entity).await;
    let ill = play.check(2).await;
    assert_eq!(ill.problems, [Illness::MainDisabled, Illness::Unreachable, Illness::LoopsOpen]);
    assert_eq!((ill.error.as_deref(), ill.open_loops, ill.status), (Some("broken"), 1, Reach::Done));
}

fn of_child(kind: EntityKind) -> EntityRef {
    EntityRef { account: account_id(2), kind, id: EntityId::new(uuid::Uuid::from_u128(5)) }
}

/// Changes an entity so often that it is left alone.
async fn open(play: &Play, entity: EntityRef) {
    let mut guard = LoopGuard::new("ten_1".parse().unwrap(), entity);
    for n in 0..3 {
        let told_at = play.now() - jiff::SignedDuration::from_secs(n);
        guard = guard.changed(told_at, play.now()).0;
        assert_eq!(play.store.put_loop_guard(&guard).await, Ok(true));
    }
}

#[tokio::test]
async fn an_entity_that_is_let_go_is_looked_at_again_wherever_it_is_carried_to() {
    let play = Play::of_two().await;
    let entity = of_child(EntityKind::CustomerOrder);
    open(&play, entity).await;
    let listed = async |query: &str| loops::list(&play.store, Some(query), play.now()).await.unwrap().data;
    assert_eq!(listed("").await.len(), 1);
    assert_eq!(listed(&format!("account_id={}", account_id(1))).await, []);
    let wish = |tenant: Option<&str>| {
        let body = json!({"tenant_id": tenant, "account_id": entity.account, "entity_type": entity.kind, "entity_id": entity.id});
        loops::Wish::read(fields(&body)).unwrap()
    };
    let close = async |tenant| loops::close(&play.store, wish(tenant), play.now()).await;
    assert_eq!(close(Some("ten_2")).await.unwrap_err(), Refusal::NotFound);
    for _ in 0..2 {
        assert_eq!(close(Some("ten_1")).await.unwrap().marked, [account_id(1)]);
    }
    assert_eq!(listed("").await, []);
    let due = play.store.due(&"ten_1".parse().unwrap(), account_id(1), play.now(), 10).await.unwrap();
    assert_eq!(due.iter().map(|row| row.origin).collect::<Vec<_>>(), [entity]);
    assert!(play.store.rung().iter().any(|ring| matches!(ring.bell.row, RowKey::Drain(_, id) if id == account_id(1))));
    let other = EntityRef { kind: EntityKind::Demand, ..entity };
    let never = json!({"account_id": other.account, "entity_type": other.kind, "entity_id": other.id});
    let never = loops::close(&play.store, loops::Wish::read(fields(&never)).unwrap(), play.now()).await;
    assert_eq!(never.unwrap_err(), Refusal::NotFound);
}

#[tokio::test]
async fn what_a_child_deletes_again_and_again_is_let_go_by_its_originals_name_and_looked_at_in_the_child() {
    let play = Play::of_two().await;
    let entity = of_child(EntityKind::Product);
    open(&play, entity).await;
    let origin = EntityRef { account: account_id(1), ..entity };
    let there = EntityId::new(uuid::Uuid::from_u128(77));
    let mapping = Mapping::new("ten_1".parse().unwrap(), origin, entity.account).to(there);
    assert_eq!(play.store.put_mapping(&mapping).await, Ok(true));
    let wish = json!({"account_id": entity.account, "entity_type": entity.kind, "entity_id": entity.id});
    let closed = loops::close(&play.store, loops::Wish::read(fields(&wish)).unwrap(), play.now()).await;
    assert_eq!(closed.unwrap().marked, [entity.account]);
    let due = play.store.due(&"ten_1".parse().unwrap(), entity.account, play.now(), 10).await.unwrap();
    assert_eq!(due.iter().map(|row| row.origin).collect::<Vec<_>>(), [origin]);
}

#[tokio::test]
async fn a_resync_is_begun_for_a_child_and_for_each_of_a_main_accounts() {
    let play = Play::of_two().await;
    play.make(child(3)).await.unwrap();
    let wish = |n: u8| resync::Wish::read(fields(&json!({"account_id": account_id(n)}))).unwrap();
    let begin = async |n| resync::begin(&play.store, &wish(n), &play.timing, play.now()).await;
    assert_eq!(begin(2).await.unwrap()[0].result, resync::Answer::Started);
    assert_eq!(begin(2).await.unwrap_err(), Conflict::AlreadyRunning.into());
    let all: Vec<_> = begin(1).await.unwrap().into_iter().map(|one| (one.account_id, one.result)).collect();
    assert_eq!(all, [(account_id(2), resync::Answer::AlreadyRunning), (account_id(3), resync::Answer::Started)]);
    assert_eq!(play.store.rung().len(), 2);
    let query = format!("account_id={}", account_id(1));
    let told = resync::progress(&play.store, &resync::Wish::parse(Some(&query)).unwrap()).await.unwrap();
    assert_eq!(told.len(), 2);
    assert_eq!((told[0].marked, told[0].remaining, told[0].started_at), (0, 0, Some(play.now())));
    play.patch(2, json!({"enabled": false})).await.unwrap();
    assert_eq!(begin(2).await.unwrap_err(), Conflict::AccountDisabled.into());
    assert!(resync::Wish::parse(None).is_err());
}

#[tokio::test]
async fn figures_are_of_the_window_and_say_what_waits() {
    let play = Play::of_two().await;
    let tenant: TenantId = "ten_1".parse().unwrap();
    let count = async |hours: i64, tally: Tally| {
        let at = play.now() - jiff::SignedDuration::from_hours(hours);
        play.store.tally(&tenant, account_id(2), &tally, at).await.unwrap();
    };
    count(0, Tally { written: 3, failed: 1, waited_ms: 6_000, ..Tally::default() }).await;
    count(20, Tally { equal: 4, ..Tally::default() }).await;
    let read = async |window: &str| {
        let query = format!("account_id={}&window={window}", account_id(2));
        stats::read(&play.store, Some(&query), play.now()).await.unwrap().data.remove(0)
    };
    let hour = read("1h").await;
    assert_eq!((hour.counts.written, hour.success_rate, hour.average_s), (3, Some(0.75), Some(2.0)));
    assert_eq!((read("24h").await.counts.equal, read("7d").await.counts.equal), (4, 4));
    let all = stats::read(&play.store, Some("limit=1"), play.now()).await.unwrap();
    assert_eq!(all.data.len(), 1);
    let next = stats::read(&play.store, Some(&format!("cursor={}", all.next_cursor.unwrap())), play.now()).await;
    assert_eq!(next.unwrap().data.len(), 1);
    assert!(stats::read(&play.store, Some("window=2h"), play.now()).await.is_err());
}

#[tokio::test]
async fn a_stop_says_who_is_still_at_work_until_all_is_quiet() {
    let play = Play::of_two().await;
    let tenant: TenantId = "ten_1".parse().unwrap();
    play.store.ask_drain(&tenant, account_id(2), play.now()).await.unwrap();
    let deadline = play.now() + jiff::SignedDuration::from_secs(60);
    let claim = Claim::new(RowKey::Drain(tenant, account_id(2)), 1, &play.timing, play.now(), deadline);
    assert!(matches!(play.store.claim::<DrainJob>(&claim).await, Ok(ClaimOutcome::Claimed(_))));
    let before = emergency::read(&play.store, play.now()).await.unwrap();
    assert_eq!((before.stopped, before.since, before.running.len()), (false, None, 1));
    let turn = emergency::wish(fields(&json!({"reason": "a loop"}))).unwrap();
    let stopped = emergency::stop(&play.store, turn, play.now()).await.unwrap();
    assert_eq!(
        (stopped.stopped, stopped.reason.as_deref(), stopped.running),
        (true, Some("a loop"), vec![account_id(2)])
    );
    assert_eq!((stopped.looked_at, stopped.complete), (2, true));
    play.clock.fetch_add(66, Ordering::SeqCst);
    assert_eq!(emergency::read(&play.store, play.now()).await.unwrap().running, []);
    assert!(!emergency::lift(&play.store, play.now()).await.unwrap().stopped);
    assert!(emergency::wish(fields(&json!({"why": "x"}))).is_err());
}
