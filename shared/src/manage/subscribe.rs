//! Telling a provider where to send: the source's address, registered at the provider.
//!
//! Only the token's hash is kept, so the address cannot be had again: a registration takes a fresh token, and the old
//! address stays good beside it for an overlap.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use super::directory::{Change, ChangeError, Directory, Entry, EntryName};
use super::sources::{self, DEFAULT_OVERLAP, Opened, address};
use crate::auth::Credential;
use crate::enrichment::ports::{HookAction, UpstreamError, UpstreamErrorKind};
use crate::model::event::Provider;
use crate::model::ids::SourceId;
use crate::model::source::Source;

/// What C2S is asked to tell of: that a lead came in, and that it changed.
pub const ACTIONS: [HookAction; 2] = [HookAction::OnCreateLead, HookAction::OnUpdateLead];
/// How long the old address stays good when it is not known which of the two the provider has: time for a person to
/// look.
const UNSURE_OVERLAP: Duration = Duration::from_secs(30 * 86_400);

/// Where C2S is told of addresses.
pub trait Hooks: Send + Sync {
    /// Asks to be told of `action` at `url`.
    fn hook(&self, action: HookAction, url: &Url) -> impl Future<Output = Result<(), UpstreamError>> + Send;
}

/// Why a source is not registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// Its provider is not told by an API where to send.
    #[error("this provider is configured by hand")]
    ByHand,
    /// The platform's own address is none that could be registered.
    #[error("the platform's address is not one that can be registered")]
    Address,
    /// The provider did not take all of it.
    #[error("{error}")]
    Upstream {
        /// What it said.
        error: UpstreamError,
        /// What it did take.
        registered: Vec<HookAction>,
        /// Whether the source is as it was before.
        unchanged: bool,
    },
    /// The source could not be changed.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

/// A source that is registered.
#[derive(Debug, Clone)]
pub struct Subscribed {
    /// The source.
    pub source: Source,
    /// Its new token.
    pub token: Credential,
}

/// Registers a source's address, with a fresh token in it.
///
/// # Errors
/// When it cannot be, or only a part of it was. If nothing was registered for certain, the source is as it was.
pub async fn subscribe(
    directory: &impl Directory,
    hooks: &impl Hooks,
    id: &SourceId,
    base: &str,
    chance: [u8; 32],
    now: Timestamp,
) -> Result<Subscribed, SubscribeError> {
    let before = directory.source(id).await.map_err(ChangeError::from)?.ok_or(ChangeError::Unknown)?;
    match before.provider {
        Provider::C2s => {}
        Provider::Tenant | Provider::WhatsappCloud | Provider::Baileys | Provider::Moysklad => {
            return Err(SubscribeError::ByHand);
        }
    }
    let Opened { source, token, .. } = sources::rotate(directory, id, UNSURE_OVERLAP, chance, now).await?;
    let Ok(url) = Url::parse(&address(base, &source, token.expose())) else {
        put_back(directory, &source, before).await?;
        return Err(SubscribeError::Address);
    };
    let mut registered = Vec::new();
    for action in ACTIONS {
        if let Err(error) = hooks.hook(action, &url).await {
            let unchanged = registered.is_empty() && certainly_not(&error);
            if unchanged {
                put_back(directory, &source, before).await?;
            }
            return Err(SubscribeError::Upstream { error, registered, unchanged });
        }
        registered.push(action);
    }
    let source = shorten(directory, source, now).await;
    Ok(Subscribed { source, token })
}

/// Whether the provider has not got the address, for certain.
const fn certainly_not(error: &UpstreamError) -> bool {
    match error.kind {
        UpstreamErrorKind::NotFound
        | UpstreamErrorKind::CredentialsRefused
        | UpstreamErrorKind::OutOfCredits
        | UpstreamErrorKind::RateLimited { .. }
        | UpstreamErrorKind::Rejected { .. }
        | UpstreamErrorKind::Misconfigured => true,
        UpstreamErrorKind::Broken { .. }
        | UpstreamErrorKind::Timeout
        | UpstreamErrorKind::Unreachable
        | UpstreamErrorKind::UnknownOutcome => false,
    }
}

/// The source with the tokens it had: the fresh one opens nothing.
async fn put_back(directory: &impl Directory, now: &Source, before: Source) -> Result<(), ChangeError> {
    let fresh = now.token.hash.clone();
    let back = Source { rev: now.rev + 1, ..before };
    let tenant = directory.tenant(&back.tenant).await?.ok_or(ChangeError::Unknown)?;
    let mut changes = vec![Change::Replace(Entry::Source(back.clone()))];
    changes.extend(sources::cards(&back, &tenant).map(|card| Change::Put(Entry::Card(card))));
    changes.push(Change::Drop(EntryName::Card(fresh)));
    if directory.commit(&changes).await? { Ok(()) } else { Err(ChangeError::Conflict) }
}

/// Now that the provider has the new address, the old one is good for the usual overlap only. Left longer, it does no
/// harm.
async fn shorten(directory: &impl Directory, source: Source, now: Timestamp) -> Source {
    let mut shorter = source.clone();
    shorter.rev += 1;
    if let Some(previous) = &mut shorter.token.previous {
        previous.valid_until = now.checked_add(DEFAULT_OVERLAP).unwrap_or(previous.valid_until);
    }
    let written = async {
        let tenant = directory.tenant(&shorter.tenant).await?.ok_or(ChangeError::Unknown)?;
        let mut changes = vec![Change::Replace(Entry::Source(shorter.clone()))];
        changes.extend(sources::cards(&shorter, &tenant).map(|card| Change::Put(Entry::Card(card))));
        Ok::<_, ChangeError>(directory.commit(&changes).await?)
    };
    match written.await {
        Ok(true) => shorter,
        Ok(false) | Err(_) => {
            tracing::warn!(source.id = %source.id, "the old address of a source stays good for longer than usual");
            source
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::auth::Door;
    use crate::enrichment::ports::Upstream;
    use crate::manage::defaults;
    use crate::testing::MemoryStore;
    use crate::work::Timing;

    /// Takes the calls before the failing one.
    struct C2s {
        taken: Mutex<Vec<(HookAction, String)>>,
        fails_at: usize,
        with: UpstreamErrorKind,
    }

    impl Hooks for C2s {
        async fn hook(&self, action: HookAction, url: &Url) -> Result<(), UpstreamError> {
            let mut taken = self.taken.lock().unwrap();
            if taken.len() == self.fails_at {
                return Err(UpstreamError::new(Upstream::C2s, self.with.clone()));
            }
            taken.push((action, url.to_string()));
            Ok(())
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + seconds).unwrap()
    }

    fn first() -> Credential {
        Credential::presented("the-first-token").unwrap()
    }

    async fn subscribed(
        fails_at: usize,
        with: UpstreamErrorKind,
    ) -> (MemoryStore, C2s, Result<Subscribed, SubscribeError>) {
        let store = MemoryStore::default();
        defaults::ensure(&store, &first(), &Timing::default(), at(0)).await.unwrap();
        let c2s = C2s { taken: Mutex::default(), fails_at, with };
        let base = "https://api.example.com";
        let answer = subscribe(&store, &c2s, &SourceId::default_c2s(), base, [5; 32], at(0)).await;
        (store, c2s, answer)
    }

    async fn opens(store: &MemoryStore, token: &Credential, seconds: i64) -> bool {
        Door::new(store.clone()).source(Some(token), Provider::C2s, None, at(seconds)).await.is_ok()
    }

    const DAY: i64 = 86_400;

    #[tokio::test]
    async fn both_hooks_get_the_fresh_address_and_the_old_one_stays_good_for_a_day() {
        let (store, c2s, answer) = subscribed(9, UpstreamErrorKind::Timeout).await;
        let Subscribed { token, .. } = answer.unwrap();
        let url = format!("https://api.example.com/api/v1/webhooks/c2s/{}", token.expose());
        let taken = c2s.taken.lock().unwrap().clone();
        assert_eq!(taken, ACTIONS.map(|action| (action, url.clone())));
        assert!(opens(&store, &token, 2 * DAY).await);
        assert!(opens(&store, &first(), DAY - 1).await && !opens(&store, &first(), DAY).await);
    }

    #[tokio::test]
    async fn a_refusal_leaves_the_source_as_it_was() {
        let (store, _, answer) = subscribed(0, UpstreamErrorKind::CredentialsRefused).await;
        let Err(SubscribeError::Upstream { unchanged: true, .. }) = answer else { panic!("{answer:?}") };
        assert!(opens(&store, &first(), 100 * DAY).await);
        assert!(!opens(&store, &Credential::generate("", [5; 32]), 0).await);
    }

    #[tokio::test]
    async fn half_a_registration_leaves_both_addresses_good_and_says_so() {
        for (fails_at, with) in [(1, UpstreamErrorKind::CredentialsRefused), (0, UpstreamErrorKind::Timeout)] {
            let (store, _, answer) = subscribed(fails_at, with).await;
            let Err(SubscribeError::Upstream { registered, unchanged: false, .. }) = answer else {
                panic!("{answer:?}")
            };
            assert_eq!(registered.len(), fails_at);
            assert!(opens(&store, &first(), 29 * DAY).await);
            assert!(opens(&store, &Credential::generate("", [5; 32]), 100 * DAY).await);
        }
    }
}
