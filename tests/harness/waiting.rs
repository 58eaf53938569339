//! Waiting for what comes about by itself, and for no longer than needed.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);
/// Long enough for a cold start and a few retries on a machine with two busy cores.
const PATIENCE: Duration = Duration::from_secs(90);

/// Looks until there is something to see.
///
/// # Panics
/// When there is nothing in time.
pub async fn until<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    until_within(what, PATIENCE, look).await
}

/// Looks until there is something to see, at most so long.
///
/// # Panics
/// When there is nothing in time.
pub async fn until_within<T>(what: &str, patience: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited {} s in vain for: {what}", patience.as_secs());
        sleep(PAUSE).await;
    }
}

/// How long a card or a switch is believed: after that, a change of it has reached every function.
const BELIEVED: Duration = Duration::from_secs(10);

/// Waits until a change of credentials, sources or switches has reached every function. There is nothing to look at:
/// what is waited for is that no function believes the state before.
pub async fn taken_effect() {
    sleep(BELIEVED + Duration::from_secs(1)).await;
}

/// Looks for so long, and finds at every look that nothing has gone wrong.
pub async fn throughout(how_long: Duration, mut look: impl AsyncFnMut()) {
    let deadline = Instant::now() + how_long;
    while Instant::now() < deadline {
        look().await;
        sleep(PAUSE).await;
    }
}
