//! What every directory must do. Names begin with a prefix of their own, so that an exam can be sat twice in one store.

use futures::future::join_all;
use jiff::Timestamp;

use super::samples::FixedChance;
use crate::auth::{Cards, Credential};
use crate::manage::api_keys::{self, NewKey};
use crate::manage::connections::Connections;
use crate::manage::directory::{Change, ChangeError, Directory, Entry, EntryName};
use crate::manage::moysklad::book::{MoyskladAccounts, Place};
use crate::manage::sources::{self, NewSource, Opened, SourcePatch};
use crate::manage::tenants::{self, TenantFields};
use crate::model::event::Provider;
use crate::model::ids::{SourceId, TenantId};
use crate::model::moysklad::{Account, AccountId, Role};
use crate::model::sealed::Sealed;
use crate::model::tenant::Tenant;
use crate::model::whatsapp::{Connection, WhatsappNumber};

/// What sits the exam.
pub trait Examined: Cards + Connections + Directory + MoyskladAccounts {}
impl<S: Cards + Connections + Directory + MoyskladAccounts> Examined for S {}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + seconds).expect("a time")
}

async fn tenant(store: &impl Directory, id: &str) -> Tenant {
    let id: TenantId = id.parse().expect("an identifier");
    tenants::create(store, id, TenantFields { name: Some("Sol".into()), enabled: None }, at(0)).await.expect("made")
}

async fn card_is_enabled(store: &impl Cards, credential: &Credential) -> Option<bool> {
    store.card(&credential.hash()).await.expect("the store answers").map(|card| card.enabled)
}

/// All of it.
///
/// # Panics
/// When the store fails the exam.
pub async fn all(store: &impl Examined, prefix: &str) {
    let name = |what: &str| format!("ten_{prefix}_{what}");
    changes_of_one_state_do_not_both_go_through(store, &name("rev")).await;
    a_tenant_is_known_with_its_keys_and_sources(store, &name("whole")).await;
    changes_are_made_together_or_not_at_all(store, &name("together")).await;
    lists_go_backwards_page_by_page(store, &name("list")).await;
    a_line_is_linked_once(store, &name("line")).await;
    two_who_link_one_line_at_once_do_not_both_get_it(store, &name("race")).await;
    an_account_is_one_tenants_and_goes_only_as_it_was_seen(store, &name("account")).await;
    two_who_claim_one_account_at_once_do_not_both_get_it(store, &name("claim")).await;
    accounts_are_listed_by_when_they_were_made(store, &name("accounts")).await;
}

async fn changes_of_one_state_do_not_both_go_through(store: &impl Examined, id: &str) {
    let tenant = tenant(store, id).await;
    let again = store.commit(&[Change::Create(Entry::Tenant(tenant.clone()))]).await;
    assert_eq!(again, Ok(false), "there is one already");
    let changed = Tenant { name: "Lua".into(), rev: 1, ..tenant.clone() };
    let replace = [Change::Replace(Entry::Tenant(changed.clone()))];
    assert_eq!(store.commit(&replace).await, Ok(true));
    assert_eq!(store.commit(&replace).await, Ok(false), "it was changed since");
    assert_eq!(store.tenant(&tenant.id).await, Ok(Some(changed)));
}

async fn a_tenant_is_known_with_its_keys_and_sources(store: &impl Examined, id: &str) {
    let tenant = tenant(store, id).await;
    let new = NewKey { name: Some("erp".into()), expires_at: Some(at(60)) };
    let mut chance = [0; 32];
    chance[..id.len().min(32)].copy_from_slice(&id.as_bytes()[..id.len().min(32)]);
    let (key, secret) = api_keys::create(store, &tenant.id, new, [1; 10], chance, at(1)).await.expect("a key");
    assert_eq!(store.keys_of(&tenant.id).await, Ok(vec![key.clone()]));
    let card = store.card(&secret.hash()).await.expect("the store answers").expect("a card");
    assert_eq!((card.tenant, card.valid_until), (tenant.id.clone(), Some(at(60))));

    let mut new = NewSource::plain(Provider::C2s, tenant.id.clone());
    new.allowed_cidrs = vec!["203.0.113.0/24".parse().expect("a network")];
    let hours = r#"{"from":"09:00","to":"18:00","zone":"America/Sao_Paulo"}"#;
    new.business_hours = Some(serde_json::from_str(hours).expect("hours"));
    let made = FixedChance::filling(move |bytes| {
        let n = bytes.len().min(chance.len());
        bytes[..n].copy_from_slice(&chance[..n]);
    });
    let Opened { source, token: first, .. } = sources::create(store, new, &made.of(), at(1)).await.expect("a source");
    assert_eq!(store.source(&source.id).await, Ok(Some(source.clone())));
    assert_eq!(store.sources_of(&tenant.id).await, Ok(vec![source.clone()]));
    chance.reverse();
    let Opened { source: rotated, token: second, .. } =
        sources::rotate(store, &source.id, sources::DEFAULT_OVERLAP, chance, at(2)).await.expect("rotated");
    let patch = SourcePatch { enabled: Some(false), ..SourcePatch::default() };
    let closed = sources::change(store, &source.id, patch, &made.of(), at(3)).await.expect("changed");
    assert_eq!((closed.rev, rotated.rev), (2, 1));
    for token in [&first, &second] {
        assert_eq!(card_is_enabled(store, token).await, Some(false));
    }

    tenants::remove(store, &tenant.id).await.expect("taken away");
    for credential in [&secret, &first, &second] {
        assert_eq!(card_is_enabled(store, credential).await, None);
    }
    assert_eq!(store.sources_of(&tenant.id).await, Ok(Vec::new()));
    assert_eq!(store.source(&source.id).await, Ok(None));
    assert_eq!(tenants::remove(store, &tenant.id).await, Err(ChangeError::Unknown));
}

async fn changes_are_made_together_or_not_at_all(store: &impl Examined, id: &str) {
    let there = tenant(store, id).await;
    let other = Tenant { id: format!("{id}_other").parse().expect("an identifier"), ..there.clone() };
    let changes = [Change::Create(Entry::Tenant(other.clone())), Change::Create(Entry::Tenant(there))];
    assert_eq!(store.commit(&changes).await, Ok(false));
    assert_eq!(store.tenant(&other.id).await, Ok(None));
}

async fn lists_go_backwards_page_by_page(store: &impl Examined, id: &str) {
    let mut made = Vec::new();
    for n in 0..5 {
        made.push(tenant(store, &format!("{id}{n}")).await.id);
    }
    let mut before: TenantId = format!("{id}9").parse().expect("an identifier");
    let mut seen = Vec::new();
    while seen.len() < made.len() {
        let page = store.tenants(Some(&before), 2).await.expect("the store answers");
        before = page.last().expect("as many as were made").id.clone();
        seen.extend(page.into_iter().map(|tenant| tenant.id));
    }
    made.reverse();
    assert_eq!(seen[..made.len()], made);
}

/// A Brazilian mobile number of this test's own, with its ninth digit and without.
fn line(id: &str) -> [WhatsappNumber; 2] {
    let n = id.bytes().fold(0_u32, |sum, byte| (sum * 31 + u32::from(byte)) % 10_000_000);
    [format!("+55 11 99{n:07}"), format!("55119{n:07}")].map(|text| WhatsappNumber::parse(&text).expect("a number"))
}

fn connection(tenant: &str, n: u8, phone_number: &WhatsappNumber) -> Connection {
    Connection {
        id: format!("con_{tenant}_{n}").parse().expect("an identifier"),
        tenant: tenant.parse().expect("an identifier"),
        source: SourceId::default_c2s(),
        provider: Provider::WhatsappCloud,
        phone_number: phone_number.clone(),
        phone_number_id: Some("100000000000001".into()),
        created_at: at(0),
    }
}

fn links(connection: &Connection) -> [Change; 1] {
    [Change::Create(Entry::Connection(connection.clone()))]
}

fn releases(connection: &Connection) -> [Change; 1] {
    let Connection { tenant, id, phone_number, .. } = connection.clone();
    [Change::Drop(EntryName::Connection(tenant, id, phone_number))]
}

async fn a_line_is_linked_once(store: &impl Examined, id: &str) {
    let [new, old] = line(id);
    let other = format!("{id}_other");
    let (first, second) = (connection(id, 1, &new), connection(&other, 1, &old));
    assert_eq!(store.commit(&links(&first)).await, Ok(true));
    let own_again = connection(id, 2, &old);
    for late in [&second, &own_again] {
        assert_eq!(store.commit(&links(late)).await, Ok(false), "in the other spelling it is the same line");
    }
    assert_eq!(store.connections_of(&first.tenant).await, Ok(vec![first.clone()]));
    assert_eq!(store.connections_of(&second.tenant).await, Ok(Vec::new()));
    for spelling in [&new, &old] {
        assert_eq!(store.holder_of(spelling).await, Ok(Some(first.clone())));
        assert_eq!(store.connection_of(&first.tenant, spelling).await, Ok(Some(first.clone())));
        assert_eq!(store.connection_of(&second.tenant, spelling).await, Ok(None), "another tenant's is nobody's");
    }
    assert_eq!(store.connection(&first.tenant, &first.id).await, Ok(Some(first.clone())));
    assert_eq!(store.connection(&second.tenant, &first.id).await, Ok(None));

    let renamed = Connection { phone_number_id: None, ..first.clone() };
    assert_eq!(store.commit(&[Change::Replace(Entry::Connection(renamed.clone()))]).await, Ok(true));
    assert_eq!(store.holder_of(&old).await, Ok(Some(renamed)), "the line is still its own");
    assert_eq!(store.commit(&[Change::Replace(Entry::Connection(second.clone()))]).await, Ok(false), "there is none");

    assert_eq!(store.commit(&releases(&first)).await, Ok(true));
    assert_eq!(store.holder_of(&new).await, Ok(None));
    assert_eq!(store.commit(&links(&second)).await, Ok(true));
    assert_eq!(store.commit(&releases(&first)).await, Ok(false), "the claim is another's by now");
    assert_eq!(store.holder_of(&new).await, Ok(Some(second.clone())));
    let mut before = format!("con_{other}_2").parse().expect("an identifier");
    let listed = store.connections(Some(&before), 1).await.expect("the store answers");
    assert_eq!(listed, std::slice::from_ref(&second));
    before = second.id;
    let earlier = store.connections(Some(&before), 1).await.expect("the store answers");
    assert!(earlier.iter().all(|connection| connection.id < before));
}

async fn two_who_link_one_line_at_once_do_not_both_get_it(store: &impl Examined, id: &str) {
    let [new, old] = line(id);
    let wishes: Vec<_> =
        (0..8_u8).map(|n| connection(&format!("{id}_{n}"), n, if n % 2 == 0 { &new } else { &old })).collect();
    let results = join_all(wishes.iter().map(|wish| async move { store.commit(&links(wish)).await })).await;
    // Whoever met another's transaction may be told to try again; nobody is told twice that the line is his.
    let winners = results.iter().filter(|result| **result == Ok(true)).count();
    assert!(winners <= 1, "{results:?}");
    for wish in &wishes {
        let _ = store.commit(&links(wish)).await;
    }
    let holder = store.holder_of(&new).await.expect("the store answers").expect("somebody has it");
    for wish in wishes {
        let theirs = store.connections_of(&wish.tenant).await.expect("the store answers");
        assert_eq!(theirs.is_empty(), holder.tenant != wish.tenant);
    }
}

/// An account of this test's own.
fn account(tenant: &str, n: u8) -> Account {
    let digest = tenant.bytes().fold(0_u128, |sum, byte| sum.wrapping_mul(257).wrapping_add(u128::from(byte)));
    Account {
        id: AccountId::new(uuid::Uuid::from_u128(digest << 8 | u128::from(n))),
        tenant: tenant.parse().expect("an identifier"),
        source: SourceId::default_c2s(),
        name: None,
        role: Role::Main,
        enabled: true,
        token: Sealed::from_text("sealed"),
        doorbell: None,
        created_at: at(n.into()),
        rev: 0,
    }
}

fn claims(account: &Account) -> [Change; 1] {
    [Change::Create(Entry::Account(account.clone()))]
}

fn gives_back(account: &Account) -> [Change; 1] {
    [Change::Drop(EntryName::Account(account.tenant.clone(), account.id, account.rev))]
}

async fn an_account_is_one_tenants_and_goes_only_as_it_was_seen(store: &impl Examined, id: &str) {
    let first = account(id, 1);
    let second = Account { tenant: format!("{id}_other").parse().expect("an identifier"), ..first.clone() };
    assert_eq!(store.commit(&claims(&first)).await, Ok(true));
    for late in [&first, &second] {
        assert_eq!(store.commit(&claims(late)).await, Ok(false), "it is claimed");
    }
    assert_eq!(store.account(&first.tenant, first.id).await, Ok(Some(first.clone())));
    assert_eq!(store.account(&second.tenant, first.id).await, Ok(None), "another tenant's is nobody's");
    assert_eq!(store.claimed_account(first.id).await, Ok(Some(first.clone())));
    assert_eq!(store.accounts_of(&first.tenant).await, Ok(vec![first.clone()]));
    assert_eq!(store.accounts_of(&second.tenant).await, Ok(Vec::new()));

    let renamed = Account { name: Some("Main".into()), rev: 1, ..first.clone() };
    let replace = [Change::Replace(Entry::Account(renamed.clone()))];
    assert_eq!(store.commit(&replace).await, Ok(true));
    assert_eq!(store.commit(&replace).await, Ok(false), "it was changed since");
    assert_eq!(store.commit(&gives_back(&first)).await, Ok(false), "it was changed since");
    assert_eq!(store.commit(&gives_back(&Account { rev: 1, ..second.clone() })).await, Ok(false), "it is another's");
    assert_eq!(store.claimed_account(first.id).await, Ok(Some(renamed.clone())));

    assert_eq!(store.commit(&gives_back(&renamed)).await, Ok(true));
    assert_eq!(store.commit(&gives_back(&renamed)).await, Ok(true), "there or not");
    assert_eq!(store.claimed_account(first.id).await, Ok(None));
    assert_eq!(store.commit(&claims(&second)).await, Ok(true));
    assert_eq!(store.claimed_account(first.id).await, Ok(Some(second)));
}

async fn two_who_claim_one_account_at_once_do_not_both_get_it(store: &impl Examined, id: &str) {
    let of = |n: u8| Account { tenant: format!("{id}_{n}").parse().expect("an identifier"), ..account(id, 1) };
    let wishes: Vec<Account> = (0..8).map(of).collect();
    let results = join_all(wishes.iter().map(|wish| async move { store.commit(&claims(wish)).await })).await;
    let winners = results.iter().filter(|result| **result == Ok(true)).count();
    assert!(winners <= 1, "{results:?}");
    for wish in &wishes {
        let _ = store.commit(&claims(wish)).await;
    }
    let holder = store.claimed_account(wishes[0].id).await.expect("the store answers").expect("somebody has it");
    for wish in wishes {
        let theirs = store.accounts_of(&wish.tenant).await.expect("the store answers");
        assert_eq!(theirs.is_empty(), holder.tenant != wish.tenant);
    }
}

async fn accounts_are_listed_by_when_they_were_made(store: &impl Examined, id: &str) {
    for n in [1, 3, 2, 5, 4] {
        assert_eq!(store.commit(&claims(&account(id, n))).await, Ok(true));
    }
    let mut before = Place::of(&account(id, 6));
    let mut seen = Vec::new();
    while seen.len() < 5 {
        let page = store.all_accounts(Some(&before), 2).await.expect("the store answers");
        before = Place::of(page.last().expect("as many as were made"));
        assert_eq!(before.to_string().parse(), Ok(before.clone()));
        seen.extend(page.into_iter().filter(|one| one.tenant.as_str() == id).map(|one| one.created_at));
    }
    assert_eq!(seen, [5, 4, 3, 2, 1].map(at));
}
