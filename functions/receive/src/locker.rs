//! The stack key, for what senders prove themselves with.

use gancho::aws::Secrets;
use gancho::lambda::http::Problem;
use gancho::signing::seal::StackKeys;
use tokio::sync::OnceCell;

/// The stack key: read at a cold start, and again where that failed. Doorbells that need no secret do without it.
pub(crate) struct Locker {
    from: Option<(Secrets, String)>,
    keys: OnceCell<StackKeys>,
}

impl Locker {
    /// The key is in this secret.
    pub(crate) fn of(secrets: Secrets, name: String) -> Self {
        Self { from: Some((secrets, name)), keys: OnceCell::new() }
    }

    /// The key is at hand.
    #[cfg(test)]
    pub(crate) fn with(keys: StackKeys) -> Self {
        Self { from: None, keys: OnceCell::new_with(Some(keys)) }
    }

    /// Nobody's fault but ours: the same request will go through later.
    pub(crate) async fn keys(&self) -> Result<&StackKeys, Problem> {
        self.keys.get_or_try_init(|| self.read()).await
    }

    async fn read(&self) -> Result<StackKeys, Problem> {
        let Some((secrets, name)) = &self.from else { return Err(Problem::unavailable()) };
        let failed = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, "the stack key could not be read");
            Problem::unavailable()
        };
        let text = secrets.read(name).await.map_err(|error| failed(&error))?;
        StackKeys::parse(&text).map_err(|error| failed(&error))
    }
}
