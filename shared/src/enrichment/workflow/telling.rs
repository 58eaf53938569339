//! Telling: the message into the lead's thread, at most once for all that the other side can tell apart.

use jiff::Timestamp;

use super::{Backing, Enricher, Verdict};
use crate::enrichment::look_up::{LookUp, LookUpState, Party, Silence, Working};
use crate::enrichment::message::{Message, compose};
use crate::enrichment::ports::{
    FailureClass, LeadThread, PersonFinder, PersonRecord, PersonRegistry, Seen, Upstream, UpstreamErrorKind,
};
use crate::enrichment::resolve::{Resolution, resolve};
use crate::model::contact::Contact;
use crate::model::event::Event;
use crate::work::StoreError;

/// Numbers and addresses kept of a person: more help nobody, and the row stays small.
const MAX_CONTACTS: usize = 3;

impl<S: Backing, F: PersonFinder, R: PersonRegistry, T: LeadThread> Enricher<S, F, R, T> {
    /// Tells the broker who is behind the lead, if there is something to tell; a verdict if it goes on later.
    pub(super) async fn tell(
        &self,
        event: &Event,
        look_up: &mut LookUp,
        working: &Working,
        contact: &Contact,
        deadline: Timestamp,
    ) -> Result<Option<Verdict>, StoreError> {
        let resolution = resolve(contact, &working.answers);
        let record = working.known_record();
        let Message::Send(text) = compose(&resolution, record, &look_up.reference) else {
            look_up.silent_because = Some(self.silence(&resolution));
            return self.settle(look_up, working, contact, LookUpState::Silent, "skipped").await;
        };
        if let Some(verdict) = self.may_call(Upstream::C2s, deadline).await? {
            return self.keep(look_up, working, verdict).await.map(Some);
        }
        if let Some(verdict) = self.wait_turn(event, Upstream::C2s, self.settings.c2s_spacing).await? {
            return self.keep(look_up, working, verdict).await.map(Some);
        }
        // The intention is on the row before the message leaves: whoever finds it there looks before sending.
        let now = (self.clock)();
        look_up.state = LookUpState::Intended;
        look_up.intended_at = Some(now);
        self.seal(look_up, working)?;
        if !self.save(look_up, now).await? {
            return Ok(Some(self.soon(now)));
        }
        self.post(look_up, working, contact, &text).await
    }

    /// Hands the message over and records what came of it.
    async fn post(
        &self,
        look_up: &mut LookUp,
        working: &Working,
        contact: &Contact,
        text: &str,
    ) -> Result<Option<Verdict>, StoreError> {
        let answer = self.thread.post_message(&look_up.lead, text).await;
        match self.heard(Upstream::C2s, answer).await? {
            Ok(_message_id) => self.settle(look_up, working, contact, LookUpState::Sent, "sent").await,
            Err(error) if error.class() == FailureClass::Unknown => {
                let now = (self.clock)();
                look_up.note(now, "message", UpstreamErrorKind::UnknownOutcome.code(), None);
                if !self.save(look_up, now).await? {
                    return Ok(Some(self.soon(now)));
                }
                Ok(Some(self.again(now, self.settings.unknown_recheck, false)))
            }
            Err(error) => {
                // An answer came, and it was no: the message does not stand in the thread.
                look_up.state = LookUpState::Known;
                look_up.intended_at = None;
                self.trouble(look_up, Some(working), &error).await.map(Some)
            }
        }
    }

    /// A message of unknown fate: its sender died, or no word came back. It is looked for, not sent again.
    pub(super) async fn look_for_message(
        &self,
        event: &Event,
        look_up: &mut LookUp,
        contact: &Contact,
        deadline: Timestamp,
    ) -> Result<Option<Verdict>, StoreError> {
        let now = (self.clock)();
        let intended_at = look_up.intended_at.unwrap_or(now);
        let look_at = intended_at.saturating_add(self.settings.unknown_recheck).unwrap_or(now);
        if now < look_at {
            return Ok(Some(Verdict::Again { not_before: look_at, counted: false, turn_at: event.turn_at.clone() }));
        }
        if let Some(verdict) = self.may_call(Upstream::C2s, deadline).await? {
            return Ok(Some(verdict));
        }
        let answer = self.thread.has_message(&look_up.lead, look_up.reference.as_str()).await;
        let seen = match self.heard(Upstream::C2s, answer).await? {
            Ok(seen) => seen,
            Err(error) => return self.trouble(look_up, None, &error).await.map(Some),
        };
        let working = self.working(look_up);
        let once_more = self.settings.resend_after_unknown && !look_up.resent;
        match seen {
            Seen::Yes => self.settle(look_up, &working, contact, LookUpState::Sent, "found_in_thread").await,
            Seen::No if once_more => {
                let resolution = resolve(contact, &working.answers);
                let record = working.known_record();
                let Message::Send(text) = compose(&resolution, record, &look_up.reference) else {
                    return self.settle(look_up, &working, contact, LookUpState::Unconfirmed, "unconfirmed").await;
                };
                let now = (self.clock)();
                look_up.resent = true;
                look_up.intended_at = Some(now);
                look_up.note(now, "message", "not_in_thread", Some("sent once more".to_owned()));
                if !self.save(look_up, now).await? {
                    return Ok(Some(self.soon(now)));
                }
                self.post(look_up, &working, contact, &text).await
            }
            Seen::No | Seen::NotShown => {
                self.settle(look_up, &working, contact, LookUpState::Unconfirmed, "unconfirmed").await
            }
        }
    }

    /// Ends the look-up: what was known while it went on is taken off the row, and what may be kept of the person
    /// takes its place. Both at once would take the row over one write unit.
    async fn settle(
        &self,
        look_up: &mut LookUp,
        working: &Working,
        contact: &Contact,
        state: LookUpState,
        outcome: &str,
    ) -> Result<Option<Verdict>, StoreError> {
        let now = (self.clock)();
        let resolution = resolve(contact, &working.answers);
        look_up.party = self.party(&resolution, working.known_record());
        look_up.found_by = match &resolution {
            Resolution::Found { by, .. } if look_up.party.is_some() => Some(*by),
            _ => None,
        };
        look_up.state = state;
        look_up.working = None;
        look_up.note(now, "message", outcome, None);
        Ok(if self.save(look_up, now).await? { None } else { Some(self.soon(now)) })
    }

    /// Keeps what is known while the work waits.
    async fn keep(&self, look_up: &mut LookUp, working: &Working, verdict: Verdict) -> Result<Verdict, StoreError> {
        let now = (self.clock)();
        look_up.state = LookUpState::Known;
        self.seal(look_up, working)?;
        Ok(if self.save(look_up, now).await? { verdict } else { self.soon(now) })
    }

    /// What is kept of the person, if one was found and may be kept.
    fn party(&self, resolution: &Resolution, record: Option<&PersonRecord>) -> Option<Party> {
        let Resolution::Found { cpf, name, .. } = resolution else { return None };
        let legal_basis = self.settings.legal_basis.clone()?;
        let name = record.map(|record| &record.name).or(name.as_ref())?;
        let phones = record.map(|record| record.phones.as_slice()).unwrap_or_default();
        let emails = record.map(|record| record.emails.as_slice()).unwrap_or_default();
        Some(Party {
            name: name.as_given().to_owned(),
            cpf_masked: cpf.masked(),
            cpf_hash: self.keys.person_hash(cpf.digits().as_bytes()),
            income_band: record.and_then(|record| record.income.as_ref()).map(|income| income.band()),
            phones: phones.iter().take(MAX_CONTACTS).map(|phone| phone.e164_digits().to_owned()).collect(),
            emails: emails.iter().take(MAX_CONTACTS).map(|email| email.address().to_owned()).collect(),
            legal_basis,
        })
    }

    fn silence(&self, resolution: &Resolution) -> Silence {
        match resolution {
            _ if self.settings.legal_basis.is_none() => Silence::NoLegalBasis,
            Resolution::Ambiguous { .. } => Silence::Ambiguous,
            Resolution::Found { .. } | Resolution::NotFound => Silence::NotFound,
        }
    }
}
