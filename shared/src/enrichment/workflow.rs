//! The workflow of a lead's event: recorded step by step, so that a retry resumes and does not pay twice.

mod asking;
mod concluding;
mod telling;
#[cfg(test)]
mod tests;
mod trouble;

use std::future::Future;

use jiff::{SignedDuration, Timestamp};

use super::coalesce::{Decision, LeadRate, SeenEvent, decide};
use super::look_up::{LookUp, LookUpState, LookUps, Silence, Working};
use super::message::Reference;
use super::ports::{LeadThread, PersonFinder, PersonRegistry, Upstream};
use crate::dispatch::{Batches, Keep, Outbox, Subscribers, fan_out};
use crate::limits::{BreakerRules, Breakers, Slots};
use crate::model::contact::Contact;
use crate::model::event::{Event, RawBody, UpstreamTurn};
use crate::model::event_type::EventType;
use crate::model::ids::{EventId, SourceId};
use crate::providers;
use crate::providers::c2s::payload::{LeadEvent, parse_event};
use crate::signing::seal::{NONCE_BYTES, StackKeys};
use crate::work::{Bell, Bells, Claimed, Hold, Rows, StoreError, Taken, Timing, take};

/// A body of one of a lead's events.
#[derive(Debug, Clone)]
pub struct LeadBody {
    /// The event.
    pub event: EventId,
    /// When it came in.
    pub received_at: Timestamp,
    /// What came in.
    pub body: RawBody,
}

/// The bodies of leads.
pub trait Leads: Send + Sync {
    /// An event's body, then its variants, oldest first; nothing where they were erased.
    fn bodies_of(&self, event: &Event) -> impl Future<Output = Result<Vec<RawBody>, StoreError>> + Send;

    /// The bodies of a lead's newest events. Read strongly: the worker decides by it.
    fn bodies_of_lead(
        &self,
        source: &SourceId,
        lead: &str,
    ) -> impl Future<Output = Result<Vec<LeadBody>, StoreError>> + Send;
}

/// What the workflow needs of a store.
pub trait Backing: Rows + Bells + Leads + LookUps + Slots + Breakers + Subscribers + Outbox + Batches {}
impl<S: Rows + Bells + Leads + LookUps + Slots + Breakers + Subscribers + Outbox + Batches> Backing for S {}

/// How the workflow behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The legal basis for looking people up. Without one a lead is looked up in its own payload only.
    pub legal_basis: Option<String>,
    /// Whether a message of unknown fate that is not in the thread is sent once more.
    pub resend_after_unknown: bool,
    /// How long to wait before looking for a message of unknown fate.
    pub unknown_recheck: SignedDuration,
    /// How many events of a lead are processed as they come.
    pub lead_rate: LeadRate,
    /// Between two messages to C2S.
    pub c2s_spacing: SignedDuration,
    /// Between two look-ups at the Work API.
    pub work_spacing: SignedDuration,
    /// The longest an outward call takes. It starts only if the time left covers it.
    pub call_time: SignedDuration,
    /// How long a person is kept without a new event of their lead.
    pub party_kept_for: SignedDuration,
    /// How long an event is kept after its end.
    pub event_kept_for: SignedDuration,
    /// Between two polls of a source.
    pub poll_interval: SignedDuration,
    /// Failed calls after which an event is given up.
    pub max_tries: u32,
    /// When an upstream is left alone.
    pub breaker: BreakerRules,
    /// How rows are timed.
    pub timing: Timing,
}

/// What leads are enriched with.
pub struct Enricher<S, F, R, T> {
    /// Rows, bodies, look-ups, signals, bells.
    pub store: S,
    /// Finds people by telephone number and e-mail; not asked if absent.
    pub finder: Option<F>,
    /// Knows people by CPF; not asked if absent.
    pub registry: Option<R>,
    /// The leads at C2S.
    pub thread: T,
    /// Seals what is known while the work goes on, and hashes persons.
    pub keys: StackKeys,
    /// How it behaves.
    pub settings: Settings,
    /// The time.
    pub clock: fn() -> Timestamp,
    /// Chance between 0 and 1.
    pub chance: fn() -> f64,
    /// Chance for sealing.
    pub nonce: fn() -> [u8; NONCE_BYTES],
}

/// What a run of the workflow came to.
#[derive(Debug, Clone, PartialEq)]
enum Verdict {
    /// Done, for the lead as a whole: what the look-up ended in is said to subscribers.
    Concluded(Box<LookUp>),
    /// Done: another event of the lead has done, or does, the work.
    SameContact {
        /// That event.
        by: EventId,
    },
    /// Done: there is nothing to look up, and no look-up was begun.
    Nothing(Silence),
    /// Another event is processed in its place.
    Superseded {
        /// That event.
        by: EventId,
    },
    /// Given up.
    Failed {
        /// A stable word for each: where, what.
        reason: String,
    },
    /// It goes on later.
    Again {
        /// When.
        not_before: Timestamp,
        /// Whether a failed call is behind it.
        counted: bool,
        /// A place taken in an upstream's queue.
        turn_at: Option<UpstreamTurn>,
    },
    /// It waits.
    Park {
        /// Behind this.
        hold: Hold,
        /// Whether a failed call is behind it.
        counted: bool,
    },
}

/// What a bell led to.
#[derive(Debug)]
pub enum Answered {
    /// The event is ours to work on.
    Yours(Box<Claimed<Event>>),
    /// The event killed its workers, and was recorded as given up.
    GivenUp(Worked),
    /// There is nothing to do.
    Nothing,
}

/// What a run left: for the log and the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worked {
    /// The event.
    pub event: EventId,
    /// One word.
    pub outcome: &'static str,
    /// Why it failed or waits.
    pub reason: Option<String>,
    /// From receipt to the end of its work; none where it goes on.
    pub processing: Option<SignedDuration>,
    /// Whether a message's fate stays unknown.
    pub unconfirmed: bool,
    /// The upstream that refuses our credentials.
    pub refused_by: Option<Upstream>,
}

/// Time a run needs beside its outward calls: to read, to record, to ring.
const BOOKKEEPING: SignedDuration = SignedDuration::from_secs(3);
/// When to look again for a body that was not stored yet.
const BODY_ON_ITS_WAY: SignedDuration = SignedDuration::from_secs(30);
/// Looks for a body that is not there, before its event is given up: its request was refused, and never came again.
const BODY_LOOKS: u32 = 5;

impl<S: Backing, F: PersonFinder, R: PersonRegistry, T: LeadThread> Enricher<S, F, R, T> {
    /// Answers a bell.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn take(&self, bell: &Bell, deadline: Timestamp) -> Result<Answered, StoreError> {
        let now = (self.clock)();
        match take::<Event>(&self.store, bell, &self.settings.timing, now, deadline).await? {
            Taken::Yes(claimed) => Ok(Answered::Yours(claimed)),
            Taken::Crashed(claimed) => {
                tracing::error!(event.id = %claimed.row.id, "an event killed its workers and is given up");
                let verdict = Verdict::Failed { reason: "crashed".to_owned() };
                Ok(Answered::GivenUp(self.record(&claimed.row, &claimed.fence, verdict).await?))
            }
            Taken::Left(left) => {
                tracing::debug!(row = %bell.row, refusal = ?left.0, "a bell for nothing");
                Ok(Answered::Nothing)
            }
        }
    }

    /// Works on a claimed event as far as it goes, and records it. `held` is what the work waits behind, if anything.
    ///
    /// # Errors
    /// When the record could not be written.
    pub async fn work(
        &self,
        claimed: Claimed<Event>,
        held: Option<Hold>,
        deadline: Timestamp,
    ) -> Result<Worked, StoreError> {
        let Claimed { row: event, fence } = claimed;
        let verdict = match held {
            Some(hold) => Verdict::Park { hold, counted: false },
            None => self.run(&event, deadline).await?,
        };
        self.record(&event, &fence, verdict).await
    }

    async fn run(&self, event: &Event, deadline: Timestamp) -> Result<Verdict, StoreError> {
        let now = (self.clock)();
        let bodies = self.store.bodies_of(event).await?;
        let Some(first) = bodies.first() else {
            return Ok(if event.work.attempts < BODY_LOOKS && !event.erased {
                self.again(now, BODY_ON_ITS_WAY, true)
            } else {
                Verdict::Failed { reason: "body_missing".to_owned() }
            });
        };
        let newest_first: Vec<LeadEvent> =
            bodies.iter().rev().filter_map(|body| parse_event(&body.bytes).ok()).collect();
        let Some(lead) = newest_first.first() else {
            return Ok(Verdict::Failed { reason: "unreadable_body".to_owned() });
        };
        // At every run of the first turn, but for those that only wait for their place: a worker before this one may have
        // found no body yet, or died before it said this. Said again, it changes nothing.
        if event.turn_at.is_none() && event.work.turn == 1 {
            self.announce_receipt(event, first, now).await?;
        }
        let own = newest_first.iter().map(|lead| lead.contact.clone());
        let contact = match self.decide_rate(event, lead, now).await? {
            RateDecision::Proceed(others) => Contact::merge(own.chain(others)),
            RateDecision::Verdict(verdict) => return Ok(verdict),
        };
        if contact.is_unreachable() && contact.cpfs.is_empty() {
            return Ok(Verdict::Nothing(Silence::NoContactData));
        }
        match self.begin(event, lead, &contact, now).await? {
            Begun::Mine(look_up) => self.advance(event, *look_up, &contact, deadline).await,
            Begun::Verdict(verdict) => Ok(verdict),
        }
    }

    /// Subscribers to `lead.received` hear of the event itself.
    async fn announce_receipt(&self, event: &Event, body: &RawBody, now: Timestamp) -> Result<(), StoreError> {
        match providers::announce(event, body) {
            Ok(announcement) => {
                fan_out(&self.store, &announcement, Keep::IfHeard, &self.settings.timing, now).await.map(|_| ())
            }
            Err(error) => {
                tracing::warn!(event.id = %event.id, %error, "an event that nobody could be told of");
                Ok(())
            }
        }
    }

    async fn decide_rate(&self, event: &Event, lead: &LeadEvent, now: Timestamp) -> Result<RateDecision, StoreError> {
        let of_lead = self.store.bodies_of_lead(&event.source, lead.lead_id.as_str()).await?;
        let parsed: Vec<(&LeadBody, LeadEvent)> =
            of_lead.iter().filter_map(|body| parse_event(&body.body.bytes).ok().map(|lead| (body, lead))).collect();
        let seen: Vec<SeenEvent> = parsed
            .iter()
            .map(|(body, lead)| SeenEvent {
                id: body.event.clone(),
                occurred_at: lead.updated_at,
                received_at: body.received_at,
            })
            .collect();
        Ok(match decide(&event.id, &seen, &self.settings.lead_rate, now) {
            Decision::Proceed => RateDecision::Proceed(Vec::new()),
            Decision::Lead { others } => {
                let contact_of = |id: &EventId| {
                    parsed.iter().find(|(body, _)| body.event == *id).map(|(_, lead)| lead.contact.clone())
                };
                RateDecision::Proceed(others.iter().filter_map(contact_of).collect())
            }
            Decision::Wait { until } => {
                RateDecision::Verdict(Verdict::Again { not_before: until, counted: false, turn_at: None })
            }
            Decision::GiveWay { to } => RateDecision::Verdict(Verdict::Superseded { by: to }),
        })
    }

    /// Puts the look-up's row, before anything is paid for; or meets it.
    async fn begin(
        &self,
        event: &Event,
        lead: &LeadEvent,
        contact: &Contact,
        now: Timestamp,
    ) -> Result<Begun, StoreError> {
        // A keyed hash: the plain one of a name and a number could be guessed.
        let digest = shortened(&self.keys.person_hash(contact.digest().as_bytes()));
        let mut fresh = LookUp {
            tenant: event.tenant.clone(),
            source: event.source.clone(),
            lead: lead.lead_id.clone(),
            reference: Reference::derive(&format!("{}|{}|{digest}", event.source, lead.lead_id)),
            contact: digest,
            owner: event.id.clone(),
            owner_turn: event.work.turn,
            version: 1,
            state: LookUpState::Asking,
            working: None,
            party: None,
            found_by: None,
            silent_because: None,
            tries: 0,
            intended_at: None,
            resent: false,
            steps: Vec::new(),
            updated_at: now,
            expires_at: self.party_expiry(now),
        };
        let known = self.known_under_any_key(event, lead, contact, now).await?;
        let met = match known {
            Some(known) => Some(known),
            None => self.store.begin(&fresh).await?,
        };
        let Some(mut there) = met else { return Ok(Begun::Mine(Box::new(fresh))) };
        if there.expires_at <= now {
            // Forgotten, though the store has not got round to deleting it.
            fresh.version = there.version;
            let won = self.store.save(&mut fresh).await?;
            return Ok(if won { Begun::Mine(Box::new(fresh)) } else { Begun::Verdict(self.soon(now)) });
        }
        if there.owner == event.id && there.owner_turn == event.work.turn {
            return Ok(Begun::Mine(Box::new(there)));
        }
        let ended = matches!(there.state, LookUpState::Sent | LookUpState::Unconfirmed | LookUpState::Silent);
        let mine_before = there.owner == event.id && !ended;
        if there.state == LookUpState::GivenUp || mine_before {
            // What was paid for is kept; a message that may have gone is looked for before another goes.
            there.owner = event.id.clone();
            there.owner_turn = event.work.turn;
            there.tries = 0;
            if there.state == LookUpState::GivenUp {
                let may_have_gone = there.intended_at.is_some();
                there.state = if may_have_gone { LookUpState::Intended } else { LookUpState::Asking };
            }
            let won = self.save(&mut there, now).await?;
            return Ok(if won { Begun::Mine(Box::new(there)) } else { Begun::Verdict(self.soon(now)) });
        }
        let by = there.owner.clone();
        let a_day = SignedDuration::from_hours(24);
        if ended && self.party_expiry(now).duration_since(there.expires_at) > a_day {
            // Kept as long as its lead lives. Whoever writes at the same moment pushes it on as well.
            let _ = self.save(&mut there, now).await?;
        }
        Ok(Begun::Verdict(Verdict::SameContact { by }))
    }

    /// The look-up under any of the stack's keys, while it has several: after a rotation nobody is to be looked up, and
    /// told, once more.
    async fn known_under_any_key(
        &self,
        event: &Event,
        lead: &LeadEvent,
        contact: &Contact,
        now: Timestamp,
    ) -> Result<Option<LookUp>, StoreError> {
        let hashes = self.keys.person_hashes(contact.digest().as_bytes());
        if hashes.len() < 2 {
            return Ok(None);
        }
        for hash in &hashes {
            let there = self.store.find(&event.source, &lead.lead_id, &shortened(hash)).await?;
            if let Some(there) = there.filter(|there| there.expires_at > now) {
                return Ok(Some(there));
            }
        }
        Ok(None)
    }

    /// Takes a look-up of ours from wherever it stands to its end, or as far as it goes now.
    async fn advance(
        &self,
        event: &Event,
        mut look_up: LookUp,
        contact: &Contact,
        deadline: Timestamp,
    ) -> Result<Verdict, StoreError> {
        let step = match look_up.state {
            LookUpState::Asking | LookUpState::Known => {
                let mut working = self.working(&look_up);
                match self.ask(event, &mut look_up, &mut working, contact, deadline).await? {
                    Some(verdict) => Some(verdict),
                    None => self.tell(event, &mut look_up, &working, contact, deadline).await?,
                }
            }
            LookUpState::Intended => self.look_for_message(event, &mut look_up, contact, deadline).await?,
            LookUpState::Sent | LookUpState::Unconfirmed | LookUpState::Silent | LookUpState::GivenUp => None,
        };
        Ok(step.unwrap_or_else(|| Verdict::Concluded(Box::new(look_up))))
    }

    /// What is known so far. What cannot be opened is asked again: it costs money, not correctness.
    fn working(&self, look_up: &LookUp) -> Working {
        let Some(sealed) = &look_up.working else { return Working::default() };
        let opened = self.keys.open(sealed, &look_up.tenant, &look_up.name()).ok();
        opened.and_then(|packed| Working::unpack(&packed)).unwrap_or_else(|| {
            tracing::warn!(event.id = %look_up.owner, "what was looked up cannot be opened; it is looked up again");
            Working::default()
        })
    }

    fn seal(&self, look_up: &mut LookUp, working: &Working) -> Result<(), StoreError> {
        let packed = working.pack()?;
        look_up.working = Some(self.keys.seal(&packed, &look_up.tenant, &look_up.name(), (self.nonce)()));
        Ok(())
    }

    async fn save(&self, look_up: &mut LookUp, now: Timestamp) -> Result<bool, StoreError> {
        look_up.updated_at = now;
        look_up.expires_at = self.party_expiry(now);
        self.store.save(look_up).await
    }

    fn party_expiry(&self, now: Timestamp) -> Timestamp {
        let at = now.saturating_add(self.settings.party_kept_for).unwrap_or(Timestamp::MAX);
        Timestamp::from_second(at.as_second()).unwrap_or(at)
    }

    fn again(&self, now: Timestamp, wait: SignedDuration, counted: bool) -> Verdict {
        Verdict::Again { not_before: now.saturating_add(wait).unwrap_or(now), counted, turn_at: None }
    }

    /// Another worker wrote in between: look again in a moment.
    fn soon(&self, now: Timestamp) -> Verdict {
        self.again(now, SignedDuration::from_secs(5), false)
    }

    /// Whether the time left covers an outward call.
    fn has_time(&self, deadline: Timestamp) -> bool {
        deadline.duration_since((self.clock)()) >= self.settings.call_time + BOOKKEEPING
    }

    /// What subscribers hear at the end.
    fn announced(event: &Event) -> EventId {
        event.id.child(event.work.turn)
    }
}

/// As much of a keyed hash as tells contact data apart.
fn shortened(hash: &str) -> String {
    hash.chars().take(32).collect()
}

enum RateDecision {
    Proceed(Vec<Contact>),
    Verdict(Verdict),
}

enum Begun {
    Mine(Box<LookUp>),
    Verdict(Verdict),
}

/// The event type a look-up's end is called by.
const fn end_type(look_up: &LookUp) -> EventType {
    if look_up.party.is_some() { EventType::LeadEnriched } else { EventType::LeadUnmatched }
}
