//! Asking: who is behind the lead. Every answer is recorded as it comes.

use jiff::Timestamp;

use super::{Backing, Enricher, Verdict};
use crate::enrichment::look_up::{LookUp, LookUpState, Registered, Working};
use crate::enrichment::ports::{FailureClass, LeadThread, PersonFinder, PersonRegistry, Upstream, UpstreamError};
use crate::enrichment::resolve::{Answer, Question, Resolution, questions, resolve};
use crate::limits::{Admission, Outcome, admit, report};
use crate::model::contact::Contact;
use crate::model::event::{Event, UpstreamTurn};
use crate::work::{Hold, StoreError};

impl<S: Backing, F: PersonFinder, R: PersonRegistry, T: LeadThread> Enricher<S, F, R, T> {
    /// Asks until it is settled who is behind the lead, or nobody is left to ask; a verdict if it goes on later.
    pub(super) async fn ask(
        &self,
        event: &Event,
        look_up: &mut LookUp,
        working: &mut Working,
        contact: &Contact,
        deadline: Timestamp,
    ) -> Result<Option<Verdict>, StoreError> {
        // Without a legal basis a lead is looked up in its own payload only.
        if look_up.state == LookUpState::Known || self.settings.legal_basis.is_none() {
            return Ok(None);
        }
        let questions = questions(contact);
        while !resolve(contact, &working.answers).is_settled() {
            let (Some(finder), Some(question)) = (&self.finder, questions.get(working.answers.len())) else { break };
            if let Some(verdict) = self.may_call(Upstream::Diretrix, deadline).await? {
                return Ok(Some(verdict));
            }
            let answer = match question {
                Question::Phone(phone) => finder.by_phone(phone).await,
                Question::Email(email) => finder.by_email(email).await,
            };
            let persons = match self.heard(Upstream::Diretrix, answer).await? {
                Ok(persons) => persons,
                Err(error) => return self.trouble(look_up, Some(working), &error).await.map(Some),
            };
            let outcome = if persons.is_empty() { "nobody" } else { "found" };
            let n = persons.len();
            let detail = format!("by {:?}: {n} {}", question.found_by(), if n == 1 { "person" } else { "people" });
            working.answers.push(Answer { by: question.found_by(), persons });
            let now = (self.clock)();
            look_up.note(now, "diretrix", outcome, Some(detail.to_lowercase()));
            self.seal(look_up, working)?;
            if !self.save(look_up, now).await? {
                return Ok(Some(self.soon(now)));
            }
        }
        let Resolution::Found { cpf, .. } = resolve(contact, &working.answers) else { return Ok(None) };
        let Some(registry) = &self.registry else { return Ok(None) };
        if working.record.is_some() {
            return Ok(None);
        }
        if let Some(verdict) = self.may_call(Upstream::WorkApi, deadline).await? {
            return Ok(Some(verdict));
        }
        if let Some(verdict) = self.wait_turn(event, Upstream::WorkApi, self.settings.work_spacing).await? {
            return Ok(Some(verdict));
        }
        let record = match self.heard(Upstream::WorkApi, registry.by_cpf(&cpf).await).await? {
            Ok(record) => record,
            Err(error) => return self.trouble(look_up, Some(working), &error).await.map(Some),
        };
        let now = (self.clock)();
        look_up.note(now, "work_api", if record.is_some() { "found" } else { "nobody" }, None);
        working.record = Some(record.map_or(Registered::Unknown, Registered::Known));
        // Recorded with the intention of the message, which follows at once, or with the wait for its turn.
        Ok(None)
    }

    /// Whether an upstream may be called now; a verdict if not.
    pub(super) async fn may_call(
        &self,
        upstream: Upstream,
        deadline: Timestamp,
    ) -> Result<Option<Verdict>, StoreError> {
        let now = (self.clock)();
        if !self.has_time(deadline) {
            // What is left of this invocation does not cover a call: the next one begins with a full hour glass.
            return Ok(Some(Verdict::Again { not_before: now, counted: false, turn_at: None }));
        }
        match admit(&self.store, upstream.as_str(), &self.settings.breaker, now).await? {
            Admission::Go => Ok(None),
            Admission::Wait => Ok(Some(Verdict::Park { hold: Hold::breaker(upstream.as_str()), counted: false })),
        }
    }

    /// Takes a place in an upstream's queue, or uses the one taken before; a verdict if its time has not come.
    pub(super) async fn wait_turn(
        &self,
        event: &Event,
        upstream: Upstream,
        spacing: jiff::SignedDuration,
    ) -> Result<Option<Verdict>, StoreError> {
        if spacing.is_zero() || event.turn_at.as_ref().is_some_and(|turn| turn.upstream == upstream.as_str()) {
            return Ok(None);
        }
        let now = (self.clock)();
        let slot = self.store.take_slot(upstream.as_str(), spacing, now).await?;
        if slot.at <= now {
            return Ok(None);
        }
        let turn_at = Some(UpstreamTurn { upstream: upstream.as_str().to_owned(), at: slot.at });
        Ok(Some(Verdict::Again { not_before: slot.at, counted: false, turn_at }))
    }

    /// Tells the breaker what an answer says of the upstream's health, and passes the answer on.
    pub(super) async fn heard<A>(
        &self,
        upstream: Upstream,
        answer: Result<A, UpstreamError>,
    ) -> Result<Result<A, UpstreamError>, StoreError> {
        let outcome = match &answer {
            Ok(_) => Outcome::Success,
            Err(error) => match error.class() {
                FailureClass::Transient | FailureClass::Unknown => Outcome::Failure,
                FailureClass::Credentials => Outcome::Hopeless,
                // They said no: they are there.
                FailureClass::Permanent => Outcome::Success,
            },
        };
        if report(&self.store, upstream.as_str(), outcome, &self.settings.breaker, (self.clock)()).await? {
            tracing::warn!(%upstream, "an upstream is left alone for a while");
        }
        Ok(answer)
    }
}
