//! Who is calling: cards, found by the hash of the credential.
//!
//! A credential is 256 bits of chance, so a plain SHA-256 of it cannot be turned back, and looking the hash up tells
//! an attacker's clock nothing of the credential. What is found is compared in constant time all the same.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::event::Provider;
use crate::model::ids::{KeyId, SourceId, TenantId};
use crate::model::moysklad::AccountId;
use crate::model::whatsapp::Setup;
use crate::signing::compare;

/// How long a card is believed without asking again. Changes of credentials take effect within it, everywhere.
pub const BELIEVED_FOR: SignedDuration = SignedDuration::from_secs(10);
/// Cards remembered at a time. A flood of guesses must not fill the memory.
const REMEMBERED: usize = 10_000;
/// Longest credential looked at.
const LONGEST: usize = 512;

/// A credential as it was presented. It has no Display, and its Debug says nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential(String);

impl Credential {
    /// Takes what was presented; empty or absurdly long texts are no credential.
    #[must_use]
    pub fn presented(text: &str) -> Option<Self> {
        (!text.is_empty() && text.len() <= LONGEST).then(|| Self(text.to_owned()))
    }

    /// A new credential with this prefix, from 32 bytes of chance.
    #[must_use]
    pub fn generate(prefix: &str, chance: [u8; 32]) -> Self {
        Self(format!("{prefix}{}", hex::encode(chance)))
    }

    /// What stands in the address of a source whose sender signs: its identifier, which is no secret.
    #[must_use]
    pub fn of_source(source: &SourceId) -> Self {
        Self(source.as_str().to_owned())
    }

    /// What is stored in its place.
    #[must_use]
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }

    /// The text, to show it the once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether both are the same, in a time that tells nothing.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        compare::same(Sha256::digest(self.0.as_bytes()).as_slice(), Sha256::digest(other.0.as_bytes()).as_slice())
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

/// What a credential opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "opens", rename_all = "snake_case")]
pub enum Opens {
    /// A source's doorbell.
    Source {
        /// Which.
        source: SourceId,
        /// Whose webhooks come in by it.
        provider: Provider,
        /// What a WhatsApp doorbell goes by beside the credential.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        whatsapp: Option<Box<Setup>>,
        /// The MoySklad account whose changes come in by it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        moysklad: Option<AccountId>,
    },
    /// A tenant's API.
    Tenant {
        /// The key's public name.
        key: KeyId,
    },
    /// Nothing here: the operator's API, which knows its tokens itself. The card is there so that the other doors can
    /// tell a wrong credential from an unknown one.
    Operator,
}

/// What is known of a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// SHA-256 of the credential, hex.
    pub hash: String,
    /// Whose it is.
    pub tenant: TenantId,
    /// What it opens.
    #[serde(flatten)]
    pub opens: Opens,
    /// Whether it opens anything at all.
    pub enabled: bool,
    /// From where it may be used; from everywhere if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_cidrs: Vec<IpNet>,
    /// Until when it is valid: set on the old credential of a rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
}

impl Card {
    /// The card of one of the operator's tokens. It opens nothing.
    #[must_use]
    pub fn of_operator(token: &Credential, valid_until: Timestamp) -> Self {
        Self {
            hash: token.hash(),
            tenant: TenantId::default_tenant(),
            opens: Opens::Operator,
            enabled: true,
            allowed_cidrs: Vec::new(),
            valid_until: Some(valid_until),
        }
    }
}

/// Where cards are kept.
pub trait Cards: Send + Sync {
    /// The card of the credential with this hash. May be a few milliseconds old.
    fn card(&self, hash: &str) -> impl Future<Output = Result<Option<Card>, crate::auth::CardError>> + Send;
}

/// The cards could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the cards could not be asked: {0}")]
pub struct CardError(pub String);

/// Why a caller is turned away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No credential, or one that opens nothing: missing, unknown, expired, revoked, disabled. One text for all.
    #[error("the credential is missing or not valid")]
    Unauthorized,
    /// A valid credential of the wrong kind.
    #[error("this credential does not open this door")]
    WrongKind,
    /// A valid credential used from an address it may not be used from.
    #[error("not from this address")]
    Address,
    /// It could not be found out.
    #[error(transparent)]
    Unknown(#[from] CardError),
}

/// The owner of a source, known by its credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCaller {
    /// The source.
    pub source: SourceId,
    /// Its provider.
    pub provider: Provider,
    /// Its tenant: the credential's, never the body's.
    pub tenant: TenantId,
}

/// What a source goes by beside the credential.
struct GoesBy {
    whatsapp: Option<Box<Setup>>,
    moysklad: Option<AccountId>,
}

/// A tenant, known by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantCaller {
    /// The tenant.
    pub tenant: TenantId,
    /// The key that was used.
    pub key: KeyId,
}

/// The door: cards, remembered for a while.
#[derive(Debug)]
pub struct Door<C> {
    cards: C,
    remembered: Mutex<HashMap<String, (Timestamp, Option<Card>)>>,
}

impl<C: Cards> Door<C> {
    /// A door with nothing remembered.
    #[must_use]
    pub fn new(cards: C) -> Self {
        Self { cards, remembered: Mutex::default() }
    }

    /// Lets a provider in by its source's credential.
    ///
    /// # Errors
    /// When it is not let in, or it could not be found out.
    pub async fn source(
        &self,
        credential: Option<&Credential>,
        provider: Provider,
        from: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<SourceCaller, Denied> {
        self.of_source(credential, provider, from, now).await.map(|(caller, _)| caller)
    }

    /// Lets a sender in by its WhatsApp source's credential: as far as the address goes. What the source goes by says
    /// what else the sender has to prove.
    ///
    /// # Errors
    /// When it is not let in, or it could not be found out.
    pub async fn whatsapp(
        &self,
        credential: Option<&Credential>,
        provider: Provider,
        from: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(SourceCaller, Setup), Denied> {
        match self.of_source(credential, provider, from, now).await? {
            (caller, GoesBy { whatsapp: Some(setup), .. }) => Ok((caller, *setup)),
            _ => Err(Denied::Unauthorized),
        }
    }

    /// Lets MoySklad in by a source's credential. It is to be told of no other account than this one.
    ///
    /// # Errors
    /// When it is not let in, or it could not be found out.
    pub async fn moysklad(
        &self,
        credential: Option<&Credential>,
        from: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(SourceCaller, AccountId), Denied> {
        match self.of_source(credential, Provider::Moysklad, from, now).await? {
            (caller, GoesBy { moysklad: Some(account), .. }) => Ok((caller, account)),
            _ => Err(Denied::Unauthorized),
        }
    }

    async fn of_source(
        &self,
        credential: Option<&Credential>,
        provider: Provider,
        from: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(SourceCaller, GoesBy), Denied> {
        let card = self.valid_card(credential, now).await?;
        match card.opens {
            Opens::Source { source, provider: of, whatsapp, moysklad } if of == provider => {
                allowed(&card.allowed_cidrs, from)?;
                Ok((SourceCaller { source, provider, tenant: card.tenant }, GoesBy { whatsapp, moysklad }))
            }
            _ => Err(Denied::WrongKind),
        }
    }

    /// Lets a tenant in by its key.
    ///
    /// # Errors
    /// When it is not let in, or it could not be found out.
    pub async fn tenant(&self, credential: Option<&Credential>, now: Timestamp) -> Result<TenantCaller, Denied> {
        let card = self.valid_card(credential, now).await?;
        match card.opens {
            Opens::Tenant { key } => Ok(TenantCaller { tenant: card.tenant, key }),
            Opens::Source { .. } | Opens::Operator => Err(Denied::WrongKind),
        }
    }

    async fn valid_card(&self, credential: Option<&Credential>, now: Timestamp) -> Result<Card, Denied> {
        let credential = credential.ok_or(Denied::Unauthorized)?;
        let hash = credential.hash();
        let card = self.card(&hash, now).await?.ok_or(Denied::Unauthorized)?;
        let genuine = compare::same(card.hash.as_bytes(), hash.as_bytes());
        let valid = card.enabled && card.valid_until.is_none_or(|until| now < until);
        if genuine && valid { Ok(card) } else { Err(Denied::Unauthorized) }
    }

    async fn card(&self, hash: &str, now: Timestamp) -> Result<Option<Card>, CardError> {
        if let Some((since, card)) = self.lock().get(hash)
            && now.duration_since(*since) < BELIEVED_FOR
        {
            return Ok(card.clone());
        }
        let card = self.cards.card(hash).await?;
        let mut remembered = self.lock();
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(hash.to_owned(), (now, card.clone()));
        Ok(card)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Timestamp, Option<Card>)>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where it is noted when a key was last used.
pub trait KeyUses: Send + Sync {
    /// Notes that a key was used at that hour, if it was not used later.
    fn key_used(
        &self,
        tenant: &TenantId,
        key: &KeyId,
        hour: Timestamp,
    ) -> impl Future<Output = Result<(), CardError>> + Send;
}

/// The hour in which each key was last seen here: it is noted once an hour, not once a request.
#[derive(Debug, Default)]
pub struct LastUses(Mutex<HashMap<KeyId, Timestamp>>);

impl LastUses {
    /// Notes that a tenant's key was used now. A note that could not be written is let go.
    pub async fn note(&self, uses: &impl KeyUses, caller: &TenantCaller, now: Timestamp) {
        let second = now.as_second();
        let hour = Timestamp::from_second(second - second.rem_euclid(3600)).unwrap_or(now);
        if !self.is_new(&caller.key, hour) {
            return;
        }
        if let Err(error) = uses.key_used(&caller.tenant, &caller.key, hour).await {
            tracing::warn!(key.id = %caller.key, %error, "the use of a key could not be noted");
        }
    }

    fn is_new(&self, key: &KeyId, hour: Timestamp) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED && !seen.contains_key(key) {
            seen.clear();
        }
        seen.insert(key.clone(), hour) != Some(hour)
    }
}

fn allowed(cidrs: &[IpNet], from: Option<IpAddr>) -> Result<(), Denied> {
    let inside = cidrs.is_empty() || from.is_some_and(|ip| cidrs.iter().any(|net| net.contains(&ip)));
    if inside { Ok(()) } else { Err(Denied::Address) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Drawer(Mutex<HashMap<String, Card>>);

    impl Cards for Drawer {
        async fn card(&self, hash: &str) -> Result<Option<Card>, CardError> {
            Ok(self.0.lock().unwrap().get(hash).cloned())
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + seconds).unwrap()
    }

    fn credential(n: u8) -> Credential {
        Credential::generate("tok_", [n; 32])
    }

    fn door(change: impl FnOnce(&mut Card)) -> Door<Drawer> {
        let mut card = Card {
            hash: credential(1).hash(),
            tenant: TenantId::default_tenant(),
            opens: Opens::Source {
                source: SourceId::default_c2s(),
                provider: Provider::C2s,
                whatsapp: None,
                moysklad: None,
            },
            enabled: true,
            allowed_cidrs: Vec::new(),
            valid_until: None,
        };
        change(&mut card);
        let drawer = Drawer::default();
        drawer.0.lock().unwrap().insert(card.hash.clone(), card);
        Door::new(drawer)
    }

    async fn knock(door: &Door<Drawer>, n: u8, now: Timestamp) -> Result<SourceCaller, Denied> {
        door.source(Some(&credential(n)), Provider::C2s, "203.0.113.9".parse().ok(), now).await
    }

    #[tokio::test]
    async fn the_tenant_is_the_cards() {
        let caller = knock(&door(|_| ()), 1, at(0)).await.unwrap();
        assert_eq!(caller.tenant, TenantId::default_tenant());
    }

    #[tokio::test]
    async fn a_missing_unknown_expired_or_disabled_credential_gets_one_answer() {
        let now = at(0);
        let nobody = door(|_| ());
        assert_eq!(nobody.source(None, Provider::C2s, None, now).await, Err(Denied::Unauthorized));
        assert_eq!(knock(&nobody, 2, now).await, Err(Denied::Unauthorized));
        assert_eq!(knock(&door(|card| card.enabled = false), 1, now).await, Err(Denied::Unauthorized));
        assert_eq!(knock(&door(|card| card.valid_until = Some(now)), 1, now).await, Err(Denied::Unauthorized));
    }

    #[tokio::test]
    async fn the_old_credential_of_a_rotation_is_valid_to_the_end_of_its_overlap() {
        let door = door(|card| card.valid_until = Some(at(5)));
        assert!(knock(&door, 1, at(4)).await.is_ok());
        assert_eq!(knock(&door, 1, at(5)).await, Err(Denied::Unauthorized), "remembered or not");
    }

    #[tokio::test]
    async fn a_credential_of_another_kind_is_told_so() {
        let door = door(|card| card.opens = Opens::Tenant { key: "key_1".parse().unwrap() });
        assert_eq!(knock(&door, 1, at(0)).await, Err(Denied::WrongKind));
        assert!(door.tenant(Some(&credential(1)), at(0)).await.is_ok());
    }

    #[tokio::test]
    async fn the_operators_token_opens_no_other_door_and_is_told_so() {
        let door = door(|card| *card = Card::of_operator(&credential(1), at(60)));
        assert_eq!(knock(&door, 1, at(0)).await, Err(Denied::WrongKind));
        assert_eq!(door.tenant(Some(&credential(1)), at(0)).await, Err(Denied::WrongKind));
        assert_eq!(door.tenant(Some(&credential(1)), at(60)).await, Err(Denied::Unauthorized));
    }

    #[tokio::test]
    async fn a_source_with_allowed_addresses_is_closed_to_all_others_and_to_the_unknown() {
        let within = door(|card| card.allowed_cidrs = vec!["203.0.113.0/24".parse().unwrap()]);
        assert!(knock(&within, 1, at(0)).await.is_ok());
        let outside = door(|card| card.allowed_cidrs = vec!["198.51.100.0/24".parse().unwrap()]);
        assert_eq!(knock(&outside, 1, at(0)).await, Err(Denied::Address));
        let unknown = outside.source(Some(&credential(1)), Provider::C2s, None, at(0)).await;
        assert_eq!(unknown, Err(Denied::Address));
    }

    #[tokio::test]
    async fn a_revoked_credential_is_believed_for_ten_seconds_at_most() {
        let door = door(|_| ());
        assert!(knock(&door, 1, at(0)).await.is_ok());
        door.cards.0.lock().unwrap().clear();
        assert!(knock(&door, 1, at(9)).await.is_ok());
        assert_eq!(knock(&door, 1, at(10)).await, Err(Denied::Unauthorized));
    }

    #[derive(Default)]
    struct Notebook(Mutex<Vec<i64>>);

    impl KeyUses for Notebook {
        async fn key_used(&self, _: &TenantId, _: &KeyId, hour: Timestamp) -> Result<(), CardError> {
            self.0.lock().unwrap().push(hour.as_second() % 86_400 / 3600);
            Ok(())
        }
    }

    #[tokio::test]
    async fn the_use_of_a_key_is_noted_once_an_hour() {
        let (uses, book) = (LastUses::default(), Notebook::default());
        let caller = TenantCaller { tenant: TenantId::default_tenant(), key: "key_1".parse().unwrap() };
        for minute in [0, 1, 30, 59, 61, 119, 121] {
            uses.note(&book, &caller, Timestamp::from_second(minute * 60).unwrap()).await;
        }
        assert_eq!(*book.0.lock().unwrap(), [0, 1, 2]);
    }

    #[test]
    fn a_credential_is_in_no_debug_text() {
        assert_eq!(format!("{:?}", credential(1)), "Credential(…)");
    }
}
