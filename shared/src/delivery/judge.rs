//! What an attempt means, and what follows.

use std::fmt;

use jiff::Timestamp;

use super::send::{Answer, Sent, TransportFailure};
use crate::address::UrlError;
use crate::backoff::{self, Next};
use crate::model::delivery::{Attempt, DeliveryStatus};
use crate::model::retry_policy::RetryPolicy;

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing: the endpoint took it.
    Delivered,
    /// Another attempt.
    Retry {
        /// Not before this.
        at: Timestamp,
        /// What was wrong with this one.
        why: Why,
    },
    /// Nothing: an answer that trying again does not change.
    Failed {
        /// What was wrong.
        why: Why,
    },
    /// Nothing: the tries are used up.
    Exhausted {
        /// What was wrong with the last one.
        why: Why,
    },
    /// The endpoint wants no more, ever: its subscription is to be disabled.
    Gone,
}

/// Why an attempt did not count as delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The status of the answer.
    Status(u16),
    /// There was no answer.
    Transport(TransportFailure),
    /// Nothing was sent: the rules do not allow the URL.
    UrlNotAllowed(UrlError),
}

/// What becomes of a status.
enum Verdict {
    Taken,
    Gone,
    Final,
    Again,
}

/// 2xx is success. Of the 4xx only "took too long", "too early" and "too many" can change by waiting. A redirect is a
/// failure like any other: it is not followed, since that would be a second address, and it may be withdrawn.
const fn verdict(code: u16) -> Verdict {
    match code {
        200..=299 => Verdict::Taken,
        410 => Verdict::Gone,
        408 | 425 | 429 => Verdict::Again,
        400..=499 => Verdict::Final,
        _ => Verdict::Again,
    }
}

/// What follows attempt `attempt_no` (the first is 1). `jitter` is chance between 0 and 1.
#[must_use]
pub fn judge(sent: &Sent, policy: RetryPolicy, attempt_no: u32, now: Timestamp, jitter: f64) -> Judgement {
    let (why, retry_after) = match &sent.answer {
        Answer::Status { code, retry_after, .. } => match verdict(*code) {
            Verdict::Taken => return Judgement::Delivered,
            Verdict::Gone => return Judgement::Gone,
            Verdict::Final => return Judgement::Failed { why: Why::Status(*code) },
            Verdict::Again => (Why::Status(*code), *retry_after),
        },
        Answer::Failed(failure) => (Why::Transport(*failure), None),
    };
    let asked = retry_after.map(|retry_after| retry_after.wait(now));
    match backoff::next(policy, attempt_no, now, jitter, asked) {
        Next::At(at) => Judgement::Retry { at, why },
        Next::Stop(_) => Judgement::Exhausted { why },
    }
}

impl Judgement {
    /// The judgement on an attempt that could not be made, because its URL is not allowed.
    #[must_use]
    pub const fn refused(error: UrlError) -> Self {
        Self::Failed { why: Why::UrlNotAllowed(error) }
    }

    /// The status the delivery goes to.
    #[must_use]
    pub const fn status(&self) -> DeliveryStatus {
        match self {
            Self::Delivered => DeliveryStatus::Delivered,
            Self::Retry { .. } => DeliveryStatus::Retrying,
            Self::Failed { .. } | Self::Gone => DeliveryStatus::Failed,
            Self::Exhausted { .. } => DeliveryStatus::Exhausted,
        }
    }

    /// What was wrong, if anything.
    #[must_use]
    pub const fn why(&self) -> Option<Why> {
        match self {
            Self::Delivered => None,
            Self::Gone => Some(Why::Status(410)),
            Self::Retry { why, .. } | Self::Failed { why } | Self::Exhausted { why } => Some(*why),
        }
    }

    /// When it is tried again.
    #[must_use]
    pub const fn next_retry_at(&self) -> Option<Timestamp> {
        match self {
            Self::Retry { at, .. } => Some(*at),
            Self::Delivered | Self::Failed { .. } | Self::Exhausted { .. } | Self::Gone => None,
        }
    }

    /// The attempt as it is recorded and shown, with all of the answer that was kept.
    #[must_use]
    pub fn attempt(&self, n: u32, sent: &Sent) -> Attempt {
        let (http_status, response) = match &sent.answer {
            Answer::Status { code, head, .. } => {
                (Some(*code), (!head.is_empty()).then(|| String::from_utf8_lossy(head).into_owned()))
            }
            Answer::Failed(_) => (None, None),
        };
        Attempt {
            n,
            at: sent.at,
            http_status,
            duration_ms: u64::try_from(sent.duration.as_millis()).unwrap_or(u64::MAX),
            error: self.why().map(|why| why.to_string()),
            response,
            next_retry_at: self.next_retry_at(),
        }
    }
}

impl Why {
    /// One of few words, for metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Status(408) => "http_408",
            Self::Status(425) => "http_425",
            Self::Status(429) => "http_429",
            Self::Status(300..=399) => "http_3xx",
            Self::Status(400..=499) => "http_4xx",
            Self::Status(500..=599) => "http_5xx",
            Self::Status(_) => "http_other",
            Self::Transport(failure) => failure.label(),
            Self::UrlNotAllowed(_) => "url_not_allowed",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(code @ 300..=399) => write!(f, "http_{code}: redirects are not followed"),
            Self::Status(code) => write!(f, "http_{code}"),
            Self::Transport(failure) => failure.fmt(f),
            Self::UrlNotAllowed(error) => write!(f, "url_not_allowed: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::address::ip::Reason;
    use crate::delivery::retry_after::RetryAfter;

    fn now() -> Timestamp {
        Timestamp::from_second(1_763_800_000).unwrap()
    }

    fn sent(answer: Answer) -> Sent {
        Sent { at: now(), duration: Duration::from_millis(12), answer }
    }

    fn answered(code: u16) -> Sent {
        sent(Answer::Status { code, retry_after: None, head: "oh\u{fffd}".into() })
    }

    fn judged(sent: &Sent, attempt_no: u32) -> Judgement {
        judge(sent, RetryPolicy::default(), attempt_no, now(), 0.5)
    }

    #[test]
    fn every_status_has_its_meaning() {
        for code in 100..=599 {
            let expected = match code {
                200..=299 => DeliveryStatus::Delivered,
                100..=199 | 300..=399 | 408 | 425 | 429 | 500..=599 => DeliveryStatus::Retrying,
                _ => DeliveryStatus::Failed,
            };
            assert_eq!(judged(&answered(code), 1).status(), expected, "{code}");
        }
    }

    #[test]
    fn only_410_disables() {
        for code in 100..=599 {
            assert_eq!(judged(&answered(code), 1) == Judgement::Gone, code == 410, "{code}");
        }
    }

    #[test]
    fn no_answer_is_tried_again() {
        for failure in [
            TransportFailure::AddressRefused(Reason::Private),
            TransportFailure::Dns,
            TransportFailure::Connect,
            TransportFailure::Tls,
            TransportFailure::Timeout,
            TransportFailure::Reset,
        ] {
            let at = now() + Duration::from_secs(1);
            let why = Why::Transport(failure);
            assert_eq!(judged(&sent(Answer::Failed(failure)), 1), Judgement::Retry { at, why });
            assert_eq!(judged(&sent(Answer::Failed(failure)), 4), Judgement::Exhausted { why });
        }
    }

    #[test]
    fn the_receivers_wish_is_followed_on_any_answer_that_is_retried() {
        for code in [302, 429, 503] {
            for retry_after in
                [RetryAfter::Wait(Duration::from_secs(60)), RetryAfter::Until(now() + Duration::from_secs(60))]
            {
                let asking = sent(Answer::Status { code, retry_after: Some(retry_after), head: "".into() });
                assert_eq!(judged(&asking, 1).next_retry_at(), Some(now() + Duration::from_secs(60)), "{code}");
            }
        }
    }

    #[test]
    fn a_success_on_the_last_try_is_a_success() {
        assert_eq!(judged(&answered(204), 4), Judgement::Delivered);
        assert_eq!(judged(&answered(500), 4), Judgement::Exhausted { why: Why::Status(500) });
    }

    #[test]
    fn the_attempt_is_recorded_as_it_was() {
        let sent = answered(302);
        insta::assert_json_snapshot!(judged(&sent, 1).attempt(1, &sent));
        let failed = self::sent(Answer::Failed(TransportFailure::AddressRefused(Reason::Private)));
        insta::assert_json_snapshot!(judged(&failed, 4).attempt(4, &failed));
    }

    #[test]
    fn a_url_that_is_not_allowed_fails_at_once() {
        let judgement = Judgement::refused(UrlError::Address(Reason::Loopback));
        assert_eq!(judgement.status(), DeliveryStatus::Failed);
        assert_eq!(
            judgement.why().unwrap().to_string(),
            "url_not_allowed: the host's address is not a public one (loopback)"
        );
    }
}
