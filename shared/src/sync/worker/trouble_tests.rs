//! What fails, dies, is refused or in the way.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::drain::FEW;
use super::play::{CHILDREN, MAIN, OTHER_MAIN, Play, account, account_row, id, order, reference, tenant};
use super::*;
use crate::model::moysklad::{Account, EntityId, EntityKind, EntityRef, FieldGroup};
use crate::sync::plan::Mark;
use crate::sync::ports::MoyskladError;
use crate::sync::store::{DirtyRows, Mappings};
use crate::testing::memory_moysklad::Fault;
use crate::testing::memory_sync::MemorySync;

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
