//! The packages that goods are sold in, in the target's own units.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Fields, Writing, barcodes, same};
use crate::model::moysklad::{EntityId, EntityKind};
use crate::sync::plan::meta::{id_of, to_named};

/// A package that goods are sold in.
pub(in crate::sync::plan) struct Pack<'a> {
    pub(in crate::sync::plan) unit: Option<EntityId>,
    pub(in crate::sync::plan) quantity: &'a Value,
    pub(in crate::sync::plan) barcodes: BTreeSet<(String, String)>,
}

/// A product's packages. A variant's refer to its product's, and are not looked at.
pub(in crate::sync::plan) fn packs(entity: &Value) -> impl Iterator<Item = Pack<'_>> {
    let all = entity.get("packs").and_then(Value::as_array).into_iter().flatten();
    all.filter_map(|pack| {
        let unit = pack.get("uom").and_then(id_of);
        Some(Pack { unit, quantity: pack.get("quantity")?, barcodes: barcodes(pack) })
    })
}

impl Writing<'_> {
    /// Packages are replaced whole. One in a unit that the target has not is left out.
    pub(super) fn packs(&self, entity: &Value, there: Option<&Value>, out: &mut Fields) {
        if self.origin.kind != EntityKind::Product {
            return;
        }
        let translated =
            |pack: Pack<'_>| Some((self.translation.unit(pack.unit?)?, pack.quantity.clone(), pack.barcodes));
        let wanted: Vec<_> = packs(entity).filter_map(translated).collect();
        let standing = there.into_iter().flat_map(packs);
        let standing: Vec<_> = standing.filter_map(|pack| Some((pack.unit?, pack.quantity, pack.barcodes))).collect();
        let is_so = wanted.len() == standing.len()
            && wanted.iter().zip(&standing).all(|(a, b)| a.0 == b.0 && same(&a.1, b.1) && a.2 == b.2);
        if !is_so {
            let all = wanted.into_iter().map(|(unit, quantity, barcodes)| {
                let barcodes: Vec<Value> = barcodes.into_iter().map(|(kind, code)| json!({kind: code})).collect();
                let mut pack = json!({"uom": to_named(self.base, "uom", unit), "quantity": quantity});
                if !barcodes.is_empty() {
                    pack["barcodes"] = barcodes.into();
                }
                pack
            });
            out.insert("packs".to_owned(), all.collect());
        }
    }
}
