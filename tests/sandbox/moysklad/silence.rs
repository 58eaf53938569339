//! `X-Lognex-WebHook-DisableByPrefix`: webhooks whose url contains one of its values are not fired for that request.

use axum::http::HeaderMap;
use url::{Host, Url};

use super::errors::{self, Failure};

const HEADER: &str = "x-lognex-webhook-disablebyprefix";

/// The values of the header, each a prefix of its own; a comma parts nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Silence(Vec<String>);

impl Silence {
    /// A value needs a scheme and a full domain: `https://` and `https://some_url` are refused.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Failure> {
        let mut prefixes = Vec::new();
        for value in headers.get_all(HEADER) {
            let text = String::from_utf8_lossy(value.as_bytes()).trim().to_owned();
            if !has_full_domain(&text) {
                return Err(errors::wrong_prefix(&text));
            }
            prefixes.push(text);
        }
        Ok(Self(prefixes))
    }

    /// By containment, as the documentation has it, whatever the header's name says.
    pub(super) fn covers(&self, url: &str) -> bool {
        self.0.iter().any(|prefix| url.contains(prefix.as_str()))
    }
}

fn has_full_domain(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let is_web = matches!(url.scheme(), "http" | "https");
    is_web
        && match url.host() {
            Some(Host::Domain(name)) => name.split('.').filter(|label| !label.is_empty()).count() > 1,
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
            None => false,
        }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(values: &[&str]) -> Result<Silence, Failure> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_str(value).unwrap());
        }
        Silence::read(&headers)
    }

    #[test]
    fn a_prefix_without_scheme_or_full_domain_is_refused() {
        for wrong in ["https://", "https://some_url", "some_url.com", "ftp://some_url.com", "", "https://a."] {
            assert!(read(&[wrong]).is_err(), "{wrong}");
        }
        for right in ["https://some_url.com", "https://some_url.com/some_path", "http://127.0.0.1:4566/hooks/"] {
            assert!(read(&[right]).is_ok(), "{right}");
        }
    }

    #[test]
    fn a_url_is_covered_if_it_contains_one_of_the_prefixes() {
        let silence = read(&["https://one.example/hooks", "https://two.example"]).unwrap();
        assert!(silence.covers("https://one.example/hooks/42"));
        assert!(silence.covers("https://two.example/"));
        assert!(silence.covers("https://proxy.example/?to=https://two.example/"));
        assert!(!silence.covers("https://one.example/other"));
        assert!(!Silence::default().covers("https://one.example/hooks"));
    }

    #[test]
    fn a_comma_parts_nothing() {
        let silence = read(&["https://one.example/a, https://two.example/b"]).unwrap();
        assert!(!silence.covers("https://one.example/a"));
        assert!(!silence.covers("https://two.example/b"));
    }
}
