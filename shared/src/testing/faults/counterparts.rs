//! The other sides: who is asked for people, the leads' threads, a receiver, MoySklad.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use super::faulty::{Faulty, by_way_of_faults};
use super::script::{Fault, Kind};
use crate::delivery::prepare::Prepared;
use crate::delivery::send::{Answer, Sender, Sent, TransportFailure};
use crate::enrichment::ports::{
    FoundPerson, HookAction, LeadPage, LeadThread, PersonFinder, PersonRecord, PersonRegistry, Seen, UpstreamError,
};
use crate::model::contact::LeadId;
use crate::model::moysklad::{Account, EntityId, EntityKind};
use crate::model::person::{Cpf, Email, PersonName, Phone};
use crate::sync::dictionary::Dictionary;
use crate::sync::ports::{Audit, Deletions, Dictionaries, Entities, MoyskladError, Query, Rows};
use crate::sync::store::Clients;

/// Knows one person, whatever it is asked, and counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Registry {
    asked: Arc<Mutex<BTreeMap<&'static str, u32>>>,
}

impl Registry {
    fn count(&self, what: &'static str) {
        *self.asked.lock().unwrap().entry(what).or_default() += 1;
    }

    /// How often it was asked for whom a number belongs to, and for a record: what is paid for.
    pub(super) fn asked(&self) -> (u32, u32) {
        let asked = self.asked.lock().unwrap();
        let of = |what| asked.get(what).copied().unwrap_or_default();
        (of("finder"), of("registry"))
    }
}

fn name() -> PersonName {
    PersonName::parse("Ana Exemplo da Silva").unwrap()
}

impl PersonFinder for Registry {
    async fn by_phone(&self, _: &Phone) -> Result<Vec<FoundPerson>, UpstreamError> {
        self.count("finder");
        Ok(vec![FoundPerson { name: name(), cpf: Cpf::parse("00000000191").unwrap() }])
    }

    async fn by_email(&self, _: &Email) -> Result<Vec<FoundPerson>, UpstreamError> {
        self.count("finder");
        Ok(Vec::new())
    }
}

impl PersonRegistry for Registry {
    async fn by_cpf(&self, _: &Cpf) -> Result<Option<PersonRecord>, UpstreamError> {
        self.count("registry");
        Ok(Some(PersonRecord { name: name(), income: None, phones: Vec::new(), emails: Vec::new() }))
    }
}

by_way_of_faults! { PersonFinder;
    Read by_phone(phone: &Phone) -> Result<Vec<FoundPerson>, UpstreamError>, on [];
    Read by_email(email: &Email) -> Result<Vec<FoundPerson>, UpstreamError>, on [];
}

by_way_of_faults! { PersonRegistry;
    Read by_cpf(cpf: &Cpf) -> Result<Option<PersonRecord>, UpstreamError>, on [];
}

/// The threads of leads: keeps what arrives.
#[derive(Debug, Clone, Default)]
pub(super) struct Threads {
    messages: Arc<Mutex<Vec<(LeadId, String)>>>,
}

impl Threads {
    /// Every message that stands in a thread.
    pub(super) fn messages(&self) -> Vec<(LeadId, String)> {
        self.messages.lock().unwrap().clone()
    }
}

impl LeadThread for Threads {
    async fn post_message(&self, lead: &LeadId, text: &str) -> Result<Option<String>, UpstreamError> {
        self.messages.lock().unwrap().push((lead.clone(), text.to_owned()));
        Ok(None)
    }

    async fn has_message(&self, lead: &LeadId, reference: &str) -> Result<Seen, UpstreamError> {
        let messages = self.messages.lock().unwrap();
        let there = messages.iter().any(|(of, text)| of == lead && text.contains(reference));
        Ok(if there { Seen::Yes } else { Seen::No })
    }

    async fn leads_updated_since(&self, _: Timestamp, _: u32) -> Result<LeadPage, UpstreamError> {
        Ok(LeadPage { items: Vec::new(), more: false })
    }

    async fn subscribe(&self, _: HookAction, _: &Url) -> Result<(), UpstreamError> {
        Ok(())
    }
}

by_way_of_faults! { LeadThread;
    Once post_message(lead: &LeadId, text: &str) -> Result<Option<String>, UpstreamError>, on ["threads"];
    Read has_message(lead: &LeadId, reference: &str) -> Result<Seen, UpstreamError>, on ["threads"];
    Read leads_updated_since(since: Timestamp, page: u32) -> Result<LeadPage, UpstreamError>, on [];
    Write subscribe(action: HookAction, url: &Url) -> Result<(), UpstreamError>, on [];
}

/// A request that came to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) url: String,
    pub(super) webhook_id: String,
    pub(super) body: Bytes,
    pub(super) answered: u16,
}

/// The tenant's endpoints: each answers from its list, then 200, and keeps what came.
#[derive(Debug, Clone, Default)]
pub(super) struct Endpoints {
    seen: Arc<Mutex<Vec<Request>>>,
    answers: Arc<Mutex<BTreeMap<String, VecDeque<u16>>>>,
}

impl Endpoints {
    /// What an endpoint answers first.
    pub(super) fn answer_first(&self, url: &str, statuses: &[u16]) {
        self.answers.lock().unwrap().insert(url.to_owned(), statuses.iter().copied().collect());
    }

    pub(super) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

fn sent(prepared: &Prepared, answer: Answer) -> Sent {
    Sent { at: prepared.at(), duration: Duration::from_millis(5), answer }
}

fn status(code: u16) -> Answer {
    Answer::Status { code, retry_after: None, head: Bytes::from_static(b"ok") }
}

impl Sender for Endpoints {
    async fn send(&self, prepared: &Prepared) -> Sent {
        let url = prepared.url().as_str().to_owned();
        let answered = self.answers.lock().unwrap().get_mut(&url).and_then(VecDeque::pop_front).unwrap_or(200);
        let webhook_id = prepared.headers()["webhook-id"].to_str().unwrap().to_owned();
        self.seen.lock().unwrap().push(Request { url, webhook_id, body: prepared.body().clone(), answered });
        sent(prepared, status(answered))
    }
}

impl Sender for Faulty<Endpoints> {
    async fn send(&self, prepared: &Prepared) -> Sent {
        let failed = |fault| match fault {
            Fault::Throttled => sent(prepared, status(429)),
            _ => sent(prepared, Answer::Failed(TransportFailure::Timeout)),
        };
        let at = || vec![format!("endpoint {}", prepared.url().as_str())];
        self.call_for(("send", Kind::Once), at, || self.inner.send(prepared), failed).await
    }
}

by_way_of_faults! { Entities;
    Read get(kind: EntityKind, id: EntityId) -> Result<Value, MoyskladError>, on ["moysklad"];
    Read list(kind: EntityKind, query: &Query) -> Result<Rows, MoyskladError>, on ["moysklad"];
    Write create(kind: EntityKind, body: &Value) -> Result<Value, MoyskladError>, on ["moysklad"];
    Write update(kind: EntityKind, id: EntityId, body: &Value) -> Result<Value, MoyskladError>, on ["moysklad"];
    Write save_many(kind: EntityKind, bodies: &[Value]) -> Result<Vec<Result<Value, MoyskladError>>, MoyskladError>,
        on ["moysklad"];
    Write delete(kind: EntityKind, id: EntityId) -> Result<(), MoyskladError>, on ["moysklad"];
}

by_way_of_faults! { Dictionaries;
    Read dictionary(kinds: &[EntityKind]) -> Result<Dictionary, MoyskladError>, on [];
}

by_way_of_faults! { Audit;
    Read deletions(kind: EntityKind, since: Timestamp, offset: u32) -> Result<Deletions, MoyskladError>,
        on ["moysklad"];
}

impl<T: Clients> Clients for Faulty<T> {
    type Client = Faulty<T::Client>;

    fn client(&self, account: &Account) -> Option<Self::Client> {
        Some(Faulty::new(self.inner.client(account)?, self.outside.clone()))
    }

    fn base(&self) -> &str {
        self.inner.base()
    }
}
