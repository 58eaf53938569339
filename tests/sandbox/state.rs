//! All that the sandbox remembers, one lock per part; no lock is held across an await.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::c2s::C2s;
use super::credentials::Credentials;
use super::faults::Faults;
use super::moysklad::Accounts;
use super::people::People;
use super::receiver::Receivers;
use super::requests::Requests;

pub(crate) struct Sandbox {
    pub(crate) credentials: Credentials,
    pub(crate) requests: Part<Requests>,
    pub(crate) faults: Part<Faults>,
    pub(crate) people: Part<People>,
    pub(crate) receivers: Part<Receivers>,
    pub(crate) c2s: Part<C2s>,
    pub(crate) moysklad: Part<Accounts>,
    /// Where it listens: `http://127.0.0.1:4600`.
    pub(crate) url: String,
    /// For the hooks that C2S and MoySklad fire.
    pub(crate) http: reqwest::Client,
}

impl Sandbox {
    pub(crate) fn new(credentials: Credentials, url: String) -> Self {
        Self {
            credentials,
            requests: Part::default(),
            faults: Part::default(),
            people: Part::default(),
            receivers: Part::default(),
            c2s: Part::default(),
            moysklad: Part::default(),
            url,
            http: super::c2s::hook_client(),
        }
    }

    /// Back to how it started: empty but for the catalogue of people.
    pub(crate) fn reset(&self) {
        self.requests.reset();
        self.faults.reset();
        self.people.reset();
        self.receivers.reset();
        self.c2s.reset();
        self.moysklad.reset();
    }
}

/// A part of the memory behind its lock.
#[derive(Default)]
pub(crate) struct Part<T>(Mutex<T>);

impl<T: Default> Part<T> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reset(&self) {
        *self.lock() = T::default();
    }
}
