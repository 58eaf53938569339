//! The tenant's receiver, in this process: so that times of publishing and of receipt are of one clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use standardwebhooks::Webhook;

/// A request of a delivery that was genuine.
#[derive(Clone, Copy)]
pub(crate) struct Arrival {
    /// Which of the events that were published.
    pub(crate) event: usize,
    /// When it had come whole.
    pub(crate) at: Instant,
    /// Whether it was answered with 2xx.
    pub(crate) accepted: bool,
}

/// What came for a subscription.
pub(crate) struct Mailbox {
    webhook: Webhook,
    failing: f64,
    chance: StdRng,
    /// In the order in which it came.
    pub(crate) arrivals: Vec<Arrival>,
    /// Requests that were not what they should be.
    pub(crate) refused: usize,
}

impl Mailbox {
    /// One that these have come to, and that accepts all.
    pub(crate) fn with(secret: &str, arrivals: Vec<Arrival>) -> Self {
        let webhook = Webhook::new(secret).expect("a secret that the platform made");
        Self { webhook, failing: 0.0, chance: StdRng::seed_from_u64(0), arrivals, refused: 0 }
    }
}

/// A server with a mailbox for each subscription.
#[derive(Clone)]
pub(crate) struct Receiver {
    port: u16,
    mailboxes: Arc<Mutex<BTreeMap<String, Mailbox>>>,
}

impl Receiver {
    /// Listens until this process ends.
    pub(crate) async fn listen(port: u16) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let port = listener.local_addr().expect("it listens").port();
        let receiver = Self { port, mailboxes: Arc::default() };
        let app = Router::new().route("/{mailbox}", post(take)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        receiver
    }

    /// Where a mailbox is.
    pub(crate) fn address(&self, mailbox: &str) -> String {
        format!("http://127.0.0.1:{}/{mailbox}", self.port)
    }

    /// Opens a mailbox; a share `failing` of what comes is answered 503, by a chance that `seed` decides.
    pub(crate) fn open(&self, mailbox: &str, secret: &str, failing: f64, seed: u64) {
        let chance = StdRng::seed_from_u64(seed);
        self.lock().insert(mailbox.to_owned(), Mailbox { failing, chance, ..Mailbox::with(secret, Vec::new()) });
    }

    /// How many distinct webhooks were accepted at these mailboxes.
    pub(crate) fn n_accepted(&self, mailboxes: &[String]) -> usize {
        let all = self.lock();
        let accepted = |mailbox: &Mailbox| {
            let mut events: Vec<_> = mailbox.arrivals.iter().filter(|a| a.accepted).map(|a| a.event).collect();
            events.sort_unstable();
            events.dedup();
            events.len()
        };
        mailboxes.iter().filter_map(|name| all.get(name)).map(accepted).sum()
    }

    /// Closes a mailbox; what came.
    pub(crate) fn close(&self, mailbox: &str) -> Mailbox {
        self.lock().remove(mailbox).expect("it was opened")
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Mailbox>> {
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn take(State(to): State<Receiver>, Path(name): Path<String>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let at = Instant::now();
    let mut mailboxes = to.lock();
    let Some(mailbox) = mailboxes.get_mut(&name) else { return StatusCode::NOT_FOUND };
    let genuine = mailbox.webhook.verify(&body, &headers).is_ok();
    let Some(event) = event_of(&body).filter(|_| genuine) else {
        mailbox.refused += 1;
        return StatusCode::UNAUTHORIZED;
    };
    let accepted = !mailbox.chance.random_bool(mailbox.failing);
    mailbox.arrivals.push(Arrival { event, at, accepted });
    if accepted { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// Which of the events it is, as the load numbered them.
fn event_of(body: &[u8]) -> Option<usize> {
    let told: Value = serde_json::from_slice(body).ok()?;
    told["data"]["payment_id"].as_str()?.strip_prefix("pay_")?.parse().ok()
}
