//! What an entity says, apart from when it was said and what its account adds of its own.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::fields::{barcodes, characteristics, packs};
use super::meta::id_of;
use super::parts;
use crate::model::moysklad::{EntityKind, Essence, FieldGroup, Kopecks};

/// Digits of a group's digest. Two versions of one entity are compared, so few will do.
const DIGITS: usize = 12;

/// Of a whole entity: two with one fingerprint say the same.
#[must_use]
pub fn fingerprint(kind: EntityKind, entity: &Value) -> String {
    let groups = FieldGroup::ALL.map(|group| said(entity, group));
    let whole = json!([kind, entity.get("id"), groups]);
    hex::encode(&Sha256::digest(whole.to_string())[..16])
}

/// Of each group of its fields.
#[must_use]
pub fn essence(entity: &Value) -> Essence {
    let digest = |said: &Value| {
        let mut digest = hex::encode(Sha256::digest(said.to_string()));
        digest.truncate(DIGITS);
        digest
    };
    let said = FieldGroup::ALL.into_iter().map(|group| (group, said(entity, group)));
    said.filter(|(_, said)| !says_nothing(said)).map(|(group, said)| (group, digest(&said))).collect()
}

fn says_nothing(said: &Value) -> bool {
    match said {
        Value::Null => true,
        Value::Array(all) => all.iter().all(says_nothing),
        _ => false,
    }
}

/// What a group of its fields says, in a form that has one spelling.
fn said(entity: &Value, group: FieldGroup) -> Value {
    let plain = |names: &[&str]| -> Value { names.iter().map(|name| entity.get(*name).map(number)).collect() };
    let reference = |name: &str| json!(entity.get(name).and_then(id_of));
    let all = |name: &str| entity.get(name).and_then(Value::as_array).into_iter().flatten();
    match group {
        FieldGroup::Names => plain(&["name", "code", "externalCode", "article", "description"]),
        FieldGroup::Prices => {
            let single = ["buyPrice", "minPrice"].map(|name| entity.get(name).map(price));
            json!([all("salePrices").map(price).collect::<Value>(), single])
        }
        FieldGroup::Attributes => {
            all("attributes").map(|one| json!([id_of(one), one.get("value").map(number)])).collect()
        }
        FieldGroup::Barcodes => json!(barcodes(entity)),
        FieldGroup::Packs => {
            packs(entity).map(|pack| json!([pack.unit, number(pack.quantity), pack.barcodes])).collect()
        }
        FieldGroup::Folder => reference("productFolder"),
        FieldGroup::Archived => plain(&["archived"]),
        FieldGroup::Units => {
            json!([plain(&["vat", "vatEnabled", "useParentVat", "weight", "volume"]), reference("uom")])
        }
        FieldGroup::Characteristics => json!([reference("product"), characteristics(entity)]),
        FieldGroup::Components => parts::essence(entity, "components"),
        FieldGroup::Order => {
            let currency = entity.pointer("/rate/currency").and_then(id_of);
            json!([plain(&["moment", "applicable", "vatEnabled", "vatIncluded", "deliveryPlannedMoment"]), currency])
        }
        FieldGroup::State => reference("state"),
        FieldGroup::Positions => parts::essence(entity, "positions"),
    }
}

fn number(value: &Value) -> Value {
    match value {
        Value::Number(number) => {
            Kopecks::read(number).map_or_else(|| value.clone(), |kopecks| kopecks.roubles().into())
        }
        other => other.clone(),
    }
}

fn price(price: &Value) -> Value {
    json!([
        price.get("priceType").and_then(id_of),
        price.get("value").map(number),
        price.get("currency").and_then(id_of)
    ])
}
