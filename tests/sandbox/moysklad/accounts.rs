//! All accounts, and which credential opens which.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::account::{Account, User};
use super::author::TokenKind;
use super::behaviour::Settings;
use super::books::{is_uuid, new_id};
use super::limits::Meter;
use crate::sandbox::bounded::BoundedMap;

/// The oldest is forgotten beyond.
const MAX_ACCOUNTS: usize = 2_000;
const PASSWORD: &str = "sandbox-password";

/// An account as a test wants it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAccount {
    name: String,
    /// A UUID; made up unless given.
    #[serde(default)]
    id: Option<String>,
    /// What its hrefs begin with; the sandbox's own address unless given.
    #[serde(default)]
    base: Option<String>,
    #[serde(default)]
    tokens: Vec<NewToken>,
    #[serde(default)]
    settings: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    token: String,
    kind: TokenKind,
    /// Units a request costs; by the timetable unless given.
    #[serde(default)]
    weight: Option<u32>,
    /// Tokens of one user share a limit; `admin@<name>`, and each solution by itself, unless given.
    #[serde(default)]
    user: Option<String>,
    #[serde(default = "yes")]
    admin: bool,
}

fn yes() -> bool {
    true
}

pub(crate) struct Accounts {
    by_id: BoundedMap<Arc<Account>>,
    /// `Bearer …` and `Basic …`, to account and user.
    credentials: HashMap<String, (String, usize)>,
}

impl Default for Accounts {
    fn default() -> Self {
        Self { by_id: BoundedMap::new(MAX_ACCOUNTS), credentials: HashMap::new() }
    }
}

impl Accounts {
    pub(super) fn open(&mut self, new: NewAccount, base: &str, http: reqwest::Client) -> Result<Arc<Account>, String> {
        let id = new.id.unwrap_or_else(new_id);
        if !is_uuid(&id) {
            return Err("id is a UUID".into());
        }
        if self.by_id.get(&id).is_some() {
            return Err(format!("there is an account {id} already"));
        }
        let mut bearers: Vec<_> = new.tokens.iter().map(|token| format!("Bearer {}", token.token)).collect();
        bearers.sort();
        bearers.dedup();
        if bearers.len() < new.tokens.len() || bearers.iter().any(|bearer| self.opens(bearer)) {
            return Err("a token opens one account only".into());
        }
        let base = new.base.unwrap_or_else(|| base.to_owned());
        let settings = Settings::default().with(new.settings)?;
        let account = Arc::new(Account::new(id.clone(), new.name.clone(), base, settings, http));
        let admin = format!("admin@{}", new.name);
        self.add_user(&account, &admin, TokenKind::User, None, true);
        let basic = format!("Basic {}", STANDARD.encode(format!("{admin}:{PASSWORD}")));
        self.credentials.insert(basic, (id.clone(), 0));
        for token in new.tokens {
            let name = token.user.unwrap_or_else(|| match token.kind {
                TokenKind::User => admin.clone(),
                TokenKind::Solution | TokenKind::Draft => {
                    let n = account.inside().users.len();
                    format!("app-{n}@{}", new.name)
                }
            });
            let user = self.add_user(&account, &name, token.kind, token.weight, token.admin);
            self.credentials.insert(format!("Bearer {}", token.token), (id.clone(), user));
        }
        self.by_id.insert(&id, Arc::clone(&account));
        Ok(account)
    }

    /// The index of the user with that name, new or known.
    fn add_user(
        &mut self,
        account: &Account,
        name: &str,
        kind: TokenKind,
        weight: Option<u32>,
        is_admin: bool,
    ) -> usize {
        let users = &mut account.inside().users;
        if let Some(known) = users.iter().position(|user| user.name == name) {
            users[known].weight = weight.or(users[known].weight);
            return known;
        }
        let application = (kind != TokenKind::User).then(new_id);
        users.push(User { name: name.to_owned(), kind, weight, is_admin, application, meter: Meter::default() });
        users.len() - 1
    }

    fn opens(&self, credential: &str) -> bool {
        self.by_credential(credential).is_some()
    }

    /// By the whole value of `Authorization`.
    pub(super) fn by_credential(&self, credential: &str) -> Option<(Arc<Account>, usize)> {
        let (id, user) = self.credentials.get(credential)?;
        Some((Arc::clone(self.by_id.get(id)?), *user))
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Account>> {
        self.by_id.get(id).cloned()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.by_id.values()
    }

    pub(super) fn close(&mut self, id: &str) {
        self.by_id.remove(id);
        self.credentials.retain(|_, (account, _)| account != id);
    }

    /// A new token for whoever came with login and password; the user's earlier ones are revoked.
    pub(super) fn new_token(&mut self, account: &Account, user: usize) -> String {
        let is_own = |known: &(String, usize)| known.0 == account.id && known.1 == user;
        self.credentials.retain(|credential, known| !(credential.starts_with("Bearer ") && is_own(known)));
        let token = new_id().replace('-', "");
        self.credentials.insert(format!("Bearer {token}"), (account.id.clone(), user));
        token
    }
}
