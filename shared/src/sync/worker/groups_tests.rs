//! A change carries its own groups of fields, and what was missed of earlier ones.

use serde_json::json;

use super::play::{CHILDREN, MAIN, Play, account, dictionary, id, order, prices};
use crate::model::moysklad::{Action, EntityId, EntityKind};
use crate::providers::moysklad::payload::Notice;
use crate::sync::dictionary::{Dictionary, Named};
use crate::sync::plan::id_of;
use crate::testing::memory_moysklad::BASE;

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
    let action = Action::Update;
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
