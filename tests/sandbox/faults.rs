//! Faults a test orders, per third party and per key, so that tests running side by side do not meet each other's.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::requests::is_in_request;
use super::work_api::WorkError;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Upstream {
    C2s,
    Diretrix,
    #[serde(rename = "moysklad")]
    MoySklad,
    Work,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Fault {
    /// This answer and no effect.
    Status {
        status: u16,
        #[serde(default)]
        body: Option<Value>,
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// The effect at once, the answer late.
    Delay { ms: u64 },
    /// No effect and no answer.
    Hang,
    /// The effect, then no answer.
    HangAfterEffect,
    /// No effect; the connection closes without a status line.
    Cut,
    /// The effect; then the connection closes without a status line.
    CutAfterEffect,
    /// The effect and its status; the connection breaks in the body.
    CutMidAnswer,
    /// MoySklad's 429, with its headers: of the rate, or of too many at once.
    RateLimited {
        #[serde(default = "three_seconds")]
        retry_after_ms: i64,
        #[serde(default)]
        parallel: bool,
    },
    /// One of Work API's errors in a 200.
    WorkError { name: WorkError },
}

fn three_seconds() -> i64 {
    3_000
}

impl Fault {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::Delay { .. } => "delay",
            Self::Hang => "hang",
            Self::HangAfterEffect => "hang_after_effect",
            Self::Cut => "cut",
            Self::CutAfterEffect => "cut_after_effect",
            Self::CutMidAnswer => "cut_mid_answer",
            Self::RateLimited { .. } => "rate_limited",
            Self::WorkError { .. } => "work_error",
        }
    }
}

/// All that is given must hold; nothing given matches every request of the third party.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Match {
    #[serde(default)]
    pub(crate) method: Option<String>,
    /// A part of the path.
    #[serde(default)]
    pub(crate) path: Option<String>,
    /// A whole segment of the path, so that `lead-1` does not match `lead-10`.
    #[serde(default)]
    pub(crate) lead_id: Option<String>,
    /// A part of the credential in `Authorization`.
    #[serde(default)]
    pub(crate) token: Option<String>,
    /// A part of path, query or body, as sent or percent-decoded.
    #[serde(default)]
    pub(crate) key: Option<String>,
}

impl Match {
    fn holds(&self, method: &str, path: &str, query: &str, body: &str, credential: &str) -> bool {
        let method_holds = self.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method));
        let path_holds = self.path.as_ref().is_none_or(|part| path.contains(part));
        let lead_holds = self.lead_id.as_ref().is_none_or(|id| path.split('/').any(|segment| segment == id));
        let key_holds = self.key.as_ref().is_none_or(|key| is_in_request(key, path, query, body));
        let token_holds = self.token.as_ref().is_none_or(|part| credential.contains(part));
        method_holds && path_holds && lead_holds && key_holds && token_holds
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FaultOrder {
    pub(crate) upstream: Upstream,
    #[serde(rename = "match", default)]
    pub(crate) when: Match,
    /// How often it strikes; null or absent is until it is taken back.
    #[serde(default)]
    pub(crate) times: Option<u32>,
    /// It strikes one request in so many that match, the last of them; null or absent is each.
    #[serde(default)]
    pub(crate) one_in: Option<NonZeroU32>,
    /// How many it takes for passed already, so that several of one in so many do not strike in a row.
    #[serde(default)]
    pub(crate) passed: u32,
    pub(crate) fault: Fault,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct StandingFault {
    id: u64,
    upstream: Upstream,
    #[serde(rename = "match")]
    when: Match,
    times_left: Option<u32>,
    one_in: Option<NonZeroU32>,
    /// Requests that matched since it last struck.
    passed: u32,
    struck: u64,
    fault: Fault,
}

impl StandingFault {
    /// Counts a request that matches; whether it is the one that is struck.
    fn has_its_turn(&mut self) -> bool {
        self.passed += 1;
        let turn = self.one_in.is_none_or(|one_in| self.passed >= one_in.get());
        if turn {
            self.passed = 0;
        }
        turn
    }
}

#[derive(Default)]
pub(crate) struct Faults {
    standing: Vec<StandingFault>,
    last_id: u64,
}

/// A test that orders more than this without taking them back is broken.
const MAX_STANDING: usize = 5_000;

impl Faults {
    pub(crate) fn order(&mut self, order: FaultOrder) -> Result<u64, String> {
        if matches!(order.fault, Fault::WorkError { .. }) && order.upstream != Upstream::Work {
            return Err("work_error is a fault of the upstream work".into());
        }
        if matches!(order.fault, Fault::RateLimited { .. }) && order.upstream != Upstream::MoySklad {
            return Err("rate_limited is a fault of the upstream moysklad".into());
        }
        if self.standing.len() >= MAX_STANDING {
            return Err(format!("{MAX_STANDING} faults are standing already"));
        }
        self.last_id += 1;
        self.standing.push(StandingFault {
            id: self.last_id,
            upstream: order.upstream,
            when: order.when,
            times_left: order.times,
            one_in: order.one_in,
            passed: order.passed,
            struck: 0,
            fault: order.fault,
        });
        Ok(self.last_id)
    }

    pub(crate) fn take_back(&mut self, id: u64) {
        self.standing.retain(|standing| standing.id != id);
    }

    pub(crate) fn standing(&self) -> Vec<StandingFault> {
        self.standing.clone()
    }

    /// The oldest that matches and whose turn it is strikes; one that has struck its last time is gone.
    pub(crate) fn strike(
        &mut self,
        upstream: Upstream,
        method: &str,
        path: &str,
        query: &str,
        body: &str,
        credential: &str,
    ) -> Option<Fault> {
        self.standing.retain(|standing| standing.times_left != Some(0));
        let mut matching = self.standing.iter_mut().filter(|standing| {
            standing.upstream == upstream && standing.when.holds(method, path, query, body, credential)
        });
        let standing = matching.find_map(|standing| standing.has_its_turn().then_some(standing))?;
        standing.struck += 1;
        if let Some(left) = &mut standing.times_left {
            *left -= 1;
        }
        Some(standing.fault.clone())
    }
}
