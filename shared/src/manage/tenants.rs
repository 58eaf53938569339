//! Tenants: made, renamed, closed and opened, taken away.

use jiff::Timestamp;

use super::api_keys;
use super::directory::{Change, ChangeError, Directory, Entry, EntryName, MAX_TOGETHER, commit_then};
use super::json_fields::{BodyError, JsonFields};
use super::moysklad::accounts;
use super::source_lines::{elsewhere, take_away};
use super::sources;
use crate::model::ids::TenantId;
use crate::model::tenant::Tenant;

/// Longest name of anything an operator names.
pub const MAX_NAME_CHARS: usize = 100;

/// What a body says of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantFields {
    /// Its name.
    pub name: Option<String>,
    /// Whether its keys and sources open anything.
    pub enabled: Option<bool>,
}

impl TenantFields {
    /// Reads a body; a new tenant must have a name.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn read(mut fields: JsonFields, new: bool) -> Result<Self, BodyError> {
        if new && fields.is_missing("name") {
            fields.refuse("name", "missing", "a tenant needs a name");
        }
        let read = Self { name: name(&mut fields), enabled: fields.boolean("enabled") };
        fields.refuse_rest();
        fields.finish(Some(read))
    }
}

/// Takes a name.
pub(super) fn name(fields: &mut JsonFields) -> Option<String> {
    let name = fields.text("name")?.trim().to_owned();
    let sane = (1..=MAX_NAME_CHARS).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if sane {
        return Some(name);
    }
    fields.refused("name", "invalid_name", format!("a name has 1 to {MAX_NAME_CHARS} characters"))
}

/// Makes a tenant.
///
/// # Errors
/// When the store does not answer.
pub async fn create(
    directory: &impl Directory,
    id: TenantId,
    fields: TenantFields,
    now: Timestamp,
) -> Result<Tenant, ChangeError> {
    let (name, enabled) = (fields.name.unwrap_or_default(), fields.enabled.unwrap_or(true));
    let tenant = Tenant { id, name, created_at: now, enabled, rev: 0 };
    match directory.commit(&[Change::Create(Entry::Tenant(tenant.clone()))]).await? {
        true => Ok(tenant),
        false => Err(ChangeError::Conflict),
    }
}

/// Changes a tenant. Whether it is enabled is written on all its cards, and on its numbers at other sources, also when it
/// stays as it was: so a change that was cut short is completed by making it again.
///
/// # Errors
/// When there is none, it was changed at the same time, or the store does not answer.
pub async fn change(directory: &impl Directory, id: &TenantId, fields: TenantFields) -> Result<Tenant, ChangeError> {
    let mut tenant = directory.tenant(id).await?.ok_or(ChangeError::Unknown)?;
    tenant.rev += 1;
    tenant.name = fields.name.unwrap_or(tenant.name);
    tenant.enabled = fields.enabled.unwrap_or(tenant.enabled);
    let mut cards = Vec::new();
    if fields.enabled.is_some() {
        for key in directory.keys_of(id).await? {
            cards.push(Change::Put(Entry::Card(api_keys::card(&key, &tenant))));
        }
        for source in directory.sources_of(id).await? {
            cards.extend(sources::cards(&source, &tenant).map(|card| Change::Put(Entry::Card(card))));
        }
    }
    commit_then(directory, &[Change::Replace(Entry::Tenant(tenant.clone()))], &cards).await?;
    if fields.enabled.is_some() {
        for mut source in elsewhere(directory, id).await? {
            let lines = source.whatsapp.iter_mut().flat_map(|setup| &mut setup.lines);
            lines.filter(|line| line.client.as_ref() == Some(id)).for_each(|line| line.disabled = !tenant.enabled);
            sources::replace(directory, source, None, Vec::new()).await?;
        }
    }
    Ok(tenant)
}

/// Takes a tenant away with its keys, sources, numbers, MoySklad accounts and subscriptions. What came in and went out stays
/// until its time; what MoySklad was told of stays there, and rings at a closed door.
/// Credentials go first: if this is cut short, nothing is left open, and asking again completes it.
///
/// # Errors
/// When there is none, it is the default one, or the store does not answer.
pub async fn remove(directory: &impl Directory, id: &TenantId) -> Result<(), ChangeError> {
    if *id == TenantId::default_tenant() {
        return Err(ChangeError::Default);
    }
    directory.tenant(id).await?.ok_or(ChangeError::Unknown)?;
    for mut source in elsewhere(directory, id).await? {
        let connections = take_away(&mut source, |line| line.client.as_ref() == Some(id));
        sources::replace(directory, source, None, connections).await?;
    }
    let mut drops = Vec::new();
    for key in directory.keys_of(id).await? {
        drops.extend(api_keys::drops(&key));
    }
    for source in directory.sources_of(id).await? {
        drops.extend(sources::drops(&source));
    }
    for account in directory.accounts_of(id).await? {
        drops.extend(accounts::drops(&account));
    }
    drops.push(Change::Drop(EntryName::Tenant(id.clone())));
    for chunk in drops.chunks(MAX_TOGETHER) {
        if !directory.commit(chunk).await? {
            return Err(ChangeError::Conflict);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Cards, Credential, Denied, Door};
    use crate::manage::sources::{NewSource, create as create_source};
    use crate::model::event::Provider;
    use crate::testing::MemoryStore;
    use crate::testing::samples::fixed_chance;

    fn now() -> Timestamp {
        Timestamp::from_second(1_900_000_000).unwrap()
    }

    fn named(name: &str) -> TenantFields {
        TenantFields { name: Some(name.into()), enabled: None }
    }

    async fn with_credentials(store: &MemoryStore) -> (Tenant, Credential, Credential) {
        let tenant = create(store, "ten_1".parse().unwrap(), named("Imobiliária"), now()).await.unwrap();
        let (_, key) = api_keys::create(store, &tenant.id, Default::default(), [1; 10], [1; 32], now()).await.unwrap();
        let new = NewSource::plain(Provider::C2s, tenant.id.clone());
        let opened = create_source(store, new, &fixed_chance(2).of(), now()).await.unwrap();
        (tenant, key, opened.token)
    }

    async fn lets_in(store: &MemoryStore, key: &Credential, token: &Credential) -> [bool; 2] {
        let door = Door::new(store.clone());
        [
            door.tenant(Some(key), now()).await.is_ok(),
            door.source(Some(token), Provider::C2s, None, now()).await.is_ok(),
        ]
    }

    #[tokio::test]
    async fn a_disabled_tenants_keys_and_sources_open_nothing_until_it_is_enabled() {
        let store = MemoryStore::default();
        let (tenant, key, token) = with_credentials(&store).await;
        assert_eq!(lets_in(&store, &key, &token).await, [true, true]);
        let enabled = |enabled| TenantFields { name: None, enabled: Some(enabled) };
        change(&store, &tenant.id, enabled(false)).await.unwrap();
        assert_eq!(lets_in(&store, &key, &token).await, [false, false]);
        let back = change(&store, &tenant.id, enabled(true)).await.unwrap();
        assert_eq!(lets_in(&store, &key, &token).await, [true, true]);
        assert_eq!((back.name.as_str(), back.rev), ("Imobiliária", 2));
    }

    #[tokio::test]
    async fn a_tenant_taken_away_leaves_no_card_behind() {
        let store = MemoryStore::default();
        let (tenant, key, token) = with_credentials(&store).await;
        remove(&store, &tenant.id).await.unwrap();
        for credential in [&key, &token] {
            assert_eq!(store.card(&credential.hash()).await.unwrap(), None);
        }
        assert_eq!(change(&store, &tenant.id, named("x")).await, Err(ChangeError::Unknown));
        let door = Door::new(store);
        assert_eq!(door.tenant(Some(&key), now()).await, Err(Denied::Unauthorized));
    }

    #[tokio::test]
    async fn the_default_tenant_stays() {
        assert_eq!(remove(&MemoryStore::default(), &TenantId::default_tenant()).await, Err(ChangeError::Default));
    }

    #[test]
    fn a_body_is_told_everything_that_is_wrong_with_it() {
        let read = |body: &str, new| match JsonFields::read(body.as_bytes()).and_then(|f| TenantFields::read(f, new)) {
            Err(BodyError::Fields(errors)) => errors.into_iter().map(|error| error.path + ":" + error.code).collect(),
            other => vec![format!("{other:?}")],
        };
        assert_eq!(
            read(r#"{"name":" ","enabled":1,"nmae":"x"}"#, true),
            ["name:invalid_name", "enabled:invalid_type", "nmae:unknown_field"]
        );
        assert_eq!(read("{}", true), ["name:missing"]);
        assert_eq!(read("{}", false).len(), 1);
    }
}
