//! What may be sent to although it is not public: for stacks on a laptop.

use std::str::FromStr;

use url::Host;

/// Hosts with their ports, each exactly. Empty in production.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList(Vec<(Host, u16)>);

/// An entry of the list is not `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not host:port")]
pub struct AllowListError(String);

impl AllowList {
    /// Whether exactly this host and port may be sent to.
    #[must_use]
    pub fn names(&self, host: &Host<&str>, port: u16) -> bool {
        self.0.iter().any(|(known, known_port)| *known_port == port && same_host(known, host))
    }

    /// Whether nothing is excepted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn same_host(known: &Host, host: &Host<&str>) -> bool {
    match (known, host) {
        (Host::Domain(known), Host::Domain(host)) => known == host,
        (Host::Ipv4(known), Host::Ipv4(host)) => known == host,
        (Host::Ipv6(known), Host::Ipv6(host)) => known == host,
        (Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_), _) => false,
    }
}

impl FromStr for AllowList {
    type Err = AllowListError;

    /// Reads `host:port,host:port`; an IPv6 address stands in brackets.
    fn from_str(text: &str) -> Result<Self, AllowListError> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries
            .map(|entry| parse_entry(entry).ok_or_else(|| AllowListError(entry.to_owned())))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn parse_entry(entry: &str) -> Option<(Host, u16)> {
    let (host, port) = entry.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    Some((Host::parse(host).ok()?, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_matched_exactly() {
        let list: AllowList = "127.0.0.1:4600, sandbox.local:80,[::1]:4650".parse().unwrap();
        assert!(list.names(&Host::Ipv4([127, 0, 0, 1].into()), 4600));
        assert!(list.names(&Host::Domain("sandbox.local"), 80));
        assert!(list.names(&Host::Ipv6(std::net::Ipv6Addr::LOCALHOST), 4650));
        assert!(!list.names(&Host::Ipv4([127, 0, 0, 1].into()), 4601));
        assert!(!list.names(&Host::Ipv4([127, 0, 0, 2].into()), 4600));
        assert!(!list.names(&Host::Domain("a.sandbox.local"), 80));
    }

    #[test]
    fn an_empty_list_names_nothing() {
        let list: AllowList = "".parse().unwrap();
        assert!(list.is_empty());
        assert!(!list.names(&Host::Domain("example.com"), 443));
    }

    #[test]
    fn a_bad_entry_is_named() {
        for bad in ["127.0.0.1", "localhost:0", "localhost:http", ":80", "a b:80", "::1:80:"] {
            assert_eq!(format!("ok:1,{bad}").parse::<AllowList>(), Err(AllowListError(bad.to_owned())), "{bad}");
        }
    }
}
