//! Concluding: subscribers hear of the end, then the event's row is recorded.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Backing, Enricher, Verdict, Worked, end_type};
use crate::dispatch::{Keep, fan_out};
use crate::enrichment::look_up::{LookUp, LookUpState, Silence};
use crate::enrichment::ports::{LeadThread, PersonFinder, PersonRegistry, Upstream};
use crate::model::event::{Announcement, Event, EventStatus, UpstreamTurn};
use crate::model::event_type::EventType;
use crate::model::ids::EventId;
use crate::model::row::WorkRow as _;
use crate::work::{Bell, Fence, Known, Next, Record, Ring, StoreError, Written};
use jiff::Timestamp;

/// What a record changes on the event's row beside its work.
#[derive(Debug, Default, Serialize)]
struct Patch {
    #[serde(skip_serializing_if = "Option::is_none")]
    processed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    superseded_by: Option<EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    turn_at: Option<UpstreamTurn>,
}

impl<S: Backing, F: PersonFinder, R: PersonRegistry, T: LeadThread> Enricher<S, F, R, T> {
    /// Writes a verdict down: first what others hear of it, then the row.
    pub(super) async fn record(&self, event: &Event, fence: &Fence, verdict: Verdict) -> Result<Worked, StoreError> {
        let now = (self.clock)();
        let mut worked = Worked {
            event: event.id.clone(),
            outcome: "again",
            reason: None,
            processing: None,
            unconfirmed: false,
            refused_by: None,
        };
        let mut patch = Patch { processed_at: Some(now), ..Patch::default() };
        let (status, next, counted) = match verdict {
            Verdict::Again { not_before, counted, turn_at } => {
                patch = Patch { turn_at, ..Patch::default() };
                (EventStatus::Processing, Next::Again { not_before, queue: None }, counted)
            }
            Verdict::Park { hold, counted } => {
                patch = Patch::default();
                worked.outcome = "parked";
                worked.refused_by = counted.then(|| refusing(hold.as_str())).flatten();
                worked.reason = Some(hold.to_string());
                (EventStatus::Received, Next::Park { hold, now }, counted)
            }
            Verdict::Concluded(look_up) => {
                self.announce(event, end_type(&look_up), end_data(event, &look_up), now).await?;
                worked.unconfirmed = look_up.state == LookUpState::Unconfirmed;
                worked.outcome = message_word(look_up.state);
                patch.result = Some(end_result(&look_up));
                patch.contact = Some(look_up.contact);
                (EventStatus::Completed, self.end(now, false), true)
            }
            Verdict::SameContact { by } => {
                worked.outcome = "same_contact";
                patch.result = Some(json!({"message": "skipped", "reason": "same_contact", "looked_up_by": by}));
                (EventStatus::Completed, self.end(now, false), true)
            }
            Verdict::Nothing(silence) => {
                self.announce(event, EventType::LeadUnmatched, silent_data(event, silence), now).await?;
                worked.outcome = silence.name();
                patch.result = Some(json!({"message": "skipped", "reason": silence.name()}));
                (EventStatus::Completed, self.end(now, false), true)
            }
            Verdict::Superseded { by } => {
                worked.outcome = "superseded";
                patch.superseded_by = Some(by);
                (EventStatus::Superseded, self.end(now, false), true)
            }
            Verdict::Failed { reason } => {
                let data = json!({
                    "lead_id": event.subject,
                    "source": event.source,
                    "reason": reason,
                    "detail": "The lead could not be enriched.",
                    "updated_at": event.occurred_at,
                });
                self.announce(event, EventType::LeadEnrichmentFailed, data, now).await?;
                worked.outcome = "failed";
                worked.reason = Some(reason.clone());
                patch.error = Some(reason);
                (EventStatus::Failed, self.end(now, true), true)
            }
        };
        let mut ended = matches!(next, Next::End { .. });
        let again_at = match &next {
            Next::Again { not_before, .. } => Some(*not_before),
            Next::Park { .. } | Next::Turn { .. } | Next::End { .. } => None,
        };
        let remove: &'static [&'static str] = if patch.turn_at.is_none() { &["turn_at"] } else { &[] };
        let record = Record { status: status.name(), next, counted, patch, remove };
        if !ended {
            if self.store.record::<Event, _>(fence, &record).await?
                && let Some(not_before) = again_at
            {
                self.ring(event, event.work.turn, not_before, now).await;
            }
        } else if self.store.record_if::<Event, _>(fence, &record, bodies_known(event)).await? == Written::Outgrown {
            ended = false;
            worked.reason = Some("another_body".to_owned());
            self.begin_anew(event, fence, now).await?;
        }
        worked.processing = ended.then(|| now.duration_since(event.received_at));
        Ok(worked)
    }

    /// Another body came in after this turn read those there were. The turn has said its say; the next says what is
    /// known with that body.
    async fn begin_anew(&self, event: &Event, fence: &Fence, now: Timestamp) -> Result<(), StoreError> {
        let (status, next) = (EventStatus::Received.name(), Next::Turn { now });
        let record = Record { status, next, counted: true, patch: Patch::default(), remove: &["turn_at"] };
        if self.store.record::<Event, _>(fence, &record).await? {
            self.ring(event, event.work.turn + 1, now, now).await;
        }
        Ok(())
    }

    async fn ring(&self, event: &Event, turn: u32, not_before: Timestamp, now: Timestamp) {
        let ring = Ring { bell: Bell::new(event.key(), turn), not_before, ..Ring::of(event) };
        for bell in self.store.ring(&[ring], now).await {
            tracing::warn!(row = %bell.row, why = %bell.why, "a bell could not be rung; the sweep will");
        }
    }

    fn end(&self, now: Timestamp, failed: bool) -> Next {
        let expires_at = now.saturating_add(self.settings.event_kept_for).unwrap_or(Timestamp::MAX);
        Next::End { now, expires_at, failed }
    }

    async fn announce(
        &self,
        event: &Event,
        event_type: EventType,
        data: Value,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let announcement = Announcement {
            id: Self::announced(event),
            tenant: event.tenant.clone(),
            event_type,
            // The time the event came in, not now: said again after a crash, it is said with the same bytes.
            at: event.received_at,
            data,
        };
        fan_out(&self.store, &announcement, Keep::Always, &self.settings.timing, now).await.map(|_| ())
    }
}

/// The bodies this turn has seen, if not more: the row is read, by its claim, before the bodies are.
const fn bodies_known(event: &Event) -> Known {
    Known { name: "variants", count: event.variants }
}

fn refusing(hold: &str) -> Option<Upstream> {
    let name = hold.strip_prefix("breaker:")?;
    [Upstream::C2s, Upstream::Diretrix, Upstream::WorkApi].into_iter().find(|upstream| upstream.as_str() == name)
}

const fn message_word(state: LookUpState) -> &'static str {
    match state {
        LookUpState::Sent => "sent",
        LookUpState::Unconfirmed => "unconfirmed",
        LookUpState::Asking
        | LookUpState::Known
        | LookUpState::Intended
        | LookUpState::Silent
        | LookUpState::GivenUp => "skipped",
    }
}

fn end_result(look_up: &LookUp) -> Value {
    match look_up.silent_because {
        Some(silence) => json!({"message": "skipped", "reason": silence.name()}),
        None => json!({
            "message": message_word(look_up.state),
            "found_by": look_up.found_by,
            "reference": look_up.reference,
        }),
    }
}

fn end_data(event: &Event, look_up: &LookUp) -> Value {
    let Some(party) = &look_up.party else {
        return silent_data(event, look_up.silent_because.unwrap_or(Silence::NotFound));
    };
    let mut person = json!({"name": party.name, "cpf_masked": party.cpf_masked});
    if let Some(band) = party.income_band {
        person["income_band"] = json!(band);
    }
    json!({
        "lead_id": look_up.lead,
        "source": look_up.source,
        "person": person,
        "found_by": look_up.found_by,
        "message": message_word(look_up.state),
        "reference": look_up.reference,
        "updated_at": event.occurred_at,
    })
}

fn silent_data(event: &Event, silence: Silence) -> Value {
    json!({
        "lead_id": event.subject,
        "source": event.source,
        "reason": silence.name(),
        "detail": silence.detail(),
        "updated_at": event.occurred_at,
    })
}
