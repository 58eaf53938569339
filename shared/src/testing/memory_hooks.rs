//! MoySklad's webhooks in memory: several accounts with theirs, and the rules they are made by.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::manage::moysklad::desk::{HookClients, NoClient};
use crate::model::moysklad::{Account, AccountId, Action, EntityId, EntityKind};
use crate::sync::ports::{Hook, Hooks, MoyskladError};

/// Most of one kind and action.
const MOST_ALIKE: usize = 5;
/// Longest address.
const LONGEST_URL: usize = 255;

#[derive(Debug, Default)]
struct World {
    tokens: BTreeMap<AccountId, String>,
    hooks: BTreeMap<AccountId, Vec<Hook>>,
    faults: BTreeMap<AccountId, (u32, MoyskladError)>,
    made: u128,
    calls: u32,
}

/// All accounts. Its clones are one.
#[derive(Debug, Clone, Default)]
pub struct MemoryHooks {
    world: Arc<Mutex<World>>,
    /// What a call takes, added to this clock.
    slow: Option<(Arc<AtomicI64>, i64)>,
}

/// One account, as a client with a token sees it.
#[derive(Debug, Clone)]
pub struct HooksClient {
    all: MemoryHooks,
    account: AccountId,
    token: String,
    prefix: String,
}

impl MemoryHooks {
    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Each call takes so many seconds of this clock.
    #[must_use]
    pub fn slow(clock: &Arc<AtomicI64>, seconds: i64) -> Self {
        Self { slow: Some((clock.clone(), seconds)), ..Self::default() }
    }

    /// The account's only token from now on. Without one, any is good.
    pub fn set_token(&self, account: AccountId, token: &str) {
        self.lock().tokens.insert(account, token.to_owned());
    }

    /// Lets so many more calls to the account through; all behind them fail so.
    pub fn fail_after(&self, account: AccountId, calls: u32, error: MoyskladError) {
        self.lock().faults.insert(account, (calls, error));
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        self.lock().faults.clear();
    }

    /// Somebody makes a webhook by hand.
    pub fn made_by_hand(&self, account: AccountId, told: (EntityKind, Action), url: &str) -> EntityId {
        let mut world = self.lock();
        let hook = world.new_hook(told, url);
        let id = hook.id;
        world.hooks.entry(account).or_default().push(hook);
        id
    }

    /// Changes an account's webhooks as MoySklad would, or as somebody does by hand.
    pub fn change(&self, account: AccountId, change: impl FnMut(&mut Hook)) {
        self.lock().hooks.entry(account).or_default().iter_mut().for_each(change);
    }

    /// An account's webhooks.
    #[must_use]
    pub fn all(&self, account: AccountId) -> Vec<Hook> {
        self.lock().hooks.get(&account).cloned().unwrap_or_default()
    }

    /// How many calls there were.
    #[must_use]
    pub fn n_calls(&self) -> u32 {
        self.lock().calls
    }
}

impl World {
    fn new_hook(&mut self, (kind, action): (EntityKind, Action), url: &str) -> Hook {
        self.made += 1;
        Hook {
            id: EntityId::new(Uuid::from_u128(0xb00c << 64 | self.made)),
            entity_type: kind.name().to_owned(),
            action: action.name().to_owned(),
            url: url.to_owned(),
            enabled: true,
            diff_type: (action == Action::Update).then(|| "FIELDS".to_owned()),
        }
    }

    fn make(&mut self, account: AccountId, told: (EntityKind, Action), url: &str) -> Result<Hook, MoyskladError> {
        let refused = |code| Err(MoyskladError::Refused { status: 200, code: Some(code) });
        let hook = self.new_hook(told, url);
        let hooks = self.hooks.entry(account).or_default();
        let alike = |one: &&Hook| one.entity_type == hook.entity_type && one.action == hook.action;
        if hooks.iter().filter(alike).any(|one| one.url == hook.url) {
            return refused(30_003);
        }
        if hooks.iter().filter(alike).count() >= MOST_ALIKE {
            return refused(30_007);
        }
        hooks.push(hook.clone());
        Ok(hook)
    }
}

impl HookClients for MemoryHooks {
    type Client = HooksClient;

    fn client(&self, account: &Account, token: &str, prefix: &str) -> Result<HooksClient, NoClient> {
        if !prefix.starts_with("https://") {
            return Err(NoClient::NoPublicUrl);
        }
        Ok(HooksClient { all: self.clone(), account: account.id, token: token.to_owned(), prefix: prefix.to_owned() })
    }
}

impl HooksClient {
    fn call<T>(&self, act: impl FnOnce(&mut World) -> Result<T, MoyskladError>) -> Result<T, MoyskladError> {
        if let Some((clock, seconds)) = &self.all.slow {
            clock.fetch_add(*seconds, Ordering::SeqCst);
        }
        let mut world = self.all.lock();
        world.calls += 1;
        if world.tokens.get(&self.account).is_some_and(|token| *token != self.token) {
            return Err(MoyskladError::CredentialsRefused);
        }
        match world.faults.get_mut(&self.account) {
            Some((0, error)) => return Err(*error),
            Some((calls, _)) => *calls -= 1,
            None => {}
        }
        act(&mut world)
    }
}

impl Hooks for HooksClient {
    async fn hooks(&self) -> Result<Vec<Hook>, MoyskladError> {
        self.call(|world| Ok(world.hooks.get(&self.account).cloned().unwrap_or_default()))
    }

    async fn make_hooks(
        &self,
        url: &str,
        wanted: &[(EntityKind, Action)],
    ) -> Result<Vec<Result<Hook, MoyskladError>>, MoyskladError> {
        if url.len() > LONGEST_URL || !url.contains(&self.prefix) {
            return Err(MoyskladError::Misconfigured);
        }
        self.call(|world| Ok(wanted.iter().map(|told| world.make(self.account, *told, url)).collect()))
    }

    async fn enable_hook(&self, id: EntityId, enabled: bool) -> Result<(), MoyskladError> {
        self.call(|world| {
            let mut hooks = world.hooks.entry(self.account).or_default().iter_mut();
            let hook = hooks.find(|hook| hook.id == id).ok_or(MoyskladError::NotFound)?;
            hook.enabled = enabled;
            Ok(())
        })
    }

    async fn delete_hook(&self, id: EntityId) -> Result<(), MoyskladError> {
        self.call(|world| {
            world.hooks.entry(self.account).or_default().retain(|hook| hook.id != id);
            Ok(())
        })
    }
}
