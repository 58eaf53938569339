//! A notice's event: weighed, and what it calls for marked.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Backing, Memory, Syncer, later};
use crate::model::event::{Event, EventStatus};
use crate::model::ids::EventId;
use crate::model::moysklad::{EntityRef, Tally};
use crate::model::row::WorkRow as _;
use crate::providers::moysklad::payload::Notice;
use crate::providers::moysklad::verify::is_polled;
use crate::sync::store::Clients;
use crate::sync::worker::{Heard, Teller, take_notice};
use crate::work::{Bell, Claimed, Fence, Hold, Next, Record, Ring, StoreError, Taken, take};

/// When to look again for a body that was not stored yet.
const BODY_ON_ITS_WAY: SignedDuration = SignedDuration::from_secs(30);
/// Looks for a body that is not there, before its event is given up: its request was refused, and never came again.
const BODY_LOOKS: u32 = 5;

/// What a bell led to.
#[derive(Debug)]
pub enum Answered {
    /// The event is ours to work on.
    Yours(Box<Claimed<Event>>),
    /// The event killed its workers, and was recorded as given up.
    GivenUp(NoticeTold),
    /// There is nothing to do.
    Nothing,
}

/// What a run left: for the log and the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeTold {
    /// The event.
    pub event: EventId,
    /// One word.
    pub outcome: &'static str,
    /// Why it failed or waits.
    pub reason: Option<String>,
    /// How many accounts have something to do.
    pub targets: usize,
    /// Whether a poll had to find it, and it left something to do.
    pub missed: bool,
    /// Whether this very notice opened its entity's breaker.
    pub opened: bool,
    /// From receipt to the end of its work; none where it goes on.
    pub processing: Option<SignedDuration>,
}

/// What a record changes on the event's row beside its work.
#[derive(Debug, Default, Serialize)]
struct Patch {
    #[serde(skip_serializing_if = "Option::is_none")]
    processed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
}

enum Verdict {
    Heard { heard: Heard, entity: Option<EntityRef>, missed: bool },
    Failed(&'static str),
    Again(Timestamp),
    Park(Hold),
}

impl<S: Backing, M: Memory, C: Clients> Syncer<S, M, C> {
    /// Answers the bell of a notice.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn take_event(&self, bell: &Bell, deadline: Timestamp) -> Result<Answered, StoreError> {
        match take::<Event>(&self.store, bell, &self.settings.timing, (self.clock)(), deadline).await? {
            Taken::Yes(claimed) => Ok(Answered::Yours(claimed)),
            Taken::Crashed(claimed) => {
                tracing::error!(event.id = %claimed.row.id, "an event killed its workers and is given up");
                let verdict = Verdict::Failed("crashed");
                Ok(Answered::GivenUp(self.record_notice(&claimed.row, &claimed.fence, verdict).await?))
            }
            Taken::Left(_) => Ok(Answered::Nothing),
        }
    }

    /// Works on a claimed notice, and records it. `held` is what it waits behind, if anything.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn hear(
        &self,
        claimed: Claimed<Event>,
        held: Option<Hold>,
        deadline: Timestamp,
    ) -> Result<NoticeTold, StoreError> {
        let Claimed { row: event, fence } = claimed;
        let verdict = match held {
            Some(hold) => Verdict::Park(hold),
            None => self.weigh(&event, deadline).await?,
        };
        self.record_notice(&event, &fence, verdict).await
    }

    async fn weigh(&self, event: &Event, deadline: Timestamp) -> Result<Verdict, StoreError> {
        let now = (self.clock)();
        let Some(body) = self.store.notice_of(event).await? else {
            return Ok(if event.work.attempts < BODY_LOOKS && !event.erased {
                Verdict::Again(later(now, BODY_ON_ITS_WAY))
            } else {
                Verdict::Failed("body_missing")
            });
        };
        let Ok(notice) = Notice::read(&body.bytes) else { return Ok(Verdict::Failed("unreadable_body")) };
        if now > self.last_call(deadline) {
            // It may have to ask what the entity is like now.
            return Ok(Verdict::Again(now));
        }
        let is_poll = is_polled(&body.headers);
        let teller = if is_poll { Teller::Poll } else { Teller::Webhook { received_at: event.received_at } };
        let heard =
            take_notice(&self.memory, &self.clients, &event.tenant, &notice, Some(&event.id), teller, now).await?;
        // Of what is held as well: the account's row then waits until it may be looked at, and nobody else would ring.
        if let Heard::Marked(marks) | Heard::Suspected { marks, .. } = &heard {
            self.ask_drains(&event.tenant, marks.iter().map(|mark| mark.target), now).await?;
        }
        let missed = is_poll && matches!(heard, Heard::Marked(_));
        let is = |yes: bool| u64::from(yes);
        let tally = Tally {
            notices: is(!is_poll),
            missed: is(missed),
            echoes: is(heard == Heard::Echo),
            held: is(matches!(heard, Heard::Suspected { .. })),
            ..Tally::default()
        };
        if heard != Heard::Nobody {
            self.memory.tally(&event.tenant, notice.account_id, &tally, now).await?;
        }
        let entity = notice.kind().map(|kind| EntityRef { account: notice.account_id, kind, id: notice.entity_id });
        if let Heard::Suspected { guarded, opened: true, held_until, .. } = &heard {
            self.announce_loop(event, *guarded, *held_until, now).await?;
        }
        Ok(Verdict::Heard { heard, entity, missed })
    }

    async fn record_notice(&self, event: &Event, fence: &Fence, verdict: Verdict) -> Result<NoticeTold, StoreError> {
        let now = (self.clock)();
        let mut told = NoticeTold {
            event: event.id.clone(),
            outcome: "again",
            reason: None,
            targets: 0,
            missed: false,
            opened: false,
            processing: None,
        };
        let expires_at = later(now, self.settings.event_kept_for);
        let end = |failed| Next::End { now, expires_at, failed };
        let (status, next, patch) = match verdict {
            Verdict::Heard { heard, entity, missed } => {
                told.missed = missed;
                if let Heard::Suspected { opened: true, .. } = &heard {
                    told.opened = true;
                    tracing::error!(event.id = %event.id, entity = entity.map(|entity| entity.to_string()), "an entity changes too often, and is left alone");
                }
                (told.outcome, told.targets) = outcome_of(&heard);
                let result = Some(result_of(&heard, entity));
                let patch = Patch { processed_at: Some(now), result, ..Patch::default() };
                (EventStatus::Completed, end(false), patch)
            }
            Verdict::Failed(reason) => {
                told.outcome = "failed";
                told.reason = Some(reason.to_owned());
                let patch = Patch { processed_at: Some(now), error: Some(reason.to_owned()), ..Patch::default() };
                (EventStatus::Failed, end(true), patch)
            }
            Verdict::Again(not_before) => {
                (EventStatus::Processing, Next::Again { not_before, queue: None }, Patch::default())
            }
            Verdict::Park(hold) => {
                told.outcome = "parked";
                told.reason = Some(hold.to_string());
                (EventStatus::Received, Next::Park { hold, now }, Patch::default())
            }
        };
        told.processing = matches!(next, Next::End { .. }).then(|| now.duration_since(event.received_at));
        let again_at = match &next {
            Next::Again { not_before, .. } => Some(*not_before),
            Next::Park { .. } | Next::Turn { .. } | Next::End { .. } => None,
        };
        let counted = !matches!(next, Next::Park { .. });
        let record = Record { status: status.name(), next, counted, patch, remove: &[] };
        if self.store.record::<Event, _>(fence, &record).await?
            && let Some(not_before) = again_at
        {
            let bell = Bell::new(event.key(), event.work.turn);
            self.ring(&[Ring { bell, not_before, ..Ring::of(event) }], now).await;
        }
        Ok(told)
    }
}

const fn outcome_of(heard: &Heard) -> (&'static str, usize) {
    match heard {
        Heard::Marked(marks) => ("marked", marks.len()),
        Heard::Nobody => ("nobody", 0),
        Heard::Echo => ("echo", 0),
        Heard::Suspected { marks, .. } => ("held", marks.len()),
    }
}

fn result_of(heard: &Heard, entity: Option<EntityRef>) -> Value {
    let (outcome, _) = outcome_of(heard);
    let mut result = json!({"outcome": outcome});
    if let Some(entity) = entity {
        result["account_id"] = json!(entity.account);
        result["entity_type"] = json!(entity.kind);
        result["entity_id"] = json!(entity.id);
    }
    if let Heard::Marked(marks) | Heard::Suspected { marks, .. } = heard {
        result["targets"] = marks.iter().map(|mark| json!(mark.target)).collect();
    }
    if let Heard::Suspected { held_until, .. } = heard {
        result["held_until"] = json!(held_until);
    }
    result
}
