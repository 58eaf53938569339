//! A queue or a table is not there for a while. What is answered 2xx meanwhile is done; what cannot be kept is refused.

use std::time::Duration;

use gancho_tests::flow::Flow;
use gancho_tests::stack::Stack;
use gancho_tests::traffic::{Scene, Traffic};
use gancho_tests::waiting::until_within;

use crate::{PACE, TAKEN_IN, a_scene, all_is_well};

/// What a table is called that is not there.
const NOWHERE: &str = "gancho-a-table-that-is-not-there";
/// Until a function that cannot keep anything has said so.
const SAID_SO: Duration = Duration::from_secs(60);

/// Functions that look for a table where it is not: to them it is as good as gone, and its rows stay.
struct Misled<'a> {
    flow: &'a Flow,
    before: Vec<(&'static str, String)>,
}

impl<'a> Misled<'a> {
    async fn about(flow: &'a Flow, setting: &str, functions: &[&'static str]) -> Self {
        let mut before = Vec::new();
        for function in functions {
            before.push((*function, flow.cloud.deploy_with(function, setting, NOWHERE).await));
        }
        Self { flow, before }
    }

    async fn put_right(self) {
        for (function, version) in self.before {
            self.flow.cloud.point(function, &version).await;
        }
    }
}

/// Traffic goes on until this many more things are taken in though something is gone.
async fn goes_on(traffic: &Traffic) {
    traffic.takes(25, TAKEN_IN).await;
}

/// Until senders were put off, some of them again and again.
async fn refuses(scene: &Scene) {
    let wanted = scene.n_put_off() + 20;
    until_within("the door to refuse", SAID_SO, async || (scene.n_put_off() >= wanted).then_some(())).await;
}

/// These functions look for a table in vain for a while: whoever sends is told 503, and comes again.
async fn nobody_finds(table: &str, functions: &[&'static str]) {
    let scene = a_scene().await;
    let traffic = Traffic::begin(&scene, PACE);
    goes_on(&traffic).await;
    let misled = Misled::about(&scene.flow, table, functions).await;
    refuses(&scene).await;
    misled.put_right().await;
    goes_on(&traffic).await;
    let counted = all_is_well(&scene, traffic).await;
    assert_eq!(counted.refusals.keys().collect::<Vec<_>>(), ["503"], "{counted:#?}");
}

#[tokio::test]
#[ignore = "deletes queues: make faults"]
async fn queues_that_are_gone_for_a_while_keep_nobody_out_and_lose_nothing() {
    let scene = a_scene().await;
    let traffic = Traffic::begin(&scene, PACE);
    goes_on(&traffic).await;
    let cloud = &scene.flow.cloud;
    for queue in ["lead", "dispatch", "delivery"] {
        let lost = cloud.lose_queue(&Stack::get().queues[queue]).await;
        goes_on(&traffic).await;
        cloud.give_back_queue(lost).await;
    }
    goes_on(&traffic).await;
    let counted = all_is_well(&scene, traffic).await;
    assert!(counted.refusals.is_empty(), "a bell that cannot be rung is no reason to refuse: {counted:#?}");
}

#[tokio::test]
#[ignore = "deletes tables: make faults"]
async fn signals_that_are_lost_for_good_lose_no_event() {
    let scene = a_scene().await;
    let traffic = Traffic::begin(&scene, PACE);
    goes_on(&traffic).await;
    let lost = scene.flow.cloud.lose_table("signals").await;
    goes_on(&traffic).await;
    scene.flow.cloud.give_back_table(lost).await;
    goes_on(&traffic).await;
    let counted = all_is_well(&scene, traffic).await;
    assert!(counted.refusals.is_empty(), "what signals hold is not asked for at the door: {counted:#?}");
}

#[tokio::test]
#[ignore = "deploys functions anew: make faults"]
async fn while_the_directory_is_not_to_be_found_the_door_says_503_and_whoever_comes_again_is_let_in() {
    let everybody = ["receive", "enrich", "dispatch", "deliver", "sync"];
    nobody_finds("TABLE_DIRECTORY", &everybody).await;
}

#[tokio::test]
#[ignore = "deploys functions anew: make faults"]
async fn while_the_events_table_is_not_to_be_found_nothing_is_accepted_and_nothing_accepted_is_lost() {
    let everybody = ["receive", "enrich", "dispatch", "deliver", "sync"];
    nobody_finds("TABLE_EVENTS", &everybody).await;
}

#[tokio::test]
#[ignore = "deploys functions anew: make faults"]
async fn while_the_parties_table_is_not_to_be_found_leads_wait_and_then_each_is_told_once() {
    let scene = a_scene().await;
    let traffic = Traffic::begin(&scene, PACE);
    goes_on(&traffic).await;
    let misled = Misled::about(&scene.flow, "TABLE_PARTIES", &["enrich"]).await;
    goes_on(&traffic).await;
    misled.put_right().await;
    goes_on(&traffic).await;
    let counted = all_is_well(&scene, traffic).await;
    assert!(counted.refusals.is_empty(), "nobody at the door asks for parties: {counted:#?}");
}
