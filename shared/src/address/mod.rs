//! Where the platform may send to: public addresses, over https.
//!
//! The rule over an address is one function, `ip::forbidden`. It is asked twice per send: here, when the host is
//! written as an address (HTTP clients pass over the resolver for those), and inside the connection's resolver, when
//! it is a name, so that a name which changes its mind between check and connection cannot slip past.

mod allow_list;
mod endpoint_url;
pub mod ip;

pub use allow_list::{AllowList, AllowListError};
pub use endpoint_url::{EndpointUrl, MAX_URL_CHARS, UrlError};
