//! What the handlers of both faces share.

use std::sync::Arc;

use gancho::auth::{Door, LastUses};
use gancho::config::ManageConfig;
use gancho::manage::chance::Chance;
use gancho::signing::seal::StackKeys;
use jiff::Timestamp;

/// What every handler is given. The store is a parameter, so that tests can hand in one in memory.
pub(crate) struct State<S> {
    /// Tables and queues.
    pub(crate) store: S,
    /// Credentials, looked up by their cards.
    pub(crate) door: Door<S>,
    /// When tenants' keys were last used.
    pub(crate) uses: LastUses,
    /// What secrets are sealed with.
    pub(crate) keys: StackKeys,
    /// What the environment says.
    pub(crate) config: ManageConfig,
    /// The system's clock; a test's stands.
    pub(crate) clock: fn() -> Timestamp,
    /// Fills with chance.
    pub(crate) fill: fn(&mut [u8]),
}

/// The state as the router carries it.
pub(crate) type Shared<S> = Arc<State<S>>;

impl<S: gancho::auth::Cards + Clone> State<S> {
    /// The state of this process, on the system's clock and randomness.
    pub(crate) fn new(store: S, keys: StackKeys, config: ManageConfig) -> Shared<S> {
        let fill = |bytes: &mut [u8]| rand::fill(bytes);
        Arc::new(Self {
            door: Door::new(store.clone()),
            uses: LastUses::default(),
            store,
            keys,
            config,
            clock: Timestamp::now,
            fill,
        })
    }
}

impl<S> State<S> {
    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// What secrets and names are made with.
    pub(crate) fn chances(&self) -> Chance<'_> {
        Chance { keys: &self.keys, fill: &self.fill }
    }

    /// Fresh chance: for identifiers, keys, nonces.
    pub(crate) fn chance<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.fill)(&mut bytes);
        bytes
    }
}
