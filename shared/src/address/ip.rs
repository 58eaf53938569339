//! Which addresses are public.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not to be sent to. The words are stable: tenants see them on their deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Reason {
    /// The machine itself.
    #[error("loopback")]
    Loopback,
    /// No address at all, or "this network".
    #[error("unspecified")]
    Unspecified,
    /// Somebody's inner network.
    #[error("private")]
    Private,
    /// This cable only: also where clouds keep their instance metadata.
    #[error("link_local")]
    LinkLocal,
    /// A carrier's inner network.
    #[error("shared")]
    Shared,
    /// Many at once.
    #[error("multicast")]
    Multicast,
    /// Everybody on this cable.
    #[error("broadcast")]
    Broadcast,
    /// For books.
    #[error("documentation")]
    Documentation,
    /// For laboratories.
    #[error("benchmarking")]
    Benchmarking,
    /// Way to an IPv4 address wrapped in an IPv6 one, which may be an inner one.
    #[error("transition")]
    Transition,
    /// Not given out for general use.
    #[error("reserved")]
    Reserved,
}

/// Why this address must not be sent to; `None` is a public address.
///
/// ```
/// use gancho::address::ip::{Reason, forbidden};
/// assert_eq!(forbidden("169.254.169.254".parse().unwrap()), Some(Reason::LinkLocal));
/// assert_eq!(forbidden("::ffff:10.0.0.1".parse().unwrap()), Some(Reason::Private));
/// assert_eq!(forbidden("1.1.1.1".parse().unwrap()), None);
/// ```
#[must_use]
pub const fn forbidden(ip: IpAddr) -> Option<Reason> {
    match ip {
        IpAddr::V4(ip) => forbidden_v4(ip),
        IpAddr::V6(ip) => forbidden_v6(ip),
    }
}

/// IANA's IPv4 special-purpose registry. Its few globally reachable exceptions serve protocols, not web servers.
const fn forbidden_v4(ip: Ipv4Addr) -> Option<Reason> {
    match ip.octets() {
        [0, ..] => Some(Reason::Unspecified),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some(Reason::Private),
        [100, 64..=127, ..] => Some(Reason::Shared),
        [127, ..] => Some(Reason::Loopback),
        [169, 254, ..] => Some(Reason::LinkLocal),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some(Reason::Documentation),
        [198, 18..=19, ..] => Some(Reason::Benchmarking),
        [192, 0, 0, _] => Some(Reason::Reserved),
        // Anycast of the 6to4 relays, withdrawn.
        [192, 88, 99, _] => Some(Reason::Transition),
        [224..=239, ..] => Some(Reason::Multicast),
        [255, 255, 255, 255] => Some(Reason::Broadcast),
        [240..=255, ..] => Some(Reason::Reserved),
        _ => None,
    }
}

/// Only 2000::/3 is given out for general use, so all else is refused, named or not. The exceptions are the two
/// spellings of an IPv4 address that a resolver may really give: mapped, and NAT64 (in an IPv6-only network).
const fn forbidden_v6(ip: Ipv6Addr) -> Option<Reason> {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(Reason::Unspecified),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Reason::Loopback),
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => forbidden_v4(embedded(high, low)),
        // Compatible, translated, and NAT64 of local use.
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 1, ..] => Some(Reason::Transition),
        // 6to4, Teredo, and the host part of ISATAP: relays that unwrap to any IPv4 address.
        [0x2002, ..] | [0x2001, 0, ..] | [_, _, _, _, 0 | 0x200, 0x5efe, ..] => Some(Reason::Transition),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some(Reason::Documentation),
        [0x2001, 2, 0, ..] => Some(Reason::Benchmarking),
        // Protocol assignments: 2001::/23.
        [0x2001, 0..=0x1ff, ..] => Some(Reason::Reserved),
        [0x2000..=0x3fff, ..] => None,
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Some(Reason::Private),
        [0xfe80..=0xfebf, ..] => Some(Reason::LinkLocal),
        [0xff00..=0xffff, ..] => Some(Reason::Multicast),
        _ => Some(Reason::Reserved),
    }
}

const fn embedded(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::Reason::*;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn special_ipv4_addresses_are_refused_up_to_their_borders() {
        for (first, last, reason) in [
            ("0.0.0.0", "0.255.255.255", Unspecified),
            ("10.0.0.0", "10.255.255.255", Private),
            ("100.64.0.0", "100.127.255.255", Shared),
            ("127.0.0.0", "127.255.255.255", Loopback),
            ("169.254.0.0", "169.254.255.255", LinkLocal),
            ("169.254.169.254", "169.254.170.2", LinkLocal),
            ("172.16.0.0", "172.31.255.255", Private),
            ("192.0.0.0", "192.0.0.255", Reserved),
            ("192.0.2.0", "192.0.2.255", Documentation),
            ("192.88.99.0", "192.88.99.255", Transition),
            ("192.168.0.0", "192.168.255.255", Private),
            ("198.18.0.0", "198.19.255.255", Benchmarking),
            ("198.51.100.0", "198.51.100.255", Documentation),
            ("203.0.113.0", "203.0.113.255", Documentation),
            ("224.0.0.0", "239.255.255.255", Multicast),
            ("240.0.0.0", "255.255.255.254", Reserved),
            ("255.255.255.255", "255.255.255.255", Broadcast),
        ] {
            for text in [first, last] {
                assert_eq!(forbidden(text.parse().unwrap()), Some(reason), "{text}");
            }
        }
    }

    #[test]
    fn the_neighbours_of_special_ipv4_addresses_are_public() {
        for text in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "203.0.112.255",
            "223.255.255.255",
            "8.8.8.8",
        ] {
            assert_eq!(forbidden(text.parse().unwrap()), None, "{text}");
        }
    }

    #[test]
    fn special_ipv6_addresses_are_refused() {
        for (text, reason) in [
            ("::", Unspecified),
            ("::1", Loopback),
            ("::ffff:127.0.0.1", Loopback),
            ("::ffff:169.254.169.254", LinkLocal),
            ("::ffff:0.0.0.0", Unspecified),
            ("::2", Transition),
            ("::127.0.0.1", Transition),
            ("::8.8.8.8", Transition),
            ("::ffff:0:127.0.0.1", Transition),
            ("64:ff9b::10.0.0.1", Private),
            ("64:ff9b::169.254.169.254", LinkLocal),
            ("64:ff9b:1::8.8.8.8", Transition),
            ("64:ff9b:0:0:1::8.8.8.8", Reserved),
            ("100::1", Reserved),
            ("100:0:0:1::1", Reserved),
            ("2001::1", Transition),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", Transition),
            ("2001:2::1", Benchmarking),
            ("2001:10::1", Reserved),
            ("2001:20::1", Reserved),
            ("2001:1ff::1", Reserved),
            ("2001:db8::1", Documentation),
            ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Documentation),
            ("2002:7f00:1::", Transition),
            ("2002:a9fe:a9fe::1", Transition),
            ("2600::5efe:7f00:1", Transition),
            ("2600::200:5efe:a00:1", Transition),
            ("3fff::1", Documentation),
            ("3fff:fff:ffff::1", Documentation),
            ("4000::1", Reserved),
            ("5f00::1", Reserved),
            ("fc00::1", Private),
            ("fd00:ec2::254", Private),
            ("fe00::1", Reserved),
            ("fe80::1", LinkLocal),
            ("febf::1", LinkLocal),
            ("fec0::1", Private),
            ("ff02::1", Multicast),
        ] {
            assert_eq!(forbidden(text.parse().unwrap()), Some(reason), "{text}");
        }
    }

    #[test]
    fn public_ipv6_addresses_are_let_through() {
        for text in [
            "2606:4700:4700::1111",
            "2001:4860:4860::8888",
            "2001:200::1",
            "2600:1f18::1",
            "3ffe:ffff::1",
            "3fff:1000::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ] {
            assert_eq!(forbidden(text.parse().unwrap()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_the_standard_library_calls_special_is_refused(bits: u32) {
            let ip = Ipv4Addr::from_bits(bits);
            if ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_multicast() || ip.is_broadcast()
                || ip.is_documentation() || ip.is_unspecified()
            {
                prop_assert!(forbidden(ip.into()).is_some());
            }
        }

        #[test]
        fn what_the_standard_library_calls_special_is_refused_in_ipv6(bits: u128, high in 0xfa00..=0xffffu16) {
            let mut segments = Ipv6Addr::from_bits(bits).segments();
            for first in [segments[0], high] {
                segments[0] = first;
                let ip = Ipv6Addr::from(segments);
                if ip.is_loopback() || ip.is_multicast() || ip.is_unspecified() || ip.is_unique_local()
                    || ip.is_unicast_link_local()
                {
                    prop_assert!(forbidden(ip.into()).is_some());
                }
            }
        }

        #[test]
        fn an_inner_address_stays_refused_however_it_is_wrapped(bits: u32) {
            let ip = Ipv4Addr::from_bits(bits);
            let [a, b, c, d] = ip.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            for wrapped in [
                ip.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
            ] {
                prop_assert_eq!(forbidden(wrapped.into()).is_some(), forbidden(ip.into()).is_some());
            }
            for wrapped in [
                ip.to_ipv6_compatible(),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, high, low, 0, 0, !high, !low),
                Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2600, 1, 2, 3, 0, 0x5efe, high, low),
            ] {
                prop_assert!(forbidden(wrapped.into()).is_some(), "{}", wrapped);
            }
        }
    }
}
