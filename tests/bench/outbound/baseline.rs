//! The local cloud by itself: what one call of each kind takes while nothing else is asked of it.

use std::time::Instant;

use gancho_tests::cloud::Cloud;
use gancho_tests::stack::Stack;
use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::json;

use crate::outcome::{Latency, histogram};

const TIMES: usize = 100;

/// In milliseconds.
#[derive(Serialize)]
pub(crate) struct Baseline {
    /// A function that is given an empty batch.
    pub(crate) invoke_ms: Latency,
    /// An item that is not there.
    pub(crate) get_item_ms: Latency,
    /// A message into a queue that nobody reads.
    pub(crate) send_message_ms: Latency,
}

/// Asks.
pub(crate) async fn measure(cloud: &Cloud) -> Baseline {
    let nowhere = &Stack::get().dead_letters["dispatch"];
    let nothing = json!({"Records": []});
    Baseline {
        invoke_ms: time(async || drop(cloud.invoke("deliver", &nothing).await)).await,
        get_item_ms: time(async || drop(cloud.item("events", "BENCH", "BENCH").await)).await,
        send_message_ms: time(async || cloud.send(nowhere, "nothing").await).await,
    }
}

async fn time(mut ask: impl AsyncFnMut()) -> Latency {
    let mut took: Histogram<u64> = histogram();
    for _ in 0..TIMES {
        let start = Instant::now();
        ask().await;
        took.saturating_record(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    Latency::from(&took)
}
