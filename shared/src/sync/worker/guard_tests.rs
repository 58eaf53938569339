//! The guards that do not depend on MoySklad's header.

use serde_json::json;

use super::play::{CHILDREN, MAIN, Play, account};
use super::*;
use crate::model::moysklad::{EntityId, EntityKind, EntityRef};

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
