//! The workflow against a store in memory, upstreams that do as they are told, and a clock that stands still.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Mutex;

use serde_json::json;
use url::Url;

use super::*;
use crate::auth::SourceCaller;
use crate::enrichment::income::Income;
use crate::enrichment::ports::{
    FoundPerson, HookAction, LeadPage, PersonRecord, Seen, UpstreamError, UpstreamErrorKind,
};
use crate::intake::take_in;
use crate::model::contact::LeadId;
use crate::model::event::{EventStatus, Provider};
use crate::model::ids::TenantId;
use crate::model::person::{Cpf, Email, PersonName, Phone};
use crate::model::row::RowKey;
use crate::providers::c2s::verify::incoming;
use crate::testing::MemoryStore;
use crate::testing::samples::{stack_keys, subscription};
use crate::work::Ring;

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(0) };
}

/// Seconds since the tests began, as the clock shows them.
fn clock() -> Timestamp {
    at(NOW.get())
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + seconds).unwrap()
}

fn error(upstream: Upstream, kind: UpstreamErrorKind) -> UpstreamError {
    UpstreamError::new(upstream, kind)
}

/// An upstream's answers, in order; when they are used up, its usual one. Counts what it was asked.
struct Played<A> {
    upstream: Upstream,
    troubles: Mutex<VecDeque<UpstreamErrorKind>>,
    asked: Mutex<u32>,
    usual: Mutex<A>,
}

impl<A: Clone> Played<A> {
    fn new(upstream: Upstream, usual: A) -> Self {
        Self { upstream, troubles: Mutex::default(), asked: Mutex::new(0), usual: Mutex::new(usual) }
    }

    fn answer(&self) -> Result<A, UpstreamError> {
        *self.asked.lock().unwrap() += 1;
        match self.troubles.lock().unwrap().pop_front() {
            Some(kind) => Err(error(self.upstream, kind)),
            None => Ok(self.usual.lock().unwrap().clone()),
        }
    }

    fn asked(&self) -> u32 {
        *self.asked.lock().unwrap()
    }

    fn fail_with(&self, kinds: impl IntoIterator<Item = UpstreamErrorKind>) {
        self.troubles.lock().unwrap().extend(kinds);
    }
}

impl PersonFinder for Played<Vec<FoundPerson>> {
    async fn by_phone(&self, _: &Phone) -> Result<Vec<FoundPerson>, UpstreamError> {
        self.answer()
    }

    async fn by_email(&self, _: &Email) -> Result<Vec<FoundPerson>, UpstreamError> {
        self.answer()
    }
}

impl PersonRegistry for Played<Option<PersonRecord>> {
    async fn by_cpf(&self, _: &Cpf) -> Result<Option<PersonRecord>, UpstreamError> {
        self.answer()
    }
}

/// C2S: keeps the messages that arrive, whatever it answers.
#[derive(Default)]
struct Thread {
    messages: Mutex<Vec<String>>,
    fates: Mutex<VecDeque<Fate>>,
    shows: Mutex<Option<Seen>>,
    /// Pages of leads, as a poll is shown them; and since when it asked.
    pages: Mutex<Vec<Result<Vec<serde_json::Value>, UpstreamErrorKind>>>,
    polled_since: Mutex<Vec<Timestamp>>,
}

#[derive(Clone)]
enum Fate {
    /// Taken, and no word of it comes back.
    TakenSilently,
    /// Lost on the way, and no word of it comes back.
    LostSilently,
    /// Refused with an answer.
    Refused(UpstreamErrorKind),
}

impl LeadThread for Thread {
    async fn post_message(&self, _: &LeadId, text: &str) -> Result<Option<String>, UpstreamError> {
        let fate = self.fates.lock().unwrap().pop_front();
        let mut messages = self.messages.lock().unwrap();
        match fate {
            None => messages.push(text.to_owned()),
            Some(Fate::TakenSilently) => {
                messages.push(text.to_owned());
                return Err(error(Upstream::C2s, UpstreamErrorKind::UnknownOutcome));
            }
            Some(Fate::LostSilently) => return Err(error(Upstream::C2s, UpstreamErrorKind::UnknownOutcome)),
            Some(Fate::Refused(kind)) => return Err(error(Upstream::C2s, kind)),
        }
        Ok(Some("msg-1".to_owned()))
    }

    async fn has_message(&self, _: &LeadId, reference: &str) -> Result<Seen, UpstreamError> {
        let there = self.messages.lock().unwrap().iter().any(|text| text.contains(reference));
        let shows = *self.shows.lock().unwrap();
        Ok(shows.unwrap_or(if there { Seen::Yes } else { Seen::No }))
    }

    async fn leads_updated_since(&self, since: Timestamp, page: u32) -> Result<LeadPage, UpstreamError> {
        self.polled_since.lock().unwrap().push(since);
        let pages = self.pages.lock().unwrap();
        let n = usize::try_from(page).unwrap();
        match pages.get(n - 1) {
            Some(Ok(leads)) => {
                let items = leads.iter().map(|lead| lead.to_string().into()).collect();
                Ok(LeadPage { items, more: n < pages.len() })
            }
            Some(Err(kind)) => Err(error(Upstream::C2s, kind.clone())),
            None => Ok(LeadPage { items: Vec::new(), more: false }),
        }
    }

    async fn subscribe(&self, _: HookAction, _: &Url) -> Result<(), UpstreamError> {
        Ok(())
    }
}

type Bench = Enricher<MemoryStore, Played<Vec<FoundPerson>>, Played<Option<PersonRecord>>, Thread>;

fn bench() -> Bench {
    NOW.set(0);
    let person = PersonName::parse("Ana Exemplo da Silva").unwrap();
    let record = PersonRecord {
        name: person.clone(),
        income: Some(Income::parse("6089,28").unwrap()),
        phones: vec![Phone::parse("11900000001").unwrap()],
        emails: Vec::new(),
    };
    let cpf = Cpf::parse("00000000191").unwrap();
    Enricher {
        store: MemoryStore::default(),
        finder: Some(Played::new(Upstream::Diretrix, vec![FoundPerson { name: person, cpf }])),
        registry: Some(Played::new(Upstream::WorkApi, Some(record))),
        thread: Thread::default(),
        keys: stack_keys(),
        settings: Settings {
            legal_basis: Some("test".to_owned()),
            resend_after_unknown: false,
            unknown_recheck: SignedDuration::from_secs(120),
            lead_rate: LeadRate { per_minute: 10, wait: SignedDuration::from_secs(60) },
            c2s_spacing: SignedDuration::ZERO,
            work_spacing: SignedDuration::ZERO,
            call_time: SignedDuration::from_secs(30),
            party_kept_for: SignedDuration::from_hours(24 * 180),
            event_kept_for: SignedDuration::from_hours(24 * 90),
            poll_interval: SignedDuration::from_secs(3_600),
            max_tries: 3,
            breaker: BreakerRules::default(),
            timing: Timing::default(),
        },
        clock,
        chance: || 0.5,
        nonce: || [7; NONCE_BYTES],
    }
}

impl Bench {
    fn asked(&self) -> (u32, u32, usize) {
        let finder = self.finder.as_ref().map_or(0, Played::asked);
        let registry = self.registry.as_ref().map_or(0, Played::asked);
        (finder, registry, self.thread.messages.lock().unwrap().len())
    }

    async fn lead(&self, second: i64, customer: serde_json::Value) -> EventId {
        let caller = SourceCaller {
            source: SourceId::default_c2s(),
            provider: Provider::C2s,
            tenant: TenantId::default_tenant(),
        };
        let body = json!({"id": "lead-1", "attributes": {"updated_at": at(second), "customer": customer}});
        let incoming: Vec<_> =
            incoming(&caller, &[], body.to_string().as_bytes()).unwrap().into_iter().map(Result::unwrap).collect();
        take_in(&self.store, &incoming, &Timing::default(), clock()).await.unwrap();
        incoming[0].id().clone()
    }

    async fn event(&self, id: &EventId) -> Event {
        self.store.read(&RowKey::Event(id.clone())).await.unwrap().unwrap()
    }

    /// Answers one bell now.
    async fn answer(&self, ring: &Ring) -> Result<Option<Worked>, StoreError> {
        let deadline = clock() + SignedDuration::from_secs(60);
        match self.take(&ring.bell, deadline).await? {
            Answered::Yours(claimed) => self.work(*claimed, None, deadline).await.map(Some),
            Answered::GivenUp(worked) => Ok(Some(worked)),
            Answered::Nothing => Ok(None),
        }
    }

    /// Answers lead bells as they are rung, moving the clock to each one's time, until none is left.
    async fn run_dry(&self) -> Result<(), StoreError> {
        let mut waiting: Vec<Ring> = Vec::new();
        for _ in 0..200 {
            waiting
                .extend(self.store.rung().into_iter().filter(|ring| ring.bell.row.to_string().starts_with("event/")));
            waiting.sort_by_key(|ring| ring.not_before);
            if waiting.is_empty() {
                return Ok(());
            }
            let ring = waiting.remove(0);
            let due = ring.not_before.as_second() - at(0).as_second();
            NOW.set(NOW.get().max(due));
            self.answer(&ring).await?;
        }
        panic!("the work does not come to an end");
    }
}

fn ana() -> serde_json::Value {
    json!({"name": "Ana Silva", "phone": "5511900000001"})
}

#[tokio::test]
async fn a_lead_is_looked_up_told_of_and_announced() {
    let bench = bench();
    bench.store.put_subscription(subscription("sub_a", "lead.enriched"));
    let id = bench.lead(0, ana()).await;
    bench.run_dry().await.unwrap();
    let event = bench.event(&id).await;
    assert_eq!((event.status, bench.asked()), (EventStatus::Completed, (1, 1, 1)));
    let result = event.result.unwrap();
    assert_eq!((&result["message"], &result["found_by"]), (&json!("sent"), &json!("phone")));
    let announcement = bench.store.announcements().remove(0);
    assert_eq!((announcement.event_type, &announcement.id), (EventType::LeadEnriched, &id.child(1)));
    insta::assert_json_snapshot!(announcement.data, {".updated_at" => "[time]"}, @r#"
    {
      "found_by": "phone",
      "lead_id": "lead-1",
      "message": "sent",
      "person": {
        "cpf_masked": "***.000.001-**",
        "income_band": "from5k_to10k",
        "name": "Ana Exemplo da Silva"
      },
      "reference": "g-d58f60",
      "source": "src_default",
      "updated_at": "[time]"
    }
    "#);
    let look_up = bench.store.look_ups().remove(0);
    assert_eq!(look_up.working, None, "what was known meanwhile is taken off");
    let steps: Vec<_> = look_up.steps.iter().map(|step| format!("{}: {}", step.step, step.outcome)).collect();
    assert_eq!(steps, ["diretrix: found", "work_api: found", "message: sent"]);
}

#[tokio::test]
async fn a_create_and_an_update_of_one_new_lead_are_one_look_up_and_one_message() {
    let bench = bench();
    let first = bench.lead(0, ana()).await;
    let second = bench.lead(1, ana()).await;
    bench.run_dry().await.unwrap();
    assert_eq!(bench.asked(), (1, 1, 1));
    let result = bench.event(&second).await.result.unwrap();
    assert_eq!((&result["message"], &result["looked_up_by"]), (&json!("skipped"), &json!(first)));
}

/// The stack's keys after so many rotations, the oldest being the bench's.
fn rotated(times: usize) -> StackKeys {
    let newest_first = ["n", "m"][2 - times..].iter().chain(&["k"]).map(|letter| letter.repeat(64));
    StackKeys::parse(&newest_first.collect::<Vec<_>>().join(",")).unwrap()
}

#[tokio::test]
async fn after_a_rotation_of_the_stack_key_nobody_is_looked_up_or_told_again() {
    let mut bench = bench();
    let first = bench.lead(0, ana()).await;
    bench.run_dry().await.unwrap();
    for times in [1, 2] {
        bench.keys = rotated(times);
        let later = bench.lead(i64::try_from(times).unwrap(), ana()).await;
        bench.run_dry().await.unwrap();
        assert_eq!((bench.asked(), bench.store.look_ups().len()), ((1, 1, 1), 1), "{times} rotations");
        assert_eq!(bench.event(&later).await.result.unwrap()["looked_up_by"], json!(first));
    }
}

#[tokio::test]
async fn a_look_up_under_way_goes_on_under_the_new_key_with_what_was_paid_for() {
    let mut bench = bench();
    bench.registry.as_ref().unwrap().fail_with([UpstreamErrorKind::Timeout]);
    let id = bench.lead(0, ana()).await;
    let ring = bench.store.rung().remove(0);
    bench.answer(&ring).await.unwrap();
    assert_eq!((bench.asked(), bench.event(&id).await.status), ((1, 1, 0), EventStatus::Processing));
    bench.keys = rotated(1);
    bench.run_dry().await.unwrap();
    assert_eq!((bench.asked(), bench.event(&id).await.status), ((1, 2, 1), EventStatus::Completed));
    assert_eq!(bench.store.look_ups().len(), 1);
}

#[tokio::test]
async fn what_was_looked_up_under_the_newest_key_is_met_before_what_was_under_an_older() {
    let mut bench = bench();
    bench.lead(0, ana()).await;
    bench.run_dry().await.unwrap();
    // Told again by a version that knew the newest key only.
    bench.keys = StackKeys::parse(&"m".repeat(64)).unwrap();
    let second = bench.lead(1, ana()).await;
    bench.run_dry().await.unwrap();
    assert_eq!(bench.asked().2, 2);
    bench.keys = rotated(1);
    let third = bench.lead(2, ana()).await;
    bench.run_dry().await.unwrap();
    assert_eq!(bench.event(&third).await.result.unwrap()["looked_up_by"], json!(second));
}

#[tokio::test]
async fn a_lead_whose_contact_data_changed_is_looked_up_again() {
    let bench = bench();
    bench.lead(0, ana()).await;
    bench.run_dry().await.unwrap();
    bench.lead(1, json!({"name": "Ana Silva", "phone": "5511900000001", "email": "ana@example.com"})).await;
    bench.run_dry().await.unwrap();
    assert_eq!(bench.asked().2, 2);
}

#[tokio::test]
async fn a_worker_killed_at_any_write_is_followed_by_one_that_finishes_exactly_once() {
    for n in 0..40 {
        let bench = bench();
        bench.store.put_subscription(subscription("sub_a", "lead.*"));
        let id = bench.lead(0, ana()).await;
        let ring = bench.store.rung().remove(0);
        bench.store.die_after(n);
        let died = bench.answer(&ring).await.is_err();
        bench.store.revive();
        // The lease ends, the sweep rings again; if the message may have gone, two minutes pass first.
        bench.store.end_lease(&ring.bell.row);
        let _ = bench.store.rung();
        NOW.set(200);
        if died {
            bench.answer(&ring).await.unwrap();
            bench.run_dry().await.unwrap();
        }
        let event = bench.event(&id).await;
        let (finder, registry, messages) = bench.asked();
        assert_eq!((event.status, messages), (EventStatus::Completed, 1), "killed at write {n}");
        assert!(finder <= 2 && registry <= 2, "at most the call under way is paid twice: killed at write {n}");
        let announced = bench.store.announcements();
        assert_eq!(announced.len(), 2, "received and enriched, once each: killed at write {n}");
        if !died {
            assert!(n > 5, "the list of writes was gone through");
            return;
        }
    }
    panic!("the work writes more often than this test counts");
}

#[tokio::test]
async fn a_message_that_was_taken_silently_is_found_in_the_thread_two_minutes_later() {
    let bench = bench();
    bench.thread.fates.lock().unwrap().push_back(Fate::TakenSilently);
    let id = bench.lead(0, ana()).await;
    bench.run_dry().await.unwrap();
    assert!(NOW.get() >= 120);
    assert_eq!(bench.asked().2, 1);
    assert_eq!(bench.event(&id).await.result.unwrap()["message"], "sent");
}

#[tokio::test]
async fn a_message_that_is_not_in_the_thread_stays_unconfirmed_unless_resending_is_on() {
    for (resend, shows, wanted, messages) in
        [(false, None, "unconfirmed", 0), (true, None, "sent", 1), (true, Some(Seen::NotShown), "unconfirmed", 0)]
    {
        let mut bench = bench();
        bench.settings.resend_after_unknown = resend;
        *bench.thread.shows.lock().unwrap() = shows;
        bench.thread.fates.lock().unwrap().push_back(Fate::LostSilently);
        let id = bench.lead(0, ana()).await;
        bench.run_dry().await.unwrap();
        let event = bench.event(&id).await;
        assert_eq!((event.status, bench.asked().2), (EventStatus::Completed, messages));
        assert_eq!(event.result.unwrap()["message"], wanted, "resend {resend}, shows {shows:?}");
    }
}

#[tokio::test]
async fn a_message_is_sent_again_once_at_most() {
    let mut bench = bench();
    bench.settings.resend_after_unknown = true;
    bench.thread.fates.lock().unwrap().extend([Fate::LostSilently, Fate::LostSilently]);
    let id = bench.lead(0, ana()).await;
    bench.run_dry().await.unwrap();
    assert_eq!(bench.event(&id).await.result.unwrap()["message"], "unconfirmed");
}

#[tokio::test]
async fn an_answered_refusal_of_the_message_is_tried_again() {
    let bench = bench();
    bench.thread.fates.lock().unwrap().push_back(Fate::Refused(UpstreamErrorKind::Broken { status: 500 }));
    let id = bench.lead(0, ana()).await;
    bench.run_dry().await.unwrap();
    assert_eq!((bench.event(&id).await.status, bench.asked()), (EventStatus::Completed, (1, 1, 1)));
}

#[tokio::test]
async fn what_was_paid_for_is_not_paid_for_again_when_a_later_call_fails() {
    let bench = bench();
    bench.registry.as_ref().unwrap().fail_with([UpstreamErrorKind::Timeout, UpstreamErrorKind::Broken { status: 502 }]);
    let id = bench.lead(0, ana()).await;
    bench.run_dry().await.unwrap();
    assert_eq!((bench.event(&id).await.status, bench.asked()), (EventStatus::Completed, (1, 3, 1)));
}

#[tokio::test]
async fn an_upstream_that_asks_for_time_gets_it() {
    let bench = bench();
    let asked_for = UpstreamErrorKind::RateLimited { retry_after: Some(std::time::Duration::from_secs(77)) };
    bench.finder.as_ref().unwrap().fail_with([asked_for]);
    bench.lead(0, ana()).await;
    bench.run_dry().await.unwrap();
    assert_eq!((NOW.get(), bench.asked().2), (77, 1));
}

#[tokio::test]
async fn after_the_last_try_the_event_is_failed_told_of_and_can_be_reprocessed() {
    let bench = bench();
    bench.registry.as_ref().unwrap().fail_with(vec![UpstreamErrorKind::Timeout; 3]);
    let id = bench.lead(0, ana()).await;
    bench.run_dry().await.unwrap();
    let event = bench.event(&id).await;
    assert_eq!((event.status, event.error.as_deref()), (EventStatus::Failed, Some("work_api: timeout")));
    assert_eq!(bench.store.announcements()[0].event_type, EventType::LeadEnrichmentFailed);

    let row: Event = bench
        .store
        .begin_turn(&RowKey::Event(id.clone()), EventStatus::Received.name(), clock())
        .await
        .unwrap()
        .unwrap();
    bench.answer(&Ring::of(&row)).await.unwrap();
    bench.run_dry().await.unwrap();
    let event = bench.event(&id).await;
    assert_eq!((event.status, event.error), (EventStatus::Completed, None));
    assert_eq!(bench.asked(), (1, 4, 1), "the finder's answer was kept");
    assert!(bench.store.announcements().iter().any(|a| a.id == id.child(2)));
}

#[tokio::test]
async fn refused_credentials_park_the_work_and_are_not_stormed() {
    let bench = bench();
    bench.finder.as_ref().unwrap().fail_with(vec![UpstreamErrorKind::CredentialsRefused; 10]);
    let id = bench.lead(0, ana()).await;
    bench.lead(1, json!({"name": "Bia", "phone": "5511900000005"})).await;
    bench.run_dry().await.unwrap();
    assert_eq!(bench.asked().0, 1, "one call found out");
    let event = bench.event(&id).await;
    assert!(event.work.due_shard.unwrap().starts_with("parked#breaker:diretrix#"));
}

#[tokio::test]
async fn a_lead_with_nothing_to_look_up_by_is_unmatched_and_costs_nothing() {
    let bench = bench();
    let id = bench.lead(0, json!({"name": "Ana"})).await;
    bench.run_dry().await.unwrap();
    assert_eq!((bench.asked(), bench.store.look_ups().len()), ((0, 0, 0), 0));
    assert_eq!(bench.event(&id).await.result.unwrap()["reason"], "no_contact_data");
    assert_eq!(bench.store.announcements()[0].event_type, EventType::LeadUnmatched);
}

#[tokio::test]
async fn without_a_legal_basis_nobody_is_asked_about_anybody() {
    let mut bench = bench();
    bench.settings.legal_basis = None;
    bench.lead(0, json!({"name": "Ana", "phone": "5511900000001", "cpf": "00000000191"})).await;
    bench.run_dry().await.unwrap();
    assert_eq!(bench.asked(), (0, 0, 0));
    let look_up = bench.store.look_ups().remove(0);
    assert_eq!((look_up.party, look_up.silent_because), (None, Some(Silence::NoLegalBasis)));
}

#[tokio::test]
async fn nobody_found_and_several_found_are_told_apart_and_told_to_nobody() {
    let two = |a: &str, b: &str| {
        let person = |name: &str, cpf: &str| FoundPerson {
            name: PersonName::parse(name).unwrap(),
            cpf: Cpf::parse(cpf).unwrap(),
        };
        vec![person(a, "00000000191"), person(b, "00000000272")]
    };
    for (found, reason) in [(Vec::new(), "not_found"), (two("Carla Pereira", "Davi Pereira"), "ambiguous")] {
        let bench = bench();
        *bench.finder.as_ref().unwrap().usual.lock().unwrap() = found;
        let id = bench.lead(0, ana()).await;
        bench.run_dry().await.unwrap();
        assert_eq!(bench.event(&id).await.result.unwrap()["reason"], reason);
        assert_eq!(bench.asked().2, 0);
    }
}

#[tokio::test]
async fn eleven_edits_in_a_minute_are_processed_within_it_with_merged_contact_data() {
    let bench = bench();
    bench.lead(0, json!({"name": "Ana Silva", "phone": "5511900000001"})).await;
    for n in 1..10 {
        NOW.set(n);
        bench.lead(n, json!({"name": "Ana Silva"})).await;
    }
    NOW.set(10);
    let newest = bench.lead(10, json!({"name": "Ana Silva", "email": "ana@example.com"})).await;
    bench.run_dry().await.unwrap();
    let event = bench.event(&newest).await;
    assert_eq!(event.status, EventStatus::Completed);
    assert!(event.processed_at.unwrap() <= at(70));
    let look_up = bench.store.look_ups().into_iter().find(|look_up| look_up.owner == newest).expect("its own look-up");
    assert_eq!(look_up.steps[0].step, "diretrix", "its phone came from an older event");
}

#[tokio::test]
async fn of_fifteen_edits_those_that_waited_give_way_to_the_newest_and_name_it() {
    let bench = bench();
    let mut ids = Vec::new();
    for n in 0..15 {
        ids.push(bench.lead(n, ana()).await);
    }
    bench.run_dry().await.unwrap();
    let newest = ids.last().unwrap();
    for id in &ids[10..14] {
        let event = bench.event(id).await;
        assert_eq!((event.status, event.superseded_by.as_ref()), (EventStatus::Superseded, Some(newest)));
    }
    assert_eq!(bench.event(newest).await.status, EventStatus::Completed);
    assert_eq!(bench.asked(), (1, 1, 1), "one contact, one message");
}

#[tokio::test]
async fn a_variant_with_other_contact_data_is_processed_with_the_event() {
    let bench = bench();
    let id = bench.lead(0, json!({"name": "Ana Silva"})).await;
    bench.run_dry().await.unwrap();
    assert_eq!(bench.asked().2, 0);
    bench.lead(0, ana()).await;
    bench.run_dry().await.unwrap();
    let event = bench.event(&id).await;
    assert_eq!((event.work.turn, bench.asked().2), (2, 1));
    assert_eq!(event.result.unwrap()["message"], "sent");
}

/// What becomes of a lead without contact data whose variant, with some, comes at that point of the first's work.
async fn variant_at(point: &str) -> (Bench, EventId) {
    let bench = bench();
    bench.store.put_subscription(subscription("sub_a", "lead.*"));
    let id = bench.lead(0, json!({"name": "Ana Silva"})).await;
    let ring = bench.store.rung().remove(0);
    let deadline = clock() + SignedDuration::from_secs(60);
    let variant = async |at: &str| {
        if at == point {
            assert_eq!(bench.lead(0, ana()).await, id);
        }
    };
    variant("before the claim").await;
    let Answered::Yours(claimed) = bench.take(&ring.bell, deadline).await.unwrap() else { panic!("it is free") };
    variant("before the bodies are read").await;
    let verdict = bench.run(&claimed.row, deadline).await.unwrap();
    variant("before the end is recorded").await;
    bench.record(&claimed.row, &claimed.fence, verdict).await.unwrap();
    variant("after the end").await;
    (bench, id)
}

#[tokio::test]
async fn a_variant_is_worked_on_at_whatever_moment_it_comes() {
    for (point, turns) in [
        ("before the claim", 1),
        ("before the bodies are read", 2),
        ("before the end is recorded", 2),
        ("after the end", 2),
    ] {
        let (bench, id) = variant_at(point).await;
        bench.run_dry().await.unwrap();
        let event = bench.event(&id).await;
        assert_eq!((event.status, event.work.turn), (EventStatus::Completed, turns), "{point}");
        assert_eq!(bench.asked().2, 1, "{point}: the person was told of, once");
        let said = bench.store.announcements();
        assert_eq!(said.iter().filter(|said| said.event_type == EventType::LeadEnriched).count(), 1, "{point}");
    }
}

#[tokio::test]
async fn a_worker_killed_between_a_variant_and_its_turn_loses_nothing() {
    for n in 0..20 {
        let bench = bench();
        let id = bench.lead(0, json!({"name": "Ana Silva"})).await;
        let ring = bench.store.rung().remove(0);
        let deadline = clock() + SignedDuration::from_secs(60);
        let Answered::Yours(claimed) = bench.take(&ring.bell, deadline).await.unwrap() else { panic!("it is free") };
        let verdict = bench.run(&claimed.row, deadline).await.unwrap();
        bench.lead(0, ana()).await;
        bench.store.die_after(n);
        let died = bench.record(&claimed.row, &claimed.fence, verdict).await.is_err();
        bench.store.revive();
        bench.store.end_lease(&ring.bell.row);
        let _ = bench.store.rung();
        let row = bench.event(&id).await;
        assert!(!row.work.ended(), "killed at write {n}");
        bench.answer(&Ring::of(&row)).await.unwrap();
        bench.run_dry().await.unwrap();
        assert_eq!(
            (bench.event(&id).await.status, bench.asked().2),
            (EventStatus::Completed, 1),
            "killed at write {n}"
        );
        if !died {
            assert!(n > 1, "the list of writes was gone through");
            return;
        }
    }
    panic!("the record writes more often than this test counts");
}

#[tokio::test]
async fn messages_are_spaced_out_each_waiting_for_its_own_turn_once() {
    let mut bench = bench();
    bench.settings.c2s_spacing = SignedDuration::from_secs(6);
    for n in 0..4 {
        bench.lead(n, json!({"name": format!("Pessoa {n}"), "phone": format!("551190000{n}001")})).await;
    }
    bench.run_dry().await.unwrap();
    assert_eq!((bench.asked(), NOW.get()), ((4, 4, 4), 18));
}

fn polled_lead(id: u32, second: i64) -> serde_json::Value {
    json!({"id": id, "attributes": {"updated_at": at(second), "customer": {"name": "Ana"}}})
}

async fn run_poll(bench: &Bench) -> crate::enrichment::poll::Polled {
    use crate::manage::defaults;
    use crate::work::Bell;
    let token = crate::auth::Credential::presented("token").unwrap();
    defaults::ensure(&bench.store, &token, &Timing::default(), at(0)).await.unwrap();
    let key = RowKey::Poll(SourceId::default_c2s());
    bench.store.make_ready(&key, clock());
    let deadline = clock() + SignedDuration::from_secs(60);
    let claimed = bench.take_poll(&Bell::new(key, 1), deadline).await.unwrap().expect("it is due");
    bench.poll(claimed, deadline).await.unwrap()
}

async fn poll_row(bench: &Bench) -> crate::model::job::Poll {
    bench.store.read(&RowKey::Poll(SourceId::default_c2s())).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_poll_takes_in_what_was_missed_by_the_same_door_and_asks_again_an_interval_later() {
    let bench = bench();
    bench.lead(5, ana()).await;
    let known = json!({"id": "lead-1", "attributes": {"updated_at": at(5), "customer": ana()}});
    *bench.thread.pages.lock().unwrap() = vec![Ok(vec![known, polled_lead(7, 6)]), Ok(vec![polled_lead(8, 7)])];
    NOW.set(100);
    let polled = run_poll(&bench).await;
    assert_eq!((polled.shown, polled.missed, polled.trouble), (3, 2, None));
    let row = poll_row(&bench).await;
    assert_eq!((row.since, row.work.not_before, row.work.ended()), (at(100), at(3_700), false));
    NOW.set(3_700);
    let polled = run_poll(&bench).await;
    assert_eq!(polled.missed, 0, "what it took in is known now");
    assert_eq!(bench.thread.polled_since.lock().unwrap().last(), Some(&at(100 - 300)), "with an overlap");
}

#[tokio::test]
async fn a_poll_that_broke_off_goes_on_from_what_it_was_shown() {
    let bench = bench();
    *bench.thread.pages.lock().unwrap() =
        vec![Ok(vec![polled_lead(7, 50)]), Err(UpstreamErrorKind::Broken { status: 502 })];
    NOW.set(100);
    let polled = run_poll(&bench).await;
    assert_eq!((polled.missed, polled.trouble), (1, Some("broken")));
    let row = poll_row(&bench).await;
    assert_eq!((row.since, row.work.not_before), (at(50), at(400)));
}

#[tokio::test]
async fn an_event_that_killed_five_workers_is_given_up_and_said_to_have_crashed() {
    let bench = bench();
    let id = bench.lead(0, ana()).await;
    let ring = bench.store.rung().remove(0);
    for _ in 0..5 {
        let taken = bench.take(&ring.bell, clock() + SignedDuration::from_secs(60)).await.unwrap();
        assert!(matches!(taken, Answered::Yours(_)));
        bench.store.end_lease(&ring.bell.row);
    }
    let worked = bench.answer(&ring).await.unwrap().unwrap();
    assert_eq!((worked.outcome, worked.reason.as_deref()), ("failed", Some("crashed")));
    let event = bench.event(&id).await;
    assert_eq!((event.status, event.error.as_deref()), (EventStatus::Failed, Some("crashed")));
}
