//! What the handlers of both faces share.

use std::sync::Arc;

use gancho::auth::Door;
use gancho::config::ManageConfig;
use gancho::signing::seal::StackKeys;
use jiff::Timestamp;

/// What every handler is given. The store is a parameter, so that tests can hand in one in memory.
pub(crate) struct State<S> {
    /// Tables and queues.
    pub(crate) store: S,
    /// Credentials, looked up by their cards.
    pub(crate) door: Door<S>,
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
        Self::with(store, keys, config, Timestamp::now, |bytes| rand::fill(bytes))
    }

    /// The state on a clock and a chance of the caller's choice.
    pub(crate) fn with(
        store: S,
        keys: StackKeys,
        config: ManageConfig,
        clock: fn() -> Timestamp,
        fill: fn(&mut [u8]),
    ) -> Shared<S> {
        Arc::new(Self { door: Door::new(store.clone()), store, keys, config, clock, fill })
    }
}

impl<S> State<S> {
    /// The clock, for what looks at it more than once.
    pub(crate) const fn clock(&self) -> fn() -> Timestamp {
        self.clock
    }

    /// What fills a buffer with chance.
    pub(crate) const fn fill(&self) -> &fn(&mut [u8]) {
        &self.fill
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Fresh chance: for identifiers, keys, nonces.
    pub(crate) fn chance<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.fill)(&mut bytes);
        bytes
    }
}
