//! The clients of all accounts that a process has to do with.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::{HookPrefix, MoyskladClient, MoyskladConfig};
use crate::clients::setup::{PlainHttp, Secret, SetupError, base_url};
use crate::model::moysklad::{Account, AccountId};
use crate::sync::store::Clients;

/// Clients remembered at a time. Each is some bytes and its account's limit.
const REMEMBERED: usize = 1_000;

/// Opens an account's token.
type Opener = Box<dyn Fn(&Account) -> Option<Secret> + Send + Sync>;

/// One client for each account, made when it is first asked for. Whoever asks for an account again shares its limit.
pub struct MoyskladClients {
    http: reqwest::Client,
    base_url: String,
    timeout: Duration,
    clock: fn() -> Timestamp,
    prefix: HookPrefix,
    opener: Opener,
    known: Mutex<HashMap<AccountId, (String, MoyskladClient)>>,
}

impl fmt::Debug for MoyskladClients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MoyskladClients(…)")
    }
}

impl MoyskladClients {
    /// Clients for the accounts at this base address, none of whose writes rings a webhook below `prefix`.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(
        http: reqwest::Client,
        address: &str,
        timeout: Duration,
        clock: fn() -> Timestamp,
        prefix: HookPrefix,
        opener: impl Fn(&Account) -> Option<Secret> + Send + Sync + 'static,
    ) -> Result<Self, SetupError> {
        // As the clients write it: what is written into metas is compared with what comes back.
        let base = base_url("MOYSKLAD_BASE_URL", address, PlainHttp::ToThisMachine)?;
        let base_url = base.as_str().trim_end_matches('/').to_owned();
        let (opener, known) = (Box::new(opener), Mutex::default());
        Ok(Self { http, base_url, timeout: timeout.min(MoyskladClient::TIMEOUT), clock, prefix, opener, known })
    }

    /// The longest a call can take, waits included.
    #[must_use]
    pub fn longest_call(&self) -> Duration {
        MoyskladClient::longest(self.timeout)
    }
}

impl Clients for MoyskladClients {
    type Client = MoyskladClient;

    fn client(&self, account: &Account) -> Option<MoyskladClient> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((sealed, client)) = known.get(&account.id)
            && sealed == account.token.as_str()
        {
            return Some(client.clone());
        }
        let config = MoyskladConfig {
            base_url: self.base_url.clone(),
            token: (self.opener)(account)?,
            timeout: self.timeout,
            clock: self.clock,
        };
        let client = MoyskladClient::new(self.http.clone(), config, self.prefix.clone()).ok()?;
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(account.id, (account.token.as_str().to_owned(), client.clone()));
        Some(client)
    }

    fn base(&self) -> &str {
        &self.base_url
    }
}
