//! Two main accounts and three children in memory, for the tests beside.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::drain::{FEW, drain_by};
use super::*;
use crate::model::ids::TenantId;
use crate::model::moysklad::{Account, AccountId, EntityId, EntityKind, Role, Settings};
use crate::model::sealed::Sealed;
use crate::providers::moysklad::payload::Notice;
use crate::sync::dictionary::{Dictionary, Named};
use crate::sync::plan::id_of;
use crate::testing::memory_moysklad::{BASE, MemoryMoysklad};
use crate::testing::memory_sync::MemorySync;

pub(super) fn account(n: u32) -> AccountId {
    format!("00000000-0000-0000-0000-{n:012}").parse().unwrap()
}

pub(super) fn id(n: u32) -> EntityId {
    EntityId::new(account(n).uuid())
}

pub(super) fn tenant() -> TenantId {
    TenantId::default_tenant()
}

pub(super) fn account_row(n: u32, main: Option<u32>) -> Account {
    let role = match main {
        None => Role::Main,
        Some(main) => {
            let settings: Settings = serde_json::from_value(json!({
                "entities": ["product", "service", "variant", "bundle", "productfolder"],
                "match_field": "external_code",
                "orders": {"kinds": ["customerorder"], "organization": id(801), "agent": id(802)},
            }))
            .unwrap();
            Role::Child { main: account(main), settings: Box::new(settings) }
        }
    };
    Account {
        id: account(n),
        tenant: tenant(),
        source: format!("src_{n}").parse().unwrap(),
        name: None,
        role,
        enabled: true,
        token: Sealed::from_text("sealed"),
        doorbell: None,
        created_at: Timestamp::UNIX_EPOCH,
        rev: 0,
    }
}

/// Each account has identifiers of its own for the same price type and currency.
pub(super) fn dictionary(n: u32) -> Dictionary {
    let named = |more, name: &str| Named { id: id(n * 100 + more), name: name.to_owned() };
    Dictionary { price_types: vec![named(1, "Retail")], currencies: vec![named(2, "RUB")], ..Dictionary::default() }
}

pub(super) const MAIN: u32 = 1;
pub(super) const OTHER_MAIN: u32 = 2;
pub(super) const CHILDREN: [u32; 2] = [11, 12];
pub(super) const OTHERS_CHILD: u32 = 21;

pub(super) type RowTold = (EntityKind, Result<Outcome, Trouble>, bool);

pub(super) struct Play {
    pub(super) world: MemoryMoysklad,
    pub(super) store: MemorySync,
    /// So many rows go together.
    pub(super) few: usize,
    pub(super) now: AtomicI64,
    pub(super) n_heard: AtomicI64,
    pub(super) told: Mutex<Vec<RowTold>>,
    pub(super) switched_off: Mutex<Option<crate::work::Hold>>,
}

impl Listener for Play {
    async fn told(&self, told: &Told<'_>) -> Result<(), crate::work::StoreError> {
        self.told.lock().unwrap().push((told.row.origin.kind, told.result.clone(), told.again));
        Ok(())
    }

    async fn held(&self) -> Result<Option<crate::work::Hold>, crate::work::StoreError> {
        Ok(self.switched_off.lock().unwrap().clone())
    }
}

impl Play {
    pub(super) fn new() -> Self {
        let (world, store) = (MemoryMoysklad::default(), MemorySync::default());
        let accounts = [
            (MAIN, None),
            (OTHER_MAIN, None),
            (CHILDREN[0], Some(MAIN)),
            (CHILDREN[1], Some(MAIN)),
            (OTHERS_CHILD, Some(OTHER_MAIN)),
        ];
        for (n, main) in accounts {
            store.put_account(account_row(n, main));
            world.set_dictionary(account(n), dictionary(n));
        }
        Self {
            world,
            store,
            few: FEW,
            now: AtomicI64::new(1_900_000_000_000),
            n_heard: AtomicI64::new(0),
            told: Mutex::default(),
            switched_off: Mutex::default(),
        }
    }

    /// Another of its own, as this one is now.
    pub(super) fn copied(&self) -> Self {
        let (world, store) = (self.world.copied(), self.store.copied());
        let now = AtomicI64::new(self.now.load(Ordering::SeqCst));
        Self { world, store, few: self.few, now, ..Self::new() }
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now.load(Ordering::SeqCst)).unwrap()
    }

    pub(super) fn wait(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    pub(super) async fn hear(&self, notice: &Notice) -> Heard {
        // No two requests come in at one moment.
        let received_at = self.now() + SignedDuration::from_nanos(self.n_heard.fetch_add(1, Ordering::SeqCst));
        self.hear_of(notice, Teller::Webhook { received_at }).await
    }

    pub(super) async fn hear_of(&self, notice: &Notice, teller: Teller) -> Heard {
        take_notice(&self.store, &self.world, &tenant(), notice, None, teller, self.now()).await.unwrap()
    }

    pub(super) async fn drain_until(
        &self,
        target: u32,
        last_call: Timestamp,
    ) -> Result<Drained, crate::work::StoreError> {
        let (tenant, clock) = (tenant(), || self.now());
        let asked = Drain { tenant: &tenant, target: account(target), last_call, clock: &clock, listener: self };
        drain_by(&self.store, &self.world, &asked, self.few).await
    }

    pub(super) async fn drain(&self, target: u32) -> Drained {
        self.drain_until(target, Timestamp::MAX).await.unwrap()
    }

    /// Hears everything that was told, and drains every account, until there is nothing more; how many notices came.
    pub(super) async fn settle(&self) -> usize {
        let mut n_heard = 0;
        for _ in 0..20 {
            let told = self.world.told();
            n_heard += told.len();
            for notice in &told {
                self.hear(notice).await;
            }
            for target in [MAIN, OTHER_MAIN, CHILDREN[0], CHILDREN[1], OTHERS_CHILD] {
                assert!(matches!(self.drain(target).await, Drained::Clean | Drained::Later(_)));
            }
            if told.is_empty() {
                return n_heard;
            }
        }
        panic!("it does not come to rest");
    }

    pub(super) fn make_product(&self, of: u32, name: &str, kopecks: i64) -> EntityId {
        let body = json!({"name": name, "externalCode": name, "salePrices": prices(of, kopecks), "barcodes": [{"ean13": "2000000000008"}]});
        self.world.made_by_hand(account(of), EntityKind::Product, body)
    }

    pub(super) fn products(&self, of: u32) -> Vec<Value> {
        self.world.all(account(of), EntityKind::Product)
    }

    pub(super) fn names(&self, of: u32) -> BTreeSet<String> {
        self.products(of).iter().map(|product| product["name"].as_str().unwrap().to_owned()).collect()
    }

    pub(super) fn only_price(&self, of: u32) -> i64 {
        let products = self.products(of);
        assert_eq!(products.len(), 1);
        let price = &products[0]["salePrices"][0];
        assert_eq!(id_of(&price["priceType"]), Some(id(of * 100 + 1)), "in the account's own price type");
        price["value"].as_i64().unwrap()
    }
}

pub(super) fn prices(of: u32, kopecks: i64) -> Value {
    let reference = |path: &str, n| json!({"meta": {"href": format!("{BASE}/{path}/{}", id(n))}});
    json!([{"value": kopecks, "priceType": reference("context/companysettings/pricetype", of * 100 + 1),
        "currency": reference("entity/currency", of * 100 + 2)}])
}

pub(super) fn reference(kind: EntityKind, id: EntityId) -> Value {
    json!({"meta": {"href": format!("{BASE}/entity/{kind}/{id}"), "type": kind.name()}})
}

pub(super) fn order(positions: &[(EntityKind, EntityId)]) -> Value {
    let rows: Vec<Value> = positions
        .iter()
        .map(|(kind, id)| json!({"assortment": reference(*kind, *id), "quantity": 2, "price": 15_000}))
        .collect();
    json!({"name": "00017", "applicable": true, "moment": "2026-03-02 12:00:00.000", "positions": rows})
}
