//! Which fields and parameters the readers of this thread's test asked for, to hold their descriptions against.

use std::cell::RefCell;
use std::collections::BTreeSet;

thread_local! {
    static ASKED: RefCell<BTreeSet<String>> = RefCell::default();
}

pub(super) fn note(name: &str) {
    ASKED.with_borrow_mut(|asked| asked.insert(name.to_owned()));
}

/// The names noted since it was last asked.
pub(super) fn take() -> BTreeSet<String> {
    ASKED.take()
}
