//! The whole cloud goes down cleanly, with what it holds, and comes back.

use gancho_tests::servers;
use gancho_tests::stack::Stack;
use gancho_tests::traffic::Traffic;

use crate::{PACE, TAKEN_IN, a_scene, all_is_well};

/// How often it goes down.
const TIMES: usize = 2;

#[tokio::test]
#[ignore = "stops the local cloud: make faults"]
async fn a_cloud_that_stops_under_traffic_and_comes_back_with_its_state_has_lost_nothing() {
    let scene = a_scene().await;
    let traffic = Traffic::begin(&scene, PACE);
    let health = format!("{}/_ministack/health", Stack::get().endpoint_url);
    for _ in 0..TIMES {
        traffic.takes(30, TAKEN_IN).await;
        servers::stop("local-cloud").await.start(&health).await;
    }
    traffic.takes(30, TAKEN_IN).await;
    let counted = all_is_well(&scene, traffic).await;
    assert!(!counted.refusals.is_empty(), "somebody was not answered meanwhile: {counted:#?}");
}
