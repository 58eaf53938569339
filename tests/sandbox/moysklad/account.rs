//! One account: its books, its users and what they have spent, its notifications.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::Method;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::author::{Author, TokenKind};
use super::behaviour::Settings;
use super::books::Books;
use super::changes::{Action, Change};
use super::dispatch::{self, Answer, Call};
use super::errors::{self, Failure};
use super::limits::{MAX_PARALLEL, MAX_PARALLEL_OF_ACCOUNT, Meter, Rule, Standing};
use super::outbox::{Outbox, Outcome, addressed, body};
use super::query::Query;
use super::silence::Silence;

/// A user or a solution: all their tokens spend from one limit.
pub(super) struct User {
    pub(super) name: String,
    pub(super) kind: TokenKind,
    /// In place of what the kind weighs.
    pub(super) weight: Option<u32>,
    pub(super) is_admin: bool,
    /// The id of a solution.
    pub(super) application: Option<String>,
    pub(super) meter: Meter,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Violation {
    at: Timestamp,
    user: String,
    rule: Rule,
}

pub(super) struct Inside {
    pub(super) books: Books,
    pub(super) settings: Settings,
    pub(super) users: Vec<User>,
    violations: Vec<Violation>,
}

pub(crate) struct Account {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) base: String,
    pub(super) http: reqwest::Client,
    inside: Mutex<Inside>,
    outbox: Mutex<Outbox>,
}

/// A request as it came, beside who asks.
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    /// Below the base, without slashes around it.
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) body: Option<Value>,
    pub(super) silence: Silence,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Account {
    pub(super) fn new(id: String, name: String, base: String, settings: Settings, http: reqwest::Client) -> Self {
        let mut books = Books::new(id.clone(), base.clone());
        books.furnish(&name, Timestamp::now());
        let inside = Inside { books, settings, users: Vec::new(), violations: Vec::new() };
        Self { id, name, base, http, inside: Mutex::new(inside), outbox: Mutex::new(Outbox::default()) }
    }

    pub(super) fn inside(&self) -> MutexGuard<'_, Inside> {
        locked(&self.inside)
    }

    pub(super) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        locked(&self.outbox)
    }

    /// A place among those under way, and what is left to spend.
    pub(super) fn admit(
        self: &Arc<Self>,
        user: usize,
        now: Timestamp,
    ) -> Result<(Permit, Option<Standing>), (Failure, Option<Standing>)> {
        let inside = &mut *self.inside();
        if inside.users[user].meter.ban.is_some() {
            return Err((errors::no_access(), None));
        }
        let at_once_of_all: u32 = inside.users.iter().map(|user| user.meter.at_once).sum();
        let own = &mut inside.users[user];
        let weight = own.weight.unwrap_or_else(|| own.kind.weight(now));
        if own.meter.at_once >= MAX_PARALLEL || at_once_of_all >= MAX_PARALLEL_OF_ACCOUNT {
            inside.refuse(user, now);
            return Err((errors::over_the_parallel(), None));
        }
        let standing = inside.settings.rate_limited.then(|| own.meter.spend(weight, now));
        if standing.is_some_and(|standing| standing.reset_ms.is_some()) {
            inside.refuse(user, now);
            return Err((errors::over_the_rate(), standing));
        }
        inside.users[user].meter.at_once += 1;
        Ok((Permit { account: Arc::clone(self), user }, standing))
    }

    /// Does what a user asks, and tells of it.
    pub(super) fn serve(self: &Arc<Self>, user: usize, asked: Asked<'_>, now: Timestamp) -> Result<Answer, Failure> {
        let author = {
            let inside = &mut *self.inside();
            let own = &mut inside.users[user];
            if *asked.method == Method::PUT {
                own.meter.put(asked.path, now);
                inside.note_bans(now);
            }
            let own = &inside.users[user];
            Author {
                uid: own.name.clone(),
                is_admin: own.is_admin,
                is_paid: inside.settings.paid,
                application: own.application.clone(),
                source: "remap-1.2",
            }
        };
        self.act(&author, asked, false, now)
    }

    /// Under the web interface's name it costs nothing; a quiet one is told to nobody.
    pub(super) fn act(
        self: &Arc<Self>,
        author: &Author,
        asked: Asked<'_>,
        quiet: bool,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let mut to_send = Vec::new();
        let answer = {
            let Inside { books, settings, .. } = &mut *self.inside();
            let query = Query::parse(asked.path, asked.query);
            let call = Call { method: asked.method, path: asked.path, query, body: asked.body, author, now };
            let mut changes = Vec::new();
            let answer = dispatch::answer(books, &call, &mut changes);
            if !changes.is_empty() {
                let audit = books.audit.record(&changes, &author.uid, author.source, now);
                if !quiet && settings.paid {
                    let loud = loud(changes, settings);
                    for (webhook, events) in addressed(books, &loud) {
                        let body = body(books, &audit, &author.uid, now, events);
                        let mut outbox = self.outbox();
                        to_send.extend(
                            outbox.take(&webhook, body, &asked.silence, settings, now).map(|n| (webhook.id.clone(), n)),
                        );
                    }
                }
            }
            answer
        };
        for (webhook, n) in to_send {
            self.send(&webhook, n);
        }
        self.release_if_enough();
        answer
    }

    /// What failed, by its request.
    pub(super) fn failed(&self, user: usize, request: (&str, &str, &[u8]), now: Timestamp) {
        let inside = &mut *self.inside();
        inside.users[user].meter.fail(request, now);
        inside.note_bans(now);
    }

    pub(super) fn notifications(&self, after: u64, outcome: Option<Outcome>) -> Value {
        self.outbox().report(after, outcome)
    }

    pub(super) fn set(&self, order: Map<String, Value>) -> Result<(), String> {
        let inside = &mut *self.inside();
        inside.settings = inside.settings.with(order)?;
        Ok(())
    }

    /// As MoySklad's support does it.
    pub(super) fn forgive(&self) {
        for user in &mut self.inside().users {
            user.meter.forgive();
        }
    }

    pub(super) fn report(&self) -> Value {
        let inside = self.inside();
        let entities: Map<String, Value> = inside
            .books
            .shelves()
            .map(|(kind, shelf)| {
                let n_trashed = shelf.all().filter(|entity| entity.is_trashed).count();
                (kind.name().to_owned(), json!({"live": shelf.len() - n_trashed, "trashed": n_trashed}))
            })
            .collect();
        let users: Vec<_> = inside
            .users
            .iter()
            .map(|user| json!({"name": user.name, "kind": user.kind, "banned": user.meter.ban}))
            .collect();
        json!({
            "id": self.id, "name": self.name, "base": self.base, "settings": inside.settings, "entities": entities,
            "users": users, "violations": inside.violations, "notifications": self.outbox().counts()
        })
    }
}

/// Without the updates that changed nothing, where those are not told.
fn loud(changes: Vec<Change>, settings: &Settings) -> Vec<Change> {
    let is_loud =
        |change: &Change| settings.fires_unchanged || change.action != Action::Update || !change.fields.is_empty();
    changes.into_iter().filter(is_loud).collect()
}

impl Inside {
    fn refuse(&mut self, user: usize, now: Timestamp) {
        self.users[user].meter.refuse(now);
        self.note_bans(now);
    }

    fn note_bans(&mut self, now: Timestamp) {
        for user in &self.users {
            if let Some(rule) = user.meter.ban
                && !self.violations.iter().any(|known| known.user == user.name && known.rule == rule)
            {
                self.violations.push(Violation { at: now, user: user.name.clone(), rule });
            }
        }
    }
}

/// A place among the requests under way; dropped, it is free.
pub(super) struct Permit {
    account: Arc<Account>,
    user: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let at_once = &mut self.account.inside().users[self.user].meter.at_once;
        *at_once = at_once.saturating_sub(1);
    }
}
