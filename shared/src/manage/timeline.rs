//! What happened to an event, in the order of time, as an operator reads it.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::event_file::{Announced, EventFile};
use crate::model::delivery::{Attempt, Delivery};
use crate::model::event::Event;
use crate::model::ids::DeliveryId;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// What was done.
    pub step: String,
    /// What came of it: a word.
    pub outcome: String,
    /// More, for a reader. Nothing of the person the event is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// On its way to whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_id: Option<DeliveryId>,
}

impl Moment {
    fn new(at: Timestamp, step: &str, outcome: impl Into<String>, detail: Option<String>) -> Self {
        Self { at, step: step.to_owned(), outcome: outcome.into(), detail, delivery_id: None }
    }
}

/// The moments of an event. What happened at one time stays in the order of cause and effect.
#[must_use]
pub fn timeline(file: &EventFile) -> Vec<Moment> {
    let event = &file.event;
    let mut moments = received(file);
    moments.extend(file.steps.iter().map(|step| Moment::new(step.at, &step.step, &step.outcome, step.detail.clone())));
    moments.extend(file.announced.iter().map(|said| announced(said, file)));
    for delivery in &file.deliveries {
        moments.extend(delivered(delivery, file));
    }
    moments.extend(ended(event));
    moments.extend(waiting(event));
    moments.sort_by_key(|moment| moment.at);
    moments
}

fn received(file: &EventFile) -> Vec<Moment> {
    let event = &file.event;
    let by = format!("{} by {}", event.provider.name(), event.source);
    let variants = file.variants.iter().map(|at| Moment::new(*at, "received", "variant", Some("another body".into())));
    std::iter::once(Moment::new(event.received_at, "received", "recorded", Some(by))).chain(variants).collect()
}

/// An announcement bears the time of what it tells of. When it was said, its deliveries know best.
fn announced(said: &Announced, file: &EventFile) -> Moment {
    let opened =
        file.deliveries.iter().filter(|delivery| delivery.event == said.id).map(|delivery| delivery.created_at);
    let at = opened.min().or(file.event.processed_at).unwrap_or(said.at);
    Moment::new(at, "announced", said.event_type.to_string(), Some(said.id.to_string()))
}

fn ended(event: &Event) -> Option<Moment> {
    let by = event.superseded_by.as_ref().map(|by| format!("by {by}"));
    let detail = event.error.clone().or(by);
    Some(Moment::new(event.processed_at?, "processed", event.status.name(), detail))
}

/// What an event that has not ended waits for.
fn waiting(event: &Event) -> Option<Moment> {
    let shard = event.work.due_shard.as_deref()?;
    if let Some(hold) = shard.strip_prefix("parked#").and_then(|rest| rest.rsplit_once('#')) {
        return Some(Moment::new(event.work.due_at?, "waiting", "parked", Some(hold.0.to_owned())));
    }
    let turn = event.turn_at.as_ref().map(|turn| format!("its turn at {}", turn.upstream));
    (event.work.not_before > event.received_at).then(|| {
        let at = event.turn_at.as_ref().map_or(event.work.not_before, |turn| turn.at);
        Moment::new(at, "waiting", "scheduled", turn)
    })
}

fn delivered(delivery: &Delivery, file: &EventFile) -> Vec<Moment> {
    let own = |moment: Moment| Moment { delivery_id: Some(delivery.id.clone()), ..moment };
    let to = format!("to {}", delivery.subscription);
    let mut moments = vec![own(Moment::new(delivery.created_at, "delivery", "opened", Some(to)))];
    let kept: Vec<&Attempt> =
        file.attempts.iter().filter(|(of, _)| *of == delivery.id).map(|(_, attempt)| attempt).collect();
    // The newest attempt may stand on the delivery's own row only.
    let last = delivery.last.as_ref().filter(|last| kept.iter().all(|attempt| attempt.n != last.n));
    moments.extend(kept.into_iter().chain(last).map(|attempt| own(attempted(attempt))));
    if delivery.work.ended() {
        let at = delivery.last.as_ref().map_or(delivery.created_at, ended_at);
        moments.push(own(Moment::new(at, "delivery", delivery.status.name(), None)));
    }
    moments
}

fn ended_at(attempt: &Attempt) -> Timestamp {
    let took = std::time::Duration::from_millis(attempt.duration_ms);
    attempt.at.checked_add(took).unwrap_or(attempt.at)
}

fn attempted(attempt: &Attempt) -> Moment {
    let outcome = if attempt.error.is_none() { "accepted" } else { "refused" };
    let mut detail = match attempt.http_status {
        Some(status) => format!("try {}: HTTP {status} in {} ms", attempt.n, attempt.duration_ms),
        None => format!("try {}: no answer in {} ms", attempt.n, attempt.duration_ms),
    };
    if let Some(error) = &attempt.error {
        detail.push_str(&format!(", {error}"));
    }
    if let Some(next) = attempt.next_retry_at {
        detail.push_str(&format!("; again at {next}"));
    }
    Moment::new(attempt.at, "attempt", outcome, Some(detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrichment::look_up::Step;
    use crate::model::delivery::DeliveryStatus;
    use crate::model::event::EventStatus;
    use crate::model::event_type::EventType;
    use crate::model::row::Queue;
    use crate::testing::samples::{lead_event, work};
    use crate::work::{Hold, Timing};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + seconds).unwrap()
    }

    fn file() -> EventFile {
        let mut event = lead_event("lead-1", at(0), &Timing::default());
        event.status = EventStatus::Completed;
        event.processed_at = Some(at(4));
        event.work.due_shard = None;
        EventFile {
            event,
            variants: Vec::new(),
            steps: Vec::new(),
            announced: Vec::new(),
            deliveries: Vec::new(),
            attempts: Vec::new(),
            cut: false,
        }
    }

    fn attempt(n: u32, seconds: i64, status: Option<u16>, error: Option<&str>) -> Attempt {
        Attempt {
            n,
            at: at(seconds),
            http_status: status,
            duration_ms: 120,
            error: error.map(str::to_owned),
            response: Some("not to be shown".into()),
            next_retry_at: error.map(|_| at(seconds + 5)),
        }
    }

    fn told(file: &EventFile) -> Vec<String> {
        timeline(file)
            .into_iter()
            .map(|m| {
                let seconds = m.at.duration_since(at(0)).as_secs();
                format!("{seconds} {} {} {}", m.step, m.outcome, m.detail.unwrap_or_default()).trim().to_owned()
            })
            .collect()
    }

    #[test]
    fn a_lead_is_told_from_its_receipt_to_the_last_delivery() {
        let mut file = file();
        let step = |seconds, step: &str, outcome: &str| Step {
            at: at(seconds),
            step: step.into(),
            outcome: outcome.into(),
            detail: None,
        };
        file.variants.push(at(1));
        file.steps = vec![step(2, "diretrix", "found"), step(3, "message", "sent")];
        let said = file.event.id.child(1);
        file.announced.push(Announced { id: said.clone(), event_type: EventType::LeadEnriched, at: at(0) });
        let id = DeliveryId::derive(&said, at(4), &"sub_1".parse().unwrap());
        let mut delivery = Delivery {
            event: said,
            tenant: file.event.tenant.clone(),
            subscription: "sub_1".parse().unwrap(),
            event_type: EventType::LeadEnriched,
            created_at: at(4),
            status: DeliveryStatus::Delivered,
            last: Some(attempt(2, 10, Some(200), None)),
            work: work(&crate::model::row::RowKey::Delivery(id.clone()), Queue::Delivery, at(4), &Timing::default()),
            id: id.clone(),
            ..crate::testing::samples::delivery("told", &file.event.tenant, at(4))
        };
        delivery.work.due_shard = None;
        file.attempts.push((id, attempt(1, 5, Some(503), Some("status"))));
        file.deliveries.push(delivery);
        insta::assert_snapshot!(told(&file).join("\n"), @r"
        0 received recorded c2s by src_default
        1 received variant another body
        2 diretrix found
        3 message sent
        4 announced lead.enriched evt_9b06bf8ecfbc232d72b5b8b7d9f77e7f_1
        4 delivery opened to sub_1
        4 processed completed
        5 attempt refused try 1: HTTP 503 in 120 ms, status; again at 2030-03-17T17:46:50Z
        10 attempt accepted try 2: HTTP 200 in 120 ms
        10 delivery delivered
        ");
    }

    #[test]
    fn an_event_that_waits_behind_a_switch_says_which() {
        let mut file = file();
        file.event.processed_at = None;
        file.event.work.due_shard =
            Some(Hold::switch("tenant:ten_1").shard(&crate::model::row::RowKey::Event(file.event.id.clone())));
        file.event.work.due_at = Some(at(2));
        assert_eq!(told(&file)[1], "2 waiting parked switch:tenant:ten_1");
    }

    #[test]
    fn an_event_that_was_replaced_names_the_other() {
        let mut file = file();
        file.event.status = EventStatus::Superseded;
        file.event.superseded_by = Some("evt_newer".parse().unwrap());
        assert_eq!(told(&file)[1], "4 processed superseded by evt_newer");
    }

    #[test]
    fn nothing_an_endpoint_answered_is_told() {
        let mut file = file();
        let id = DeliveryId::derive(&file.event.id, at(0), &"sub_1".parse().unwrap());
        file.attempts.push((id, attempt(1, 5, None, Some("timeout"))));
        assert!(!told(&file).concat().contains("not to be shown"));
    }
}
