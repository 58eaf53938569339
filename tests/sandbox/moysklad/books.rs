//! What one account holds: its entities, and what its settings name.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::audit::Audit;
use super::errors::{self, Failure};
use super::kinds::Kind;
use super::meta;
use super::shelf::{Entity, Shelf};
use super::webhooks::Webhooks;

/// Of one kind and account, the recycle bin included: a test that makes more is broken.
pub(super) const MAX_ENTITIES: usize = 30_000;

pub(super) fn new_id() -> String {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid().to_string()
}

pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

pub(super) struct Books {
    pub(super) account_id: String,
    /// Begins every href of the account.
    pub(super) base: String,
    shelves: BTreeMap<Kind, Shelf>,
    /// By whose metadata they belong to, as answered.
    pub(super) attributes: BTreeMap<Kind, Vec<Value>>,
    pub(super) states: BTreeMap<Kind, Vec<Value>>,
    pub(super) characteristics: Vec<Value>,
    /// The first is the default.
    pub(super) price_types: Vec<Value>,
    pub(super) webhooks: Webhooks,
    pub(super) audit: Audit,
}

impl Books {
    pub(super) fn new(account_id: String, base: String) -> Self {
        Self {
            account_id,
            base,
            shelves: BTreeMap::new(),
            attributes: BTreeMap::new(),
            states: BTreeMap::new(),
            characteristics: Vec::new(),
            price_types: Vec::new(),
            webhooks: Webhooks::default(),
            audit: Audit::default(),
        }
    }

    /// What every account has from its registration on.
    pub(super) fn furnish(&mut self, name: &str, now: Timestamp) {
        self.add_price_type("Цена продажи");
        let seeds = [
            (Kind::Group, json!({"name": "Основной"})),
            (Kind::Employee, json!({"name": "Администратор", "uid": format!("admin@{name}")})),
            (Kind::Currency, json!({"name": "руб", "isoCode": "RUB", "code": "643", "rate": 1.0, "default": true})),
            (Kind::Uom, json!({"name": "шт", "description": "Штука", "code": "796"})),
            (Kind::Organization, json!({"name": name, "companyType": "legal"})),
            (Kind::Counterparty, json!({"name": "Розничный покупатель", "companyType": "legal"})),
            (Kind::Store, json!({"name": "Основной склад"})),
        ];
        for (kind, row) in seeds {
            self.seed(kind, row, now);
        }
        self.add_state(Kind::CustomerOrder, "Новый");
    }

    fn seed(&mut self, kind: Kind, row: Value, now: Timestamp) {
        let id = new_id();
        let Value::Object(mut row) = row else { return };
        row.insert("id".into(), json!(id));
        row.insert("accountId".into(), json!(self.account_id));
        row.insert("meta".into(), meta::of(&self.base, kind, &id));
        row.insert("updated".into(), json!(super::moscow::text(now)));
        row.insert("externalCode".into(), json!(external_code()));
        self.shelf_mut(kind).put(Entity { id, sync_id: None, row, parts: Vec::new(), updated: now, is_trashed: false });
    }

    pub(super) fn shelf(&self, kind: Kind) -> Option<&Shelf> {
        self.shelves.get(&kind)
    }

    pub(super) fn shelf_mut(&mut self, kind: Kind) -> &mut Shelf {
        self.shelves.entry(kind).or_default()
    }

    pub(super) fn shelves(&self) -> impl Iterator<Item = (Kind, &Shelf)> {
        self.shelves.iter().map(|(kind, shelf)| (*kind, shelf))
    }

    pub(super) fn entities_mut(&mut self, of: impl Fn(Kind) -> bool) -> impl Iterator<Item = &mut Entity> {
        let shelves = self.shelves.iter_mut().filter(move |(kind, _)| of(**kind));
        shelves.flat_map(|(_, shelf)| shelf.all_mut())
    }

    pub(super) fn live(&self, kind: Kind, id: &str) -> Option<&Entity> {
        self.shelf(kind)?.live(id)
    }

    /// The live entity that a field's meta names, and its `{"meta"}` as this account writes it.
    pub(super) fn resolve(&self, field: &str, given: &Value, allowed: &[Kind]) -> Result<(Kind, &Entity), Failure> {
        let (kind, id) = meta::target(&self.base, field, given)?;
        if !allowed.contains(&kind) {
            let wanted: Vec<_> = allowed.iter().map(|kind| kind.name()).collect();
            return Err(errors::wrong_kind(field, kind.name(), &wanted.join(", ")));
        }
        let entity = self.live(kind, &id).ok_or_else(|| errors::reference_not_found(field, kind.name(), &id))?;
        Ok((kind, entity))
    }

    pub(super) fn reference(&self, kind: Kind, id: &str) -> Value {
        meta::reference(&self.base, kind, id)
    }

    /// The first of a kind, for what an account has one of.
    pub(super) fn first(&self, kind: Kind) -> Option<&Entity> {
        self.shelf(kind)?.all().next()
    }

    pub(super) fn default_currency(&self) -> Value {
        self.first(Kind::Currency).map_or(Value::Null, |currency| self.reference(Kind::Currency, &currency.id))
    }

    pub(super) fn add_price_type(&mut self, name: &str) -> Value {
        let id = new_id();
        let href = format!("{}/context/companysettings/pricetype/{id}", self.base);
        let made = json!({
            "meta": meta::plain(&href, "pricetype"), "id": id, "name": name, "externalCode": external_code()
        });
        self.price_types.push(made.clone());
        made
    }

    pub(super) fn add_state(&mut self, kind: Kind, name: &str) -> Value {
        let id = new_id();
        let href = format!("{}/entity/{}/metadata/states/{id}", self.base, kind.name());
        let made = json!({
            "meta": meta::plain(&href, "state"), "id": id, "accountId": self.account_id, "name": name,
            "color": 15_106_326, "stateType": "Regular", "entityType": kind.name()
        });
        self.states.entry(kind).or_default().push(made.clone());
        made
    }
}

/// MoySklad makes one up where none is given.
pub(super) fn external_code() -> String {
    new_id().replace('-', "")[..22].to_owned()
}
