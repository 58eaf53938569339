//! MoySklad in memory: several accounts with their entities, their recycle bins, and the notices that changes fire.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::model::moysklad::{AccountId, Action, EntityId, EntityKind, moscow_text};
use crate::providers::moysklad::payload::Notice;
use crate::sync::dictionary::Dictionary;
use crate::sync::plan::id_of;
use crate::sync::ports::{
    Audit, Comparison, Condition, Deletion, Deletions, Dictionaries, Entities, MoyskladError, Query, Rows,
};

/// Where everything lies.
pub const BASE: &str = "https://api.example.com/api/remap/1.2";

/// What is to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call does nothing and fails so.
    Before(MoyskladError),
    /// The call is carried out, and its answer is lost.
    AnswerLost,
    /// The call is carried out, and says that it failed so.
    After(MoyskladError),
}

#[derive(Debug, Clone, Default)]
struct Shelf {
    entities: BTreeMap<(EntityKind, EntityId), Map<String, Value>>,
    bin: BTreeMap<(EntityKind, EntityId), Map<String, Value>>,
    deletions: Vec<(EntityKind, Deletion)>,
    dictionary: Dictionary,
}

#[derive(Debug, Clone, Default)]
struct World {
    shelves: BTreeMap<AccountId, Shelf>,
    made: u128,
    told: Vec<Notice>,
    writes: Vec<(AccountId, EntityKind, &'static str)>,
    n_calls: usize,
    fault: Option<(u32, Fault)>,
    /// What every call about entities is answered with, if anything.
    down: Option<MoyskladError>,
    header_ignored: bool,
    /// What a person deletes before a call of a client.
    deletion: Option<(u32, AccountId, EntityKind, EntityId)>,
    /// What is changed says that it was changed now; nothing where no time was set.
    now: Option<Timestamp>,
    /// Names that no entity may be given, and what is answered.
    refused: BTreeMap<String, u32>,
    /// A name that MoySklad cannot answer to.
    breaks_at: Option<String>,
    /// Of a list by identifiers, each so-manieth is left out.
    left_out: Option<usize>,
}

/// All accounts. Its clones are one.
#[derive(Debug, Clone, Default)]
pub struct MemoryMoysklad(Arc<Mutex<World>>);

/// One account, as its client sees it.
#[derive(Debug, Clone)]
pub struct MemoryAccount {
    world: MemoryMoysklad,
    account: AccountId,
}

impl MemoryMoysklad {
    fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A world of its own, as this one is now.
    #[must_use]
    pub fn copied(&self) -> Self {
        Self(Arc::new(Mutex::new(self.lock().clone())))
    }

    /// The client of an account.
    #[must_use]
    pub fn account(&self, account: AccountId) -> MemoryAccount {
        MemoryAccount { world: self.clone(), account }
    }

    /// What an account has of its own.
    pub fn set_dictionary(&self, account: AccountId, dictionary: Dictionary) {
        self.lock().shelves.entry(account).or_default().dictionary = dictionary;
    }

    /// The notices fired since the last time, oldest first.
    #[must_use]
    pub fn told(&self) -> Vec<Notice> {
        std::mem::take(&mut self.lock().told)
    }

    /// The writes of clients since the last time: whose, of what, by which method.
    #[must_use]
    pub fn written(&self) -> Vec<(AccountId, EntityKind, &'static str)> {
        std::mem::take(&mut self.lock().writes)
    }

    /// How many calls clients have made since the last time.
    #[must_use]
    pub fn n_calls(&self) -> usize {
        std::mem::take(&mut self.lock().n_calls)
    }

    /// From now on what is changed says when.
    pub fn set_time(&self, now: Timestamp) {
        self.lock().now = Some(now);
    }

    /// No client may give an entity this name.
    pub fn refuse_name(&self, name: &str) {
        self.refuse_name_with(name, 3_000);
    }

    /// No client may give an entity this name: it is told this number.
    pub fn refuse_name_with(&self, name: &str, code: u32) {
        self.lock().refused.insert(name.to_owned(), code);
    }

    /// Whoever gives an entity this name is answered 500, and so is everybody who writes along with it.
    pub fn break_at_name(&self, name: &str) {
        self.lock().breaks_at = Some(name.to_owned());
    }

    /// Each so-manieth entity is left out of lists by identifiers, as by an index that lags behind.
    pub fn leave_out(&self, each: usize) {
        self.lock().left_out = Some(each.max(1));
    }

    /// Lets so many more calls of clients through, and then has one go wrong.
    pub fn fail_after(&self, calls: u32, fault: Fault) {
        self.lock().fault = Some((calls, fault));
    }

    /// From now on every call about entities goes wrong so.
    pub fn fail_always(&self, error: MoyskladError) {
        self.lock().down = Some(error);
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        let mut world = self.lock();
        (world.fault, world.down) = (None, None);
    }

    /// Whether our webhooks ring for our own writes as well.
    pub fn ignore_header(&self, ignored: bool) {
        self.lock().header_ignored = ignored;
    }

    /// A person makes an entity.
    pub fn made_by_hand(&self, account: AccountId, kind: EntityKind, body: Value) -> EntityId {
        let mut world = self.lock();
        let id = world.create(account, kind, &body);
        world.tell(account, kind, id, Action::Create, None);
        id
    }

    /// A person changes an entity; nothing where there is none.
    pub fn changed_by_hand(&self, account: AccountId, kind: EntityKind, id: EntityId, body: Value) {
        let mut world = self.lock();
        if world.update(account, kind, id, &body).is_ok() {
            let fields = body.as_object().into_iter().flat_map(|body| body.keys().cloned()).collect();
            world.tell(account, kind, id, Action::Update, Some(fields));
        }
    }

    /// A person deletes an entity.
    pub fn deleted_by_hand(&self, account: AccountId, kind: EntityKind, id: EntityId) {
        self.lock().delete_by_hand(account, kind, id);
    }

    /// A person deletes an entity, once so many more calls of clients were let through.
    pub fn delete_by_hand_after(&self, calls: u32, account: AccountId, kind: EntityKind, id: EntityId) {
        self.lock().deletion = Some((calls, account, kind, id));
    }

    /// An entity as it stands.
    #[must_use]
    pub fn entity(&self, account: AccountId, kind: EntityKind, id: EntityId) -> Option<Value> {
        self.lock().shelves.get(&account)?.entities.get(&(kind, id)).cloned().map(Value::Object)
    }

    /// All entities of a kind.
    #[must_use]
    pub fn all(&self, account: AccountId, kind: EntityKind) -> Vec<Value> {
        let world = self.lock();
        let entities = world.shelves.get(&account).into_iter().flat_map(|shelf| &shelf.entities);
        entities.filter(|((of, _), _)| *of == kind).map(|(_, entity)| Value::Object(entity.clone())).collect()
    }
}

impl World {
    fn shelf(&mut self, account: AccountId) -> &mut Shelf {
        self.shelves.entry(account).or_default()
    }

    fn tell(
        &mut self,
        account: AccountId,
        kind: EntityKind,
        id: EntityId,
        action: Action,
        fields: Option<Vec<String>>,
    ) {
        let mut notice = Notice::seen(account, kind, id, action, Timestamp::UNIX_EPOCH);
        notice.updated_fields = fields;
        self.told.push(notice);
    }

    fn create(&mut self, account: AccountId, kind: EntityKind, body: &Value) -> EntityId {
        if let Some(sync_id) = body.get("syncId") {
            let shelf = self.shelf(account);
            let same = |((_, id), entity): (&(EntityKind, EntityId), &Map<String, Value>)| {
                (entity.get("syncId") == Some(sync_id)).then_some(*id)
            };
            // A deleted entity keeps its own in the recycle bin, and is what a repeated creation is answered with.
            if let Some(id) = shelf.entities.iter().chain(&shelf.bin).find_map(same) {
                return id;
            }
        }
        self.made += 1;
        let id = EntityId::new(Uuid::from_u128(0xe000_0000_0000_0000 << 64 | self.made));
        let href = format!("{BASE}/entity/{kind}/{id}");
        let mut entity = Map::new();
        entity.insert("id".into(), id.to_string().into());
        entity.insert("meta".into(), json!({"href": href, "type": kind.name()}));
        if kind.direction() == crate::model::moysklad::Direction::Down {
            entity.insert("externalCode".into(), format!("made-up-{}", self.made).into());
            entity.insert("archived".into(), false.into());
            if body.get("barcodes").and_then(Value::as_array).is_none_or(Vec::is_empty)
                && kind != EntityKind::ProductFolder
            {
                entity.insert("barcodes".into(), json!([{"ean13": format!("2{:012}", self.made)}]));
            }
        }
        self.shelf(account).entities.insert((kind, id), entity);
        let _ = self.update(account, kind, id, body);
        id
    }

    fn update(
        &mut self,
        account: AccountId,
        kind: EntityKind,
        id: EntityId,
        body: &Value,
    ) -> Result<(), MoyskladError> {
        let shelf = self.shelves.entry(account).or_default();
        let entity = shelf.entities.get_mut(&(kind, id)).ok_or(MoyskladError::NotFound)?;
        if let Some(now) = self.now {
            entity.insert("updated".into(), moscow_text(now).into());
        }
        for (name, value) in body.as_object().into_iter().flatten() {
            match name.as_str() {
                "meta" | "id" => {}
                _ if value.is_null() => {
                    entity.remove(name);
                }
                "salePrices" => merge(entity, name, value, |one| one.get("priceType").and_then(id_of)),
                "attributes" => merge(entity, name, value, id_of),
                "positions" | "components" if value.is_array() => {
                    entity.insert(name.clone(), json!({"rows": value}));
                }
                _ => {
                    entity.insert(name.clone(), value.clone());
                }
            }
        }
        Ok(())
    }

    fn delete_by_hand(&mut self, account: AccountId, kind: EntityKind, id: EntityId) {
        if self.delete(account, kind, id).is_ok() {
            self.tell(account, kind, id, Action::Delete, None);
        }
    }

    fn delete(&mut self, account: AccountId, kind: EntityKind, id: EntityId) -> Result<(), MoyskladError> {
        let at = self.now.unwrap_or(Timestamp::UNIX_EPOCH);
        let shelf = self.shelf(account);
        let entity = shelf.entities.remove(&(kind, id)).ok_or(MoyskladError::NotFound)?;
        shelf.deletions.push((kind, Deletion { id, at }));
        shelf.bin.insert((kind, id), entity);
        Ok(())
    }
}

/// Elements that are named are replaced, the others stay.
fn merge(entity: &mut Map<String, Value>, name: &str, value: &Value, key: impl Fn(&Value) -> Option<EntityId>) {
    let mut all = entity.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    for one in value.as_array().into_iter().flatten() {
        all.retain(|other| key(other) != key(one));
        if one.get("value").is_none_or(|value| !value.is_null()) {
            let mut one = one.clone();
            if name == "attributes" {
                one["id"] = key(&one).map(String::from).into();
            }
            all.push(one);
        }
    }
    entity.insert(name.to_owned(), Value::Array(all));
}

impl MemoryAccount {
    fn call<T>(
        &self,
        write: Option<(EntityKind, &'static str)>,
        act: impl FnOnce(&mut World) -> Result<T, MoyskladError>,
    ) -> Result<T, MoyskladError> {
        let down = self.world.lock().down;
        self.call_of_any(write, |world| down.map_or_else(|| act(world), Err))
    }

    fn call_of_any<T>(
        &self,
        write: Option<(EntityKind, &'static str)>,
        act: impl FnOnce(&mut World) -> Result<T, MoyskladError>,
    ) -> Result<T, MoyskladError> {
        let mut world = self.world.lock();
        world.n_calls += 1;
        match world.deletion {
            Some((0, account, kind, id)) => {
                world.deletion = None;
                world.delete_by_hand(account, kind, id);
            }
            Some((calls, account, kind, id)) => world.deletion = Some((calls - 1, account, kind, id)),
            None => {}
        }
        let fault = match world.fault {
            Some((0, fault)) => {
                world.fault = None;
                Some(fault)
            }
            Some((calls, fault)) => {
                world.fault = Some((calls - 1, fault));
                None
            }
            None => None,
        };
        if let Some(Fault::Before(error)) = fault {
            return Err(error);
        }
        if let Some((kind, method)) = write {
            world.writes.push((self.account, kind, method));
        }
        let done = act(&mut world)?;
        match (fault, write) {
            (Some(Fault::After(error)), _) => Err(error),
            (Some(_), Some(_)) => Err(MoyskladError::UnknownOutcome),
            (Some(_), None) => Err(MoyskladError::Timeout),
            (None, _) => Ok(done),
        }
    }

    fn echo(&self, world: &mut World, kind: EntityKind, id: EntityId, action: Action) {
        if world.header_ignored {
            world.tell(self.account, kind, id, action, None);
        }
    }

    fn may_be_written(world: &World, body: &Value) -> Result<(), MoyskladError> {
        let name = body.get("name").and_then(Value::as_str);
        if name.is_some() && name == world.breaks_at.as_deref() {
            return Err(MoyskladError::Broken { status: 500 });
        }
        match name.and_then(|name| world.refused.get(name)) {
            Some(code) => Err(MoyskladError::Refused { status: 400, code: Some(*code) }),
            None => Ok(()),
        }
    }

    fn make(&self, world: &mut World, kind: EntityKind, body: &Value) -> Result<Value, MoyskladError> {
        Self::may_be_written(world, body)?;
        let before = world.made;
        let id = world.create(self.account, kind, body);
        if world.made != before {
            self.echo(world, kind, id, Action::Create);
        }
        let shelf = world.shelf(self.account);
        let entity = shelf.entities.get(&(kind, id)).or_else(|| shelf.bin.get(&(kind, id)));
        entity.cloned().map(Value::Object).ok_or(MoyskladError::NotFound)
    }

    fn change(&self, world: &mut World, kind: EntityKind, id: EntityId, body: &Value) -> Result<Value, MoyskladError> {
        Self::may_be_written(world, body)?;
        world.update(self.account, kind, id, body)?;
        self.echo(world, kind, id, Action::Update);
        self.read(world, kind, id)
    }

    fn read(&self, world: &mut World, kind: EntityKind, id: EntityId) -> Result<Value, MoyskladError> {
        let shelf = world.shelf(self.account);
        // What lies in the recycle bin is answered to a creation, and found by nobody else.
        shelf.entities.get(&(kind, id)).cloned().map(Value::Object).ok_or(MoyskladError::NotFound)
    }
}

fn holds(entity: &Map<String, Value>, conditions: &[&Condition]) -> bool {
    conditions.iter().any(|condition| {
        let text = |name: &str| entity.get(name).and_then(Value::as_str);
        match (condition.comparison, condition.field) {
            (Comparison::AtLeast, field) => text(field).is_some_and(|text| *text >= *condition.value),
            (Comparison::Is, "productid") => {
                entity.get("product").and_then(id_of).is_some_and(|id| id.to_string() == condition.value)
            }
            (Comparison::Is, "barcode") => {
                let all = entity.get("barcodes").and_then(Value::as_array).into_iter().flatten();
                all.filter_map(Value::as_object).flatten().any(|(_, code)| code == &condition.value)
            }
            (Comparison::Is, "archived") => {
                let archived = entity.get("archived").and_then(Value::as_bool).unwrap_or(false);
                condition.value == archived.to_string()
            }
            (Comparison::Is, field) => text(field) == Some(&condition.value),
        }
    })
}

impl Entities for MemoryAccount {
    async fn get(&self, kind: EntityKind, id: EntityId) -> Result<Value, MoyskladError> {
        self.call(None, |world| self.read(world, kind, id))
    }

    async fn list(&self, kind: EntityKind, query: &Query) -> Result<Rows, MoyskladError> {
        self.call(None, |world| {
            let mut by_field: BTreeMap<&str, Vec<&Condition>> = BTreeMap::new();
            for condition in &query.filter {
                by_field.entry(condition.field).or_default().push(condition);
            }
            let left_out = world.left_out;
            let entities = &world.shelf(self.account).entities;
            let found = entities.iter().filter(|((of, _), entity)| {
                *of == kind && by_field.values().all(|conditions| holds(entity, conditions))
            });
            let each = left_out.filter(|_| by_field.contains_key("id"));
            let mut rows: Vec<Value> = found
                .enumerate()
                .filter(|(n, _)| each.is_none_or(|each| n % each != 0))
                .map(|(_, (_, entity))| Value::Object(entity.clone()))
                .collect();
            if query.order == "updated" {
                rows.sort_by_key(|row| row.get("updated").and_then(Value::as_str).map(str::to_owned));
            }
            let behind = query.offset as usize + query.limit as usize;
            let more = rows.len() > behind;
            Ok(Rows { rows: rows.into_iter().skip(query.offset as usize).take(query.limit as usize).collect(), more })
        })
    }

    async fn create(&self, kind: EntityKind, body: &Value) -> Result<Value, MoyskladError> {
        self.call(Some((kind, "POST")), |world| self.make(world, kind, body))
    }

    async fn update(&self, kind: EntityKind, id: EntityId, body: &Value) -> Result<Value, MoyskladError> {
        self.call(Some((kind, "PUT")), |world| self.change(world, kind, id, body))
    }

    async fn save_many(
        &self,
        kind: EntityKind,
        bodies: &[Value],
    ) -> Result<Vec<Result<Value, MoyskladError>>, MoyskladError> {
        self.call(Some((kind, "POST")), |world| {
            let breaks =
                |body: &Value| Self::may_be_written(world, body).err().filter(|error| error.may_be_of_the_entity());
            if let Some(broken) = bodies.iter().find_map(breaks) {
                return Err(broken);
            }
            let save = |body: &Value| match id_of(body) {
                Some(id) => self.change(world, kind, id, body),
                None => self.make(world, kind, body),
            };
            // Of an item it is not told what it is that there is not: itself, or something it refers to.
            let item = |error| match error {
                MoyskladError::Refused { code: Some(1_021), .. } => MoyskladError::NotFound,
                other => other,
            };
            Ok(bodies.iter().map(save).map(|saved| saved.map_err(item)).collect())
        })
    }

    async fn delete(&self, kind: EntityKind, id: EntityId) -> Result<(), MoyskladError> {
        self.call(Some((kind, "DELETE")), |world| {
            world.delete(self.account, kind, id)?;
            self.echo(world, kind, id, Action::Delete);
            Ok(())
        })
    }
}

impl Dictionaries for MemoryAccount {
    async fn dictionary(&self, _: &[EntityKind]) -> Result<Dictionary, MoyskladError> {
        self.call_of_any(None, |world| Ok(world.shelf(self.account).dictionary.clone()))
    }
}

impl Audit for MemoryAccount {
    async fn deletions(&self, kind: EntityKind, since: Timestamp, offset: u32) -> Result<Deletions, MoyskladError> {
        self.call(None, |world| {
            // Each was done by itself, and one page has a few.
            const PAGE: usize = 3;
            let all = world.shelf(self.account).deletions.iter().rev();
            let newest_first = all.filter(|(of, gone)| *of == kind && gone.at >= since).map(|(_, gone)| *gone);
            let mut behind = newest_first.skip(offset as usize);
            let gone: Vec<Deletion> = behind.by_ref().take(PAGE).collect();
            let n_contexts = u32::try_from(gone.len()).unwrap_or(u32::MAX);
            Ok(Deletions { gone, n_contexts, more: behind.next().is_some() })
        })
    }
}
