//! What signing and recording take of a delivery, measured apart, in this process.

use std::time::Duration;

use anyhow::{Result, anyhow};
use gancho::delivery::message::Message;
use gancho::delivery::prepare::{Endpoint, prepare};
use gancho::model::delivery::{Delivery, DeliveryStatus};
use gancho::model::event::Announcement;
use gancho::model::event_type::EventType;
use gancho::model::ids::EventId;
use gancho::work::{Bell, Next, Record, Rows, Taken, Timing, take};
use gancho_bench::figures::ms;
use gancho_bench::runtime::spent::cpu;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;

use crate::house::House;

const SIGNED: u32 = 2_000;
const RECORDED: usize = 300;

/// Processor time, µs.
#[derive(Debug, Serialize)]
pub(crate) struct Shares {
    /// Opening a subscription's secrets, writing the body, signing it.
    pub(crate) signing_us: f64,
    /// A claim and a record: two conditional updates, by the SDK, without TLS.
    pub(crate) recording_us: f64,
}

pub(crate) async fn measure(house: &House) -> Result<Shares> {
    Ok(Shares { signing_us: signing(house).await?, recording_us: recording(house).await? })
}

async fn signing(house: &House) -> Result<f64> {
    let (subscription, now) = (house.a_subscription().await?, Timestamp::now());
    let announcement = Announcement {
        id: EventId::derive(&["measured"]),
        tenant: subscription.tenant.clone(),
        event_type: EventType::PaymentReceived,
        at: now,
        data: json!({"payment_id": "pay_1001", "amount": "1500.00", "currency": "EUR", "status": "completed"}),
    };
    let before = cpu(std::process::id())?;
    for _ in 0..SIGNED {
        let endpoint = Endpoint::open(&subscription, &house.keys, &house.allowed, now);
        let endpoint = endpoint.map_err(|error| anyhow!("{error}"))?;
        std::hint::black_box(prepare(&Message::of(&announcement), &endpoint, now));
    }
    Ok(us_each(cpu(std::process::id())? - before, SIGNED as usize))
}

async fn recording(house: &House) -> Result<f64> {
    let (bells, _) = house.publish(RECORDED).await?;
    let rows = bells.rows()?;
    let (before, stand_ins) = (cpu(std::process::id())?, house.services.cpu());
    for bell in &rows {
        let now = Timestamp::now();
        let deadline = now + SignedDuration::from_secs(30);
        let Taken::Yes(claimed) = take::<Delivery>(&house.store, bell, &Timing::default(), now, deadline).await? else {
            return Err(anyhow!("nobody else has it"));
        };
        let next = Next::End { now, expires_at: deadline, failed: false };
        let status = DeliveryStatus::Delivered.name();
        let record = Record { status, next, counted: true, patch: json!({}), remove: &["slot_at"] };
        house.store.record::<Delivery, _>(&claimed.fence, &record).await?;
    }
    let stand_ins = house.services.cpu() - stand_ins;
    Ok(us_each((cpu(std::process::id())? - before).saturating_sub(stand_ins), rows.len()))
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn us_each(spent: Duration, n: usize) -> f64 {
    ms(spent) * 1000.0 / n as f64
}

impl crate::house::Batches {
    /// The bells themselves.
    fn rows(&self) -> Result<Vec<Bell>> {
        let mut rows = Vec::new();
        for batch in &self.batches {
            let batch: serde_json::Value = serde_json::from_slice(batch)?;
            for record in batch["Records"].as_array().into_iter().flatten() {
                rows.push(Bell::read(record["body"].as_str().unwrap_or_default())?);
            }
        }
        Ok(rows)
    }
}
