//! One event to the subscriptions of one tenant, of which the API lets it have a hundred: rows are put beside it.

use std::collections::HashMap;
use std::time::Duration;

use gancho::aws::keys;
use gancho::dispatch::{Keep, fan_out};
use gancho::model::event::Announcement;
use gancho::model::event_type::EventType;
use gancho::model::ids::{EventId, TenantId};
use gancho::testing::samples::subscription;
use gancho::work::Timing;
use gancho_bench::stand_ins::{Service, StandIns};
use serde::Serialize;

use crate::measure::{Measured, measured};
use crate::{now, store_on};

/// Deliveries that each line is measured over: a small fan-out is repeated until there are as many …
const DELIVERIES: usize = 10_000;
/// … or until so many subscriptions were read.
const SUBSCRIPTIONS_READ: usize = 100_000;
/// How slow the services are made for the time a fan-out takes: more than either takes on AWS mostly.
const SLOW: [(Service, Duration); 2] =
    [(Service::DynamoDb, Duration::from_millis(5)), (Service::Sqs, Duration::from_millis(10))];

/// A tenant's subscriptions, and how many of them want what happens.
struct Audience {
    subscriptions: usize,
    wanting: usize,
}

const AUDIENCES: [Audience; 5] = [
    Audience { subscriptions: 10, wanting: 10 },
    Audience { subscriptions: 100, wanting: 100 },
    Audience { subscriptions: 1_000, wanting: 1_000 },
    Audience { subscriptions: 10_000, wanting: 10_000 },
    Audience { subscriptions: 10_000, wanting: 10 },
];

/// What the fan-out of one event took.
#[derive(Debug, Serialize)]
pub(crate) struct FannedOut {
    pub(crate) subscriptions: usize,
    pub(crate) wanting: usize,
    /// How many events were fanned out for the figures.
    pub(crate) events: usize,
    /// Of all of them together.
    pub(crate) measured: Measured,
    /// Of one of them again, as after a time-out: all is written already.
    pub(crate) again: Measured,
    /// Of one with services that are as slow as AWS's, ms.
    pub(crate) slow_ms: f64,
}

pub(crate) async fn measure() -> Vec<FannedOut> {
    let mut lines = Vec::new();
    for audience in &AUDIENCES {
        println!("one event to {} of {} subscriptions …", audience.wanting, audience.subscriptions);
        lines.push(of(audience).await);
    }
    lines
}

async fn of(audience: &Audience) -> FannedOut {
    let stand_ins = StandIns::start();
    let store = store_on(&stand_ins).await;
    let tenant = TenantId::default_tenant();
    let items = (0..audience.subscriptions).map(|n| {
        let pattern = if n < audience.wanting { "invoice.sent" } else { "payment.received" };
        let sub = subscription(&format!("sub_{n}"), pattern);
        let key = keys::subscription(&tenant, &sub.id);
        let mut item: HashMap<_, _> = serde_dynamo::to_item(&sub).expect("an item");
        item.extend([("pk".to_owned(), text(key.pk)), ("sk".to_owned(), text(key.sk))]);
        item
    });
    stand_ins.load(&stand_ins.tables().directory, items);

    let fan = async |name: &str| {
        let announcement = Announcement {
            id: EventId::derive(&["scale", name]).child(1),
            tenant: tenant.clone(),
            event_type: EventType::InvoiceSent,
            at: now(),
            data: serde_json::json!({"invoice_id": "1"}),
        };
        let told = fan_out(&store, &announcement, Keep::Always, &Timing::default(), now()).await;
        assert_eq!(told, Ok(audience.wanting));
    };
    // Connections are opened once, and are in no number.
    fan("warm-up").await;
    let events = (DELIVERIES / audience.wanting).min(SUBSCRIPTIONS_READ / audience.subscriptions);
    let names: Vec<String> = (0..events).map(|n| n.to_string()).collect();
    let (_, measured_all) = measured(&stand_ins, async {
        for name in &names {
            fan(name).await;
        }
    })
    .await;
    let (_, again) = measured(&stand_ins, fan("0")).await;
    for (service, latency) in SLOW {
        stand_ins.set_latency(service, latency);
    }
    let (_, slow) = measured(&stand_ins, fan("slow")).await;
    FannedOut {
        subscriptions: audience.subscriptions,
        wanting: audience.wanting,
        events,
        measured: measured_all,
        again,
        slow_ms: slow.ms,
    }
}

fn text(text: String) -> aws_sdk_dynamodb::types::AttributeValue {
    aws_sdk_dynamodb::types::AttributeValue::S(text)
}
