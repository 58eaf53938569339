//! The files of the rows that were kept, in DynamoDB's JSON.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::items::Item;

/// DynamoDB's JSON of a value.
fn value(json: &Value) -> AttributeValue {
    let (kind, inner) = json.as_object().and_then(|object| object.iter().next()).expect("a typed value");
    let texts =
        || inner.as_array().expect("a set").iter().map(|one| one.as_str().expect("a text").to_owned()).collect();
    let text = || inner.as_str().expect("a text").to_owned();
    match kind.as_str() {
        "S" => AttributeValue::S(text()),
        "N" => AttributeValue::N(text()),
        "B" => AttributeValue::B(Blob::new(STANDARD.decode(text()).expect("base64"))),
        "BOOL" => AttributeValue::Bool(inner.as_bool().expect("a truth")),
        "NULL" => AttributeValue::Null(true),
        "SS" => AttributeValue::Ss(texts()),
        "NS" => AttributeValue::Ns(texts()),
        "L" => AttributeValue::L(inner.as_array().expect("a list").iter().map(value).collect()),
        "M" => AttributeValue::M(item(inner)),
        _ => panic!("a value of the kind {kind}"),
    }
}

fn item(json: &Value) -> Item {
    json.as_object().expect("an item").iter().map(|(name, json)| (name.clone(), value(json))).collect()
}

/// The folders of what was kept, oldest first.
pub(super) fn kept() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/written");
    let mut kept: Vec<_> =
        fs::read_dir(folder).expect("rows were kept").map(|entry| entry.expect("a folder").path()).collect();
    kept.sort();
    assert!(!kept.is_empty());
    kept
}

/// The rows of one of them, by table.
pub(super) fn rows(folder: &Path) -> BTreeMap<String, Vec<Item>> {
    let text = fs::read_to_string(folder.join("rows.json")).expect("rows");
    let tables: BTreeMap<String, Vec<Value>> = serde_json::from_str(&text).expect("tables of rows");
    tables.into_iter().map(|(table, rows)| (table, rows.iter().map(item).collect())).collect()
}
