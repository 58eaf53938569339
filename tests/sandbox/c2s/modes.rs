//! Where integrators disagree, or a test needs the other behaviour: for all leads, or for one.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::sandbox::bounded::BoundedMap;

const MAX_LEADS_WITH_OWN: usize = 50_000;
const MINUTE: Duration = Duration::from_secs(60);
/// Tokens are made up by tests; beyond this many their windows start afresh.
const MAX_TOKENS: usize = 10_000;

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Mode {
    /// Whether a lead read back shows its thread.
    pub(crate) messages_visible: bool,
    /// Whether an unknown lead is a 404.
    pub(crate) strict: bool,
    /// Whether a message fires `on_update_lead` back.
    pub(crate) fires_updates: bool,
}

impl Default for Mode {
    fn default() -> Self {
        Self { messages_visible: true, strict: false, fires_updates: false }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModesOrder {
    /// For this lead only.
    #[serde(default)]
    lead_id: Option<String>,
    #[serde(default)]
    messages_visible: Option<bool>,
    #[serde(default)]
    strict: Option<bool>,
    #[serde(default)]
    fires_updates: Option<bool>,
    /// Requests per minute and token, above which the answer is 429; 0 is no limit.
    #[serde(default)]
    rate_per_minute: Option<usize>,
}

pub(crate) struct Modes {
    all: Mode,
    /// What one lead has of its own; the rest is as for all.
    own: BoundedMap<ModesOrder>,
    rate_per_minute: usize,
    recent: HashMap<String, VecDeque<Instant>>,
}

impl Default for Modes {
    fn default() -> Self {
        Self {
            all: Mode::default(),
            own: BoundedMap::new(MAX_LEADS_WITH_OWN),
            rate_per_minute: 0,
            recent: HashMap::new(),
        }
    }
}

impl Modes {
    pub(crate) fn order(&mut self, order: ModesOrder) {
        if let Some(rate) = order.rate_per_minute {
            self.rate_per_minute = rate;
            self.recent.clear();
        }
        match order.lead_id.clone() {
            Some(lead_id) => self.own.insert(&lead_id, order),
            None => self.all = order.over(self.all),
        }
    }

    pub(crate) fn of(&self, lead_id: &str) -> Mode {
        self.own.get(lead_id).map_or(self.all, |own| own.over(self.all))
    }

    pub(crate) fn of_all(&self) -> Mode {
        self.all
    }

    /// Whether the token has a request left in the last minute.
    pub(crate) fn admit(&mut self, token: &str) -> bool {
        if self.rate_per_minute == 0 {
            return true;
        }
        if self.recent.len() > MAX_TOKENS {
            self.recent.clear();
        }
        let recent = self.recent.entry(token.to_owned()).or_default();
        while recent.front().is_some_and(|at| at.elapsed() > MINUTE) {
            recent.pop_front();
        }
        let is_admitted = recent.len() < self.rate_per_minute;
        if is_admitted {
            recent.push_back(Instant::now());
        }
        is_admitted
    }
}

impl ModesOrder {
    fn over(&self, mode: Mode) -> Mode {
        Mode {
            messages_visible: self.messages_visible.unwrap_or(mode.messages_visible),
            strict: self.strict.unwrap_or(mode.strict),
            fires_updates: self.fires_updates.unwrap_or(mode.fires_updates),
        }
    }
}
