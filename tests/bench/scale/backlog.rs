//! Deliveries that wait: some are due, and many more are not yet.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use gancho::aws::Store;
use gancho::model::ids::TenantId;
use gancho::testing::samples::delivery;
use gancho::work::Timing;
use jiff::SignedDuration;

use crate::now;

/// Deliveries that were due over the last hour.
pub(crate) fn due(n: usize) -> impl Iterator<Item = HashMap<String, AttributeValue>> {
    (0..n).map(move |n| waiting(&format!("due-{n}"), -SignedDuration::from_secs(spread(n, 3_600))))
}

/// Deliveries that are due from an hour on, within three days: retries that wait their time out.
pub(crate) fn not_due(n: usize) -> impl Iterator<Item = HashMap<String, AttributeValue>> {
    let after = |n| SignedDuration::from_hours(1) + SignedDuration::from_secs(spread(n, 3 * 24 * 3_600));
    (0..n).map(move |n| waiting(&format!("later-{n}"), after(n)))
}

fn spread(n: usize, seconds: usize) -> i64 {
    i64::try_from(n * 7_919 % seconds).expect("seconds")
}

fn waiting(name: &str, due_in: SignedDuration) -> HashMap<String, AttributeValue> {
    let mut row = delivery(name, &TenantId::default_tenant(), now());
    row.work.not_before = now() + due_in - Timing::default().grace;
    row.work.due_at = Some(now() + due_in);
    Store::whole_item(&row).expect("an item")
}
