//! Upstream trouble, told apart: later, never, or not before somebody has mended something.

use std::time::Duration;

use jiff::SignedDuration;

use super::{Backing, Enricher, Verdict};
use crate::enrichment::look_up::{LookUp, LookUpState, Working};
use crate::enrichment::ports::{FailureClass, LeadThread, PersonFinder, PersonRegistry, UpstreamError};
use crate::work::{Hold, StoreError};

/// The first wait after a failed call; three times as long each time.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(900);
/// The longest wait an upstream may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(3_600);

impl<S: Backing, F: PersonFinder, R: PersonRegistry, T: LeadThread> Enricher<S, F, R, T> {
    /// Notes a failed call and says when the work goes on, if ever. What was learned before it is kept.
    pub(super) async fn trouble(
        &self,
        look_up: &mut LookUp,
        working: Option<&Working>,
        error: &UpstreamError,
    ) -> Result<Verdict, StoreError> {
        let now = (self.clock)();
        look_up.tries += 1;
        look_up.note(now, error.upstream.as_str(), error.kind.code(), None);
        if let Some(working) = working {
            self.seal(look_up, working)?;
        }
        let class = error.class();
        let over = class == FailureClass::Permanent || look_up.tries >= self.settings.max_tries;
        if over {
            look_up.state = LookUpState::GivenUp;
        }
        if !self.save(look_up, now).await? {
            return Ok(self.soon(now));
        }
        if over {
            return Ok(Verdict::Failed { reason: format!("{}: {}", error.upstream, error.kind.code()) });
        }
        if class == FailureClass::Credentials {
            // The breaker stands open for its longest wait: one event at a time finds out, the others stay away.
            return Ok(Verdict::Park { hold: Hold::breaker(error.upstream.as_str()), counted: true });
        }
        let wait = wait(look_up.tries, (self.chance)(), error.retry_after());
        Ok(self.again(now, SignedDuration::try_from(wait).unwrap_or(SignedDuration::ZERO), true))
    }
}

/// The wait after the `tries`-th failure: never shorter than the upstream asked for, within reason.
fn wait(tries: u32, chance: f64, asked: Option<Duration>) -> Duration {
    let steps = tries.saturating_sub(1).min(8);
    let own = FIRST_WAIT.saturating_mul(3_u32.pow(steps)).min(LONGEST_WAIT);
    let jittered = own.mul_f64(0.8 + 0.4 * chance.clamp(0.0, 1.0));
    jittered.max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_wait_is_never_shorter_than_asked_and_never_without_end(
            tries in 0_u32..100,
            chance in 0.0_f64..1.0,
            asked in prop::option::of(0_u64..100_000),
        ) {
            let asked = asked.map(Duration::from_secs);
            let wait = wait(tries, chance, asked);
            prop_assert!(wait >= asked.unwrap_or_default().min(LONGEST_ASKED));
            prop_assert!(wait >= FIRST_WAIT.mul_f64(0.8));
            prop_assert!(wait <= LONGEST_WAIT.mul_f64(1.2).max(LONGEST_ASKED));
        }

        #[test]
        fn waits_grow(tries in 1_u32..8, chance in 0.0_f64..1.0) {
            prop_assert!(wait(tries + 1, chance, None) >= wait(tries, chance, None));
        }
    }
}
