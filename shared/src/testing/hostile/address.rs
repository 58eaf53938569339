//! Where may be sent to: the URL a subscription states, and the address a name leads to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::address::ip::forbidden;
use crate::address::{AllowList, EndpointUrl, MAX_URL_CHARS};
use crate::testing::hostile_hosts::{INNER_ADDRESSES, INNER_NAMES};

pub(super) fn play(input: &[u8]) {
    if let Ok(bytes) = <[u8; 4]>::try_from(input) {
        public_is_public(Ipv4Addr::from(bytes).into());
    }
    if let Ok(bytes) = <[u8; 16]>::try_from(input) {
        public_is_public(Ipv6Addr::from(bytes).into());
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    url(text);
    if let Ok(allowed) = text.parse::<AllowList>() {
        // What an operator excepts is excepted; the rest of the rules hold.
        if let Ok(url) = EndpointUrl::parse(&format!("http://{text}/"), &allowed) {
            assert!(url.is_allow_listed() && url.url().username().is_empty());
        }
    }
}

fn url(text: &str) {
    let none = AllowList::default();
    let Ok(url) = EndpointUrl::parse(text, &none) else { return };
    assert!(url.as_str().starts_with("https://") && url.as_str().len() <= MAX_URL_CHARS && !url.is_allow_listed());
    assert!(url.as_str().is_ascii() && !url.as_str().contains(['\r', '\n', ' ', '\\', '#']));
    assert_eq!(EndpointUrl::parse(url.as_str(), &none).as_ref(), Ok(&url), "it is accepted again as it was kept");
    // Read by another parser, the host is the same and no inner one.
    let uri: http::Uri = url.as_str().parse().expect("what may be sent to is a URI to an HTTP client");
    let host = uri.host().expect("it has a host");
    assert_eq!(Some(host), url.url().host_str());
    assert!(!uri.authority().is_some_and(|authority| authority.as_str().contains('@')));
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(ip) => {
            assert_eq!(forbidden(ip), None, "{ip}");
            public_is_public(ip);
        }
        Err(_) => assert!(host.trim_end_matches('.').contains('.'), "a name of one word means anything"),
    }
}

/// As the standard library judges, which knows less: whatever it calls inner must be refused.
fn public_is_public(ip: IpAddr) {
    if forbidden(ip).is_some() {
        return;
    }
    assert!(!ip.is_loopback() && !ip.is_unspecified() && !ip.is_multicast(), "{ip}");
    match ip {
        IpAddr::V4(ip) => {
            let inner = ip.is_private() || ip.is_link_local() || ip.is_broadcast() || ip.is_documentation();
            assert!(!inner, "{ip}");
        }
        IpAddr::V6(ip) => {
            assert!(!ip.is_unique_local() && !ip.is_unicast_link_local(), "{ip}");
            if let Some(mapped) = ip.to_ipv4_mapped() {
                public_is_public(mapped.into());
            }
        }
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let hosts = INNER_ADDRESSES.iter().map(|(host, _)| *host).chain(INNER_NAMES.iter().copied());
    let public = ["example.com", "bücher.example", "8.8.8.8", "134744072", "[2606:4700:4700::1111]", "a.b.c.:8443"];
    let urls = hosts.chain(public).map(|host| format!("https://{host}/hook?x=1").into_bytes());
    urls.chain([b"127.0.0.1:4600".to_vec(), vec![8, 8, 8, 8], Ipv6Addr::LOCALHOST.octets().to_vec()]).collect()
}
