//! Who may operate: whoever shows the token that lies in the secrets store.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State as Extract};
use axum::middleware::Next;
use axum::response::Response;
use gancho::auth::{Card, Cards, Credential, Denied};
use gancho::aws::{SecretError, Secrets};
use gancho::lambda::http::{Problem, bearer};
use gancho::manage::directory::{Change, Directory, Entry};
use jiff::{SignedDuration, Timestamp};

use crate::state::Shared;

/// How long a token that fits is believed to be still there.
const BELIEVED_FOR: SignedDuration = SignedDuration::from_secs(60);
/// How long after a look a token that does not fit is refused without looking again: a flood of guesses must not
/// become a flood of calls. A new token is good after this time at the latest.
const LOOKED_FOR: SignedDuration = SignedDuration::from_secs(10);

/// How long the other doors know a token for the operator's. A function is seldom alive for longer, and each writes
/// the cards anew.
const INTRODUCED_FOR: SignedDuration = SignedDuration::from_hours(48);

/// Where the operator's tokens are: the current one and, while a rotation overlaps, the one before.
pub(crate) trait AdminTokens: Send + Sync + 'static {
    /// The tokens that are good now.
    fn tokens(&self) -> impl Future<Output = Result<Vec<Credential>, SecretError>> + Send;
}

/// The secret that holds them.
pub(crate) struct TokenSecret {
    pub(crate) secrets: Secrets,
    pub(crate) name: String,
}

impl AdminTokens for TokenSecret {
    async fn tokens(&self) -> Result<Vec<Credential>, SecretError> {
        let (current, previous) =
            tokio::try_join!(self.secrets.read(&self.name), self.secrets.read_previous(&self.name))?;
        Ok([Some(current), previous]
            .into_iter()
            .flatten()
            .filter_map(|text| Credential::presented(text.trim()))
            .collect())
    }
}

/// The operator's door.
pub(crate) struct Gate<S, T> {
    pub(crate) state: Shared<S>,
    pub(crate) tokens: T,
    known: Mutex<Option<(Timestamp, Vec<Credential>)>>,
}

impl<S: Cards + Directory, T: AdminTokens> Gate<S, T> {
    pub(crate) fn new(state: Shared<S>, tokens: T) -> Arc<Self> {
        Arc::new(Self { state, tokens, known: Mutex::default() })
    }

    async fn admit(&self, credential: Option<&Credential>) -> Result<(), Problem> {
        let now = self.state.now();
        let credential = credential.ok_or(Denied::Unauthorized)?;
        if self.fits(credential, now).await? {
            return Ok(());
        }
        // A known credential of another kind is told so; all others get one text.
        match self.state.door.tenant(Some(credential), now).await {
            Ok(_) | Err(Denied::WrongKind) => Err(Denied::WrongKind.into()),
            Err(denied) => Err(denied.into()),
        }
    }

    async fn fits(&self, credential: &Credential, now: Timestamp) -> Result<bool, Problem> {
        let known = self.lock().clone();
        if let Some((since, tokens)) = &known {
            let fits = any_is(tokens, credential);
            let age = now.duration_since(*since);
            if age < if fits { BELIEVED_FOR } else { LOOKED_FOR } {
                return Ok(fits);
            }
        }
        match self.tokens.tokens().await {
            Ok(tokens) => {
                let fits = any_is(&tokens, credential);
                if known.is_none_or(|(_, known)| known != tokens) {
                    self.introduce(&tokens, now).await;
                }
                *self.lock() = Some((now, tokens));
                Ok(fits)
            }
            Err(error) => {
                tracing::error!(%error, "the operator's token could not be read");
                // What was known a while ago is better than a platform nobody can operate.
                known.map(|(_, tokens)| any_is(&tokens, credential)).ok_or_else(Problem::unavailable)
            }
        }
    }

    /// Makes the tokens known to the other doors, which then answer 403 to them and not 401.
    async fn introduce(&self, tokens: &[Credential], now: Timestamp) {
        let until = now.saturating_add(INTRODUCED_FOR).unwrap_or(now);
        let cards = tokens.iter().map(|token| Change::Put(Entry::Card(Card::of_operator(token, until))));
        if let Err(error) = self.state.store.commit(&cards.collect::<Vec<_>>()).await {
            tracing::warn!(%error, "the operator's tokens could not be made known to the other doors");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Timestamp, Vec<Credential>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every one is compared, each in constant time.
fn any_is(tokens: &[Credential], credential: &Credential) -> bool {
    tokens.iter().fold(false, |found, token| token.is(credential) | found)
}

/// Lets the operator pass, and nobody else.
pub(crate) async fn only_operators<S: Cards + Directory + 'static, T: AdminTokens>(
    Extract(gate): Extract<Arc<Gate<S, T>>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    gate.admit(bearer(request.headers()).as_ref()).await?;
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use gancho::auth::Door;
    use gancho::testing::MemoryStore;

    use super::*;
    use crate::testing::state_at;

    /// Answers with the tokens it is given, and counts how often it is asked.
    #[derive(Default)]
    struct Drawer {
        tokens: Mutex<Vec<Credential>>,
        asked: Mutex<usize>,
        broken: Mutex<bool>,
    }

    impl AdminTokens for Drawer {
        async fn tokens(&self) -> Result<Vec<Credential>, SecretError> {
            *self.asked.lock().unwrap() += 1;
            if *self.broken.lock().unwrap() {
                return Err(SecretError { name: "admin".into(), why: "test".into() });
            }
            Ok(self.tokens.lock().unwrap().clone())
        }
    }

    fn token(text: &str) -> Credential {
        Credential::presented(text).unwrap()
    }

    fn gate(tokens: &[&str]) -> Gate<MemoryStore, Drawer> {
        let drawer =
            Drawer { tokens: Mutex::new(tokens.iter().map(|text| token(text)).collect()), ..Drawer::default() };
        Gate { state: state_at(MemoryStore::default()), tokens: drawer, known: Mutex::default() }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + seconds).unwrap()
    }

    async fn fits(gate: &Gate<MemoryStore, Drawer>, text: &str, seconds: i64) -> bool {
        gate.fits(&token(text), at(seconds)).await.unwrap()
    }

    #[tokio::test]
    async fn both_tokens_of_a_rotation_fit_and_a_new_one_does_after_ten_seconds() {
        let gate = gate(&["new", "old"]);
        assert!(fits(&gate, "new", 0).await && fits(&gate, "old", 0).await);
        gate.tokens.tokens.lock().unwrap()[1] = token("newer");
        assert!(!fits(&gate, "newer", 9).await);
        assert!(fits(&gate, "newer", 10).await);
        assert!(!fits(&gate, "old", 11).await);
    }

    #[tokio::test]
    async fn a_token_that_went_opens_nothing_after_a_minute() {
        let gate = gate(&["a"]);
        assert!(fits(&gate, "a", 0).await);
        gate.tokens.tokens.lock().unwrap().clear();
        assert!(fits(&gate, "a", 59).await);
        assert!(!fits(&gate, "a", 60).await);
    }

    #[tokio::test]
    async fn a_tenants_door_tells_the_operator_that_the_token_is_of_another_kind() {
        let gate = gate(&["a"]);
        let door = Door::new(gate.state.store.clone());
        assert_eq!(door.tenant(Some(&token("a")), at(0)).await, Err(Denied::Unauthorized));
        assert!(fits(&gate, "a", 0).await);
        assert_eq!(door.tenant(Some(&token("a")), at(11)).await, Err(Denied::WrongKind));
    }

    #[tokio::test]
    async fn a_flood_of_guesses_is_not_a_flood_of_calls() {
        let gate = gate(&["a"]);
        for n in 0..100 {
            assert!(!fits(&gate, &format!("guess{n}"), 0).await);
        }
        assert_eq!(*gate.tokens.asked.lock().unwrap(), 1);
    }

    #[tokio::test]
    async fn a_secrets_store_that_does_not_answer_locks_nobody_out_who_was_in() {
        let gate = gate(&["a"]);
        assert!(fits(&gate, "a", 0).await);
        *gate.tokens.broken.lock().unwrap() = true;
        assert!(fits(&gate, "a", 100).await);
    }
}
