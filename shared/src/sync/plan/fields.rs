//! From an entity of one account to the fields that differ in the other, in the other's words.

mod orders;
mod packs;
mod prices;

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value, json};

pub(super) use self::packs::packs;
use super::decide::Blocked;
use super::meta::{id_of, to_attribute, to_entity, to_named};
use super::parts;
use super::references::References;
use crate::model::moysklad::{EntityKind, EntityRef, FieldGroup, Groups, Kopecks, Settings};
use crate::sync::dictionary::Translation;

/// A write that is being put together.
pub(super) struct Writing<'a> {
    pub(super) origin: EntityRef,
    pub(super) groups: &'a Groups,
    pub(super) settings: &'a Settings,
    pub(super) translation: &'a Translation,
    pub(super) references: &'a References,
    /// The base address of the target's API.
    pub(super) base: &'a str,
}

type Fields = Map<String, Value>;

/// A text that says something.
pub(super) fn text<'a>(entity: &'a Value, name: &str) -> Option<&'a str> {
    entity.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// Kinds and codes. An empty code is what a target is given so that it makes none up.
pub(super) fn barcodes(entity: &Value) -> BTreeSet<(String, String)> {
    let all = entity.get("barcodes").and_then(Value::as_array).into_iter().flatten();
    let pairs = all.filter_map(Value::as_object).flatten();
    pairs
        .filter_map(|(kind, code)| Some((kind.clone(), code.as_str()?.to_owned())))
        .filter(|(_, code)| !code.is_empty())
        .collect()
}

/// Names and values.
pub(super) fn characteristics(entity: &Value) -> BTreeSet<(String, String)> {
    let all = entity.get("characteristics").and_then(Value::as_array).into_iter().flatten();
    all.filter_map(|one| Some((text(one, "name")?.to_owned(), text(one, "value")?.to_owned()))).collect()
}

pub(super) fn same_number(a: &Number, b: &Number) -> bool {
    match (Kopecks::read(a), Kopecks::read(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => same_number(a, b),
        (Value::String(text), Value::Null) | (Value::Null, Value::String(text)) => text.is_empty(),
        (a, b) => a == b,
    }
}

impl Writing<'_> {
    /// The fields to write: those of the groups that differ from what is there, or all that say something if nothing is.
    pub(super) fn differences(&self, entity: &Value, there: Option<&Value>) -> Result<Fields, Blocked> {
        let mut out = Fields::new();
        for group in self.groups.iter() {
            match group {
                FieldGroup::Names => self.names(entity, there, &mut out),
                FieldGroup::Prices => self.prices(entity, there, &mut out)?,
                FieldGroup::Attributes => self.attributes(entity, there, &mut out),
                FieldGroup::Barcodes => self.barcodes(entity, there, &mut out),
                FieldGroup::Packs => self.packs(entity, there, &mut out),
                FieldGroup::Folder => self.folder(entity, there, &mut out)?,
                FieldGroup::Archived => self.archived(entity, there, &mut out),
                FieldGroup::Units => self.units(entity, there, &mut out),
                FieldGroup::Characteristics => self.characteristics(entity, there, &mut out)?,
                FieldGroup::Components => self.parts(entity, there, "components", &mut out)?,
                FieldGroup::Order => self.order(entity, there, &mut out)?,
                FieldGroup::State => self.state(entity, there, &mut out),
                FieldGroup::Positions => self.parts(entity, there, "positions", &mut out)?,
            }
        }
        Ok(out)
    }

    const fn is_goods(&self) -> bool {
        matches!(self.origin.kind, EntityKind::Product | EntityKind::Service | EntityKind::Bundle)
    }

    const fn is_order(&self) -> bool {
        matches!(self.origin.kind, EntityKind::CustomerOrder | EntityKind::Demand | EntityKind::RetailDemand)
    }

    fn names(&self, entity: &Value, there: Option<&Value>, out: &mut Fields) {
        let names: &[&str] = match self.origin.kind {
            EntityKind::Product | EntityKind::Service | EntityKind::Bundle => {
                &["name", "code", "externalCode", "article", "description"]
            }
            // A variant's name is made of its product's.
            EntityKind::Variant => &["code", "externalCode", "description"],
            EntityKind::ProductFolder | EntityKind::CustomerOrder | EntityKind::Demand | EntityKind::RetailDemand => {
                &["name", "code", "externalCode", "description"]
            }
        };
        for name in names {
            let wanted = text(entity, name).map_or(Value::Null, Value::from);
            // Nothing can be without a name, and every entity has an external code.
            if wanted.is_null() && matches!(*name, "name" | "externalCode") {
                continue;
            }
            put(out, there, name, wanted);
        }
    }

    fn attributes(&self, entity: &Value, there: Option<&Value>, out: &mut Fields) {
        let find = |entity: &Value, id| {
            let mut all = entity.get("attributes").and_then(Value::as_array).into_iter().flatten();
            let own = all.find(|one| {
                let stated = one.get("id").and_then(Value::as_str).and_then(|text| text.parse().ok());
                stated.or_else(|| id_of(one)) == Some(id)
            });
            own.and_then(|one| one.get("value")).cloned().unwrap_or_default()
        };
        // An order keeps its own kind's fields; as another kind it would need others.
        let kind = self.origin.kind;
        let mut wanted = Vec::new();
        for (ours, theirs) in self.translation.attributes(kind).filter(|_| kind == kind.arrives_as()) {
            let value = find(entity, ours);
            let current = there.map_or(Value::Null, |there| find(there, theirs));
            if !same(&value, &current) {
                let mut attribute = to_attribute(self.base, kind, theirs);
                attribute["value"] = value;
                wanted.push(attribute);
            }
        }
        if !wanted.is_empty() {
            out.insert("attributes".to_owned(), Value::Array(wanted));
        }
    }

    fn barcodes(&self, entity: &Value, there: Option<&Value>, out: &mut Fields) {
        if !self.is_goods() && self.origin.kind != EntityKind::Variant {
            return;
        }
        let wanted = barcodes(entity);
        if there.is_some_and(|there| barcodes(there) == wanted) {
            return;
        }
        let all: Vec<Value> = wanted.into_iter().map(|(kind, code)| json!({kind: code})).collect();
        // Who is created without any is given one that was made up; an empty one prevents that.
        let none = there.is_none() && all.is_empty();
        out.insert("barcodes".to_owned(), if none { json!([{"ean13": ""}]) } else { Value::Array(all) });
    }

    fn folder(&self, entity: &Value, there: Option<&Value>, out: &mut Fields) -> Result<(), Blocked> {
        if !self.settings.folders || !(self.is_goods() || self.origin.kind == EntityKind::ProductFolder) {
            return Ok(());
        }
        let kind = EntityKind::ProductFolder;
        let wanted = match entity.get("productFolder").and_then(id_of) {
            None => None,
            Some(id) => {
                let folder = EntityRef { account: self.origin.account, kind, id };
                Some(self.references.get(folder).ok_or(Blocked::ReferenceMissing(folder))?)
            }
        };
        let current = there.and_then(|there| there.get("productFolder")).and_then(id_of);
        if wanted != current {
            let reference = wanted.map_or(Value::Null, |id| to_entity(self.base, kind, id));
            out.insert("productFolder".to_owned(), reference);
        }
        Ok(())
    }

    fn archived(&self, entity: &Value, there: Option<&Value>, out: &mut Fields) {
        if !self.is_goods() && self.origin.kind != EntityKind::Variant {
            return;
        }
        let is = |entity: &Value| entity.get("archived").and_then(Value::as_bool).unwrap_or(false);
        if is(entity) != there.is_some_and(is) {
            out.insert("archived".to_owned(), is(entity).into());
        }
    }

    fn units(&self, entity: &Value, there: Option<&Value>, out: &mut Fields) {
        if !self.is_goods() {
            return;
        }
        for name in ["vat", "vatEnabled", "useParentVat", "weight", "volume"] {
            if let Some(value) = entity.get(name).filter(|value| value.is_number() || value.is_boolean()) {
                put(out, there, name, value.clone());
            }
        }
        let unit = entity.get("uom").and_then(id_of).and_then(|id| self.translation.unit(id));
        if let Some(unit) = unit
            && there.and_then(|there| there.get("uom")).and_then(id_of) != Some(unit)
        {
            out.insert("uom".to_owned(), to_named(self.base, "uom", unit));
        }
    }

    fn characteristics(&self, entity: &Value, there: Option<&Value>, out: &mut Fields) -> Result<(), Blocked> {
        if self.origin.kind != EntityKind::Variant {
            return Ok(());
        }
        let wanted = characteristics(entity);
        if there.is_none_or(|there| characteristics(there) != wanted) {
            let all = wanted.into_iter().map(|(name, value)| json!({"name": name, "value": value}));
            out.insert("characteristics".to_owned(), Value::Array(all.collect()));
        }
        if there.is_none() {
            let product =
                entity.get("product").and_then(|product| super::meta::entity_of(self.origin.account, product));
            let product = product.ok_or(Blocked::UnknownPosition)?;
            let id = self.references.get(product).ok_or(Blocked::ReferenceMissing(product))?;
            out.insert("product".to_owned(), to_entity(self.base, EntityKind::Product, id));
        }
        Ok(())
    }

    fn parts(
        &self,
        entity: &Value,
        there: Option<&Value>,
        list: &'static str,
        out: &mut Fields,
    ) -> Result<(), Blocked> {
        let has = match list {
            "components" => self.origin.kind == EntityKind::Bundle,
            _ => self.is_order(),
        };
        if has {
            let wanted = parts::wanted(self, entity, list)?;
            if there.is_none_or(|there| !parts::same(&wanted, there, list)) {
                out.insert(list.to_owned(), Value::Array(wanted));
            }
        }
        Ok(())
    }
}

/// Writes a field unless it is so already; what says nothing is not written where there is nothing.
fn put(out: &mut Fields, there: Option<&Value>, name: &str, wanted: Value) {
    let current = there.and_then(|there| there.get(name)).unwrap_or(&Value::Null);
    if !same(current, &wanted) {
        out.insert(name.to_owned(), wanted);
    }
}
