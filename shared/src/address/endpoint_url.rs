//! A URL that may be sent to.

use std::fmt;

use url::{Host, Url};

use super::AllowList;
use super::ip::{Reason, forbidden};

/// Longest URL, as most servers and proxies bear it.
pub const MAX_URL_CHARS: usize = 2048;

/// Names that mean this machine or an inner network, themselves and all below them.
const INNER_NAMES: &[&str] = &["localhost", "local", "localdomain", "internal", "intranet", "lan", "home.arpa"];

/// A URL that is https, without userinfo, and not on an address that is known to be inner. Whether its name leads to
/// a public address is seen when connecting, and only then.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointUrl {
    url: Url,
    allow_listed: bool,
}

/// Why a URL must not be sent to: the detail of `url_not_allowed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Longer than anybody needs.
    #[error("the URL is longer than {MAX_URL_CHARS} characters")]
    TooLong,
    /// Not a URL, or one that two readers could read in two ways.
    #[error("this is not an absolute URL")]
    Malformed,
    /// Not https.
    #[error("the URL must be https")]
    NotHttps,
    /// `user:password@`.
    #[error("the URL must not hold a user name or password")]
    Userinfo,
    /// A port where no web server is.
    #[error("the port must be 443 or 1024 and above")]
    Port,
    /// A name that means an inner network.
    #[error("the host's name is not a public one")]
    InnerName,
    /// An address that is not public.
    #[error("the host's address is not a public one ({0})")]
    Address(Reason),
}

impl EndpointUrl {
    /// Reads a URL and applies the rules. Hosts and ports on the allow list are excepted from those about addresses,
    /// names and ports, and may be plain http.
    ///
    /// ```
    /// use gancho::address::{AllowList, EndpointUrl};
    /// let none = AllowList::default();
    /// assert!(EndpointUrl::parse("https://example.com/hook", &none).is_ok());
    /// assert!(EndpointUrl::parse("https://0x7f.1/hook", &none).is_err());
    /// ```
    ///
    /// # Errors
    /// The URL breaks a rule.
    pub fn parse(text: &str, allowed: &AllowList) -> Result<Self, UrlError> {
        if text.chars().count() > MAX_URL_CHARS {
            return Err(UrlError::TooLong);
        }
        // The URL standard drops these silently: what we keep must be what was written.
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(UrlError::Malformed);
        }
        let mut url = Url::parse(text).map_err(|_| UrlError::Malformed)?;
        let host = url.host().ok_or(UrlError::Malformed)?;
        let port = url.port_or_known_default().ok_or(UrlError::NotHttps)?;
        let allow_listed = matches!(url.scheme(), "http" | "https") && allowed.names(&host, port);
        if url.scheme() != "https" && !allow_listed {
            return Err(UrlError::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Userinfo);
        }
        if !allow_listed {
            check_host(&host)?;
            check_port(port)?;
        }
        url.set_fragment(None);
        // Escaping may have made it longer.
        if url.as_str().len() > MAX_URL_CHARS {
            return Err(UrlError::TooLong);
        }
        // The URL standard lets through what no HTTP client puts into a request.
        if url.as_str().parse::<http::Uri>().is_err() {
            return Err(UrlError::Malformed);
        }
        Ok(Self { url, allow_listed })
    }

    /// The URL as it is stored and sent to. It may hold a token of the receiver's: not for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The parsed URL.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Host and port, which may be logged.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.url.authority()
    }

    /// Whether the allow list excepts it: then, and only then, its name may lead to an inner address.
    #[must_use]
    pub const fn is_allow_listed(&self) -> bool {
        self.allow_listed
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndpointUrl({}://{}/…)", self.url.scheme(), self.authority())
    }
}

/// `url` has already turned every spelling of an IPv4 address (decimal, octal, hexadecimal, short, full-width) into one.
fn check_host(host: &Host<&str>) -> Result<(), UrlError> {
    let refused = match host {
        Host::Ipv4(ip) => forbidden((*ip).into()),
        Host::Ipv6(ip) => forbidden((*ip).into()),
        Host::Domain(name) => return check_name(name),
    };
    refused.map_or(Ok(()), |reason| Err(UrlError::Address(reason)))
}

/// A name without a dot is completed by the resolver's search list, so it may mean anything.
fn check_name(name: &str) -> Result<(), UrlError> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_inner = |inner: &str| name.strip_suffix(inner).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let is_odd =
        name.is_empty() || name.starts_with('.') || name.ends_with('.') || name.contains("..") || name.len() > 253;
    if is_odd || !name.contains('.') || INNER_NAMES.iter().any(|inner| is_inner(inner)) {
        return Err(UrlError::InnerName);
    }
    Ok(())
}

/// Below 1024 are mail, shells and the like, which a TLS handshake can at best annoy.
const fn check_port(port: u16) -> Result<(), UrlError> {
    if port == 443 || port >= 1024 { Ok(()) } else { Err(UrlError::Port) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hostile_hosts::{INNER_ADDRESSES, INNER_NAMES};
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<EndpointUrl, UrlError> {
        EndpointUrl::parse(text, &AllowList::default())
    }

    #[test]
    fn public_https_urls_are_accepted() {
        for text in [
            "https://example.com/",
            "https://example.com/hook?x=1",
            "https://example.com:8443/hook",
            "https://hooks.example.co.uk./a",
            "https://xn--bcher-kva.example/",
            "https://bücher.example/",
            "https://8.8.8.8/",
            "https://134744072/",
            "https://[2606:4700:4700::1111]/",
            "https://internal.example.com/",
            "https://notlocalhost.com/",
            "HTTPS://EXAMPLE.COM/",
        ] {
            assert!(parse(text).is_ok(), "{text}: {:?}", parse(text));
        }
    }

    #[test]
    fn an_inner_address_is_refused_in_any_spelling() {
        for (host, reason) in INNER_ADDRESSES {
            for port in ["", ":443", ":8443"] {
                let text = format!("https://{host}{port}/hook");
                assert_eq!(parse(&text), Err(UrlError::Address(*reason)), "{text}");
            }
        }
    }

    #[test]
    fn names_of_inner_networks_are_refused() {
        for host in INNER_NAMES {
            let refused = parse(&format!("https://{host}/hook"));
            assert!(matches!(refused, Err(UrlError::InnerName | UrlError::Malformed)), "{host}: {refused:?}");
        }
    }

    #[test]
    fn anything_but_https_is_refused() {
        for text in [
            "http://example.com/",
            "ftp://example.com/",
            "file://example.com/",
            "ws://example.com/",
            "gopher://example.com:70/",
        ] {
            assert_eq!(parse(text), Err(UrlError::NotHttps), "{text}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for text in [
            "",
            "example.com",
            "/hook",
            "//example.com/",
            "https://",
            "https:///",
            "https://exa mple.com/",
            "https://exa`mple.com/",
            "https://example.com/a b",
            "https://example.com/\r\nX: y",
            "\u{a0}https://example.com/",
            "https://example.com\\@127.0.0.1/",
            "https://[fe80::1%25eth0]/",
            "https://[::1/",
            "https://999.1.1.1/",
            "https://1.2.3.4.5/",
            "https://0x100000000/",
            "https://example.com:99999/",
            "data:text/plain,x",
            "javascript:alert(1)",
        ] {
            assert_eq!(parse(text), Err(UrlError::Malformed), "{text:?}");
        }
    }

    #[test]
    fn userinfo_is_refused() {
        for text in [
            "https://user@example.com/",
            "https://user:pass@example.com/",
            "https://:pass@example.com/",
            "https://example.com@example.org/",
        ] {
            assert_eq!(parse(text), Err(UrlError::Userinfo), "{text}");
        }
    }

    #[test]
    fn ports_of_other_services_are_refused() {
        for port in [0, 22, 25, 53, 80, 465, 993, 1023] {
            assert_eq!(parse(&format!("https://example.com:{port}/")), Err(UrlError::Port), "{port}");
        }
    }

    #[test]
    fn a_long_url_is_refused_also_when_escaping_makes_it_long() {
        let long = |letter: &str, n: usize| format!("https://example.com/{}", letter.repeat(n));
        assert!(parse(&long("a", MAX_URL_CHARS - 20)).is_ok());
        assert_eq!(parse(&long("a", MAX_URL_CHARS - 19)), Err(UrlError::TooLong));
        assert_eq!(parse(&long("é", 400)), Err(UrlError::TooLong));
    }

    #[test]
    fn the_allow_list_excepts_exactly_what_it_names() {
        let allowed: AllowList = "127.0.0.1:4600,localhost:4650".parse().unwrap();
        for text in
            ["http://127.0.0.1:4600/a", "https://127.0.0.1:4600/", "http://127.1:4600/", "http://localhost:4650/"]
        {
            assert!(EndpointUrl::parse(text, &allowed).unwrap().is_allow_listed(), "{text}");
        }
        for text in [
            "http://127.0.0.1:4601/",
            "http://127.0.0.1/",
            "http://127.0.0.2:4600/",
            "http://localhost:4600/",
            "http://a.localhost:4650/",
            "http://u:p@127.0.0.1:4600/",
            "ftp://127.0.0.1:4600/",
        ] {
            assert!(EndpointUrl::parse(text, &allowed).is_err(), "{text}");
        }
        assert!(!EndpointUrl::parse("https://example.com/", &allowed).unwrap().is_allow_listed());
    }

    #[test]
    fn what_is_kept_is_normalised_and_shows_no_path_in_debug() {
        let url = parse("HTTPS://Example.COM:443/Token?a=b#fragment").unwrap();
        assert_eq!(url.as_str(), "https://example.com/Token?a=b");
        assert_eq!(format!("{url:?}"), "EndpointUrl(https://example.com/…)");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_yields_an_inner_host(text in "\\PC{0,60}") {
            for text in [text.clone(), format!("https://{text}")] {
                if let Ok(url) = parse(&text) {
                    prop_assert_eq!(url.url().scheme(), "https");
                    prop_assert!(check_host(&url.url().host().unwrap()).is_ok());
                }
            }
        }

        #[test]
        fn an_address_is_judged_alike_in_all_its_spellings(bits: u32) {
            let ip = std::net::Ipv4Addr::from_bits(bits);
            let [a, b, c, d] = ip.octets();
            let expected = forbidden(ip.into()).map_or(Ok(()), |reason| Err(UrlError::Address(reason)));
            for host in [
                format!("{ip}"),
                format!("{bits}"),
                format!("{bits:#x}"),
                format!("0{bits:o}"),
                format!("{a:#x}.{b}.0{c:o}.{d:#X}").replace("0X", "0x"),
                format!("{a}.{}", bits & 0x00ff_ffff),
                format!("{a}.{b}.{}", bits & 0xffff),
                format!("[{}]", ip.to_ipv6_mapped()),
            ] {
                prop_assert_eq!(parse(&format!("https://{host}/")).map(|_| ()), expected, "{}", host);
            }
        }

        #[test]
        fn an_accepted_url_is_accepted_again_as_it_was_kept(path in "[ -~é]{0,40}") {
            if let Ok(url) = parse(&format!("https://example.com/{path}")) {
                prop_assert_eq!(parse(url.as_str()).unwrap(), url);
            }
        }
    }
}
