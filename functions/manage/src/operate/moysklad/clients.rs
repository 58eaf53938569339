//! The way to MoySklad.

use std::time::Duration;

use gancho::clients::{HookPrefix, MoyskladClient, MoyskladConfig, Secret, SetupError, upstream_http};
use gancho::manage::moysklad::desk::{HookClients, NoClient};
use gancho::model::moysklad::Account;
use jiff::Timestamp;

/// Time for one call. What is begun within the time of a call on many must end within the 30 seconds API Gateway waits.
const ONE_CALL: Duration = Duration::from_secs(5);

/// The real MoySklad.
pub(in crate::operate) struct Moysklad {
    pub(in crate::operate) base_url: String,
    pub(in crate::operate) clock: fn() -> Timestamp,
}

impl HookClients for Moysklad {
    type Client = MoyskladClient;

    fn client(&self, _: &Account, token: &str, prefix: &str) -> Result<MoyskladClient, NoClient> {
        let prefix = HookPrefix::new(prefix).map_err(|_| NoClient::NoPublicUrl)?;
        let config = MoyskladConfig {
            base_url: self.base_url.clone(),
            token: Secret::new(token),
            timeout: ONE_CALL,
            clock: self.clock,
        };
        let made = upstream_http().and_then(|http| MoyskladClient::new(http, config, prefix));
        made.map_err(|error: SetupError| {
            tracing::error!(%error, "no client of MoySklad can be made");
            NoClient::Misconfigured
        })
    }
}
