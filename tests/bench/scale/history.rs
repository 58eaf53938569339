//! A week of ten tenants: so many events an hour, each to five subscriptions, all of them ended. The same questions have
//! answers of the same size whether it is one an hour or a hundred and twenty.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use gancho::aws::Store;
use gancho::counters::{Counters, Grain, Tally, Tried};
use gancho::intake::row;
use gancho::manage::tenants::{TenantFields, create};
use gancho::model::delivery::{Attempt, Delivery, DeliveryStatus};
use gancho::model::event::{Event, EventStatus};
use gancho::model::event_type::EventType;
use gancho::model::ids::{DeliveryId, EventId, SubscriptionId, TenantId};
use gancho::model::row::{WorkRow, WorkState};
use gancho::testing::samples::{delivery, published};
use gancho::work::Timing;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::now;

pub(crate) const TENANTS: usize = 10;
const SUBSCRIPTIONS: usize = 5;
const HOURS: usize = 7 * 24;
/// One event in so many, and one delivery in so many, ended in failure.
const FAILED: usize = 20;
/// In which hour of each day the events are of the rarer type.
const RARE_HOUR: usize = 5;

/// The tenant whose lists are asked for.
pub(crate) fn tenant(n: usize) -> TenantId {
    format!("ten_{n}").parse().expect("an identifier")
}

/// How many rows there are of so many events an hour: events, deliveries.
pub(crate) const fn size(per_hour: usize) -> (usize, usize) {
    let events = TENANTS * HOURS * per_hour;
    (events, events * SUBSCRIPTIONS)
}

/// One event of the week.
#[derive(Clone, Copy)]
struct Moment {
    tenant: usize,
    hour: usize,
    n: usize,
    at: Timestamp,
}

impl Moment {
    fn all(per_hour: usize) -> impl Iterator<Item = Self> {
        (0..HOURS).flat_map(move |hour| {
            (0..TENANTS).flat_map(move |tenant| (0..per_hour).map(move |n| Self::of(tenant, hour, n, per_hour)))
        })
    }

    fn of(tenant: usize, hour: usize, n: usize, per_hour: usize) -> Self {
        let back = seconds(hour * 3_600 + (n * 3_600 + 1_800) / per_hour);
        Self { tenant, hour, n, at: now() - SignedDuration::from_secs(back) }
    }

    fn event_type(self) -> EventType {
        if self.hour % 24 == RARE_HOUR { EventType::PaymentReceived } else { EventType::InvoiceSent }
    }

    /// Whether the event failed, or its delivery to a subscription.
    fn failed(self, subscription: usize) -> bool {
        (self.hour + self.n + subscription) % FAILED == 3
    }
}

fn seconds(n: usize) -> i64 {
    i64::try_from(n).expect("a week of seconds")
}

/// The rows of the events table, as their work left them.
pub(crate) fn rows(per_hour: usize) -> impl Iterator<Item = HashMap<String, AttributeValue>> {
    let invoice = json!({"type": "invoice.sent", "data": {"invoice_id": "1", "customer_id": "1", "amount": "1.00"}});
    let event = row(&published(&tenant(0), invoice, now()), now(), &Timing::default());
    let sample = delivery("sample", &tenant(0), now());
    Moment::all(per_hour).flat_map(move |moment| {
        let event = ended_event(&event, moment);
        let deliveries = (0..SUBSCRIPTIONS).map(|n| ended_delivery(&sample, &event, n, moment));
        let deliveries: Vec<_> = deliveries.map(|one| item(&one, one.status == DeliveryStatus::Failed)).collect();
        std::iter::once(item(&event, event.status == EventStatus::Failed)).chain(deliveries)
    })
}

fn ended_event(sample: &Event, moment: Moment) -> Event {
    let Moment { tenant: of, hour, n, at } = moment;
    let failed = moment.failed(0);
    Event {
        id: EventId::derive(&["history", &format!("{of}/{hour}/{n}")]),
        tenant: tenant(of),
        event_type: moment.event_type(),
        occurred_at: at,
        received_at: at,
        status: if failed { EventStatus::Failed } else { EventStatus::Completed },
        processed_at: Some(at),
        work: ended(&sample.work, at),
        ..sample.clone()
    }
}

fn ended_delivery(sample: &Delivery, event: &Event, n: usize, moment: Moment) -> Delivery {
    let subscription: SubscriptionId = format!("sub_{n}").parse().expect("an identifier");
    let (at, failed) = (event.received_at, moment.failed(n));
    let answer = Attempt {
        n: 1,
        at,
        http_status: Some(if failed { 404 } else { 200 }),
        duration_ms: 30,
        error: failed.then(|| "http_4xx".into()),
        response: None,
        next_retry_at: None,
    };
    Delivery {
        id: DeliveryId::derive(&event.id, at, &subscription),
        event: event.id.clone(),
        tenant: event.tenant.clone(),
        subscription,
        event_type: event.event_type,
        created_at: at,
        status: if failed { DeliveryStatus::Failed } else { DeliveryStatus::Delivered },
        last: Some(answer),
        work: ended(&sample.work, at),
        ..sample.clone()
    }
}

fn ended(work: &WorkState, at: Timestamp) -> WorkState {
    let expires_at = Some(at + SignedDuration::from_hours(24 * 30));
    WorkState { attempts: 1, not_before: at, due_at: None, due_shard: None, expires_at, ..work.clone() }
}

/// A row that has ended, in the list of what failed if it did.
fn item<R: WorkRow>(row: &R, failed: bool) -> HashMap<String, AttributeValue> {
    let mut item = Store::whole_item(row).expect("an item");
    if failed {
        item.extend(Store::failed_place(row, row.listed_at()).into_iter().flatten());
    }
    item
}

/// Makes the tenants, and counts what the rows say was tried.
pub(crate) async fn tell(store: &Store, per_hour: usize) {
    let made = now() - SignedDuration::from_hours(24 * 8);
    let mut tallies: BTreeMap<Timestamp, Tally> = BTreeMap::new();
    for n in 0..TENANTS {
        create(store, tenant(n), TenantFields::default(), made).await.expect("a tenant");
    }
    for moment in Moment::all(per_hour) {
        // Five minutes are told apart for three hours only.
        let grain = if moment.hour < 3 { Grain::FiveMinutes } else { Grain::Hour };
        let tally = tallies.entry(grain.slot(moment.at)).or_default();
        for subscription in 0..SUBSCRIPTIONS {
            let failed = moment.failed(subscription);
            tally.note(&Tried {
                tenant: &tenant(moment.tenant),
                subscription: &format!("sub_{subscription}").parse().expect("an identifier"),
                event_type: moment.event_type(),
                status: if failed { DeliveryStatus::Failed } else { DeliveryStatus::Delivered },
                http_status: Some(if failed { 404 } else { 200 }),
                why: failed.then_some("http_4xx"),
                duration_ms: Some(30),
            });
        }
    }
    for (slot, tally) in &tallies {
        store.count(tally, *slot).await.expect("the store answers");
    }
}
