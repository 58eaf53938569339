//! The items that `receive` wrote for a lead, as the benchmark found them in the tables.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_http::Error;
use serde_json::Value;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// What is read and written.
pub(crate) struct Items {
    /// The table of cards.
    pub(crate) directory: String,
    /// The table of events.
    pub(crate) events: String,
    /// The table of counters.
    pub(crate) signals: String,
    /// The key of the card.
    pub(crate) card: Item,
    row: Item,
    body: Item,
}

impl Items {
    /// Reads a file of `{"directory", "events", "signals", "card", "row", "body"}`: three names and three items, as
    /// DynamoDB's protocol writes them.
    pub(crate) fn read(path: &str) -> Result<Self, Error> {
        let whole: Value = serde_json::from_slice(&std::fs::read(path)?)?;
        let name = |of: &str| whole[of].as_str().map(str::to_owned).ok_or_else(|| missing(of));
        Ok(Self {
            directory: name("directory")?,
            events: name("events")?,
            signals: name("signals")?,
            card: item(&whole["card"])?,
            row: item(&whole["row"])?,
            body: item(&whole["body"])?,
        })
    }

    /// The row of a new event.
    pub(crate) fn row(&self, key: &str) -> Item {
        placed(&self.row, format!("EVENT#evt_{key}"))
    }

    /// The body of a new event.
    pub(crate) fn body(&self, key: &str) -> Item {
        placed(&self.body, format!("SUBJECT#src_c2s#{key}"))
    }
}

fn placed(item: &Item, partition: String) -> Item {
    let mut item = item.clone();
    item.insert("pk".into(), AttributeValue::S(partition));
    item
}

fn item(fields: &Value) -> Result<Item, Error> {
    let fields = fields.as_object().ok_or_else(|| missing("an item"))?;
    fields.iter().map(|(name, value)| Ok((name.clone(), attribute(value)?))).collect()
}

fn attribute(value: &Value) -> Result<AttributeValue, Error> {
    let (kind, value) = value.as_object().and_then(|object| object.iter().next()).ok_or_else(|| missing("a value"))?;
    let text = || value.as_str().map(str::to_owned).ok_or_else(|| missing("a text"));
    Ok(match kind.as_str() {
        "S" => AttributeValue::S(text()?),
        "N" => AttributeValue::N(text()?),
        "B" => AttributeValue::B(Blob::new(STANDARD.decode(text()?)?)),
        "BOOL" => AttributeValue::Bool(value.as_bool().ok_or_else(|| missing("a boolean"))?),
        "M" => AttributeValue::M(item(value)?),
        other => return Err(missing(&format!("no attribute of `receive`'s is of kind {other}, and it"))),
    })
}

fn missing(what: &str) -> Error {
    format!("{what} is missing in the items").into()
}
