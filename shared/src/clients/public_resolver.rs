//! A resolver that gives public addresses or nothing.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::ip::{Reason, forbidden};

/// Resolves as the system does, and refuses a name that leads to any address which may not be sent to. It is asked
/// inside the connection, so what was checked is what is connected to: a name cannot change its mind in between.
#[derive(Debug, Clone, Copy, Default)]
pub struct PublicResolver;

/// A name leads to an address that may not be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name leads to an address that is not public ({0})")]
pub struct RefusedAddress(pub Reason);

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // Port 0: the connector puts the URL's in its place.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let public = all_public(found)?;
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// One inner address refuses all: which of several is connected to is chance, and can be arranged.
fn all_public(found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, RefusedAddress> {
    match found.iter().find_map(|address| forbidden(address.ip())) {
        Some(reason) => Err(RefusedAddress(reason)),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_of_this_machine_is_refused() {
        let refused = PublicResolver.resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert_eq!(refused.downcast_ref(), Some(&RefusedAddress(Reason::Loopback)));
    }

    #[test]
    fn one_inner_address_among_public_ones_refuses_all() {
        let address = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        let public = vec![address("8.8.8.8"), address("2606:4700:4700::1111")];
        assert_eq!(all_public(public.clone()), Ok(public.clone()));
        for inner in ["10.0.0.1", "::1", "::ffff:169.254.169.254", "0.0.0.0"] {
            let mixed = [public.clone(), vec![address(inner)]].concat();
            assert!(all_public(mixed).is_err(), "{inner}");
        }
    }
}
