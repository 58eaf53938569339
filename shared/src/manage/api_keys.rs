//! Tenants' keys.

use jiff::Timestamp;

use super::directory::{Change, ChangeError, Directory, Entry, EntryName};
use super::json_fields::{BodyError, JsonFields};
use super::tenants;
use crate::auth::{Card, Credential, Opens};
use crate::model::api_key::{ApiKey, KEY_PREFIX};
use crate::model::ids::{KeyId, TenantId};
use crate::model::tenant::Tenant;

/// Most keys of one tenant: one a program and a few to rotate, not one a user.
pub const MAX_KEYS: usize = 100;

/// What a body says of a new key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewKey {
    /// What it is for.
    pub name: Option<String>,
    /// Until when it is valid.
    pub expires_at: Option<Timestamp>,
}

impl NewKey {
    /// Reads the body of `POST …/keys`.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn read(mut fields: JsonFields, now: Timestamp) -> Result<Self, BodyError> {
        let name = tenants::name(&mut fields);
        let expires_at = fields.text("expires_at").and_then(|text| match text.parse::<Timestamp>() {
            Ok(at) if at > now => Some(at),
            Ok(_) => fields.refused("expires_at", "in_the_past", "a key that has expired opens nothing"),
            Err(_) => fields.refused("expires_at", "invalid_time", "a time like 2030-01-31T00:00:00Z"),
        });
        fields.refuse_rest();
        fields.finish(Some(Self { name, expires_at }))
    }
}

/// The card of a key.
pub(super) fn card(key: &ApiKey, tenant: &Tenant) -> Card {
    Card {
        hash: key.hash.clone(),
        tenant: key.tenant.clone(),
        opens: Opens::Tenant { key: key.id.clone() },
        enabled: tenant.enabled,
        allowed_cidrs: Vec::new(),
        valid_until: key.valid_until,
    }
}

/// What takes a key away.
pub(super) fn drops(key: &ApiKey) -> [Change; 2] {
    [Change::Drop(EntryName::Card(key.hash.clone())), Change::Drop(EntryName::Key(key.tenant.clone(), key.id.clone()))]
}

/// Makes a key; it is shown this once.
///
/// # Errors
/// When there is no such tenant, it has too many keys, or the store does not answer.
pub async fn create(
    directory: &impl Directory,
    tenant: &TenantId,
    new: NewKey,
    id: [u8; 10],
    chance: [u8; 32],
    now: Timestamp,
) -> Result<(ApiKey, Credential), ChangeError> {
    let tenant = directory.tenant(tenant).await?.ok_or(ChangeError::Unknown)?;
    let others = directory.keys_of(&tenant.id).await?.len();
    if others >= MAX_KEYS {
        return Err(ChangeError::TooMany(others));
    }
    let credential = Credential::generate(KEY_PREFIX, chance);
    let text = credential.expose();
    let key = ApiKey {
        id: KeyId::new(now, id),
        tenant: tenant.id.clone(),
        name: new.name,
        hash: credential.hash(),
        hint: text[text.len() - 4..].to_owned(),
        created_at: now,
        last_used_at: None,
        valid_until: new.expires_at,
    };
    let changes = [Change::Create(Entry::Key(key.clone())), Change::Create(Entry::Card(card(&key, &tenant)))];
    if directory.commit(&changes).await? { Ok((key, credential)) } else { Err(ChangeError::Conflict) }
}

/// A tenant's keys, newest first.
///
/// # Errors
/// When there is no such tenant, or the store does not answer.
pub async fn list(directory: &impl Directory, tenant: &TenantId) -> Result<Vec<ApiKey>, ChangeError> {
    directory.tenant(tenant).await?.ok_or(ChangeError::Unknown)?;
    let mut keys = directory.keys_of(tenant).await?;
    keys.reverse();
    Ok(keys)
}

/// Takes a key away: it opens nothing within ten seconds.
///
/// # Errors
/// When there is none, or the store does not answer.
pub async fn remove(directory: &impl Directory, tenant: &TenantId, id: &KeyId) -> Result<(), ChangeError> {
    let keys = directory.keys_of(tenant).await?;
    let key = keys.iter().find(|key| key.id == *id).ok_or(ChangeError::Unknown)?;
    directory.commit(&drops(key)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Denied, Door};
    use crate::manage::tenants::TenantFields;
    use crate::testing::MemoryStore;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + seconds).unwrap()
    }

    async fn store_with_tenant() -> (MemoryStore, TenantId) {
        let store = MemoryStore::default();
        let id: TenantId = "ten_1".parse().unwrap();
        tenants::create(&store, id.clone(), TenantFields::default(), at(0)).await.unwrap();
        (store, id)
    }

    #[tokio::test]
    async fn a_key_is_shown_once_and_stored_as_its_hash() {
        let (store, tenant) = store_with_tenant().await;
        let (key, credential) = create(&store, &tenant, NewKey::default(), [1; 10], [7; 32], at(0)).await.unwrap();
        assert_eq!(credential.expose().len(), "gch_".len() + 64);
        let stored = serde_json::to_string(&list(&store, &tenant).await.unwrap()).unwrap();
        assert!(!stored.contains(credential.expose()) && stored.contains(&key.hint));
        let caller = Door::new(store).tenant(Some(&credential), at(0)).await.unwrap();
        assert_eq!((caller.tenant, caller.key), (tenant, key.id));
    }

    #[tokio::test]
    async fn a_key_taken_away_or_expired_opens_nothing() {
        let (store, tenant) = store_with_tenant().await;
        let new = NewKey { name: None, expires_at: Some(at(60)) };
        let (_, expiring) = create(&store, &tenant, new, [1; 10], [1; 32], at(0)).await.unwrap();
        let (key, revoked) = create(&store, &tenant, NewKey::default(), [2; 10], [2; 32], at(0)).await.unwrap();
        remove(&store, &tenant, &key.id).await.unwrap();
        let door = Door::new(store.clone());
        assert!(door.tenant(Some(&expiring), at(59)).await.is_ok());
        assert_eq!(door.tenant(Some(&expiring), at(60)).await, Err(Denied::Unauthorized));
        assert_eq!(door.tenant(Some(&revoked), at(0)).await, Err(Denied::Unauthorized));
        assert_eq!(remove(&store, &tenant, &key.id).await, Err(ChangeError::Unknown));
    }

    #[tokio::test]
    async fn another_tenants_key_is_not_there_to_be_taken_away() {
        let (store, tenant) = store_with_tenant().await;
        let (key, _) = create(&store, &tenant, NewKey::default(), [1; 10], [1; 32], at(0)).await.unwrap();
        let other = "ten_2".parse().unwrap();
        assert_eq!(remove(&store, &other, &key.id).await, Err(ChangeError::Unknown));
        let none = create(&store, &other, NewKey::default(), [1; 10], [1; 32], at(0)).await;
        assert_eq!(none.unwrap_err(), ChangeError::Unknown);
    }
}
