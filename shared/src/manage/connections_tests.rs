use super::*;
use crate::auth::{Credential, Denied, Door};
use crate::manage::json_fields::JsonFields;
use crate::manage::source_body::{NewSource, SourcePatch};
use crate::manage::tenants::{self, TenantFields};
use crate::model::event::Provider;
use crate::model::whatsapp::{Sender, Setup};
use crate::testing::MemoryStore;
use crate::testing::samples::{FixedChance, counting_chance, stack_keys};

use serde_json::{Value, json};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + seconds).unwrap()
}

fn tenant(n: u8) -> TenantId {
    format!("ten_{n}").parse().unwrap()
}

fn number(n: u8) -> WhatsappNumber {
    WhatsappNumber::parse(&format!("551190000{n:04}")).unwrap()
}

struct Desk {
    store: MemoryStore,
    chance: FixedChance,
}

impl Desk {
    async fn new() -> Self {
        let desk = Self { store: MemoryStore::default(), chance: counting_chance() };
        for n in 1..=3 {
            tenants::create(&desk.store, tenant(n), TenantFields::default(), at(0)).await.unwrap();
        }
        desk
    }

    async fn link(&self, n: u8, body: Value) -> Result<Linked, Refusal> {
        let new = NewConnection::read(JsonFields::read(body.to_string().as_bytes())?)?;
        link(&self.store, &tenant(n), new, &self.chance.of(), at(0)).await
    }

    async fn operators(&self, numbers: Value) -> Result<Opened, SourceError> {
        let body = json!({
            "provider": "whatsapp_cloud", "tenant_id": "ten_1",
            "config": {"app_secret": "an-app-secret", "numbers": numbers},
        });
        let new = NewSource::read(JsonFields::read(body.to_string().as_bytes()).unwrap()).unwrap();
        sources::create(&self.store, new, &self.chance.of(), at(0)).await
    }

    /// The door's memory is new each time: as it is ten seconds later.
    async fn knock(&self, credential: &Credential, provider: Provider) -> Result<(TenantId, Setup), Denied> {
        let door = Door::new(self.store.clone());
        let (caller, setup) = door.whatsapp(Some(credential), provider, None, at(0)).await?;
        Ok((caller.tenant, setup))
    }

    async fn lines(&self, credential: &Credential) -> Vec<(String, bool)> {
        let (_, setup) = self.knock(credential, Provider::WhatsappCloud).await.unwrap();
        setup.lines.iter().map(|line| (line.number.digits()[9..].to_owned(), line.disabled)).collect()
    }
}

fn gateways(n: u8) -> Value {
    json!({"phone_number": number(n).digits(), "provider": "baileys", "dialect": "gowa", "secret": "correct horse"})
}

#[tokio::test]
async fn a_linked_number_has_a_door_of_its_own_and_its_secrets_are_on_no_row() {
    let desk = Desk::new().await;
    let linked = desk.link(1, gateways(1)).await.unwrap();
    let (owner, setup) = desk.knock(&linked.opened.token, Provider::Baileys).await.unwrap();
    assert_eq!((owner, &setup.made_for), (tenant(1), &Some(linked.connection.id.clone())));
    assert_eq!(setup.lines.len(), 1);
    let sealed = setup.sender.secret().unwrap();
    let opened = stack_keys().open_text(sealed, &tenant(1), linked.connection.source.as_str());
    assert_eq!(opened.unwrap(), "correct horse");
    let rows = format!("{:?} {}", desk.store, serde_json::to_string(&linked.opened.source).unwrap());
    for secret in ["correct horse", linked.opened.token.expose()] {
        assert!(!rows.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn the_cloud_apis_address_holds_the_sources_name_and_its_verify_token_is_shown_once() {
    let desk = Desk::new().await;
    let body = json!({"phone_number": number(1).digits(), "provider": "cloud_api", "app_secret": "an-app-secret"});
    let linked = desk.link(1, body).await.unwrap();
    assert_eq!(linked.opened.token.expose(), linked.connection.source.as_str());
    let (_, setup) = desk.knock(&linked.opened.token, Provider::WhatsappCloud).await.unwrap();
    let Sender::CloudApi { verify_token, .. } = &setup.sender else { panic!("{setup:?}") };
    let shown = linked.opened.verify_token.unwrap();
    assert_eq!(*verify_token, shown.hash());
    assert_eq!(desk.knock(&linked.opened.token, Provider::Baileys).await, Err(Denied::WrongKind));

    let rotated = sources::rotate(&desk.store, &linked.connection.source, sources::DEFAULT_OVERLAP, [9; 32], at(1));
    let rotated = rotated.await.unwrap();
    let (_, setup) = desk.knock(&rotated.token, Provider::WhatsappCloud).await.unwrap();
    let Sender::CloudApi { verify_token, .. } = &setup.sender else { panic!("{setup:?}") };
    assert_eq!(
        (verify_token, rotated.token.expose()),
        (&rotated.verify_token.unwrap().hash(), linked.opened.token.expose())
    );
    assert_ne!(*verify_token, shown.hash());
}

#[tokio::test]
async fn a_number_is_linked_once_and_nobody_learns_by_whom() {
    let desk = Desk::new().await;
    let first = desk.link(1, gateways(1)).await.unwrap();
    let refused = Err(Refusal::Conflict(Conflict::NumberLinked));
    for n in [1, 2] {
        assert_eq!(desk.link(n, gateways(1)).await.map(drop), refused);
    }
    assert_eq!(
        desk.operators(json!([{"phone_number": number(1).digits()}])).await.unwrap_err(),
        SourceError::NumberLinked
    );
    assert_eq!(release(&desk.store, &tenant(2), &first.connection.id).await, Err(Refusal::NotFound));

    release(&desk.store, &tenant(1), &first.connection.id).await.unwrap();
    assert_eq!(desk.knock(&first.opened.token, Provider::Baileys).await, Err(Denied::Unauthorized));
    assert_eq!(desk.store.source(&first.connection.source).await, Ok(None));
    assert_eq!(release(&desk.store, &tenant(1), &first.connection.id).await, Err(Refusal::NotFound));
    assert!(desk.link(2, gateways(1)).await.is_ok());
}

#[tokio::test]
async fn a_tenant_links_so_many_numbers_and_no_more() {
    let desk = Desk::new().await;
    for n in 0..MAX_CONNECTIONS {
        desk.link(1, gateways(n.try_into().unwrap())).await.unwrap();
    }
    assert_eq!(
        desk.link(1, gateways(200)).await.map(drop),
        Err(Refusal::Conflict(Conflict::TooManyConnections { max: MAX_CONNECTIONS }))
    );
}

fn several() -> Value {
    json!([
        {"phone_number": number(1).digits()},
        {"phone_number": number(2).digits(), "tenant_id": "ten_2", "phone_number_id": "2"},
        {"phone_number": number(3).digits(), "tenant_id": "ten_3"},
    ])
}

fn line(n: u8, disabled: bool) -> (String, bool) {
    (format!("{n:04}"), disabled)
}

#[tokio::test]
async fn an_operators_source_serves_several_clients_and_each_has_its_own_number() {
    let desk = Desk::new().await;
    let opened = desk.operators(several()).await.unwrap();
    assert_eq!(desk.lines(&opened.token).await, [line(1, false), line(2, false), line(3, false)]);
    for n in 1..=3 {
        let theirs = desk.store.connections_of(&tenant(n)).await.unwrap();
        assert_eq!(theirs.iter().map(|one| &one.phone_number).collect::<Vec<_>>(), [&number(n)]);
    }

    let second = desk.store.connections_of(&tenant(2)).await.unwrap().remove(0);
    release(&desk.store, &tenant(2), &second.id).await.unwrap();
    assert_eq!(desk.lines(&opened.token).await, [line(1, false), line(3, false)], "the others are served on");
    assert!(desk.link(1, gateways(2)).await.is_ok(), "and the number is free");

    sources::remove(&desk.store, &opened.source.id).await.unwrap();
    assert_eq!(desk.store.holder_of(&number(3)).await, Ok(None));
}

#[tokio::test]
async fn a_client_that_is_disabled_or_goes_takes_its_number_along() {
    let desk = Desk::new().await;
    let opened = desk.operators(several()).await.unwrap();
    let enabled = |enabled| TenantFields { name: None, enabled: Some(enabled) };
    tenants::change(&desk.store, &tenant(2), enabled(false)).await.unwrap();
    assert_eq!(desk.lines(&opened.token).await, [line(1, false), line(2, true), line(3, false)]);
    tenants::change(&desk.store, &tenant(2), enabled(true)).await.unwrap();
    assert_eq!(desk.lines(&opened.token).await, [line(1, false), line(2, false), line(3, false)]);
    tenants::remove(&desk.store, &tenant(2)).await.unwrap();
    assert_eq!(desk.lines(&opened.token).await, [line(1, false), line(3, false)]);
    assert_eq!(desk.store.holder_of(&number(2)).await, Ok(None));
    tenants::remove(&desk.store, &tenant(1)).await.unwrap();
    assert_eq!(desk.store.holder_of(&number(3)).await, Ok(None), "with the source go all its numbers");
}

#[tokio::test]
async fn a_change_of_a_sources_numbers_keeps_the_connections_that_stay() {
    let desk = Desk::new().await;
    let opened = desk.operators(several()).await.unwrap();
    let change = async |numbers: Value| {
        let body = json!({"config": {"numbers": numbers}}).to_string();
        let patch = SourcePatch::read(JsonFields::read(body.as_bytes()).unwrap(), Provider::WhatsappCloud).unwrap();
        sources::change(&desk.store, &opened.source.id, patch, &desk.chance.of(), at(5)).await
    };
    let before = desk.store.connections_of(&tenant(2)).await.unwrap().remove(0);
    let mine = json!({"phone_number": number(2).digits(), "tenant_id": "ten_2", "phone_number_id": "22"});
    let fourth = json!({"phone_number": number(4).digits(), "tenant_id": "ten_2"});
    change(json!([mine, fourth])).await.unwrap();
    assert_eq!(desk.lines(&opened.token).await, [line(2, false), line(4, false)]);
    let after = desk.store.connections_of(&tenant(2)).await.unwrap();
    let kept = Connection { phone_number_id: Some("22".into()), ..before };
    assert_eq!((after.len(), after.contains(&kept)), (2, true));
    assert_eq!(desk.store.holder_of(&number(1)).await, Ok(None));

    let anothers = json!([{"phone_number": number(2).digits(), "tenant_id": "ten_3"}]);
    assert_eq!(change(anothers).await.unwrap_err(), SourceError::NumberLinked, "a number changes hands by a release");
    let nobodys = json!([{"phone_number": number(5).digits(), "tenant_id": "ten_nobody"}]);
    let refused = change(nobodys).await.unwrap_err();
    assert!(
        matches!(&refused, SourceError::Unacceptable(errors) if errors[0].path == "config.numbers[0].tenant_id"),
        "{refused:?}"
    );
}
