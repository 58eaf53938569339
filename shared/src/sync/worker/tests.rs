//! What reaches whom.

use serde_json::{Value, json};

use super::play::{CHILDREN, MAIN, OTHER_MAIN, OTHERS_CHILD, Play, account, id, order, prices, reference, tenant};
use super::*;
use crate::model::moysklad::{EntityId, EntityKind, EntityRef, FieldGroup};
use crate::sync::plan::{Mark, id_of};
use crate::sync::store::DirtyRows;

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
