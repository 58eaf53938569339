//! MoySklad: one client for each account, with the account's limit in its memory.

mod admin;
mod answer;
mod dictionaries;
mod entities;
mod gunzip;
mod of_accounts;
mod prefix;
mod query;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::Url;

pub use self::of_accounts::MoyskladClients;
pub use self::prefix::HookPrefix;
use super::exchange::{Silence, send};
use super::setup::{PlainHttp, Secret, SetupError, base_url};
use crate::limits::{Bucket, Turn};
use crate::sync::ports::MoyskladError;

/// The header that keeps our own webhooks silent about what a request changes.
const DISABLE_BY_PREFIX: HeaderName = HeaderName::from_static("x-lognex-webhook-disablebyprefix");
/// More at once are refused with 1073.
const PARALLEL: usize = 5;
/// Before any answer has said how many calls there are: fewer than MoySklad gives to the heaviest kind of token.
const FIRST_LIMIT: u32 = 10;
/// The span of its limit.
const INTERVAL: SignedDuration = SignedDuration::from_secs(3);
/// Longest wait for a place in the limit. Longer ones are told to the caller, who has other things to do.
const PATIENCE: SignedDuration = SignedDuration::from_millis(3_500);
/// How often a call that was refused for the rate goes out again.
const TRIES: usize = 3;
/// Most bytes of an answer on the wire, and unpacked. A page of a thousand products takes a few million.
const MAX_PACKED: usize = 8 * 1024 * 1024;
const MAX_UNPACKED: usize = 24 * 1024 * 1024;

/// How to reach an account.
#[derive(Clone)]
pub struct MoyskladConfig {
    /// Base address, up to `/api/remap/1.2`.
    pub base_url: String,
    /// The account's token.
    pub token: Secret,
    /// Time for a whole exchange; [`MoyskladClient::TIMEOUT`] in production.
    pub timeout: Duration,
    /// The clock.
    pub clock: fn() -> Timestamp,
}

/// A client of one account. Its clones share the account's limit.
#[derive(Clone)]
pub struct MoyskladClient {
    http: reqwest::Client,
    base: Url,
    token: Secret,
    prefix: HookPrefix,
    timeout: Duration,
    clock: fn() -> Timestamp,
    bucket: Arc<Mutex<Bucket>>,
    places: Arc<Semaphore>,
}

impl fmt::Debug for MoyskladClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MoyskladClient(…)")
    }
}

/// Whether a call that was never answered may have changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// It only asks.
    None,
    /// It writes.
    Write,
}

impl MoyskladClient {
    /// MoySklad allows itself five minutes; a single entity takes well below ten seconds.
    pub const TIMEOUT: Duration = Duration::from_secs(20);

    /// A client whose writes stay silent towards webhooks below `prefix`. There is no other way to make one: a write
    /// without the header would be answered by a webhook of ours, and that by a write, without end.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(http: reqwest::Client, config: MoyskladConfig, prefix: HookPrefix) -> Result<Self, SetupError> {
        let base = base_url("MOYSKLAD_BASE_URL", &config.base_url, PlainHttp::ToThisMachine)?;
        Ok(Self {
            http,
            base,
            token: config.token,
            prefix,
            timeout: config.timeout,
            clock: config.clock,
            bucket: Arc::new(Mutex::new(Bucket::new(FIRST_LIMIT, INTERVAL))),
            places: Arc::new(Semaphore::new(PARALLEL)),
        })
    }

    /// The longest a call can take, waits included: whoever has less time left does not begin one.
    #[must_use]
    pub fn longest_call(&self) -> Duration {
        Self::longest(self.timeout)
    }

    /// As long as one exchange, and the waits before it.
    fn longest(timeout: Duration) -> Duration {
        timeout + Duration::try_from(PATIENCE).unwrap_or_default()
    }

    /// Where everything of this account lies.
    #[must_use]
    pub const fn base(&self) -> &Url {
        &self.base
    }

    fn request(&self, method: Method, url: Url, body: Option<&Value>) -> Result<RequestBuilder, MoyskladError> {
        let token = self.token.get().ok_or(MoyskladError::Misconfigured)?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| MoyskladError::Misconfigured)?;
        bearer.set_sensitive(true);
        let request = self
            .http
            .request(method, url)
            .header(AUTHORIZATION, bearer)
            .header(ACCEPT, "application/json;charset=utf-8")
            // Without it every call is answered 415. It is unpacked here, up to a bound, and not by the HTTP client:
            // deliveries share that library, and must never unpack anything.
            .header(ACCEPT_ENCODING, "gzip")
            .header(DISABLE_BY_PREFIX, self.prefix.header());
        Ok(match body {
            Some(body) => request.json(body),
            None => request,
        })
    }

    async fn call(&self, method: Method, url: Url, body: Option<&Value>) -> Result<Option<Value>, MoyskladError> {
        let effect = if method == Method::GET { Effect::None } else { Effect::Write };
        let mut last = MoyskladError::Unreachable;
        let until = Instant::now() + self.longest_call();
        for _ in 0..TRIES {
            match self.one_try(method.clone(), url.clone(), body, effect, until).await {
                Err(MoyskladError::RateLimited { after }) if after <= PATIENCE => {
                    last = MoyskladError::RateLimited { after };
                }
                ended => return ended,
            }
        }
        Err(last)
    }

    async fn one_try(
        &self,
        method: Method,
        url: Url,
        body: Option<&Value>,
        effect: Effect,
        until: Instant,
    ) -> Result<Option<Value>, MoyskladError> {
        let request = self.request(method, url, body)?;
        let place = tokio::time::timeout_at(until, self.places.acquire()).await;
        let _place = place.map_err(|_| MoyskladError::Unreachable)?.map_err(|_| MoyskladError::Unreachable)?;
        self.turn(until).await?;
        let left = until.saturating_duration_since(Instant::now()).min(self.timeout);
        let answer = send(request, left, MAX_PACKED).await.map_err(|silence| match (silence, effect) {
            (Silence::NotSent, _) => MoyskladError::Unreachable,
            (Silence::Cut, Effect::None) => MoyskladError::Unreachable,
            (Silence::Late, Effect::None) => MoyskladError::Timeout,
            (Silence::Cut | Silence::Late, Effect::Write) => MoyskladError::UnknownOutcome,
        })?;
        let now = (self.clock)();
        if answer.status == 429 {
            let after = self.lock().refused(answer::retry_after(&answer.headers), now);
            return Err(MoyskladError::RateLimited { after });
        }
        self.lock().learn(&answer::told(&answer.headers), now);
        answer::read(&answer, MAX_UNPACKED)
    }

    /// Waits for a place in the account's limit.
    async fn turn(&self, until: Instant) -> Result<(), MoyskladError> {
        let mut waited = SignedDuration::ZERO;
        loop {
            let wait = match self.lock().take((self.clock)()) {
                Turn::Now => return Ok(()),
                Turn::In(wait) => wait,
            };
            waited = waited.saturating_add(wait);
            let pause = Duration::try_from(wait).unwrap_or_default();
            if waited > PATIENCE || Instant::now() + pause > until {
                return Err(MoyskladError::RateLimited { after: wait });
            }
            tokio::time::sleep(pause).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "../moysklad_tests.rs"]
mod tests;
