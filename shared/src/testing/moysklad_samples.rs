//! MoySklad accounts for tests. All data is invented.

use std::collections::BTreeSet;

use jiff::Timestamp;
use uuid::Uuid;

use crate::model::ids::{SourceId, TenantId};
use crate::model::moysklad::{
    Account, AccountId, EntityId, EntityKind, MatchField, Matching, OnDelete, OrderSettings, Role, Settings,
};
use crate::model::sealed::Sealed;

/// The identifier of the nth account.
#[must_use]
pub fn account_id(n: u8) -> AccountId {
    AccountId::new(Uuid::from_u128(0x9171_a53c_1b2c_4f7d_9c1a_0000_0000_0000 + u128::from(n)))
}

/// A main account of the default tenant.
#[must_use]
pub fn main_account(n: u8) -> Account {
    Account {
        id: account_id(n),
        tenant: TenantId::default_tenant(),
        source: SourceId::default_c2s(),
        name: None,
        role: Role::Main,
        enabled: true,
        token: Sealed::from_text("sealed"),
        doorbell: None,
        created_at: Timestamp::UNIX_EPOCH,
        rev: 0,
    }
}

/// A child of the first account: products come down, customers' orders go up.
#[must_use]
pub fn child(n: u8) -> Account {
    let own = |n: u8| EntityId::new(Uuid::from_u128(0xd1c7 << 64 | u128::from(n)));
    let orders = OrderSettings {
        kinds: BTreeSet::from([EntityKind::CustomerOrder]),
        organization: own(1),
        agent: own(2),
        store: None,
        only_posted: true,
        states: true,
    };
    let settings = Settings {
        entities: BTreeSet::from([EntityKind::Product]),
        match_field: MatchField::Code,
        price_types: Matching::ByName,
        attributes: Matching::ByName,
        folders: true,
        filters: Vec::new(),
        on_delete: OnDelete::Delete,
        orders: Some(orders),
    };
    Account { role: Role::Child { main: account_id(1), settings: Box::new(settings) }, ..main_account(n) }
}
