//! What an account has of its own: price types, currencies, units, additional fields.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use super::MoyskladClient;
use crate::model::moysklad::{Direction, EntityId, EntityKind};
use crate::sync::dictionary::{Attribute, Dictionary, Named};
use crate::sync::ports::{Dictionaries, MoyskladError};

fn id(value: &Value) -> Option<EntityId> {
    value.get("id")?.as_str()?.parse().ok()
}

fn named(value: &Value, name: &str) -> Option<Named> {
    Some(Named { id: id(value)?, name: value.get(name)?.as_str()?.to_owned() })
}

fn attribute(value: &Value) -> Option<Attribute> {
    let text = |name: &str| value.get(name)?.as_str().map(str::to_owned);
    Some(Attribute { id: id(value)?, name: text("name")?, value_type: text("type")? })
}

impl MoyskladClient {
    async fn all(&self, segments: &[&str]) -> Result<Vec<Value>, MoyskladError> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let pairs = [("limit", "1000".to_owned()), ("offset", all.len().to_string())];
            let page = self.page(segments, &pairs).await?;
            all.extend(page.rows);
            // A unit of measure beyond the ten thousandth is not looked for.
            if !page.more || all.len() >= 10_000 {
                return Ok(all);
            }
        }
    }
}

impl Dictionaries for MoyskladClient {
    async fn dictionary(&self, kinds: &[EntityKind]) -> Result<Dictionary, MoyskladError> {
        let settings = self.value(Method::GET, &["context", "companysettings"], &[], None).await?;
        let rows = |rows: &[Value], name: &str| rows.iter().filter_map(|row| named(row, name)).collect::<Vec<_>>();
        let array = |value: &Value, name: &str| -> Vec<Value> {
            value.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let mut dictionary = Dictionary {
            price_types: rows(&array(&settings, "priceTypes"), "name"),
            currencies: rows(&self.all(&["entity", "currency"]).await?, "isoCode"),
            units: rows(&self.all(&["entity", "uom"]).await?, "name"),
            ..Dictionary::default()
        };
        for kind in kinds.iter().filter(|kind| kind.has_attributes()) {
            // Products, services and bundles share one set, which is asked for by the product's name.
            let owner = match kind {
                EntityKind::Service | EntityKind::Bundle => EntityKind::Product,
                other => *other,
            };
            let rows = self.all(&["entity", owner.name(), "metadata", "attributes"]).await?;
            dictionary.attributes.insert(*kind, rows.iter().filter_map(attribute).collect());
        }
        let orders = kinds.iter().filter(|kind| kind.direction() == Direction::Up);
        // What arrives as another kind is in that kind's states.
        let orders: BTreeSet<EntityKind> = orders.flat_map(|kind| [*kind, kind.arrives_as()]).collect();
        for kind in orders {
            let metadata = self.value(Method::GET, &["entity", kind.name(), "metadata"], &[], None).await?;
            dictionary.states.insert(kind, rows(&array(&metadata, "states"), "name"));
        }
        if kinds.contains(&EntityKind::Variant) {
            let metadata = self.value(Method::GET, &["entity", "variant", "metadata"], &[], None).await?;
            dictionary.characteristics = rows(&array(&metadata, "characteristics"), "name");
        }
        Ok(dictionary)
    }
}
