//! What every client of an upstream is made of.

use std::fmt;
use std::time::Duration;

use url::{Host, Url};

/// A client that cannot be made from its settings. It names the setting, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// Not a base address: http or https, a host, no user, query or fragment.
    #[error("{setting} is not a base address")]
    BadUrl {
        /// Which setting.
        setting: &'static str,
    },
    /// Plain http, which would send credentials and people in the clear.
    #[error("{setting} must be https")]
    PlainHttp {
        /// Which setting.
        setting: &'static str,
    },
    /// Not a header's name.
    #[error("{setting} is not the name of a header")]
    BadHeader {
        /// Which setting.
        setting: &'static str,
    },
    /// No HTTP client could be built: no trust roots on this machine.
    #[error("could not build an HTTP client")]
    Http,
}

/// Where plain http is borne.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainHttp {
    /// Nowhere.
    Refused,
    /// To this machine, for tests and the local stack.
    ToThisMachine,
    /// Everywhere: an operator's explicit choice.
    Everywhere,
}

/// Reads a base address. A slash at its end makes no difference.
///
/// # Errors
/// Names `setting` if it is none, or plain http where that is not borne.
pub fn base_url(setting: &'static str, text: &str, plain: PlainHttp) -> Result<Url, SetupError> {
    let url = Url::parse(text.trim()).map_err(|_| SetupError::BadUrl { setting })?;
    let bare =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    if !bare || !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(SetupError::BadUrl { setting });
    }
    let borne = match plain {
        PlainHttp::Refused => false,
        PlainHttp::ToThisMachine => is_this_machine(&url),
        PlainHttp::Everywhere => true,
    };
    if url.scheme() == "http" && !borne { Err(SetupError::PlainHttp { setting }) } else { Ok(url) }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    }
}

/// A token or password. It leaves only into a request.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Holds the text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, unless it is empty: a secret that was never filled in.
    pub(super) fn get(&self) -> Option<&str> {
        Some(self.0.trim()).filter(|text| !text.is_empty())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Waiting longer for a connection than this helps nobody; it must stay below every client's whole time-out, so that
/// a connection that was never made is told apart from an answer that never came.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The HTTP client for the upstreams: no proxy, no redirects, no repetition behind our back, and no connection kept.
/// A frozen Lambda wakes up with dead connections, and a message written into one of those would be of unknown fate;
/// the calls are seconds apart anyway.
///
/// # Errors
/// When the machine has no trust roots.
pub fn upstream_http() -> Result<reqwest::Client, SetupError> {
    super::provide_crypto();
    reqwest::Client::builder()
        .user_agent(concat!("Gancho/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .pool_max_idle_per_host(0)
        .connect_timeout(CONNECT_TIMEOUT)
        .build()
        .map_err(|_| SetupError::Http)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_borne_only_where_it_was_said() {
        let refused = Err(SetupError::PlainHttp { setting: "X" });
        let check = |text, plain| base_url("X", text, plain).map(|_| ());
        assert_eq!(check("https://api.example.com", PlainHttp::Refused), Ok(()));
        assert_eq!(check("http://api.example.com", PlainHttp::ToThisMachine), refused);
        assert_eq!(check("http://localhost.example.com", PlainHttp::ToThisMachine), refused);
        assert_eq!(check("http://127.0.0.1:4600/c2s", PlainHttp::ToThisMachine), Ok(()));
        assert_eq!(check("http://[::1]:4600", PlainHttp::ToThisMachine), Ok(()));
        assert_eq!(check("http://127.0.0.1:4600", PlainHttp::Refused), refused);
        assert_eq!(check("http://api.example.com", PlainHttp::Everywhere), Ok(()));
    }

    #[test]
    fn what_is_no_base_address_is_refused_without_being_repeated() {
        for bad in [
            "",
            "api.example.com",
            "ftp://example.com",
            "https://u:p@example.com",
            "https://example.com?token=s3cret",
            "https://example.com#x",
        ] {
            let error = base_url("C2S_BASE_URL", bad, PlainHttp::Everywhere).unwrap_err();
            assert_eq!(error.to_string(), "C2S_BASE_URL is not a base address", "{bad}");
        }
    }

    #[test]
    fn a_secret_that_was_never_filled_in_is_none() {
        assert_eq!(Secret::new(" \n").get(), None);
        assert_eq!(Secret::new(" x\n").get(), Some("x"));
        assert_eq!(format!("{:?}", Secret::new("x")), "Secret(…)");
    }
}
