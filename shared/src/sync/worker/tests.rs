use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::drain::{FEW, drain_by};
use super::*;
use crate::model::ids::TenantId;
use crate::model::moysklad::{Account, AccountId, EntityId, EntityKind, EntityRef, FieldGroup, Role, Settings};
use crate::model::sealed::Sealed;
use crate::providers::moysklad::payload::Notice;
use crate::sync::dictionary::{Dictionary, Named};
use crate::sync::plan::{Mark, id_of};
use crate::sync::ports::MoyskladError;
use crate::sync::store::{DirtyRows, Mappings};
use crate::testing::memory_moysklad::{BASE, Fault, MemoryMoysklad};
use crate::testing::memory_sync::MemorySync;

pub(super) fn account(n: u32) -> AccountId {
    format!("00000000-0000-0000-0000-{n:012}").parse().unwrap()
}

pub(super) fn id(n: u32) -> EntityId {
    EntityId::new(account(n).uuid())
}

pub(super) fn tenant() -> TenantId {
    TenantId::default_tenant()
}

pub(super) fn account_row(n: u32, main: Option<u32>) -> Account {
    let role = match main {
        None => Role::Main,
        Some(main) => {
            let settings: Settings = serde_json::from_value(json!({
                "entities": ["product", "service", "variant", "bundle", "productfolder"],
                "match_field": "external_code",
                "orders": {"kinds": ["customerorder"], "organization": id(801), "agent": id(802)},
            }))
            .unwrap();
            Role::Child { main: account(main), settings: Box::new(settings) }
        }
    };
    Account {
        id: account(n),
        tenant: tenant(),
        source: format!("src_{n}").parse().unwrap(),
        name: None,
        role,
        enabled: true,
        token: Sealed::from_text("sealed"),
        doorbell: None,
        created_at: Timestamp::UNIX_EPOCH,
        rev: 0,
    }
}

/// Each account has identifiers of its own for the same price type and currency.
pub(super) fn dictionary(n: u32) -> Dictionary {
    let named = |more, name: &str| Named { id: id(n * 100 + more), name: name.to_owned() };
    Dictionary { price_types: vec![named(1, "Retail")], currencies: vec![named(2, "RUB")], ..Dictionary::default() }
}

pub(super) const MAIN: u32 = 1;
const OTHER_MAIN: u32 = 2;
pub(super) const CHILDREN: [u32; 2] = [11, 12];
const OTHERS_CHILD: u32 = 21;

pub(super) type RowTold = (EntityKind, Result<Outcome, Trouble>, bool);

pub(super) struct Play {
    pub(super) world: MemoryMoysklad,
    pub(super) store: MemorySync,
    /// So many rows go together.
    pub(super) few: usize,
    now: AtomicI64,
    n_heard: AtomicI64,
    pub(super) told: Mutex<Vec<RowTold>>,
    switched_off: Mutex<Option<crate::work::Hold>>,
}

impl Listener for Play {
    async fn told(&self, told: &Told<'_>) -> Result<(), crate::work::StoreError> {
        self.told.lock().unwrap().push((told.row.origin.kind, told.result.clone(), told.again));
        Ok(())
    }

    async fn held(&self) -> Result<Option<crate::work::Hold>, crate::work::StoreError> {
        Ok(self.switched_off.lock().unwrap().clone())
    }
}

impl Play {
    pub(super) fn new() -> Self {
        let (world, store) = (MemoryMoysklad::default(), MemorySync::default());
        let accounts = [
            (MAIN, None),
            (OTHER_MAIN, None),
            (CHILDREN[0], Some(MAIN)),
            (CHILDREN[1], Some(MAIN)),
            (OTHERS_CHILD, Some(OTHER_MAIN)),
        ];
        for (n, main) in accounts {
            store.put_account(account_row(n, main));
            world.set_dictionary(account(n), dictionary(n));
        }
        Self {
            world,
            store,
            few: FEW,
            now: AtomicI64::new(1_900_000_000_000),
            n_heard: AtomicI64::new(0),
            told: Mutex::default(),
            switched_off: Mutex::default(),
        }
    }

    /// Another of its own, as this one is now.
    pub(super) fn copied(&self) -> Self {
        let (world, store) = (self.world.copied(), self.store.copied());
        let now = AtomicI64::new(self.now.load(Ordering::SeqCst));
        Self { world, store, few: self.few, now, ..Self::new() }
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now.load(Ordering::SeqCst)).unwrap()
    }

    pub(super) fn wait(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    pub(super) async fn hear(&self, notice: &Notice) -> Heard {
        // No two requests come in at one moment.
        let received_at = self.now() + SignedDuration::from_nanos(self.n_heard.fetch_add(1, Ordering::SeqCst));
        self.hear_of(notice, Teller::Webhook { received_at }).await
    }

    pub(super) async fn hear_of(&self, notice: &Notice, teller: Teller) -> Heard {
        take_notice(&self.store, &self.world, &tenant(), notice, None, teller, self.now()).await.unwrap()
    }

    pub(super) async fn drain_until(
        &self,
        target: u32,
        last_call: Timestamp,
    ) -> Result<Drained, crate::work::StoreError> {
        let (tenant, clock) = (tenant(), || self.now());
        let asked = Drain { tenant: &tenant, target: account(target), last_call, clock: &clock, listener: self };
        drain_by(&self.store, &self.world, &asked, self.few).await
    }

    pub(super) async fn drain(&self, target: u32) -> Drained {
        self.drain_until(target, Timestamp::MAX).await.unwrap()
    }

    /// Hears everything that was told, and drains every account, until there is nothing more; how many notices came.
    pub(super) async fn settle(&self) -> usize {
        let mut n_heard = 0;
        for _ in 0..20 {
            let told = self.world.told();
            n_heard += told.len();
            for notice in &told {
                self.hear(notice).await;
            }
            for target in [MAIN, OTHER_MAIN, CHILDREN[0], CHILDREN[1], OTHERS_CHILD] {
                assert!(matches!(self.drain(target).await, Drained::Clean | Drained::Later(_)));
            }
            if told.is_empty() {
                return n_heard;
            }
        }
        panic!("it does not come to rest");
    }

    pub(super) fn make_product(&self, of: u32, name: &str, kopecks: i64) -> EntityId {
        let body = json!({"name": name, "externalCode": name, "salePrices": prices(of, kopecks), "barcodes": [{"ean13": "2000000000008"}]});
        self.world.made_by_hand(account(of), EntityKind::Product, body)
    }

    pub(super) fn products(&self, of: u32) -> Vec<Value> {
        self.world.all(account(of), EntityKind::Product)
    }

    pub(super) fn names(&self, of: u32) -> BTreeSet<String> {
        self.products(of).iter().map(|product| product["name"].as_str().unwrap().to_owned()).collect()
    }

    fn only_price(&self, of: u32) -> i64 {
        let products = self.products(of);
        assert_eq!(products.len(), 1);
        let price = &products[0]["salePrices"][0];
        assert_eq!(id_of(&price["priceType"]), Some(id(of * 100 + 1)), "in the account's own price type");
        price["value"].as_i64().unwrap()
    }
}

pub(super) fn prices(of: u32, kopecks: i64) -> Value {
    let reference = |path: &str, n| json!({"meta": {"href": format!("{BASE}/{path}/{}", id(n))}});
    json!([{"value": kopecks, "priceType": reference("context/companysettings/pricetype", of * 100 + 1),
        "currency": reference("entity/currency", of * 100 + 2)}])
}

pub(super) fn reference(kind: EntityKind, id: EntityId) -> Value {
    json!({"meta": {"href": format!("{BASE}/entity/{kind}/{id}"), "type": kind.name()}})
}

fn order(positions: &[(EntityKind, EntityId)]) -> Value {
    let rows: Vec<Value> = positions
        .iter()
        .map(|(kind, id)| json!({"assortment": reference(*kind, *id), "quantity": 2, "price": 15_000}))
        .collect();
    json!({"name": "00017", "applicable": true, "moment": "2026-03-02 12:00:00.000", "positions": rows})
}

#[tokio::test]
async fn a_price_changed_in_the_main_account_reaches_each_child_and_rings_no_more() {
    let play = Play::new();
    let product = play.make_product(MAIN, "Tea", 10_000);
    play.settle().await;
    let _ = play.world.written();
    play.world.changed_by_hand(
        account(MAIN),
        EntityKind::Product,
        product,
        json!({"salePrices": prices(MAIN, 15_000)}),
    );
    assert_eq!(play.settle().await, 1, "the person's own change and nothing else");
    for child in CHILDREN {
        assert_eq!(play.only_price(child), 15_000);
    }
    assert_eq!(play.world.written().len(), 2, "one write for each child");
    assert_eq!(play.store.all_dirty(), []);
}

#[tokio::test]
async fn a_new_product_comes_with_its_folders_and_they_are_made_once() {
    let play = Play::new();
    let folder = |name: &str, parent: Option<EntityId>| {
        let parent = parent.map(|id| reference(EntityKind::ProductFolder, id));
        let body = json!({"name": name, "externalCode": name, "productFolder": parent});
        play.world.made_by_hand(account(MAIN), EntityKind::ProductFolder, body)
    };
    let outer = folder("Goods", None);
    let inner = folder("Hot", Some(outer));
    // The folders' own notices are lost.
    let _ = play.world.told();
    for n in 0..7 {
        let product = play.make_product(MAIN, &format!("Tea {n}"), 100);
        let lies = json!({"productFolder": reference(EntityKind::ProductFolder, inner)});
        play.world.changed_by_hand(account(MAIN), EntityKind::Product, product, lies);
    }
    play.settle().await;
    for child in CHILDREN {
        assert_eq!(play.products(child).len(), 7);
        let folders = play.world.all(account(child), EntityKind::ProductFolder);
        assert_eq!(folders.len(), 2, "{folders:?}");
        let of = |name: &str| folders.iter().find(|folder| folder["name"] == name).unwrap().clone();
        assert_eq!(id_of(&of("Hot")["productFolder"]), of("Goods")["id"].as_str().unwrap().parse().ok());
        let lies = |product: &Value| id_of(&product["productFolder"]) == of("Hot")["id"].as_str().unwrap().parse().ok();
        assert!(play.products(child).iter().all(lies));
    }
}

#[tokio::test]
async fn a_product_deleted_in_a_child_comes_back_and_one_deleted_in_the_main_account_goes() {
    let play = Play::new();
    let product = play.make_product(MAIN, "Tea", 10_000);
    play.settle().await;
    let child = CHILDREN[0];
    let before: EntityId = play.products(child)[0]["id"].as_str().unwrap().parse().unwrap();
    play.world.deleted_by_hand(account(child), EntityKind::Product, before);
    play.settle().await;
    let after: EntityId = play.products(child)[0]["id"].as_str().unwrap().parse().unwrap();
    assert_ne!(before, after, "not what lies in the recycle bin");
    assert_eq!(play.only_price(child), 10_000);
    play.world.deleted_by_hand(account(MAIN), EntityKind::Product, product);
    play.settle().await;
    assert_eq!((play.products(child).len(), play.products(CHILDREN[1]).len()), (0, 0));
}

#[tokio::test]
async fn an_order_in_a_child_reaches_the_main_account_with_its_positions_mapped() {
    let play = Play::new();
    let product = play.make_product(MAIN, "Tea", 10_000);
    play.settle().await;
    let childs: EntityId = play.products(CHILDREN[0])[0]["id"].as_str().unwrap().parse().unwrap();
    let made = order(&[(EntityKind::Product, childs)]);
    let made = play.world.made_by_hand(account(CHILDREN[0]), EntityKind::CustomerOrder, made);
    play.settle().await;
    let orders = play.world.all(account(MAIN), EntityKind::CustomerOrder);
    assert_eq!(orders.len(), 1);
    assert_eq!(id_of(&orders[0]["positions"]["rows"][0]["assortment"]), Some(product), "the main account's own");
    assert_eq!(id_of(&orders[0]["agent"]), Some(id(802)));
    // Deleted above, it comes back when it changes below; deleted below, it stays.
    let above: EntityId = orders[0]["id"].as_str().unwrap().parse().unwrap();
    play.world.deleted_by_hand(account(MAIN), EntityKind::CustomerOrder, above);
    play.settle().await;
    assert_eq!(play.world.all(account(MAIN), EntityKind::CustomerOrder).len(), 0);
    play.world.changed_by_hand(account(CHILDREN[0]), EntityKind::CustomerOrder, made, json!({"description": "soon"}));
    play.settle().await;
    assert_eq!(play.world.all(account(MAIN), EntityKind::CustomerOrder)[0]["description"], "soon");
    play.world.deleted_by_hand(account(CHILDREN[0]), EntityKind::CustomerOrder, made);
    play.settle().await;
    assert_eq!(play.world.all(account(MAIN), EntityKind::CustomerOrder).len(), 1);
}

#[tokio::test]
async fn an_order_that_comes_during_a_resync_is_next() {
    let play = Play::new();
    for n in 0..40 {
        play.make_product(MAIN, &format!("Tea {n}"), 100);
    }
    play.settle().await;
    let line: Vec<Mark> = play
        .products(MAIN)
        .iter()
        .map(|product| EntityRef {
            account: account(MAIN),
            kind: EntityKind::Product,
            id: product["id"].as_str().unwrap().parse().unwrap(),
        })
        .map(|origin| Mark { target: account(CHILDREN[0]), origin, groups: FieldGroup::Names.into(), because: None })
        .collect();
    for mark in &line {
        play.store.mark(&tenant(), mark, play.now(), play.now()).await.unwrap();
    }
    let order = EntityRef { account: account(CHILDREN[0]), kind: EntityKind::CustomerOrder, id: id(7) };
    let mark = Mark { target: account(CHILDREN[0]), origin: order, groups: FieldGroup::Order.into(), because: None };
    play.wait(60);
    play.store.mark(&tenant(), &mark, play.now(), play.now()).await.unwrap();
    let next = play.store.due(&tenant(), account(CHILDREN[0]), play.now(), 1).await.unwrap();
    assert_eq!(next[0].origin.kind, EntityKind::CustomerOrder);
}

#[tokio::test]
async fn notices_out_of_order_twice_or_late_end_at_what_is_there_now() {
    let play = Play::new();
    let product = play.make_product(MAIN, "Tea", 10_000);
    for price in [11_000, 12_000] {
        let body = json!({"salePrices": prices(MAIN, price)});
        play.world.changed_by_hand(account(MAIN), EntityKind::Product, product, body);
    }
    let mut told = play.world.told();
    told.reverse();
    for notice in told.iter().chain(&told.clone()) {
        play.hear(notice).await;
        play.wait(700);
        play.settle().await;
    }
    assert_eq!(play.only_price(CHILDREN[0]), 12_000);
    assert_eq!(play.store.all_mappings().len(), 2);
}

#[tokio::test]
async fn two_mains_children_have_nothing_to_do_with_each_other() {
    let play = Play::new();
    play.make_product(MAIN, "Tea", 1);
    play.make_product(OTHER_MAIN, "Coffee", 1);
    play.settle().await;
    assert_eq!(play.names(CHILDREN[0]), ["Tea".to_owned()].into());
    assert_eq!(play.names(OTHERS_CHILD), ["Coffee".to_owned()].into());
}

#[tokio::test]
async fn without_the_header_our_own_writes_are_known_for_echoes_and_nothing_follows() {
    let play = Play::new();
    play.world.ignore_header(true);
    let product = play.make_product(MAIN, "Tea", 10_000);
    play.settle().await;
    let _ = play.world.written();
    let child = CHILDREN[0];
    let childs: EntityId = play.products(child)[0]["id"].as_str().unwrap().parse().unwrap();
    play.world.changed_by_hand(account(MAIN), EntityKind::Product, product, json!({"name": "Green"}));
    for notice in play.world.told() {
        play.hear(&notice).await;
    }
    for child in CHILDREN {
        play.drain(child).await;
    }
    let echoes = play.world.told();
    assert_eq!(echoes.len(), 2, "each child's webhook rings for what we wrote");
    for echo in &echoes {
        assert_eq!(play.hear(echo).await, Heard::Echo);
    }
    assert_eq!((play.settle().await, play.world.written().len()), (0, 2));
    play.world.changed_by_hand(account(child), EntityKind::Product, childs, json!({"name": "Mine"}));
    let theirs = play.world.told().remove(0);
    assert_eq!(play.hear(&theirs).await, Heard::Nobody, "a person's own change is no echo");
}

#[tokio::test]
async fn an_entity_that_keeps_changing_is_left_alone_told_of_once_and_looked_at_when_it_is_quiet() {
    let play = Play::new();
    let product = play.make_product(MAIN, "Tea", 1);
    play.settle().await;
    play.wait(3_600);
    let mut suspected = Vec::new();
    for n in 1..=20 {
        play.world.changed_by_hand(account(MAIN), EntityKind::Product, product, json!({"name": format!("Tea {n}")}));
        for notice in play.world.told() {
            if let Heard::Suspected { opened, .. } = play.hear(&notice).await {
                suspected.push((n, opened));
            }
        }
        for child in CHILDREN {
            play.drain(child).await;
        }
        play.wait(10);
    }
    assert_eq!(suspected.first(), Some(&(3, true)));
    assert_eq!(suspected.iter().filter(|(_, opened)| *opened).count(), 1);
    assert_eq!(play.names(CHILDREN[0]), ["Tea 2".to_owned()].into());
    assert_eq!(play.world.written().iter().filter(|(_, _, method)| *method == "PUT").count(), 4);
    play.wait(3_600);
    play.settle().await;
    assert_eq!(play.names(CHILDREN[0]), ["Tea 20".to_owned()].into(), "nothing that was held is lost");
}

#[tokio::test]
async fn a_system_that_deletes_whatever_comes_is_left_alone_though_it_comes_under_another_identifier_each_time() {
    let (play, child) = (Play::new(), CHILDREN[0]);
    let product = play.make_product(MAIN, "Tea", 1);
    play.settle().await;
    play.wait(3_600);
    let _ = play.world.written();
    let mut suspected = Vec::new();
    for n in 1..=20 {
        for there in play.products(child) {
            let id = there["id"].as_str().unwrap().parse().unwrap();
            play.world.deleted_by_hand(account(child), EntityKind::Product, id);
        }
        for notice in play.world.told() {
            if let Heard::Suspected { guarded, opened, .. } = play.hear(&notice).await {
                suspected.push((n, guarded, opened));
            }
        }
        play.drain(child).await;
        play.wait(10);
    }
    let guarded = EntityRef { account: account(child), kind: EntityKind::Product, id: product };
    assert_eq!(suspected, [(3, guarded, true)]);
    assert_eq!(play.world.written().len(), 2, "the first two deletions are taken for a person's");
    assert_eq!(play.names(CHILDREN[1]), ["Tea".to_owned()].into(), "another child is none of its affair");
    play.wait(3_600);
    play.settle().await;
    assert_eq!(play.names(child), ["Tea".to_owned()].into());
}

#[tokio::test]
async fn a_change_whose_notice_was_lost_comes_with_the_next_though_that_names_other_fields() {
    let (play, child) = (Play::new(), CHILDREN[0]);
    let product = play.make_product(MAIN, "Tea", 10_000);
    play.settle().await;
    let childs: EntityId = play.products(child)[0]["id"].as_str().unwrap().parse().unwrap();
    play.world.changed_by_hand(account(child), EntityKind::Product, childs, json!({"barcodes": [{"ean13": "1"}]}));
    play.world.changed_by_hand(account(MAIN), EntityKind::Product, product, json!({"name": "Green"}));
    let _ = play.world.told();
    play.world.changed_by_hand(
        account(MAIN),
        EntityKind::Product,
        product,
        json!({"salePrices": prices(MAIN, 15_000)}),
    );
    play.settle().await;
    assert_eq!((play.only_price(child), play.names(child)), (15_000, ["Green".to_owned()].into()));
    assert_eq!(
        play.products(child)[0]["barcodes"],
        json!([{"ean13": "1"}]),
        "what did not change above is the child's"
    );
}

#[tokio::test]
async fn a_field_that_goes_by_a_name_of_the_accounts_own_brings_its_group_and_no_other() {
    let (play, child) = (Play::new(), CHILDREN[0]);
    let product = play.make_product(MAIN, "Tea", 10_000);
    play.settle().await;
    let childs: EntityId = play.products(child)[0]["id"].as_str().unwrap().parse().unwrap();
    play.world.changed_by_hand(account(child), EntityKind::Product, childs, json!({"name": "Mine"}));
    play.world.changed_by_hand(
        account(MAIN),
        EntityKind::Product,
        product,
        json!({"salePrices": prices(MAIN, 15_000)}),
    );
    let _ = play.world.told();
    let action = crate::model::moysklad::Action::Update;
    let mut notice = Notice::seen(account(MAIN), EntityKind::Product, product, action, play.now());
    notice.updated_fields = Some(vec!["Опт".to_owned()]);
    play.hear(&notice).await;
    play.drain(child).await;
    assert_eq!((play.only_price(child), play.names(child)), (15_000, ["Mine".to_owned()].into()));
}

#[tokio::test]
async fn one_that_was_given_up_comes_whole_with_its_next_change() {
    let (play, child) = (Play::new(), CHILDREN[0]);
    let product = play.make_product(MAIN, "Tea", 10_000);
    play.settle().await;
    play.world.refuse_name("Green");
    play.world.changed_by_hand(account(MAIN), EntityKind::Product, product, json!({"name": "Green"}));
    for _ in 0..7 {
        play.settle().await;
        play.wait(600);
    }
    assert!(play.store.all_dirty().is_empty(), "it is given up");
    play.world.changed_by_hand(account(MAIN), EntityKind::Product, product, json!({"name": "Black"}));
    let _ = play.world.told();
    play.world.changed_by_hand(account(MAIN), EntityKind::Product, product, json!({"salePrices": prices(MAIN, 1)}));
    play.settle().await;
    assert_eq!((play.only_price(child), play.names(child)), (1, ["Black".to_owned()].into()));
}

#[tokio::test]
async fn a_state_that_the_main_account_has_moved_on_is_left_alone_until_the_child_moves_it() {
    let (play, child) = (Play::new(), CHILDREN[0]);
    for n in [MAIN, child] {
        let states = ["New", "Shipped", "Gone"].into_iter().zip(1..);
        let states = states.map(|(name, k)| Named { id: id(n * 100 + 70 + k), name: name.to_owned() }).collect();
        let states = [(EntityKind::CustomerOrder, states)].into();
        play.world.set_dictionary(account(n), Dictionary { states, ..dictionary(n) });
    }
    let state = |n: u32, k: u32| json!({"meta": {"href": format!("{BASE}/entity/customerorder/metadata/states/{}", id(n * 100 + 70 + k))}});
    let mut body = order(&[]);
    body["state"] = state(child, 1);
    let made = play.world.made_by_hand(account(child), EntityKind::CustomerOrder, body);
    play.settle().await;
    let above = || play.world.all(account(MAIN), EntityKind::CustomerOrder).remove(0);
    assert_eq!(id_of(&above()["state"]), id_of(&state(MAIN, 1)));
    let id = above()["id"].as_str().unwrap().parse().unwrap();
    play.world.changed_by_hand(account(MAIN), EntityKind::CustomerOrder, id, json!({"state": state(MAIN, 2)}));
    // Of what everything may have changed of.
    play.world.changed_by_hand(
        account(child),
        EntityKind::CustomerOrder,
        made,
        json!({"description": "soon", "agent": "another"}),
    );
    play.settle().await;
    assert_eq!((&above()["description"], id_of(&above()["state"])), (&json!("soon"), id_of(&state(MAIN, 2))));
    play.wait(3_600);
    play.world.changed_by_hand(account(child), EntityKind::CustomerOrder, made, json!({"state": state(child, 3)}));
    play.settle().await;
    assert_eq!(id_of(&above()["state"]), id_of(&state(MAIN, 3)));
}

#[tokio::test]
async fn one_that_moysklad_cannot_answer_to_keeps_no_other_waiting_and_is_not_given_up() {
    for few in [FEW, 1_000] {
        let play = Play { few, ..Play::new() };
        for name in ["Poison", "Tea", "Coffee", "Cocoa", "Water", "Milk"] {
            play.make_product(MAIN, name, 1);
        }
        play.world.break_at_name("Poison");
        for notice in play.world.told() {
            play.hear(&notice).await;
        }
        let child = CHILDREN[0];
        let mut n_runs = 0;
        while play.products(child).len() < 5 {
            n_runs += 1;
            assert!(n_runs < 10, "few: {few}, {:?}", play.names(child));
            play.drain(child).await;
            play.wait(15);
        }
        for _ in 0..50 {
            play.drain(child).await;
            play.wait(600);
        }
        assert!(play.store.all_dirty().iter().any(|row| row.target == account(child)), "it may come yet");
        play.world.break_at_name("nothing");
        play.wait(600);
        play.drain(child).await;
        assert_eq!(play.products(child).len(), 6);
    }
}

#[tokio::test]
async fn an_hour_in_which_moysklad_does_not_answer_costs_no_row_a_try() {
    let (play, child) = (Play::new(), CHILDREN[0]);
    for n in 0..8 {
        play.make_product(MAIN, &format!("Tea {n}"), 1);
    }
    for notice in play.world.told() {
        play.hear(&notice).await;
    }
    for n in 0..240 {
        let error = if n % 2 == 0 { MoyskladError::Broken { status: 503 } } else { MoyskladError::Timeout };
        play.world.fail_always(error);
        assert!(matches!(play.drain(child).await, Drained::Troubled(..) | Drained::Later(_)));
        play.wait(15);
    }
    play.world.heal();
    assert!(play.store.all_dirty().iter().all(|row| row.failures == 0), "{:?}", play.store.all_dirty());
    play.wait(600);
    play.drain(child).await;
    assert_eq!(play.products(child).len(), 8);
}

#[tokio::test]
async fn dying_at_any_write_or_call_makes_nothing_twice() {
    let scenario = |play: &Play| {
        let folder = json!({"name": "Goods", "externalCode": "Goods"});
        let folder = play.world.made_by_hand(account(MAIN), EntityKind::ProductFolder, folder);
        let product = play.make_product(MAIN, "Tea", 10_000);
        let lies = json!({"productFolder": reference(EntityKind::ProductFolder, folder)});
        play.world.changed_by_hand(account(MAIN), EntityKind::Product, product, lies);
    };
    let mut ways = 0;
    for at in 0..60 {
        for way in 0..4 {
            let play = Play::new();
            scenario(&play);
            for notice in play.world.told() {
                play.hear(&notice).await;
            }
            match way {
                0 => play.store.die_after(at),
                1 => play.world.fail_after(at, Fault::AnswerLost),
                2 => play.world.fail_after(at, Fault::Before(MoyskladError::Unreachable)),
                _ => play.world.fail_after(at, Fault::Before(MoyskladError::Broken { status: 503 })),
            }
            let first = play.drain_until(CHILDREN[0], Timestamp::MAX).await;
            ways += usize::from(!matches!(first, Ok(Drained::Clean)));
            play.store.revive();
            play.world.heal();
            play.wait(3_600);
            play.settle().await;
            let folders = play.world.all(account(CHILDREN[0]), EntityKind::ProductFolder);
            assert_eq!((play.products(CHILDREN[0]).len(), folders.len()), (1, 1), "{at} {way}");
            assert_eq!(play.only_price(CHILDREN[0]), 10_000);
            assert_eq!(play.store.all_dirty(), []);
        }
    }
    assert!(ways > 30, "it died in {ways} places");
}

#[tokio::test]
async fn an_order_whose_creation_was_not_answered_stands_there_once() {
    for lost in 0..12 {
        let play = Play::new();
        play.make_product(MAIN, "Tea", 1);
        play.settle().await;
        let childs = play.products(CHILDREN[0])[0]["id"].as_str().unwrap().parse().unwrap();
        let body = order(&[(EntityKind::Product, childs)]);
        play.world.made_by_hand(account(CHILDREN[0]), EntityKind::CustomerOrder, body);
        for notice in play.world.told() {
            play.hear(&notice).await;
        }
        play.world.fail_after(lost, Fault::AnswerLost);
        let _ = play.drain(MAIN).await;
        play.world.heal();
        play.wait(600);
        play.settle().await;
        assert_eq!(play.world.all(account(MAIN), EntityKind::CustomerOrder).len(), 1, "{lost}");
    }
}

#[tokio::test]
async fn a_counterpart_that_was_deleted_unheard_is_made_again_at_the_next_change() {
    let play = Play::new();
    let product = play.make_product(MAIN, "Tea", 1);
    play.settle().await;
    let childs: EntityId = play.products(CHILDREN[0])[0]["id"].as_str().unwrap().parse().unwrap();
    play.world.deleted_by_hand(account(CHILDREN[0]), EntityKind::Product, childs);
    let _lost = play.world.told();
    play.wait(3_600);
    play.world.changed_by_hand(account(MAIN), EntityKind::Product, product, json!({"description": "green"}));
    play.settle().await;
    let products = play.products(CHILDREN[0]);
    assert_eq!(
        (products.len(), &products[0]["description"], &products[0]["name"]),
        (1, &json!("green"), &json!("Tea"))
    );
}

#[tokio::test]
async fn what_a_child_has_already_is_taken_for_the_same_and_several_are_told_of() {
    let play = Play::new();
    let own = |n: usize| {
        for _ in 0..n {
            let body = json!({"name": "Old tea", "externalCode": "Tea"});
            play.world.made_by_hand(account(CHILDREN[n - 1]), EntityKind::Product, body);
        }
    };
    own(1);
    own(2);
    play.make_product(MAIN, "Tea", 1);
    play.settle().await;
    assert_eq!(play.names(CHILDREN[0]), ["Tea".to_owned()].into());
    assert_eq!(play.names(CHILDREN[1]), ["Old tea".to_owned()].into());
    let told = play.told.lock().unwrap();
    assert!(
        told.iter()
            .any(|(_, result, again)| matches!(result, Ok(Outcome::Blocked(b)) if b.code() == "ambiguous_match")
                && *again)
    );
}

#[tokio::test]
async fn a_row_that_stays_blocked_is_given_up_after_some_tries() {
    let play = Play::new();
    let stranger = play.world.made_by_hand(account(CHILDREN[0]), EntityKind::Product, json!({"name": "Own"}));
    let body = order(&[(EntityKind::Product, stranger)]);
    play.world.made_by_hand(account(CHILDREN[0]), EntityKind::CustomerOrder, body);
    for _ in 0..8 {
        play.settle().await;
        play.wait(7_200);
    }
    let told = play.told.lock().unwrap();
    assert_eq!(told.len(), 6);
    assert_eq!(told.iter().map(|(_, _, again)| *again).collect::<Vec<_>>(), [true, true, true, true, true, false]);
    assert_eq!(play.store.all_dirty(), []);
}

#[tokio::test]
async fn an_account_that_is_rate_limited_is_left_and_nothing_is_counted_against_its_rows() {
    let play = Play::new();
    play.make_product(MAIN, "Tea", 1);
    for notice in play.world.told() {
        play.hear(&notice).await;
    }
    let after = SignedDuration::from_secs(7);
    play.world.fail_after(3, Fault::Before(MoyskladError::RateLimited { after }));
    let left = play.drain(CHILDREN[0]).await;
    assert_eq!(left, Drained::Troubled(MoyskladError::RateLimited { after }, play.now() + after));
    assert!(play.store.all_dirty().iter().all(|row| row.failures == 0));
    play.settle().await;
    assert_eq!(play.products(CHILDREN[0]).len(), 1);
}

#[tokio::test]
async fn near_its_end_a_worker_begins_nothing_and_says_that_there_is_more() {
    let play = Play::new();
    play.make_product(MAIN, "Tea", 1);
    for notice in play.world.told() {
        play.hear(&notice).await;
    }
    let over = play.now() - SignedDuration::from_millis(1);
    assert_eq!(play.drain_until(CHILDREN[0], over).await, Ok(Drained::Unfinished));
    assert_eq!(play.world.written(), []);
    assert_eq!(play.drain(CHILDREN[0]).await, Drained::Clean);
}

#[tokio::test]
async fn a_row_that_was_marked_again_while_it_was_worked_on_stays() {
    let store = MemorySync::default();
    let origin = EntityRef { account: account(MAIN), kind: EntityKind::Product, id: id(5) };
    let mark = Mark { target: account(CHILDREN[0]), origin, groups: FieldGroup::Prices.into(), because: None };
    let now = Timestamp::UNIX_EPOCH;
    let first = store.mark(&tenant(), &mark, now, now).await.unwrap();
    let second = store.mark(&tenant(), &mark, now, now).await.unwrap();
    assert_eq!(store.finish(&first).await, Ok(false));
    assert_eq!(store.put_off(&first, Timestamp::MAX, "x").await, Ok(false));
    assert_eq!(store.due(&tenant(), account(CHILDREN[0]), now, 9).await.unwrap(), std::slice::from_ref(&second));
    assert_eq!(store.finish(&second).await, Ok(true));
    assert_eq!(store.all_dirty(), []);
}

#[tokio::test]
async fn an_account_that_is_switched_off_waits_and_one_that_is_gone_is_forgotten() {
    let play = Play::new();
    play.make_product(MAIN, "Tea", 1);
    for notice in play.world.told() {
        play.hear(&notice).await;
    }
    play.store.put_account(Account { enabled: false, ..account_row(CHILDREN[0], Some(MAIN)) });
    assert!(matches!(play.drain(CHILDREN[0]).await, Drained::Later(_)));
    play.store.put_account(account_row(CHILDREN[0], Some(MAIN)));
    play.wait(3_600);
    assert_eq!(play.drain(CHILDREN[0]).await, Drained::Clean);
    assert_eq!(play.names(CHILDREN[0]), ["Tea".to_owned()].into());
    play.store.put_account(account_row(CHILDREN[1], Some(OTHER_MAIN)));
    assert_eq!(play.drain(CHILDREN[1]).await, Drained::Clean);
    assert_eq!(play.products(CHILDREN[1]).len(), 0, "it is another's child now");
}

#[tokio::test]
async fn two_workers_cannot_both_write_one_mapping() {
    let store = MemorySync::default();
    let origin = EntityRef { account: account(MAIN), kind: EntityKind::Product, id: id(5) };
    let mapping = crate::model::moysklad::Mapping::new(tenant(), origin, account(CHILDREN[0]));
    assert_eq!(store.put_mapping(&mapping.to(id(1))).await, Ok(true));
    assert_eq!(store.put_mapping(&mapping.to(id(2))).await, Ok(false));
}

#[tokio::test]
async fn an_account_behind_a_switch_is_left_as_it_is() {
    let play = Play::new();
    play.make_product(MAIN, "pen", 100);
    for notice in play.world.told() {
        play.hear(&notice).await;
    }
    let hold = crate::work::Hold::switch("provider:moysklad");
    *play.switched_off.lock().unwrap() = Some(hold.clone());
    assert_eq!(play.drain(CHILDREN[0]).await, Drained::Held(hold));
    assert_eq!(play.store.n_dirty(&tenant(), account(CHILDREN[0])).await, Ok(1));
    *play.switched_off.lock().unwrap() = None;
    assert_eq!(play.drain(CHILDREN[0]).await, Drained::Clean);
    assert_eq!(play.store.n_dirty(&tenant(), account(CHILDREN[0])).await, Ok(0));
}
