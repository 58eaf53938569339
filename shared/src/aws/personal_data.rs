//! Everything that may hold a person: the events table, then the table of parties, scanned page by page.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Value};

use super::expression::Update;
use super::failure::store_error;
use super::inbox::unpacked;
use super::items::{ERASED, Item as Attributes, PK, SK, from_item, n, s, text};
use super::keys::{self, Key};
use super::rows::Changed;
use super::store::Store;
use crate::data_subjects::{Item, ItemPage, PersonalData, Thread};
use crate::enrichment::look_up::LookUp;
use crate::model::event::Event;
use crate::model::ids::EventId;
use crate::model::row::RowKey;
use crate::work::StoreError;

/// Rows of a page. Bodies are among them: a page is at most the megabyte that a scan answers.
const PAGE: i32 = 200;

/// Which table a row lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    Events,
    Parties,
}

impl Table {
    const fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Parties => "parties",
        }
    }
}

/// A row's name: table, partition, place. What a walk's cursor says, too; without a key it is the table's beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    table: Table,
    key: Option<Key>,
}

impl Name {
    fn read(text: &str) -> Option<Self> {
        let (table, rest) = text.split_once('|').map_or((text, None), |(table, rest)| (table, Some(rest)));
        let table = [Table::Events, Table::Parties].into_iter().find(|known| known.name() == table)?;
        let key = match rest {
            Some(rest) => {
                let (pk, sk) = rest.split_once('|')?;
                Some(Key { pk: pk.to_owned(), sk: sk.to_owned() })
            }
            None => None,
        };
        Some(Self { table, key })
    }

    fn write(table: Table, item: &Attributes) -> Option<String> {
        Some(format!("{}|{}|{}", table.name(), text(item, PK)?, text(item, SK)?))
    }
}

impl PersonalData for Store {
    async fn items(&self, from: Option<&str>) -> Result<ItemPage, StoreError> {
        let from = match from {
            Some(text) => Name::read(text).ok_or_else(|| StoreError::Corrupt("a walk's cursor".into()))?,
            None => Name { table: Table::Events, key: None },
        };
        let start = from.key.map(|key| Attributes::from([(PK.to_owned(), s(key.pk)), (SK.to_owned(), s(key.sk))]));
        let page = self
            .db
            .scan()
            .table_name(self.table(from.table))
            .consistent_read(true)
            .limit(PAGE)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| store_error("Scan", &error))?;
        let next = match (page.last_evaluated_key(), from.table) {
            (Some(last), table) => Name::write(table, last),
            (None, Table::Events) => Some(Table::Parties.name().to_owned()),
            (None, Table::Parties) => None,
        };
        let items = page.items.unwrap_or_default();
        Ok(ItemPage { items: items.into_iter().filter_map(|item| read(from.table, item)).collect(), next })
    }

    async fn thread(&self, thread: &Thread) -> Result<Vec<String>, StoreError> {
        let (source, lead) = match thread {
            Thread::Lead(source, lead) => (source.clone(), lead.clone()),
            Thread::Event(id) => {
                let row = self.get(&self.tables.events, keys::row(&RowKey::Event(id.clone()))).await?;
                let event: Option<Event> = row.map(from_item).transpose()?;
                match event.and_then(|event| event.subject.map(|subject| (event.source, subject))) {
                    Some(lead) => lead,
                    None => return self.names(Table::Events, &keys::timeline(id)).await.map(|names| names.0),
                }
            }
        };
        let (mut names, events) = self.names(Table::Events, &keys::subject(&source, &lead)).await?;
        for event in events {
            names.extend(self.names(Table::Events, &keys::timeline(&event)).await?.0);
        }
        names.extend(self.names(Table::Parties, &keys::lead(&source, &lead)).await?.0);
        Ok(names)
    }

    async fn blank(&self, key: &str) -> Result<(), StoreError> {
        let Some(Name { table, key: Some(key) }) = Name::read(key) else {
            return Err(StoreError::Corrupt("the name of a row that was found".into()));
        };
        let mut update = Update::default().set(ERASED, AttributeValue::Bool(true)).only_if_there(PK);
        for name in held_in(table, &key) {
            update = update.remove(name);
        }
        if table == Table::Parties {
            // A worker that has read the row must not write it back.
            update = update.add("version", n(1));
        }
        match self.update(self.table(table), key.clone(), update).await? {
            Changed::Now(item) if table == Table::Events && item.contains_key("last") => self.blank_last(key).await,
            // What went in between holds nobody.
            Changed::Now(_) | Changed::Refused(_) => Ok(()),
        }
    }
}

/// The attributes of a row that may hold a person.
fn held_in(table: Table, key: &Key) -> &'static [&'static str] {
    match table {
        Table::Parties => &["party", "working", "found_by"],
        // An event's own row may hold its body, too.
        Table::Events if keys::is_body(key) || key.sk == "EVENT" => &["body", "headers"],
        Table::Events if key.sk.starts_with(keys::OUT_PLACE) => &["data"],
        Table::Events if keys::attempted(&key.sk).is_some() => &["response"],
        Table::Events => &[],
    }
}

impl Store {
    fn table(&self, table: Table) -> &str {
        match table {
            Table::Events => &self.tables.events,
            Table::Parties => &self.tables.parties,
        }
    }

    /// The response on a delivery's own row.
    async fn blank_last(&self, key: Key) -> Result<(), StoreError> {
        self.db
            .update_item()
            .table_name(&self.tables.events)
            .key(PK, s(key.pk))
            .key(SK, s(key.sk))
            .update_expression("REMOVE #last.#response")
            .condition_expression("attribute_exists(#last)")
            .expression_attribute_names("#last", "last")
            .expression_attribute_names("#response", "response")
            .send()
            .await
            .map(|_| ())
            .map_err(|error| store_error("UpdateItem", &error))
    }

    /// The names of a partition's rows, and the events they name.
    async fn names(&self, table: Table, partition: &str) -> Result<(Vec<String>, Vec<EventId>), StoreError> {
        let (mut names, mut events) = (Vec::new(), Vec::new());
        let mut from = None;
        loop {
            let page = self
                .db
                .query()
                .table_name(self.table(table))
                .consistent_read(true)
                .key_condition_expression("pk = :pk")
                .projection_expression("pk, sk, #event")
                .expression_attribute_names("#event", "event")
                .expression_attribute_values(":pk", s(partition))
                .set_exclusive_start_key(from)
                .send()
                .await
                .map_err(|error| store_error("Query", &error))?;
            for item in page.items() {
                names.extend(Name::write(table, item));
                events.extend(text(item, "event").and_then(|id| id.parse::<EventId>().ok()));
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                events.sort();
                events.dedup();
                return Ok((names, events));
            }
        }
    }
}

/// A row as the walk looks at it; nothing for rows that hold nobody, and for those of the walks themselves.
fn read(table: Table, item: Attributes) -> Option<Item> {
    let key = Name::write(table, &item)?;
    let thread = keys::thread(text(&item, PK)?)?;
    let sealed = match table {
        Table::Events => None,
        Table::Parties => from_item::<LookUp>(item.clone())
            .ok()
            .and_then(|row| Some((row.working.clone()?, row.tenant.clone(), row.name()))),
    };
    let mut holds = Map::new();
    if let Some(body) = unpacked(&item) {
        holds.insert("body".into(), String::from_utf8_lossy(&body).into_owned().into());
    }
    // Numbers on the row itself are our own times and counts. What people wrote lies deeper, or is text.
    let own = item.into_iter().filter(|(name, value)| !value.is_n() && name != PK && name != SK);
    holds.extend(own.filter_map(|(name, value)| Some((name, plain(value)?))));
    Some(Item { key, holds: Value::Object(holds), sealed, thread: Some(thread) })
}

fn plain(value: AttributeValue) -> Option<Value> {
    Some(match value {
        AttributeValue::S(text) => text.into(),
        AttributeValue::N(number) => serde_json::from_str(&number).unwrap_or(Value::String(number)),
        AttributeValue::Bool(value) => value.into(),
        AttributeValue::L(items) => items.into_iter().filter_map(plain).collect(),
        AttributeValue::M(fields) => {
            Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name, plain(value)?))).collect())
        }
        AttributeValue::Ss(items) | AttributeValue::Ns(items) => items.into_iter().map(Value::from).collect(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::SourceId;

    #[test]
    fn a_name_is_read_back() {
        let item = Attributes::from([(PK.to_owned(), s("EVENT#evt_1")), (SK.to_owned(), s("OUT#evt_1_1"))]);
        let text = Name::write(Table::Events, &item).unwrap();
        assert_eq!(text, "events|EVENT#evt_1|OUT#evt_1_1");
        let key = Key { pk: "EVENT#evt_1".into(), sk: "OUT#evt_1_1".into() };
        assert_eq!(Name::read(&text), Some(Name { table: Table::Events, key: Some(key) }));
        assert_eq!(Name::read("parties"), Some(Name { table: Table::Parties, key: None }));
        assert_eq!(Name::read("elsewhere|a|b"), None);
    }

    #[test]
    fn every_kind_of_row_loses_what_may_hold_a_person_and_a_delivery_nothing() {
        let held = |pk: &str, sk: &str| held_in(Table::Events, &Key { pk: pk.into(), sk: sk.into() });
        assert_eq!(held("SUBJECT#src_1#lead", "2025-01-20T10:00:00.000000Z#evt_1"), ["body", "headers"]);
        assert_eq!(held("EVENT#evt_1", "BODY"), ["body", "headers"]);
        assert_eq!(held("EVENT#evt_1", "BODY#VARIANT#abc"), ["body", "headers"]);
        assert_eq!(held("EVENT#evt_1", "OUT#evt_1"), ["data"]);
        assert_eq!(held("EVENT#evt_1", "DELIVERY#dlv_1#ATTEMPT#000001"), ["response"]);
        assert_eq!(held("EVENT#evt_1", "EVENT"), ["body", "headers"]);
        assert!(held("EVENT#evt_1", "DELIVERY#dlv_1").is_empty());
    }

    #[test]
    fn rows_are_of_the_thread_their_partition_says() {
        assert_eq!(keys::thread("SUBJECT#src_1#a:b"), Some(Thread::Lead("src_1".parse().unwrap(), "a:b".into())));
        assert_eq!(keys::thread("LEAD#src_default#7"), Some(Thread::Lead(SourceId::default_c2s(), "7".into())));
        assert_eq!(keys::thread("EVENT#evt_1"), Some(Thread::Event("evt_1".parse().unwrap())));
        assert_eq!(keys::thread("DATA_SUBJECT#job_1"), None);
        assert_eq!(keys::thread("POLL#src_1"), None);
    }
}
