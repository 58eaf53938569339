//! Many at once end as each by itself would, in far fewer calls.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::play::{CHILDREN, MAIN, Play, account, prices, reference, tenant};
use super::*;
use crate::model::moysklad::{EntityId, EntityKind, EntityRef, Groups};
use crate::providers::moysklad::payload::Notice;
use crate::sync::plan::{Mark, id_of};
use crate::sync::ports::MoyskladError;
use crate::sync::store::{DirtyRows, GuardRows, Mappings};
use crate::testing::memory_moysklad::{Fault, MemoryMoysklad};
use crate::testing::memory_sync::{MemorySync, Nobody};

const CHILD: u32 = CHILDREN[0];

fn own_id(entity: &Value) -> EntityId {
    entity["id"].as_str().unwrap().parse().unwrap()
}

impl Play {
    fn origin(&self, kind: EntityKind, id: EntityId) -> EntityRef {
        EntityRef { account: account(MAIN), kind, id }
    }

    /// Everything of these kinds is to be looked at in the child, as a resync asks for it.
    async fn mark_all(&self, kinds: &[EntityKind]) {
        for kind in kinds {
            for entity in self.world.all(account(MAIN), *kind) {
                self.mark(*kind, own_id(&entity)).await;
            }
        }
    }

    async fn mark(&self, kind: EntityKind, id: EntityId) {
        let mark = Mark { target: account(CHILD), origin: self.origin(kind, id), groups: Groups::all(), because: None };
        self.store.mark(&tenant(), &mark, self.now(), self.now()).await.unwrap();
    }

    async fn counterpart(&self, kind: EntityKind, id: EntityId) -> Option<EntityId> {
        let mapping = self.store.mapping(&tenant(), self.origin(kind, id), account(CHILD)).await.unwrap();
        mapping.and_then(|mapping| mapping.counterpart)
    }

    /// Drains the child until nothing waits any more, however often that has to be tried.
    async fn drain_to_the_end(&self) {
        for _ in 0..10 {
            if self.drain(CHILD).await == Drained::Clean {
                return;
            }
            self.wait(7_200);
        }
        panic!("it does not come to rest: {:?}", self.store.all_dirty());
    }

    fn results(&self) -> Vec<(Result<Outcome, Trouble>, bool)> {
        self.told.lock().unwrap().drain(..).map(|(_, result, again)| (result, again)).collect()
    }
}

#[tokio::test]
async fn five_hundred_products_are_made_compared_and_changed_in_some_dozens_of_calls() {
    let play = Play::new();
    let folder = json!({"name": "Goods", "externalCode": "Goods"});
    let folder = play.world.made_by_hand(account(MAIN), EntityKind::ProductFolder, folder);
    let lies = reference(EntityKind::ProductFolder, folder);
    for n in 0..500 {
        let body = json!({"name": format!("Tea {n}"), "externalCode": n.to_string(), "productFolder": lies, "salePrices": prices(MAIN, n)});
        play.world.made_by_hand(account(MAIN), EntityKind::Product, body);
    }
    let all = [EntityKind::Product];
    let mut calls = BTreeMap::new();
    for turn in ["made", "compared", "changed"] {
        play.mark_all(&all).await;
        if turn == "changed" {
            for product in play.products(MAIN) {
                let body = json!({"description": "green"});
                play.world.changed_by_hand(account(MAIN), EntityKind::Product, own_id(&product), body);
            }
        }
        let _ = play.world.n_calls();
        assert_eq!(play.drain(CHILD).await, Drained::Clean);
        calls.insert(turn, play.world.n_calls());
    }
    assert_eq!((play.products(CHILD).len(), play.names(CHILD)), (500, play.names(MAIN)));
    assert!(play.products(CHILD).iter().all(|product| product["description"] == "green"));
    assert_eq!(play.world.all(account(CHILD), EntityKind::ProductFolder).len(), 1);
    // Two dictionaries; of each hundred one question here and one there, a search, two writes and another look.
    assert_eq!(calls["compared"], 2 + 5 * 2);
    assert_eq!(calls["changed"], 2 + 5 * 4);
    assert!(calls["made"] <= 2 + 5 * 5 + 6, "{calls:?}");
}

#[tokio::test]
async fn a_few_go_by_themselves_and_many_are_remembered_as_written_all_the_same() {
    for n_products in [3, 4] {
        let play = Play::new();
        for n in 0..n_products {
            play.make_product(MAIN, &format!("Tea {n}"), 100);
        }
        play.mark_all(&[EntityKind::Product]).await;
        play.drain(CHILD).await;
        let posts = play.world.written().iter().filter(|(_, _, method)| *method == "POST").count();
        assert_eq!(posts, if n_products == 3 { 3 } else { 1 });
        for product in play.products(CHILD) {
            let entity = EntityRef { account: account(CHILD), kind: EntityKind::Product, id: own_id(&product) };
            let written = play.store.written(&tenant(), entity).await.unwrap().unwrap();
            assert!(written.is_echo(&crate::sync::plan::fingerprint(entity.kind, &product), play.now()));
        }
    }
}

#[tokio::test]
async fn of_many_whoever_is_refused_is_put_off_alone() {
    let play = Play::new();
    let bad = play.make_product(MAIN, "Forbidden tea", 100);
    for n in 0..9 {
        play.make_product(MAIN, &format!("Tea {n}"), 100);
    }
    play.world.refuse_name("Forbidden tea");
    play.mark_all(&[EntityKind::Product]).await;
    assert!(matches!(play.drain(CHILD).await, Drained::Later(_)));
    assert_eq!(play.products(CHILD).len(), 9);
    let dirty = play.store.all_dirty();
    assert_eq!((dirty.len(), dirty[0].origin.id, dirty[0].failures), (1, bad, 1));
    assert_eq!(dirty[0].error.as_deref(), Some("refused"));
    let refused = play.results().into_iter().filter(|(result, _)| result.is_err()).count();
    assert_eq!(refused, 1);
}

#[tokio::test]
async fn an_item_that_is_said_to_be_missing_is_not_made_a_second_time() {
    let play = Play::new();
    let ids: Vec<EntityId> = (0..5).map(|n| play.make_product(MAIN, &format!("Tea {n}"), 100)).collect();
    play.mark_all(&[EntityKind::Product]).await;
    play.drain(CHILD).await;
    // What it is to refer to is not there.
    play.world.refuse_name_with("Green", 1_021);
    for id in &ids {
        let name = if *id == ids[0] { "Green".to_owned() } else { format!("Black {id}") };
        play.world.changed_by_hand(account(MAIN), EntityKind::Product, *id, json!({"name": name}));
    }
    let deleted = play.counterpart(EntityKind::Product, ids[1]).await.unwrap();
    let before = play.counterpart(EntityKind::Product, ids[0]).await;
    play.mark_all(&[EntityKind::Product]).await;
    // After the dictionaries, and the two questions.
    play.world.delete_by_hand_after(4, account(CHILD), EntityKind::Product, deleted);
    assert!(matches!(play.drain(CHILD).await, Drained::Later(_)));
    assert_eq!((play.products(CHILD).len(), play.counterpart(EntityKind::Product, ids[0]).await), (5, before));
    assert_ne!(play.counterpart(EntityKind::Product, ids[1]).await, Some(deleted), "this one was missing indeed");
    let mut lost = play.store.all_mappings().into_iter().filter(|mapping| mapping.generation > 0);
    assert_eq!((lost.next().map(|mapping| mapping.origin.id), lost.next()), (Some(ids[1]), None));
    assert_eq!(play.store.all_dirty().len(), 1);
}

#[tokio::test]
async fn what_was_deleted_makes_room_for_what_was_made_in_its_place() {
    let play = Play::new();
    let old = play.make_product(MAIN, "Tea", 100);
    for n in 0..4 {
        play.make_product(MAIN, &format!("Coffee {n}"), 100);
    }
    play.mark_all(&[EntityKind::Product]).await;
    play.drain(CHILD).await;
    play.world.deleted_by_hand(account(MAIN), EntityKind::Product, old);
    play.make_product(MAIN, "Tea", 200);
    play.mark_all(&[EntityKind::Product]).await;
    play.wait(1);
    play.mark(EntityKind::Product, old).await;
    assert_eq!(play.drain(CHILD).await, Drained::Clean);
    assert_eq!((play.products(CHILD).len(), play.names(CHILD)), (5, play.names(MAIN)));
}

#[tokio::test]
async fn what_is_refused_as_a_whole_is_tried_by_each_alone() {
    let play = Play::new();
    for n in 0..6 {
        play.make_product(MAIN, &format!("Tea {n}"), 100);
    }
    let product = own_id(&play.products(MAIN)[0]);
    for n in 0..6 {
        let body = json!({"product": reference(EntityKind::Product, product), "characteristics": [{"name": "Size", "value": n.to_string()}]});
        play.world.made_by_hand(account(MAIN), EntityKind::Variant, body);
    }
    let kinds = [EntityKind::Product, EntityKind::Variant];
    play.mark_all(&kinds).await;
    let _ = play.world.n_calls();
    let whole = play.copied();
    assert_eq!(whole.drain(CHILD).await, Drained::Clean);
    let most = u32::try_from(whole.world.n_calls()).unwrap();
    let refused = MoyskladError::Refused { status: 413, code: None };
    let unreadable = MoyskladError::Unreadable { status: 200 };
    let faults = [Fault::Before(refused), Fault::After(refused), Fault::After(unreadable)];
    for (at, fault) in (0..most).flat_map(|at| faults.map(|fault| (at, fault))) {
        let play = play.copied();
        play.world.fail_after(at, fault);
        // Of the dictionaries it is the account's trouble, of all else nobody's but the one's whose call it was.
        let _ = play.drain(CHILD).await;
        play.drain_to_the_end().await;
        for kind in kinds {
            assert_eq!(play.world.all(account(CHILD), kind).len(), 6, "{at} {fault:?}");
        }
    }
}

#[tokio::test]
async fn two_alike_are_made_once_and_the_second_is_told_of() {
    for existing in [false, true] {
        let play = Play::new();
        if existing {
            play.world.made_by_hand(
                account(CHILD),
                EntityKind::Product,
                json!({"name": "Old", "externalCode": "same"}),
            );
        }
        for name in ["Tea", "Also tea", "Coffee", "Cocoa", "Water"] {
            let code = if name.ends_with("ea") { "same" } else { name };
            play.world.made_by_hand(account(MAIN), EntityKind::Product, json!({"name": name, "externalCode": code}));
        }
        play.mark_all(&[EntityKind::Product]).await;
        play.drain(CHILD).await;
        let expected = ["Cocoa", "Coffee", "Tea", "Water"].map(str::to_owned);
        assert_eq!(play.names(CHILD), expected.into());
        let blocked: Vec<_> = play.results().into_iter().filter(|(_, again)| *again).collect();
        assert!(matches!(blocked.as_slice(), [(Ok(Outcome::Blocked(why)), _)] if why.code() == "ambiguous_match"));
    }
}

#[tokio::test]
async fn what_a_list_leaves_out_is_not_taken_for_deleted() {
    let play = Play::new();
    for n in 0..20 {
        play.make_product(MAIN, &format!("Tea {n}"), 100);
    }
    play.mark_all(&[EntityKind::Product]).await;
    play.drain(CHILD).await;
    let before: Vec<EntityId> = play.products(CHILD).iter().map(own_id).collect();
    play.world.leave_out(3);
    play.mark_all(&[EntityKind::Product]).await;
    assert_eq!(play.drain(CHILD).await, Drained::Clean);
    assert_eq!(play.products(CHILD).iter().map(own_id).collect::<Vec<_>>(), before);
}

/// New, found, changed, deleted here and there, in a new folder; and variants, which have no `syncId`.
async fn a_bit_of_everything() -> Play {
    let play = Play::new();
    let ids: Vec<EntityId> = (0..6).map(|n| play.make_product(MAIN, &format!("Tea {n}"), 100)).collect();
    play.mark_all(&[EntityKind::Product]).await;
    assert_eq!(play.drain(CHILD).await, Drained::Clean);
    let deleted = play.counterpart(EntityKind::Product, ids[0]).await.unwrap();
    play.world.deleted_by_hand(account(CHILD), EntityKind::Product, deleted);
    play.world.deleted_by_hand(account(MAIN), EntityKind::Product, ids[1]);
    play.world.changed_by_hand(account(MAIN), EntityKind::Product, ids[2], json!({"name": "Green"}));
    play.world.changed_by_hand(account(MAIN), EntityKind::Product, ids[3], json!({"salePrices": prices(MAIN, 200)}));
    let folder = json!({"name": "Goods", "externalCode": "Goods"});
    let folder = play.world.made_by_hand(account(MAIN), EntityKind::ProductFolder, folder);
    for name in ["found", "new", "newer"] {
        let body =
            json!({"name": name, "externalCode": name, "productFolder": reference(EntityKind::ProductFolder, folder)});
        play.world.made_by_hand(account(MAIN), EntityKind::Product, body);
    }
    play.world.made_by_hand(account(CHILD), EntityKind::Product, json!({"name": "own", "externalCode": "found"}));
    for n in 0..4 {
        let characteristics = json!([{"name": "Size", "value": n.to_string()}]);
        let body = json!({"product": reference(EntityKind::Product, ids[4]), "characteristics": characteristics});
        play.world.made_by_hand(account(MAIN), EntityKind::Variant, body);
    }
    let _ = play.world.told();
    play.mark(EntityKind::Product, ids[1]).await;
    play.mark_all(&[EntityKind::Product, EntityKind::Variant]).await;
    let _ = (play.world.n_calls(), play.world.written(), play.results());
    play
}

impl Play {
    fn check_a_bit_of_everything(&self, at: &str) {
        assert_eq!(self.names(CHILD), self.names(MAIN), "{at}");
        for kind in [EntityKind::Product, EntityKind::Variant, EntityKind::ProductFolder] {
            let (there, here) = (self.world.all(account(CHILD), kind), self.world.all(account(MAIN), kind));
            assert_eq!(there.len(), here.len(), "{kind} {at}: {there:?}");
        }
        assert_eq!(self.store.all_dirty(), [], "{at}");
    }
}

#[tokio::test]
async fn many_at_once_make_nothing_twice_wherever_their_worker_dies() {
    let start = a_bit_of_everything().await;
    let mut ways = 0;
    for way in 0..5 {
        for at in 0..200 {
            let play = start.copied();
            let after = SignedDuration::from_secs(7);
            match way {
                0 => play.store.die_after(at),
                1 => play.world.fail_after(at, Fault::AnswerLost),
                2 => play.world.fail_after(at, Fault::Before(MoyskladError::RateLimited { after })),
                3 => play.world.fail_after(at, Fault::Before(MoyskladError::Broken { status: 503 })),
                _ => play.world.fail_after(at, Fault::Before(MoyskladError::Unreachable)),
            }
            let first = play.drain_until(CHILD, Timestamp::MAX).await;
            if first == Ok(Drained::Clean) {
                break;
            }
            ways += 1;
            assert!(play.store.all_dirty().iter().all(|row| row.failures == 0), "{way} {at}: it is nobody's fault");
            assert!(play.results().iter().filter(|(_, again)| *again).count() <= 1, "{way} {at}: it is told of once");
            play.store.revive();
            play.world.heal();
            play.wait(3_600);
            play.drain_to_the_end().await;
            play.check_a_bit_of_everything(&format!("{way} {at}"));
        }
    }
    assert!(ways > 80, "it died in {ways} places");
}

#[tokio::test]
async fn near_its_end_a_worker_of_many_stops_between_two_calls_and_loses_nothing() {
    let start = a_bit_of_everything().await;
    let mut n_stops = 0;
    for calls in 1..60 {
        let play = start.copied();
        // Each look at the clock is a second; there is time for so many.
        let (seconds, begun) = (std::sync::atomic::AtomicI64::new(0), play.now());
        let clock = || begun + SignedDuration::from_secs(seconds.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
        let tenant = tenant();
        let last_call = begun + SignedDuration::from_secs(calls);
        let asked = Drain { tenant: &tenant, target: account(CHILD), last_call, clock: &clock, listener: &Nobody };
        let first = drain(&play.store, &play.world, &asked).await.unwrap();
        n_stops += usize::from(first == Drained::Unfinished);
        play.wait(3_600);
        play.drain_to_the_end().await;
        play.check_a_bit_of_everything(&format!("after {calls}"));
    }
    assert!(n_stops > 10, "it stopped in {n_stops} places");
}

#[tokio::test]
async fn one_of_many_that_is_deleted_in_the_child_meanwhile_comes_back_once() {
    let start = a_bit_of_everything().await;
    let whole = start.copied();
    whole.drain_to_the_end().await;
    let n_calls = u32::try_from(whole.world.n_calls()).unwrap();
    for product in start.products(CHILD) {
        for at in 0..n_calls {
            let play = start.copied();
            play.world.delete_by_hand_after(at, account(CHILD), EntityKind::Product, own_id(&product));
            play.drain(CHILD).await;
            for notice in play.world.told() {
                play.hear(&notice).await;
            }
            play.drain_to_the_end().await;
            play.check_a_bit_of_everything(&format!("{at} {product}"));
        }
    }
}

#[tokio::test]
async fn a_poll_leaves_alone_what_was_carried_as_it_has_seen_it() {
    let play = Play::new();
    let at = |second: i64| Timestamp::from_second(1_899_999_000 + second).unwrap();
    play.world.set_time(at(0));
    let ids: Vec<EntityId> = (0..5).map(|n| play.make_product(MAIN, &format!("Tea {n}"), 100)).collect();
    let _ = play.world.told();
    let polled = |id: EntityId, at: Timestamp| {
        Notice::seen(account(MAIN), EntityKind::Product, id, crate::model::moysklad::Action::Update, at)
    };
    for id in &ids {
        assert!(
            matches!(play.hear_of(&polled(*id, at(0)), Teller::Poll).await, Heard::Marked(marks) if marks.len() == 2)
        );
    }
    play.drain(CHILD).await;
    play.drain(CHILDREN[1]).await;
    let _ = play.world.n_calls();
    for id in &ids {
        for _ in 0..9 {
            assert_eq!(play.hear_of(&polled(*id, at(0)), Teller::Poll).await, Heard::Nobody);
        }
    }
    assert_eq!(play.world.n_calls(), 0);
    // It changes: of two children one has carried it when the poll comes.
    play.world.set_time(at(60));
    play.world.changed_by_hand(account(MAIN), EntityKind::Product, ids[0], json!({"name": "Green"}));
    for notice in play.world.told() {
        play.hear(&notice).await;
    }
    play.drain(CHILD).await;
    let heard = play.hear_of(&polled(ids[0], at(60)), Teller::Poll).await;
    assert!(matches!(&heard, Heard::Marked(marks) if marks.len() == 1 && marks[0].target == account(CHILDREN[1])));
    let guard = play.store.loop_guard(&tenant(), play.origin(EntityKind::Product, ids[0])).await.unwrap();
    assert_eq!(guard.map(|guard| guard.rev), Some(1), "one webhook was heard, and polls do not count");
    play.drain(CHILDREN[1]).await;
    for child in CHILDREN {
        let mapping = play.store.mapping(&tenant(), play.origin(EntityKind::Product, ids[0]), account(child)).await;
        assert_eq!(mapping.unwrap().unwrap().carried, Some(crate::model::moysklad::moscow_text(at(60))));
    }
}

#[tokio::test]
async fn a_poll_does_not_free_what_a_loop_has_held() {
    let play = Play::new();
    let product = play.make_product(MAIN, "Tea", 1);
    for n in 0..3 {
        play.world.changed_by_hand(account(MAIN), EntityKind::Product, product, json!({"name": format!("Tea {n}")}));
    }
    for notice in play.world.told() {
        play.hear(&notice).await;
    }
    let action = crate::model::moysklad::Action::Update;
    let seen = Notice::seen(account(MAIN), EntityKind::Product, product, action, play.now());
    let heard = play.hear_of(&seen, Teller::Poll).await;
    assert!(
        matches!(heard, Heard::Suspected { opened: false, held_until, .. } if held_until > play.now()),
        "{heard:?}"
    );
}

#[tokio::test]
async fn a_notice_that_is_taken_again_is_one_change() {
    let play = Play::new();
    play.make_product(MAIN, "Tea", 1);
    let notice = play.world.told().remove(0);
    for n in 0..9 {
        play.wait(n);
        let teller = Teller::Webhook { received_at: Timestamp::from_second(1_900_000_000).unwrap() };
        assert!(matches!(play.hear_of(&notice, teller).await, Heard::Marked(_)));
    }
}

#[tokio::test]
async fn a_drain_can_run_on_any_thread() {
    let (store, world) = (MemorySync::default(), MemoryMoysklad::default());
    let drained = tokio::spawn(async move {
        let (tenant, clock) = (tenant(), || Timestamp::UNIX_EPOCH);
        let (target, last_call) = (account(CHILD), Timestamp::MAX);
        drain(&store, &world, &Drain { tenant: &tenant, target, last_call, clock: &clock, listener: &Nobody }).await
    });
    assert_eq!(drained.await.unwrap(), Ok(Drained::Clean));
}

/// Something of the main account's catalogue.
#[derive(Debug, Clone)]
struct Thing {
    kind: EntityKind,
    code: u8,
    price: u8,
    folder: Option<u8>,
    archived: bool,
    deed: Deed,
}

/// What is done to it after it was carried once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Nothing,
    Change,
    DeleteInMain,
    DeleteInChild,
    ChangeInChild,
}

fn things() -> impl Strategy<Value = Vec<Thing>> {
    use Deed::{Change, ChangeInChild, DeleteInChild, DeleteInMain, Nothing};
    let kind = prop_oneof![3 => Just(EntityKind::Product), 1 => Just(EntityKind::Service), 1 => Just(EntityKind::Variant), 1 => Just(EntityKind::Bundle)];
    let deed = prop::sample::select(vec![Nothing, Change, DeleteInMain, DeleteInChild, ChangeInChild]);
    let thing = (kind, 0_u8..12, 0_u8..3, prop::option::of(0_u8..3), prop::bool::weighted(0.1), deed);
    let thing = thing.prop_map(|(kind, code, price, folder, archived, deed)| Thing {
        kind,
        code,
        price,
        folder,
        archived,
        deed,
    });
    prop::collection::vec(thing, 1..16)
}

const KINDS: [EntityKind; 4] = [EntityKind::Product, EntityKind::Service, EntityKind::Variant, EntityKind::Bundle];

/// The world of these things, carried, changed, and carried again.
async fn carried(few: usize, things: &[Thing], own: &[(u8, bool)], left_out: Option<usize>, refused: u8) -> Play {
    let mut play = Play::new();
    play.few = few;
    play.world.refuse_name(&format!("thing {refused}"));
    if let Some(each) = left_out {
        play.world.leave_out(each);
    }
    for (code, service) in own {
        let kind = if *service { EntityKind::Service } else { EntityKind::Product };
        let body = json!({"name": "own", "externalCode": format!("x{code}")});
        play.world.made_by_hand(account(CHILD), kind, body);
    }
    let folders: Vec<EntityId> = (0..3)
        .map(|n| {
            let body = json!({"name": format!("folder {n}"), "externalCode": format!("f{n}")});
            play.world.made_by_hand(account(MAIN), EntityKind::ProductFolder, body)
        })
        .collect();
    let mut made: Vec<EntityId> = Vec::new();
    for thing in things {
        let mut body = json!({"salePrices": prices(MAIN, thing.price.into()), "archived": thing.archived});
        let product = things.iter().zip(&made).find(|(other, _)| other.kind == EntityKind::Product);
        if thing.kind == EntityKind::Variant {
            let Some((_, product)) = product else {
                made.push(EntityId::new(uuid::Uuid::nil()));
                continue;
            };
            body["product"] = reference(EntityKind::Product, *product);
            body["characteristics"] = json!([{"name": "Size", "value": (thing.code % 4).to_string()}]);
        } else {
            body["name"] = format!("thing {}", thing.code).into();
            body["externalCode"] = format!("x{}", thing.code).into();
            if let Some(folder) = thing.folder {
                body["productFolder"] = reference(EntityKind::ProductFolder, folders[usize::from(folder)]);
            }
        }
        if thing.kind == EntityKind::Bundle {
            let parts: Vec<Value> = product
                .map(|(_, id)| json!({"assortment": reference(EntityKind::Product, *id), "quantity": 2}))
                .into_iter()
                .collect();
            body["components"] = parts.into();
        }
        made.push(play.world.made_by_hand(account(MAIN), thing.kind, body));
    }
    play.mark_all(&KINDS).await;
    play.drain_to_the_end().await;
    for (thing, id) in things.iter().zip(&made) {
        let there = play.counterpart(thing.kind, *id).await;
        match (thing.deed, there) {
            (Deed::Change, _) => {
                let body = json!({"description": "changed", "salePrices": prices(MAIN, 9)});
                play.world.changed_by_hand(account(MAIN), thing.kind, *id, body);
            }
            (Deed::DeleteInMain, _) => play.world.deleted_by_hand(account(MAIN), thing.kind, *id),
            (Deed::DeleteInChild, Some(there)) => play.world.deleted_by_hand(account(CHILD), thing.kind, there),
            (Deed::ChangeInChild, Some(there)) => {
                // Where another of its code comes up before this is mended, what becomes of it depends on their order.
                let alone =
                    things.iter().filter(|other| (other.kind, other.code) == (thing.kind, thing.code)).count() == 1;
                let field = if alone { "externalCode" } else { "name" };
                play.world.changed_by_hand(account(CHILD), thing.kind, there, json!({field: "theirs"}));
            }
            (Deed::Nothing | Deed::DeleteInChild | Deed::ChangeInChild, _) => {}
        }
    }
    for (thing, id) in things.iter().zip(&made) {
        play.mark(thing.kind, *id).await;
    }
    play.drain_to_the_end().await;
    play
}

/// What stands in the child, without the identifiers that it was given there.
async fn state(play: &Play) -> Vec<String> {
    let name_of = |reference: &Value| {
        let id = id_of(reference)?;
        let kind = if reference["meta"]["type"] == "product" { EntityKind::Product } else { EntityKind::ProductFolder };
        play.world.entity(account(CHILD), kind, id).map(|entity| entity["externalCode"].clone())
    };
    let plain = |entity: &Value| {
        let mut entity = entity.clone();
        for field in ["id", "meta"] {
            entity.as_object_mut().unwrap().remove(field);
        }
        for field in ["productFolder", "product"] {
            entity[field] = name_of(&entity[field]).unwrap_or_default();
        }
        for part in entity.pointer_mut("/components/rows").and_then(Value::as_array_mut).into_iter().flatten() {
            part["assortment"] = name_of(&part["assortment"]).unwrap_or_default();
        }
        entity.to_string()
    };
    let mut state = Vec::new();
    for kind in KINDS.into_iter().chain([EntityKind::ProductFolder]) {
        state.extend(play.world.all(account(CHILD), kind).iter().map(|entity| format!("{kind} {}", plain(entity))));
    }
    for mapping in play.store.all_mappings() {
        let there = mapping.counterpart.and_then(|id| play.world.entity(account(CHILD), mapping.origin.kind, id));
        state.push(format!("{} {} {:?}", mapping.origin, mapping.generation, there.as_ref().map(plain)));
    }
    state.sort();
    state
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn many_at_once_end_as_each_by_itself(
        things in things(),
        own in prop::collection::vec((0_u8..12, any::<bool>()), 0..4),
        left_out in prop::option::of(2_usize..4),
        refused in 0_u8..40,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (alone, together) = runtime.block_on(async {
            let alone = carried(usize::MAX, &things, &own, left_out, refused).await;
            let together = carried(1, &things, &own, left_out, refused).await;
            (state(&alone).await, state(&together).await)
        });
        prop_assert_eq!(alone, together);
    }
}
