//! Notifications: what was to be told, how often it was tried, and what came of it.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::behaviour::Settings;
use super::books::{Books, new_id};
use super::changes::Change;
use super::silence::Silence;
use super::webhooks::Webhook;
use super::{meta, moscow};
use crate::sandbox::bounded::Ring;

const MAX_KEPT: usize = 20_000;
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// What an event takes, roughly.
const EVENT_BYTES: usize = 512;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// On its way.
    Pending,
    /// Waits for a test to release it.
    Held,
    Delivered,
    /// Four attempts failed: it is gone for good.
    Lost,
    /// Never sent, because a test wanted it lost.
    Withheld,
    /// Never sent, because the request asked so by header.
    Suppressed,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Attempt {
    pub(super) at: Timestamp,
    /// None where no answer came in time.
    pub(super) status: Option<u16>,
    pub(super) ms: u64,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Notification {
    n: u64,
    at: Timestamp,
    pub(super) request_id: String,
    pub(super) webhook_id: String,
    entity_type: String,
    action: String,
    pub(super) url: String,
    pub(super) body: Value,
    pub(super) outcome: Outcome,
    pub(super) attempts: Vec<Attempt>,
    /// How often the whole of it is sent.
    pub(super) times: u32,
}

pub(super) struct Outbox {
    kept: Ring<Notification>,
    counts: BTreeMap<Outcome, u64>,
    held: Vec<u64>,
    /// One after the other for each webhook.
    pub(super) lanes: HashMap<String, UnboundedSender<u64>>,
    /// By webhook, since its last success.
    lost_in_a_row: HashMap<String, u32>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            kept: Ring::new(MAX_KEPT, MAX_BYTES),
            counts: BTreeMap::new(),
            held: Vec::new(),
            lanes: HashMap::new(),
            lost_in_a_row: HashMap::new(),
        }
    }
}

/// Whom a request's changes are told to: each webhook once, with all that concerns it.
pub(super) fn addressed(books: &Books, changes: &[Change]) -> Vec<(Webhook, Vec<Value>)> {
    let mut told = Vec::new();
    for webhook in books.webhooks.all().iter().filter(|webhook| webhook.is_enabled) {
        let concerning = changes
            .iter()
            .filter(|change| change.kind.name() == webhook.entity_type && change.action.name() == webhook.action);
        let events: Vec<_> = concerning.map(|change| event(books, webhook, change)).collect();
        if !events.is_empty() {
            told.push((webhook.clone(), events));
        }
    }
    told
}

fn event(books: &Books, webhook: &Webhook, change: &Change) -> Value {
    let href = meta::href_of(&books.base, change.kind, &change.id);
    let mut event = json!({
        "meta": {"type": change.kind.name(), "href": href},
        "action": change.action.name(),
        "accountId": books.account_id
    });
    if webhook.tells_fields {
        event["updatedFields"] = json!(change.fields);
    }
    event
}

/// The body of a notification.
pub(super) fn body(books: &Books, audit: &str, uid: &str, moment: Timestamp, events: Vec<Value>) -> Value {
    let href = format!("{}/audit/{audit}", books.base);
    json!({
        "auditContext": {
            "meta": {"type": "audit", "href": href}, "moment": moscow::to_the_second(moment), "uid": uid
        },
        "events": events
    })
}

impl Outbox {
    /// Takes a notification in; its number, if it is to be sent at once.
    pub(super) fn take(
        &mut self,
        webhook: &Webhook,
        body: Value,
        silence: &Silence,
        settings: &mut Settings,
        now: Timestamp,
    ) -> Option<u64> {
        let outcome = if silence.covers(&webhook.url) {
            Outcome::Suppressed
        } else if settings.lose > 0 {
            settings.lose -= 1;
            Outcome::Withheld
        } else if settings.hold || settings.reorder > 1 {
            Outcome::Held
        } else {
            Outcome::Pending
        };
        let n = self.kept.next_n();
        let bytes = EVENT_BYTES * (1 + body["events"].as_array().map_or(0, Vec::len));
        let notification = Notification {
            n,
            at: now,
            request_id: new_id(),
            webhook_id: webhook.id.clone(),
            entity_type: webhook.entity_type.clone(),
            action: webhook.action.clone(),
            url: webhook.url.clone(),
            body,
            outcome,
            attempts: Vec::new(),
            times: if settings.double { 2 } else { 1 },
        };
        self.kept.push(bytes, notification);
        *self.counts.entry(outcome).or_default() += 1;
        if outcome == Outcome::Held {
            self.held.push(n);
        }
        (outcome == Outcome::Pending).then_some(n)
    }

    /// Those that were held, for good.
    pub(super) fn release(&mut self, reversed: bool) -> Vec<u64> {
        let mut released = std::mem::take(&mut self.held);
        if reversed {
            released.reverse();
        }
        for n in &released {
            self.became(*n, Outcome::Pending);
        }
        released
    }

    pub(super) fn n_held(&self) -> usize {
        self.held.len()
    }

    pub(super) fn get(&mut self, n: u64) -> Option<Notification> {
        self.kept.get_mut(n).cloned()
    }

    pub(super) fn tried(&mut self, n: u64, attempt: Attempt) {
        if let Some(notification) = self.kept.get_mut(n) {
            notification.attempts.push(attempt);
        }
    }

    fn became(&mut self, n: u64, outcome: Outcome) {
        if let Some(notification) = self.kept.get_mut(n) {
            let before = std::mem::replace(&mut notification.outcome, outcome);
            if let Some(count) = self.counts.get_mut(&before) {
                *count -= 1;
            }
            *self.counts.entry(outcome).or_default() += 1;
        }
    }

    /// How it ended; how many its webhook has lost in a row.
    pub(super) fn ended(&mut self, n: u64, webhook_id: &str, is_delivered: bool) -> u32 {
        self.became(n, if is_delivered { Outcome::Delivered } else { Outcome::Lost });
        let lost = self.lost_in_a_row.entry(webhook_id.to_owned()).or_default();
        *lost = if is_delivered { 0 } else { *lost + 1 };
        *lost
    }

    /// Oldest first.
    pub(super) fn report(&self, after: u64, outcome: Option<Outcome>) -> Value {
        let kept = self.kept.after(after);
        let data: Vec<_> =
            kept.filter(|notification| outcome.is_none_or(|outcome| notification.outcome == outcome)).collect();
        json!({"data": data, "total": self.kept.total(), "counts": self.counts})
    }

    pub(super) fn counts(&self) -> Value {
        json!(self.counts)
    }
}
