//! Sources: made, changed, their tokens rotated, taken away.

use std::time::Duration;

use jiff::Timestamp;

use super::chance::Chance;
use super::directory::{Change, ChangeError, Directory, Entry, EntryName, commit_then};
use super::json_fields::{BodyError, JsonFields};
pub use super::source_body::{NewSource, SourcePatch};
use super::source_lines::{Relined, released, reline};
use crate::auth::{Card, Credential, Opens};
use crate::model::event::Provider;
use crate::model::field_error::FieldError;
use crate::model::ids::SourceId;
use crate::model::source::{Source, SourceToken};
use crate::model::tenant::Tenant;
use crate::model::whatsapp::{Sender, Setup};
use crate::providers::doorbell;
use crate::providers::whatsapp::cloud::challenge::VerifyToken;
use crate::work::StoreError;

/// How long the old token of a rotation opens, unless the operator says otherwise.
pub const DEFAULT_OVERLAP: Duration = Duration::from_secs(86_400);
/// Longest overlap: a token that is to go should go.
const MAX_OVERLAP_S: u32 = 30 * 86_400;

/// Why a source was not made or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// What was asked for cannot be had.
    #[error("what was asked for cannot be had")]
    Unacceptable(Vec<FieldError>),
    /// A number is linked already: here, or elsewhere.
    #[error("a number is linked already")]
    NumberLinked,
    /// The directory was not changed.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for SourceError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

/// A source with what is shown this once.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The source.
    pub source: Source,
    /// What opens it, and stands in its address. Of the Cloud API's sources that is their id: what Meta sends is
    /// signed.
    pub token: Credential,
    /// What Meta is told together with the address.
    pub verify_token: Option<VerifyToken>,
}

/// The cards of a source: one for each token that opens it.
pub(super) fn cards<'a>(source: &'a Source, tenant: &'a Tenant) -> impl Iterator<Item = Card> + 'a {
    let card = move |hash: &str, valid_until| Card {
        hash: hash.to_owned(),
        tenant: source.tenant.clone(),
        opens: Opens::Source {
            source: source.id.clone(),
            provider: source.provider,
            whatsapp: source.whatsapp.clone().map(Box::new),
            moysklad: source.moysklad,
        },
        enabled: source.enabled && tenant.enabled,
        allowed_cidrs: source.allowed_cidrs.clone(),
        valid_until,
    };
    let previous = source.token.previous.iter();
    std::iter::once(card(&source.token.hash, None))
        .chain(previous.map(move |previous| card(&previous.hash, Some(previous.valid_until))))
}

/// What takes a source away, and the connections it serves.
pub(super) fn drops(source: &Source) -> Vec<Change> {
    let cards = source.token.hashes().map(|hash| Change::Drop(EntryName::Card(hash.to_owned())));
    let lines = source.whatsapp.iter().flat_map(|setup| &setup.lines);
    let connections = lines.map(|line| Change::Drop(released(source, line)));
    let row = Change::Drop(EntryName::Source(source.tenant.clone(), source.id.clone()));
    cards.chain(connections).chain([row]).collect()
}

/// The address of a source with this token. The default source's senders may put the token in a header instead.
#[must_use]
pub fn address(base: &str, source: &Source, token: &str) -> String {
    let path = doorbell(source.provider).unwrap_or_default();
    format!("{base}{path}/{token}")
}

/// Makes a source; what is secret of it is shown this once.
///
/// # Errors
/// When there is no such tenant, a number is linked already, or the store does not answer.
pub async fn create(
    directory: &impl Directory,
    new: NewSource,
    chance: &Chance<'_>,
    now: Timestamp,
) -> Result<Opened, SourceError> {
    make(directory, new, false, chance, now).await
}

/// Makes a source; one that is made for a connection goes with it.
pub(super) async fn make(
    directory: &impl Directory,
    new: NewSource,
    is_connections_own: bool,
    chance: &Chance<'_>,
    now: Timestamp,
) -> Result<Opened, SourceError> {
    let (opened, changes) = prepare(directory, new, is_connections_own, chance, now).await?;
    commit_then(directory, &changes, &[]).await?;
    Ok(opened)
}

/// A source as it is going to be, and the changes that make it: for what is made together with it.
pub(super) async fn prepare(
    directory: &impl Directory,
    new: NewSource,
    is_connections_own: bool,
    chance: &Chance<'_>,
    now: Timestamp,
) -> Result<(Opened, Vec<Change>), SourceError> {
    let Some(tenant) = directory.tenant(&new.tenant).await? else {
        let unknown = FieldError::new("tenant_id", "unknown_tenant", "there is no such tenant");
        return Err(SourceError::Unacceptable(vec![unknown]));
    };
    let (id, mut settings) = (SourceId::new(now, chance.bytes()), new.settings);
    let token = match new.provider {
        Provider::WhatsappCloud => {
            settings.verify_token.get_or_insert_with(|| VerifyToken::generate(chance.bytes()));
            Credential::of_source(&id)
        }
        Provider::C2s | Provider::Tenant | Provider::Baileys | Provider::Moysklad => {
            Credential::generate("", chance.bytes())
        }
    };
    let sender = settings.sender(new.provider, &new.tenant, &id, chance);
    let sender = sender.map_err(|error| SourceError::Unacceptable(vec![error]))?;
    let mut source = Source {
        id,
        tenant: new.tenant,
        provider: new.provider,
        name: new.name,
        enabled: new.enabled,
        allowed_cidrs: new.allowed_cidrs,
        business_hours: new.business_hours,
        token: SourceToken::first(token.hash()),
        whatsapp: sender.map(|sender| Setup { sender, lines: Vec::new(), made_for: None }),
        moysklad: settings.account_id,
        created_at: now,
        rev: 0,
    };
    let wished = settings.numbers.unwrap_or_default();
    let Relined { lines, changes: connections } = reline(directory, &source, &wished, chance, now).await?;
    if let Some(setup) = &mut source.whatsapp {
        setup.made_for = lines.first().filter(|_| is_connections_own).map(|line| line.connection.clone());
        setup.lines = lines;
    }
    let mut changes = vec![Change::Create(Entry::Source(source.clone()))];
    changes.extend(cards(&source, &tenant).map(|card| Change::Create(Entry::Card(card))));
    changes.extend(connections);
    Ok((Opened { source, token, verify_token: settings.verify_token }, changes))
}

/// Changes a source, and the cards with it.
///
/// # Errors
/// When there is none, a number is linked already, it was changed at the same time, or the store does not answer.
pub async fn change(
    directory: &impl Directory,
    id: &SourceId,
    patch: SourcePatch,
    chance: &Chance<'_>,
    now: Timestamp,
) -> Result<Source, SourceError> {
    let mut source = directory.source(id).await?.ok_or(ChangeError::Unknown)?;
    source.name = patch.name.or(source.name);
    source.enabled = patch.enabled.unwrap_or(source.enabled);
    source.allowed_cidrs = patch.allowed_cidrs.unwrap_or(source.allowed_cidrs);
    source.business_hours = patch.business_hours.unwrap_or(source.business_hours);
    let mut connections = Vec::new();
    if let Some(mut setup) = source.whatsapp.clone() {
        let sender = patch.settings.changed(setup.sender, &source.tenant, id, chance);
        setup.sender = sender.map_err(|error| SourceError::Unacceptable(vec![error]))?;
        if let Some(wished) = &patch.settings.numbers {
            let relined = reline(directory, &source, wished, chance, now).await?;
            (setup.lines, connections) = (relined.lines, relined.changes);
        }
        source.whatsapp = Some(setup);
    }
    Ok(replace(directory, source, None, connections).await?)
}

/// Gives a source a new token, shown this once. The old one opens for `overlap` more. The address of a Cloud API's
/// source stays, for it is no secret: what is new is the token that Meta is told with it.
///
/// # Errors
/// When there is none, it was changed at the same time, or the store does not answer.
pub async fn rotate(
    directory: &impl Directory,
    id: &SourceId,
    overlap: Duration,
    chance: [u8; 32],
    now: Timestamp,
) -> Result<Opened, ChangeError> {
    let mut source = directory.source(id).await?.ok_or(ChangeError::Unknown)?;
    if let Some(Sender::CloudApi { verify_token, .. }) = source.whatsapp.as_mut().map(|setup| &mut setup.sender) {
        let mut half = [0; 16];
        half.copy_from_slice(&chance[..16]);
        let fresh = VerifyToken::generate(half);
        *verify_token = fresh.hash();
        let token = Credential::of_source(id);
        let source = replace(directory, source, None, Vec::new()).await?;
        return Ok(Opened { source, token, verify_token: Some(fresh) });
    }
    let token = Credential::generate("", chance);
    let before = std::mem::replace(&mut source.token, SourceToken::first(String::new()));
    source.token = before.rotated(token.hash(), now, overlap);
    let source = replace(directory, source, Some(&before), Vec::new()).await?;
    Ok(Opened { source, token, verify_token: None })
}

/// Writes a changed source with its cards and the changes of its connections, and takes away the cards of tokens it no
/// longer has.
pub(super) async fn replace(
    directory: &impl Directory,
    mut source: Source,
    before: Option<&SourceToken>,
    connections: Vec<Change>,
) -> Result<Source, ChangeError> {
    let tenant = directory.tenant(&source.tenant).await?.ok_or(ChangeError::Unknown)?;
    source.rev += 1;
    let mut changes = vec![Change::Replace(Entry::Source(source.clone()))];
    changes.extend(cards(&source, &tenant).map(|card| Change::Put(Entry::Card(card))));
    let gone = before.into_iter().flat_map(SourceToken::hashes);
    let gone = gone.filter(|hash| source.token.hashes().all(|kept| kept != *hash));
    changes.extend(gone.map(|hash| Change::Drop(EntryName::Card(hash.to_owned()))));
    changes.extend(connections);
    commit_then(directory, &changes, &[]).await?;
    Ok(source)
}

/// Takes a source away with the connections it serves: it lets nothing in within ten seconds. What came in by it stays
/// until its time.
///
/// # Errors
/// When there is none, it is the default one, it was changed at the same time, or the store does not answer.
pub async fn remove(directory: &impl Directory, id: &SourceId) -> Result<(), ChangeError> {
    if *id == SourceId::default_c2s() {
        return Err(ChangeError::Default);
    }
    let source = directory.source(id).await?.ok_or(ChangeError::Unknown)?;
    commit_then(directory, &drops(&source), &[]).await
}

/// Reads the body of `POST …/rotate`: how long the old token opens.
///
/// # Errors
/// With everything that is wrong with it.
pub fn overlap(mut fields: JsonFields) -> Result<Duration, BodyError> {
    let seconds = fields.number("overlap_s", &(0..=MAX_OVERLAP_S));
    fields.refuse_rest();
    fields.finish(Some(seconds.map_or(DEFAULT_OVERLAP, |seconds| Duration::from_secs(seconds.into()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Denied, Door};
    use crate::manage::tenants::{self, TenantFields};
    use crate::model::event::Provider;
    use crate::model::ids::TenantId;
    use crate::testing::MemoryStore;
    use crate::testing::samples::fixed_chance;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + seconds).unwrap()
    }

    async fn made() -> (MemoryStore, Source, Credential) {
        let store = MemoryStore::default();
        let tenant: TenantId = "ten_1".parse().unwrap();
        tenants::create(&store, tenant.clone(), TenantFields::default(), at(0)).await.unwrap();
        let new = NewSource::plain(Provider::C2s, tenant);
        let Opened { source, token, .. } = create(&store, new, &fixed_chance(1).of(), at(0)).await.unwrap();
        (store, source, token)
    }

    async fn knock(store: &MemoryStore, token: &Credential, seconds: i64) -> Result<SourceId, Denied> {
        let door = Door::new(store.clone());
        let caller = door.source(Some(token), Provider::C2s, "203.0.113.9".parse().ok(), at(seconds)).await?;
        Ok(caller.source)
    }

    #[tokio::test]
    async fn after_a_rotation_both_tokens_open_until_the_overlap_ends() {
        let (store, source, first) = made().await;
        let second = rotate(&store, &source.id, Duration::from_secs(60), [2; 32], at(0)).await.unwrap().token;
        assert_eq!(knock(&store, &first, 59).await, Ok(source.id.clone()));
        assert_eq!(knock(&store, &first, 60).await, Err(Denied::Unauthorized));
        assert_eq!(knock(&store, &second, 60).await, Ok(source.id));
    }

    #[tokio::test]
    async fn a_leaked_token_opens_nothing_once_it_is_rotated_without_overlap() {
        let (store, source, first) = made().await;
        let second = rotate(&store, &source.id, DEFAULT_OVERLAP, [2; 32], at(0)).await.unwrap().token;
        let third = rotate(&store, &source.id, Duration::ZERO, [3; 32], at(0)).await.unwrap().token;
        for leaked in [&first, &second] {
            assert_eq!(knock(&store, leaked, 0).await, Err(Denied::Unauthorized));
        }
        assert!(knock(&store, &third, 0).await.is_ok());
    }

    #[tokio::test]
    async fn a_change_is_on_the_cards_of_all_tokens() {
        let (store, source, first) = made().await;
        let second = rotate(&store, &source.id, DEFAULT_OVERLAP, [2; 32], at(0)).await.unwrap().token;
        let patch = |cidr: &str, enabled| SourcePatch {
            allowed_cidrs: Some(vec![cidr.parse().unwrap()]),
            enabled: Some(enabled),
            ..SourcePatch::default()
        };
        change(&store, &source.id, patch("198.51.100.0/24", true), &fixed_chance(4).of(), at(0)).await.unwrap();
        for token in [&first, &second] {
            assert_eq!(knock(&store, token, 0).await, Err(Denied::Address));
        }
        change(&store, &source.id, patch("203.0.113.0/24", false), &fixed_chance(4).of(), at(0)).await.unwrap();
        for token in [&first, &second] {
            assert_eq!(knock(&store, token, 0).await, Err(Denied::Unauthorized));
        }
    }

    #[tokio::test]
    async fn of_two_rotations_at_once_one_is_refused_and_its_token_opens_nothing() {
        let (store, source, _) = made().await;
        let mut stale = source.clone();
        rotate(&store, &source.id, DEFAULT_OVERLAP, [2; 32], at(0)).await.unwrap();
        let late = Credential::generate("", [3; 32]);
        stale.token = stale.token.rotated(late.hash(), at(0), DEFAULT_OVERLAP);
        assert_eq!(replace(&store, stale, None, Vec::new()).await, Err(ChangeError::Conflict));
        assert_eq!(knock(&store, &late, 0).await, Err(Denied::Unauthorized));
    }

    #[tokio::test]
    async fn a_source_taken_away_lets_nothing_in_and_the_default_one_stays() {
        let (store, source, token) = made().await;
        remove(&store, &source.id).await.unwrap();
        assert_eq!(knock(&store, &token, 0).await, Err(Denied::Unauthorized));
        assert_eq!(remove(&store, &source.id).await, Err(ChangeError::Unknown));
        assert_eq!(remove(&store, &SourceId::default_c2s()).await, Err(ChangeError::Default));
    }

    #[tokio::test]
    async fn a_source_for_nobody_is_not_made() {
        let new = NewSource::plain(Provider::C2s, "ten_nobody".parse().unwrap());
        let refused = create(&MemoryStore::default(), new, &fixed_chance(1).of(), at(0)).await.unwrap_err();
        let unknown = FieldError::new("tenant_id", "unknown_tenant", "there is no such tenant");
        assert_eq!(refused, SourceError::Unacceptable(vec![unknown]));
    }

    #[tokio::test]
    async fn a_token_stands_in_its_sources_address() {
        let (_, source, token) = made().await;
        let address = address("https://api.example.com/v", &source, token.expose());
        assert_eq!(address, format!("https://api.example.com/v/api/v1/webhooks/c2s/{}", "01".repeat(32)));
    }
}
