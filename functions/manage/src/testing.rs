//! A state for the handlers' tests, with a clock that stands.

use std::collections::HashMap;
use std::sync::Arc;

use gancho::auth::{Door, LastUses};
use gancho::config::ManageConfig;
use gancho::testing::MemoryStore;
use gancho::testing::samples::stack_keys;
use jiff::Timestamp;

use crate::state::{Shared, State};

/// The time of every test.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_900_000_000).expect("a time")
}

/// A state over a store in memory.
pub(crate) fn state_at(store: MemoryStore) -> Shared<MemoryStore> {
    let vars = HashMap::from([
        ("TABLE_EVENTS", "events"),
        ("TABLE_DIRECTORY", "directory"),
        ("SECRET_STACK_KEY", "stack-key"),
        ("SECRET_ADMIN_TOKEN", "admin-token"),
        ("GANCHO_FACE", "operate"),
        ("PUBLIC_URL", "https://api.example.com"),
    ]);
    let config = ManageConfig::from_vars(&vars).expect("settings");
    let (clock, fill) = (now as fn() -> Timestamp, (|bytes: &mut [u8]| rand::fill(bytes)) as fn(&mut [u8]));
    Arc::new(State {
        door: Door::new(store.clone()),
        uses: LastUses::default(),
        store,
        keys: stack_keys(),
        config,
        clock,
        fill,
    })
}
