//! DynamoDB: dynoxide's rules, on SQLite in memory, with what each call is billed counted whether or not it asked.

use std::collections::HashMap;
use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue as Told;
use dynoxide::actions::batch_get_item::{BatchGetItemRequest, BatchGetItemResponse};
use dynoxide::actions::batch_write_item::{BatchWriteItemRequest, BatchWriteItemResponse};
use dynoxide::actions::delete_item::{DeleteItemRequest, DeleteItemResponse};
use dynoxide::actions::get_item::{GetItemRequest, GetItemResponse};
use dynoxide::actions::put_item::{PutItemRequest, PutItemResponse};
use dynoxide::actions::query::{QueryRequest, QueryResponse};
use dynoxide::actions::scan::{ScanRequest, ScanResponse};
use dynoxide::actions::transact_write_items::{
    TransactWriteItem, TransactWriteItemsRequest, TransactWriteItemsResponse,
};
use dynoxide::actions::update_item::{UpdateItemRequest, UpdateItemResponse};
use dynoxide::types::{ConsumedCapacity, item_size};
use dynoxide::{AttributeValue, DynoxideError, ImportOptions, Item};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Answer;
use super::counts::{Place, Units, Used};

/// Items that are loaded in one transaction of SQLite's.
const LOADED_AT_ONCE: usize = 20_000;
/// What is asked of dynoxide on behalf of every caller.
const EVERY_INDEX: &str = "INDEXES";
const WHAT_IS_THERE: &str = "ALL_OLD";

pub(super) struct Database(dynoxide::Database);

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Database")
    }
}

impl Database {
    /// Empty tables, each as `CreateTable` is told of it.
    pub(super) fn create(tables: &[Value]) -> Self {
        let database = dynoxide::Database::memory().expect("SQLite in memory");
        let database = Self(database);
        tables.iter().for_each(|table| database.add(table));
        database
    }

    /// Adds an empty table.
    pub(super) fn add(&self, table: &Value) {
        let table = serde_json::from_value(table.clone()).expect("a table as CreateTable is told of it");
        self.0.create_table(table).expect("a table that DynamoDB would make");
    }

    pub(super) fn load(&self, table: &str, items: impl IntoIterator<Item = HashMap<String, Told>>) {
        let mut items = items.into_iter().map(|item| item.into_iter().map(|(name, v)| (name, value(v))).collect());
        self.0.enable_bulk_loading().expect("SQLite can be hurried");
        loop {
            let some: Vec<Item> = items.by_ref().take(LOADED_AT_ONCE).collect();
            if some.is_empty() {
                break;
            }
            self.0.import_items(table, some, ImportOptions::default()).expect("items of this table");
        }
        self.0.disable_bulk_loading().expect("SQLite can be left alone again");
    }

    pub(super) fn call(&self, operation: &str, body: &[u8]) -> Answer {
        let db = &self.0;
        match operation {
            "BatchGetItem" => run(body, |asked: BatchGetItemRequest| db.batch_get_item(asked)),
            "BatchWriteItem" => run(body, |asked: BatchWriteItemRequest| db.batch_write_item(asked)),
            "DeleteItem" => run_over(body, |asked: DeleteItemRequest| db.delete_item(asked)),
            "GetItem" => run(body, |asked: GetItemRequest| db.get_item(asked)),
            "PutItem" => run_over(body, |asked: PutItemRequest| db.put_item(asked)),
            "Query" => run(body, |asked: QueryRequest| db.query(asked)),
            "Scan" => run(body, |asked: ScanRequest| db.scan(asked)),
            "TransactWriteItems" => transact(db, body),
            "UpdateItem" => run_over(body, |asked: UpdateItemRequest| db.update_item(asked)),
            _ => Answer::refused("UnknownOperationException", operation),
        }
    }
}

/// A request that may ask what it used.
trait Asks: DeserializeOwned {
    fn capacity(&mut self) -> &mut Option<String>;
}

/// A write of one item, which may ask what is there where its condition does not hold.
trait Conditional: Asks {
    fn table(&self) -> &str;
    fn what_is_there(&mut self) -> &mut Option<String>;
}

/// An answer that says what was used.
trait Tells: Serialize {
    const WRITES: bool;
    fn capacity(&mut self) -> &mut Self::Capacity;
    /// How many items were looked at.
    fn items(&self) -> usize;

    type Capacity: Default + Clone + IntoIterator<Item: Capacities>;
}

/// One table's capacity, or those of several.
trait Capacities {
    fn all(self) -> Vec<ConsumedCapacity>;
}

impl Capacities for ConsumedCapacity {
    fn all(self) -> Vec<ConsumedCapacity> {
        vec![self]
    }
}

impl Capacities for Vec<ConsumedCapacity> {
    fn all(self) -> Vec<ConsumedCapacity> {
        self
    }
}

macro_rules! operation {
    ($request:ty => $response:ty, $capacity:ty, writes: $writes:literal, items: $items:expr) => {
        impl Asks for $request {
            fn capacity(&mut self) -> &mut Option<String> {
                &mut self.return_consumed_capacity
            }
        }

        impl Tells for $response {
            const WRITES: bool = $writes;
            type Capacity = Option<$capacity>;

            fn capacity(&mut self) -> &mut Self::Capacity {
                &mut self.consumed_capacity
            }

            fn items(&self) -> usize {
                let count: fn(&Self) -> usize = $items;
                count(self)
            }
        }
    };
}

operation!(GetItemRequest => GetItemResponse, ConsumedCapacity, writes: false, items: |got| got.item.iter().count());
operation!(QueryRequest => QueryResponse, ConsumedCapacity, writes: false, items: |page| page.scanned_count);
operation!(ScanRequest => ScanResponse, ConsumedCapacity, writes: false, items: |page| page.scanned_count);
operation!(BatchGetItemRequest => BatchGetItemResponse, Vec<ConsumedCapacity>, writes: false,
    items: |got| got.responses.values().map(Vec::len).sum());
operation!(PutItemRequest => PutItemResponse, ConsumedCapacity, writes: true, items: |_| 1);
operation!(UpdateItemRequest => UpdateItemResponse, ConsumedCapacity, writes: true, items: |_| 1);
operation!(DeleteItemRequest => DeleteItemResponse, ConsumedCapacity, writes: true, items: |_| 1);
operation!(BatchWriteItemRequest => BatchWriteItemResponse, Vec<ConsumedCapacity>, writes: true, items: |_| 0);
operation!(TransactWriteItemsRequest => TransactWriteItemsResponse, Vec<ConsumedCapacity>, writes: true,
    items: |_| 0);

macro_rules! conditional {
    ($($request:ty)*) => {$(
        impl Conditional for $request {
            fn table(&self) -> &str {
                &self.table_name
            }

            fn what_is_there(&mut self) -> &mut Option<String> {
                &mut self.return_values_on_condition_check_failure
            }
        }
    )*};
}

conditional!(PutItemRequest UpdateItemRequest DeleteItemRequest);

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Answer> {
    // The words in which dynoxide's own server says what is wrong are its own; that the request is refused is what counts.
    serde_json::from_slice(body).map_err(|error| Answer::refused("ValidationException", &error.to_string()))
}

fn run<A: Asks, T: Tells>(body: &[u8], call: impl FnOnce(A) -> dynoxide::Result<T>) -> Answer {
    let mut asked: A = match parsed(body) {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    let wants = wants(&mut asked);
    call(asked).map_or_else(|error| failed(&error, Vec::new()), |told| answered(told, wants))
}

/// A write whose condition did not hold is billed by the size of what was in its way, at least a unit; its indexes are
/// not touched (DynamoDB developer guide, "Read and write operations").
fn run_over<A: Conditional, T: Tells>(body: &[u8], call: impl FnOnce(A) -> dynoxide::Result<T>) -> Answer {
    let mut asked: A = match parsed(body) {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    let wants = wants(&mut asked);
    let wants_item = asked.what_is_there().replace(WHAT_IS_THERE.to_owned()).is_some_and(|mode| mode == WHAT_IS_THERE);
    let table = asked.table().to_owned();
    match call(asked) {
        Ok(told) => answered(told, wants),
        Err(DynoxideError::ConditionalCheckFailedException(message, there)) => {
            let write = written_units(there.as_ref().map_or(0, item_size));
            let error = DynoxideError::ConditionalCheckFailedException(message, there.filter(|_| wants_item));
            failed(&error, vec![(Place { table, index: None }, Units { write, read: 0.0 })])
        }
        Err(error) => failed(&error, Vec::new()),
    }
}

/// A transaction that was called off is billed for each of its items all the same: two units at least.
fn transact(db: &dynoxide::Database, body: &[u8]) -> Answer {
    let mut asked: TransactWriteItemsRequest = match parsed(body) {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    let wants = wants(&mut asked);
    let tables: Vec<String> = asked.transact_items.iter().filter_map(table_of).map(str::to_owned).collect();
    match db.transact_write_items(asked) {
        Ok(told) => {
            let mut answer = answered(told, wants);
            answer.used.items = tables.len() as u64;
            answer
        }
        Err(error @ DynoxideError::TransactionCanceledException(..)) => {
            let each = Units { write: 2.0, read: 0.0 };
            failed(&error, tables.into_iter().map(|table| (Place { table, index: None }, each)).collect())
        }
        Err(error) => failed(&error, Vec::new()),
    }
}

fn table_of(item: &TransactWriteItem) -> Option<&str> {
    let put = item.put.as_ref().map(|one| &one.table_name);
    let update = item.update.as_ref().map(|one| &one.table_name);
    let delete = item.delete.as_ref().map(|one| &one.table_name);
    let check = item.condition_check.as_ref().map(|one| &one.table_name);
    put.or(update).or(delete).or(check).map(String::as_str)
}

/// Asks for what every index is billed, and says whether the caller did.
fn wants(asked: &mut impl Asks) -> bool {
    asked.capacity().replace(EVERY_INDEX.to_owned()).is_some_and(|mode| mode != "NONE")
}

fn answered<T: Tells>(mut told: T, wants: bool) -> Answer {
    let used = told_units(&mut told);
    if !wants {
        *told.capacity() = T::Capacity::default();
    }
    match serde_json::to_vec(&told) {
        Ok(body) => Answer { status: 200, body, used },
        Err(error) => failed(&DynoxideError::InternalServerError(error.to_string()), Vec::new()),
    }
}

fn told_units<T: Tells>(told: &mut T) -> Used {
    let mut units = Vec::new();
    for used in told.capacity().clone().into_iter().flat_map(Capacities::all) {
        let mut add = |index: Option<String>, many: f64| {
            let both = if T::WRITES { Units { write: many, read: 0.0 } } else { Units { read: many, write: 0.0 } };
            units.push((Place { table: used.table_name.clone(), index }, both));
        };
        if let Some(table) = &used.table {
            add(None, table.capacity_units);
        }
        for (index, part) in used.global_secondary_indexes.into_iter().flatten() {
            add(Some(index), part.capacity_units);
        }
    }
    Used { units, items: told.items() as u64 }
}

fn failed(error: &DynoxideError, units: Vec<(Place, Units)>) -> Answer {
    let used = Used { units, items: 0 };
    Answer { status: error.status_code(), body: error.to_json().into_bytes(), used }
}

/// Kilobytes, rounded up, at least one.
fn written_units(bytes: usize) -> f64 {
    dynoxide::types::write_capacity_units(bytes).max(1.0)
}

/// A value of the SDK's as dynoxide's.
fn value(told: Told) -> AttributeValue {
    match told {
        Told::S(text) => AttributeValue::S(text),
        Told::N(number) => AttributeValue::N(number),
        Told::B(bytes) => AttributeValue::B(bytes.into_inner()),
        Told::Bool(flag) => AttributeValue::BOOL(flag),
        Told::Ss(texts) => AttributeValue::SS(texts),
        Told::Ns(numbers) => AttributeValue::NS(numbers),
        Told::Bs(many) => AttributeValue::BS(many.into_iter().map(|bytes| bytes.into_inner()).collect()),
        Told::L(values) => AttributeValue::L(values.into_iter().map(value).collect()),
        Told::M(fields) => AttributeValue::M(fields.into_iter().map(|(name, v)| (name, value(v))).collect()),
        _ => AttributeValue::NULL(true),
    }
}
