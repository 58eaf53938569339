//! One request and its answer, and what its failure means. No error of the HTTP client leaves this file: its text
//! holds the URL, and with it tokens and people.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, Response};
use url::Url;

use crate::enrichment::ports::UpstreamErrorKind;

/// An answer with its body, read up to a bound.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) headers: HeaderMap,
    /// None if it was too long, or broke off.
    pub(super) body: Option<Vec<u8>>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// No connection was made: they cannot have seen the request.
    NotSent,
    /// The connection broke before a status came back.
    Cut,
    /// Nothing came back in time.
    Late,
}

impl Silence {
    /// For a request that may be repeated.
    pub(super) fn kind(self) -> UpstreamErrorKind {
        match self {
            Self::NotSent | Self::Cut => UpstreamErrorKind::Unreachable,
            Self::Late => UpstreamErrorKind::Timeout,
        }
    }
}

/// Longest wait believed from a `Retry-After`.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Sends and reads. A body that cannot be read is no failure here: its status may be all the caller needs.
pub(super) async fn send(request: RequestBuilder, timeout: Duration, max_body: usize) -> Result<Answer, Silence> {
    let response = request.timeout(timeout).send().await.map_err(|error| match () {
        () if error.is_connect() || error.is_builder() => Silence::NotSent,
        () if error.is_timeout() => Silence::Late,
        () => Silence::Cut,
    })?;
    Ok(Answer {
        status: response.status().as_u16(),
        retry_after: retry_after(response.headers()),
        headers: response.headers().clone(),
        body: read_bounded(response, max_body).await,
    })
}

async fn read_bounded(mut response: Response, max: usize) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > max {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(body)
}

/// Seconds, or a date, which is measured against the sender's own `Date`: no clock of ours is asked.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let date = |text: &str| -> Option<Timestamp> { rfc2822::parse(text).ok().map(|zoned| zoned.timestamp()) };
    let wanted = text(RETRY_AFTER)?;
    let wait = match wanted.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => Duration::try_from(date(wanted)?.duration_since(date(text(DATE)?)?)).unwrap_or(Duration::ZERO),
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

impl Answer {
    /// What a status that is no success means, as far as all upstreams agree. None for a success.
    pub(super) fn failure(&self) -> Option<UpstreamErrorKind> {
        stated_failure(self.status, self.retry_after)
    }

    /// The failure of an answer that should have been understood and was not.
    pub(super) fn broken(&self) -> UpstreamErrorKind {
        UpstreamErrorKind::Broken { status: self.status }
    }
}

/// What a status means wherever it is stated: in the status line, or inside the body of a 200.
pub(super) fn stated_failure(status: u16, retry_after: Option<Duration>) -> Option<UpstreamErrorKind> {
    Some(match status {
        200..=299 => return None,
        401 | 403 => UpstreamErrorKind::CredentialsRefused,
        402 => UpstreamErrorKind::OutOfCredits,
        404 | 410 => UpstreamErrorKind::NotFound,
        429 => UpstreamErrorKind::RateLimited { retry_after },
        408 | 425 | 500.. => UpstreamErrorKind::Broken { status },
        _ => UpstreamErrorKind::Rejected { status },
    })
}

/// The base with these segments behind its path. Everything but unreserved characters is encoded, also what a path
/// would bear, so that no value can change which path it is.
pub(super) fn under(base: &Url, segments: &[&str]) -> Url {
    let mut path = base.path().trim_end_matches('/').to_owned();
    for segment in segments {
        path.push('/');
        for byte in segment.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => path.push(char::from(byte)),
                _ => path.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    let mut url = base.clone();
    url.set_path(&path);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(reqwest::header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_wait_is_read_from_seconds_and_from_a_date() {
        assert_eq!(retry_after(&headers(&[(RETRY_AFTER, "120")])), Some(Duration::from_secs(120)));
        let dated = [(RETRY_AFTER, "Wed, 21 Oct 2026 07:30:00 GMT"), (DATE, "Wed, 21 Oct 2026 07:28:00 GMT")];
        assert_eq!(retry_after(&headers(&dated)), Some(Duration::from_secs(120)));
        let past = [(RETRY_AFTER, "Wed, 21 Oct 2026 07:28:00 GMT"), (DATE, "Wed, 21 Oct 2026 07:30:00 GMT")];
        assert_eq!(retry_after(&headers(&past)), Some(Duration::ZERO));
    }

    #[test]
    fn a_wait_that_makes_no_sense_is_none_or_bounded() {
        for bad in ["", "soon", "-5", "1.5"] {
            assert_eq!(retry_after(&headers(&[(RETRY_AFTER, bad)])), None, "{bad}");
        }
        assert_eq!(retry_after(&headers(&[(RETRY_AFTER, "99999999")])), Some(MAX_RETRY_AFTER));
    }

    #[test]
    fn a_segment_cannot_leave_its_place() {
        let base = Url::parse("https://api.example.com/v1/").unwrap();
        let url = under(&base, &["leads", "a/../b?x#y+z@w"]);
        assert_eq!(url.as_str(), "https://api.example.com/v1/leads/a%2F..%2Fb%3Fx%23y%2Bz%40w");
    }
}
