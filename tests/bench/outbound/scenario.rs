//! What is run, and how much of it.

use serde::{Deserialize, Serialize};

/// How much: the same for all scenarios.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Webhooks a second that are asked for.
    pub(crate) rate: f64,
    /// For so long.
    pub(crate) seconds: f64,
    /// Of the chance by which answers fail.
    pub(crate) seed: u64,
}

/// The variable that says them, as JSON.
const VARIABLE: &str = "GANCHO_BENCH";

impl Settings {
    /// What `make bench` was told.
    pub(crate) fn from_environment() -> Self {
        let text = std::env::var(VARIABLE).expect("GANCHO_BENCH is not set: `make bench` starts a stack and sets it");
        let settings: Self = serde_json::from_str(&text).expect("GANCHO_BENCH is not what `make bench` writes");
        assert!(settings.rate > 0.0 && settings.seconds > 0.0, "rate and time are more than nothing");
        settings
    }

    /// Little of it.
    pub(crate) fn for_warm_up(self) -> Self {
        Self { rate: 4.0, seconds: 10.0, ..self }
    }

    /// How many webhooks that makes.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of webhooks, not negative")]
    pub(crate) fn webhooks(self) -> usize {
        (self.rate * self.seconds).ceil() as usize
    }
}

/// How the webhooks come to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Load {
    /// Published one after the other at the rate, whether or not the answers keep up.
    Offered,
    /// All published while nobody delivers; then delivered as fast as can be.
    Waiting,
}

/// One run.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Scenario {
    /// What the table calls it.
    pub(crate) name: &'static str,
    /// How the webhooks come.
    pub(crate) load: Load,
    /// Events in a request that publishes.
    pub(crate) per_request: usize,
    /// Subscriptions that each event goes to.
    pub(crate) subscriptions: usize,
    /// Share of answers that are a 503.
    pub(crate) failing: f64,
    /// How many workers deliver; none for as many as the stack has.
    pub(crate) workers: Option<u32>,
}

const PLAIN: Scenario =
    Scenario { name: "", load: Load::Offered, per_request: 1, subscriptions: 1, failing: 0.0, workers: Some(1) };

impl Scenario {
    /// Run first, and forgotten.
    pub(crate) const WARM_UP: Self = Self { name: "warm-up", ..PLAIN };

    /// What is run and reported. Those with one worker come first: a process stays for minutes, and only one is to be seen.
    pub(crate) const PLAN: [Self; 7] = [
        Self { name: "one event a request", ..PLAIN },
        Self { name: "ten events a request", per_request: 10, ..PLAIN },
        Self { name: "one event to ten subscriptions", subscriptions: 10, ..PLAIN },
        Self { name: "1 % of answers fail", subscriptions: 10, failing: 0.01, ..PLAIN },
        Self { name: "all waiting, one worker", load: Load::Waiting, per_request: 100, ..PLAIN },
        Self { name: "one event a request, all workers", workers: None, ..PLAIN },
        Self { name: "all waiting, all workers", load: Load::Waiting, per_request: 100, workers: None, ..PLAIN },
    ];
}
