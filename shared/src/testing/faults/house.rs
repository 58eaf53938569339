//! All verbs of the platform over one faulty store, with the queues and the clock that ring and run them again.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::clock;
use super::counterparts::{Endpoints, Registry, Threads};
use super::faulty::Faulty;
use super::queue::{Choices, Message, Messages};
use super::script::{Outside, Strike};
use crate::address::AllowList;
use crate::delivery::courier::{Answered as OfDelivery, Courier};
use crate::delivery::health::GoodAnswers;
use crate::dispatch::{Keep, fan_out};
use crate::enrichment::coalesce::LeadRate;
use crate::enrichment::workflow::{Answered as OfLead, Enricher, Leads as _, Settings};
use crate::intake::take_in;
use crate::limits::BreakerRules;
use crate::model::event::{Event, EventStatus};
use crate::model::ids::EventId;
use crate::model::row::{Queue, RowKey, WorkState};
use crate::providers::{self, Incoming};
use crate::signing::seal::NONCE_BYTES;
use crate::sync::syncer::{Answered as OfNotice, Brake, Settings as SyncSettings, Syncer};
use crate::testing::MemoryStore;
use crate::testing::memory_moysklad::MemoryMoysklad;
use crate::testing::memory_sync::MemorySync;
use crate::testing::samples::stack_keys;
use crate::work::{Bell, DueRow, Fence, Hold, Next, Record, Rows as _, StoreError, SweepLimits, Timing, sweep};

/// How long an invocation may take.
const INVOCATION: SignedDuration = SignedDuration::from_secs(60);
/// Between two sweeps.
const SWEEP: SignedDuration = SignedDuration::from_secs(60);
/// What a story may take to come to rest.
const MOST_STEPS: usize = 600;

/// What a row was like: its turn, whether its work had ended, its answers, its status.
pub(super) type Stand = (u32, bool, u32, String);

pub(super) struct House {
    pub(super) outside: Outside,
    pub(super) store: Faulty<MemoryStore>,
    pub(super) enricher: Enricher<Faulty<MemoryStore>, Faulty<Registry>, Faulty<Registry>, Faulty<Threads>>,
    pub(super) courier: Courier<Faulty<MemoryStore>, Faulty<Endpoints>>,
    pub(super) syncer: Syncer<Faulty<MemoryStore>, Faulty<MemorySync>, Faulty<MemoryMoysklad>>,
    /// By how much each worker's clock is wrong, in milliseconds, in turn.
    pub(super) skews: Vec<i64>,
    /// Every bell rings so many times.
    pub(super) copies: usize,
    /// Nobody's bells ring but the sweep's.
    pub(super) only_sweep_rings: bool,
    /// Until then everything is switched off.
    pub(super) off_until: Timestamp,
    /// When a sender who got no good answer sends again.
    pub(super) sent_again_after: SignedDuration,
    /// So many writes later what a write changed is in the due index, at every second sweep.
    pub(super) lag: usize,
    /// In which order bells come that might come in any.
    pub(super) choices: RefCell<Choices>,
    /// Events whose sender was told that they are taken.
    pub(super) accepted: RefCell<BTreeSet<EventId>>,
    /// All that each row has been.
    pub(super) history: RefCell<BTreeMap<RowKey, Vec<Stand>>>,
    requests: RefCell<Vec<(Timestamp, Vec<Incoming>)>>,
    messages: RefCell<Messages>,
    swept_at: RefCell<Timestamp>,
    n_workers: RefCell<usize>,
    index_lags_by: RefCell<usize>,
}

/// Everything is switched off until then.
struct OffUntil(Timestamp);

impl Brake for OffUntil {
    async fn held(&self) -> Result<Option<Hold>, StoreError> {
        Ok((clock::now() < self.0).then(switch))
    }
}

fn switch() -> Hold {
    Hold::switch("all")
}

fn enricher_settings() -> Settings {
    Settings {
        legal_basis: Some("test".to_owned()),
        resend_after_unknown: false,
        unknown_recheck: SignedDuration::from_secs(120),
        lead_rate: LeadRate { per_minute: 10, wait: SignedDuration::from_secs(60) },
        c2s_spacing: SignedDuration::ZERO,
        work_spacing: SignedDuration::ZERO,
        call_time: SignedDuration::from_secs(20),
        party_kept_for: SignedDuration::from_hours(24 * 180),
        event_kept_for: SignedDuration::from_hours(24 * 90),
        poll_interval: SignedDuration::from_secs(3_600),
        max_tries: 8,
        breaker: BreakerRules::default(),
        timing: Timing::default(),
    }
}

impl House {
    /// An empty house in which this goes wrong.
    pub(super) fn new(strikes: &[Strike]) -> Self {
        clock::reset();
        let outside = Outside::new(strikes);
        let store = Faulty::new(MemoryStore::default(), outside.clone());
        let registry = Faulty::new(Registry::default(), outside.clone());
        let enricher = Enricher {
            store: store.clone(),
            finder: Some(registry.clone()),
            registry: Some(registry),
            thread: Faulty::new(Threads::default(), outside.clone()),
            keys: stack_keys(),
            settings: enricher_settings(),
            clock: clock::workers,
            chance: || 0.5,
            nonce: || [7; NONCE_BYTES],
        };
        let courier = Courier {
            store: store.clone(),
            sender: Faulty::new(Endpoints::default(), outside.clone()),
            keys: stack_keys(),
            allowed: AllowList::default(),
            timing: Timing::default(),
            kept_for: SignedDuration::from_hours(24 * 90),
            good: GoodAnswers::default(),
            clock: clock::workers,
            chance: || 0.5,
        };
        let syncer = Syncer {
            store: store.clone(),
            memory: Faulty::new(MemorySync::default(), outside.clone()),
            clients: Faulty::new(MemoryMoysklad::default(), outside.clone()),
            settings: SyncSettings {
                call_time: SignedDuration::from_secs(20),
                poll_interval: SignedDuration::from_mins(10),
                event_kept_for: SignedDuration::from_hours(24),
                timing: Timing::default(),
            },
            clock: clock::workers,
        };
        Self {
            outside,
            store,
            enricher,
            courier,
            syncer,
            skews: vec![0],
            copies: 1,
            only_sweep_rings: false,
            lag: 0,
            off_until: clock::now(),
            sent_again_after: SignedDuration::from_secs(10),
            choices: RefCell::default(),
            accepted: RefCell::default(),
            history: RefCell::default(),
            requests: RefCell::default(),
            messages: RefCell::default(),
            swept_at: RefCell::new(clock::now()),
            n_workers: RefCell::default(),
            index_lags_by: RefCell::default(),
        }
    }

    /// Somebody sends these now, and again until they are told that they are taken.
    pub(super) fn send(&self, incoming: Vec<Incoming>) {
        self.requests.borrow_mut().push((clock::now(), incoming));
    }

    /// The rows of work there are.
    pub(super) fn rows(&self) -> Vec<(RowKey, WorkState, Map<String, Value>)> {
        let inner = self.store.inner.lock().unwrap();
        let rows = inner.rows.iter().map(|(key, row)| {
            let work = serde_json::from_value(Value::Object(row.clone())).unwrap();
            (key.clone(), work, row.clone())
        });
        rows.collect()
    }

    fn hold(&self) -> Option<Hold> {
        (clock::now() < self.off_until).then(switch)
    }

    /// Looks at what the last call has changed, and lets the world know the time.
    pub(super) fn watch(&self) {
        self.store.inner.set_held(&switch(), self.hold().is_some());
        self.syncer.clients.inner.set_time(clock::now());
        let inner = self.store.inner.lock().unwrap();
        let mut history = self.history.borrow_mut();
        let mut index = Vec::new();
        for (key, row) in &inner.rows {
            // Field by field: this is looked at after every call of every story.
            let number = |name: &str| row.get(name).and_then(Value::as_i64);
            let count = |name| number(name).and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
            let shard = row.get("due_shard").and_then(Value::as_str);
            if let (Some(shard), Some(due_at)) = (shard, number("due_at")) {
                let due_at = Timestamp::from_millisecond(due_at).unwrap();
                index.push((shard.to_owned(), DueRow { key: key.clone(), due_at }));
            }
            let status = row.get("status").and_then(Value::as_str).unwrap_or_default();
            let stand = (count("turn"), shard.is_none(), count("attempts"), status);
            let known = history.entry(key.clone()).or_default();
            let last = known.last().map(|(turn, ended, answers, status)| (*turn, *ended, *answers, status.as_str()));
            if last != Some(stand) {
                known.push((stand.0, stand.1, stand.2, status.to_owned()));
            }
        }
        drop(inner);
        self.outside.note_index(index);
    }

    /// The bells rung since the last time go to their queues.
    pub(super) fn collect_bells(&self) {
        for ring in self.store.inner.rung() {
            for _ in 0..self.copies {
                self.messages.borrow_mut().add(&ring, clock::now());
            }
        }
    }

    /// Has a worker answer for a verb, with a clock of its own; nothing if it died.
    fn work<T>(&self, verb: &'static str, worker: impl Future<Output = T>) -> Option<T> {
        let n = self.n_workers.replace_with(|n| *n + 1);
        clock::skew(self.skews[n % self.skews.len()]);
        self.outside.enter(verb);
        self.watch();
        let done = self.outside.run(worker, || self.watch());
        clock::skew(0);
        if self.only_sweep_rings && verb != "sweep" {
            let _ = self.store.inner.rung();
        }
        self.collect_bells();
        done
    }

    /// Goes on until nothing is left to be done: requests are sent again, bells come again, the sweep rings.
    pub(super) fn settle(&self) {
        for _ in 0..MOST_STEPS {
            self.collect_bells();
            let request = self.requests.borrow().iter().map(|(at, _)| *at).min();
            let resting = self.resting();
            let message = self.messages.borrow().next_at(|row| !resting.contains(row));
            let sweep = self.sweep_at();
            let Some(next) = [request, message, sweep].into_iter().flatten().min() else { return };
            clock::wait_until(next);
            if request == Some(next) {
                self.answer_request(next);
            } else if message == Some(next) {
                let message = self.messages.borrow_mut().take(clock::now(), &mut self.choices.borrow_mut());
                self.answer_message(message);
            } else {
                self.sweep_once();
            }
        }
        panic!("the story does not come to rest");
    }

    fn answer_request(&self, due: Timestamp) {
        let at = self.requests.borrow().iter().position(|(at, _)| *at == due).unwrap();
        let (_, incoming) = self.requests.borrow_mut().remove(at);
        match self.work("receive", take_in(&self.store, &incoming, &Timing::default(), clock::now())) {
            Some(Ok(_)) => self.accepted.borrow_mut().extend(incoming.iter().map(|one| one.id().clone())),
            Some(Err(_)) | None => self.requests.borrow_mut().push((clock::now() + self.sent_again_after, incoming)),
        }
    }

    /// Has a worker answer a message; if it dies, the message comes again.
    pub(super) fn answer_message(&self, message: Message) {
        let verb = verb_of(&message);
        if !matches!(self.work(verb, self.answer(&message)), Some(Ok(()))) {
            self.messages.borrow_mut().hide(message, clock::now());
        }
    }

    /// The rows that never end and have nothing to do by now: whoever rings for them later is not waited for.
    fn resting(&self) -> BTreeSet<RowKey> {
        self.rows().into_iter().filter(|(key, work, row)| rests(key, work, row)).map(|(key, ..)| key).collect()
    }

    /// When the sweep has something to do next.
    fn sweep_at(&self) -> Option<Timestamp> {
        let rows = self.rows();
        let waiting = rows.iter().filter(|(key, work, row)| !work.ended() && !rests(key, work, row));
        let due = waiting.filter_map(|(_, work, _)| work.due_at).min()?;
        Some(due.max(*self.swept_at.borrow() + SWEEP))
    }

    fn sweep_once(&self) {
        self.swept_at.replace(clock::now());
        // What lags has caught up a minute later.
        let lag = self.index_lags_by.replace(0);
        self.outside.let_index_lag(lag);
        let _ = self.work("sweep", self.sweep());
        if lag == 0 {
            self.index_lags_by.replace(self.lag);
        }
    }

    /// A run of the sweep.
    pub(super) async fn sweep(&self) -> Result<(), StoreError> {
        let (timing, limits) = (Timing::default(), SweepLimits::default());
        sweep(&self.store, &timing, &limits, &clock::workers, clock::workers() + INVOCATION).await.map(|_| ())
    }

    /// Takes in all that was sent, and does nothing else.
    pub(super) fn receive_all(&self) {
        loop {
            let next = self.requests.borrow().iter().map(|(at, _)| *at).min();
            let Some(at) = next else { return };
            clock::wait_until(at);
            self.answer_request(at);
        }
    }

    /// The next message for a verb, taken from its queue.
    pub(super) fn next_for(&self, verb: &str) -> Message {
        self.messages.borrow_mut().take_for(|message| verb_of(message) == verb).expect("somebody has rung")
    }

    /// What a function does with a message.
    pub(super) async fn answer(&self, message: &Message) -> Result<(), StoreError> {
        let (bell, deadline) = (&message.bell, clock::workers() + INVOCATION);
        match (&bell.row, message.queue) {
            (RowKey::Event(_), Queue::Lead) => match self.enricher.take(bell, deadline).await? {
                OfLead::Yours(claimed) => {
                    clock::wait_until(claimed.row.work.not_before);
                    self.enricher.work(*claimed, self.hold(), deadline).await.map(|_| ())
                }
                OfLead::GivenUp(_) | OfLead::Nothing => Ok(()),
            },
            (RowKey::Event(_), Queue::Sync) => match self.syncer.take_event(bell, deadline).await? {
                OfNotice::Yours(claimed) => self.syncer.hear(*claimed, self.hold(), deadline).await.map(|_| ()),
                OfNotice::GivenUp(_) | OfNotice::Nothing => Ok(()),
            },
            (RowKey::Event(_), _) => self.dispatch(bell).await,
            (RowKey::Delivery(_), _) => match self.courier.take(bell, deadline).await? {
                OfDelivery::Yours(claimed) => {
                    clock::wait_until(claimed.row.work.not_before);
                    self.courier.deliver(*claimed, self.hold(), deadline).await.map(|_| ())
                }
                OfDelivery::GivenUp(_) | OfDelivery::Nothing => Ok(()),
            },
            (RowKey::Drain(..), _) => match self.syncer.take_drain(bell, deadline).await? {
                Some(claimed) => self.syncer.drain(claimed, &OffUntil(self.off_until), deadline).await.map(|_| ()),
                None => Ok(()),
            },
            (RowKey::Reconciliation(..), _) => match self.syncer.take_reconciliation(bell, deadline).await? {
                Some(claimed) => self.syncer.reconcile(claimed, self.hold(), deadline).await.map(|_| ()),
                None => Ok(()),
            },
            (RowKey::Resync(..), _) => match self.syncer.take_resync(bell, deadline).await? {
                Some(claimed) => self.syncer.resync(claimed, self.hold(), deadline).await.map(|_| ()),
                None => Ok(()),
            },
            (RowKey::Poll(_) | RowKey::DataSubject(_), _) => panic!("nobody rings for these here"),
        }
    }

    /// As the function `dispatch` does it.
    async fn dispatch(&self, bell: &Bell) -> Result<(), StoreError> {
        let event: Option<Event> = self.store.read(&bell.row).await?;
        let Some(event) = event.filter(|event| !event.work.ended() && event.work.turn == bell.turn) else {
            return Ok(());
        };
        let now = clock::workers();
        let fence = Fence::unclaimed(&event);
        if let Some(hold) = self.hold() {
            let (status, next) = (EventStatus::Received.name(), Next::Park { hold, now });
            let record = Record { status, next, counted: false, patch: json!({}), remove: &[] };
            return self.store.record::<Event, _>(&fence, &record).await.map(|_| ());
        }
        let bodies = self.store.bodies_of(&event).await?;
        let announced = bodies.first().map(|body| providers::announce(&event, body));
        let (status, patch) = match announced {
            Some(Ok(said)) => {
                let heard_by = fan_out(&self.store, &said, Keep::Already, &Timing::default(), now).await?;
                (EventStatus::Completed, json!({"processed_at": now, "result": {"deliveries": heard_by}}))
            }
            Some(Err(error)) => (EventStatus::Failed, json!({"processed_at": now, "error": error.to_string()})),
            None => (EventStatus::Failed, json!({"processed_at": now, "error": "body_missing"})),
        };
        let expires_at = now + SignedDuration::from_hours(24);
        let next = Next::End { now, expires_at, failed: status == EventStatus::Failed };
        let record = Record { status: status.name(), next, counted: true, patch, remove: &[] };
        self.store.record::<Event, _>(&fence, &record).await.map(|_| ())
    }

    /// An event as it stands.
    pub(super) fn event(&self, id: &EventId) -> Event {
        let inner = self.store.inner.lock().unwrap();
        let row = inner.rows[&RowKey::Event(id.clone())].clone();
        serde_json::from_value(serde_json::Value::Object(row)).unwrap()
    }

    /// Every event there is.
    pub(super) fn events(&self) -> Vec<Event> {
        let keys: Vec<RowKey> = self.rows().into_iter().map(|(key, ..)| key).collect();
        let ids = keys.into_iter().filter_map(|key| if let RowKey::Event(id) = key { Some(id) } else { None });
        ids.map(|id| self.event(&id)).collect()
    }
}

/// Whether a row that never ends has nothing to do by now.
pub(super) fn rests(key: &RowKey, work: &WorkState, row: &Map<String, Value>) -> bool {
    let has_asked = work.attempts > 0 && !row.contains_key("trouble");
    matches!(key, RowKey::Reconciliation(..)) && has_asked && work.not_before > clock::now()
}

/// The verb that answers a message.
pub(super) fn verb_of(message: &Message) -> &'static str {
    match (&message.bell.row, message.queue) {
        (RowKey::Event(_), Queue::Lead) => "enrich",
        (RowKey::Event(_), Queue::Sync) => "hear",
        (RowKey::Event(_), _) => "dispatch",
        (RowKey::Delivery(_), _) => "deliver",
        (RowKey::Drain(..), _) => "drain",
        (RowKey::Reconciliation(..), _) => "reconcile",
        (RowKey::Resync(..), _) => "resync",
        (RowKey::Poll(_) | RowKey::DataSubject(_), _) => "other",
    }
}
