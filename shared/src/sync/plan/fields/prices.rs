//! Prices, in the target's own price types and currencies.

use serde_json::{Value, json};

use super::{Fields, Writing, same};
use crate::model::moysklad::EntityKind;
use crate::sync::plan::decide::Blocked;
use crate::sync::plan::meta::{id_of, to_named, to_price_type};

impl Writing<'_> {
    pub(super) fn prices(&self, entity: &Value, there: Option<&Value>, out: &mut Fields) -> Result<(), Blocked> {
        if !self.is_goods() && self.origin.kind != EntityKind::Variant {
            return Ok(());
        }
        for name in ["buyPrice", "minPrice"] {
            if let Some(price) = entity.get(name).filter(|price| price.is_object()) {
                let wanted = self.price(price)?;
                if there.is_none_or(|there| !same_price(&wanted, there.get(name).unwrap_or(&Value::Null))) {
                    out.insert(name.to_owned(), wanted);
                }
            }
        }
        let mut wanted = Vec::new();
        for price in entity.get("salePrices").and_then(Value::as_array).into_iter().flatten() {
            let price_type = price.get("priceType").and_then(id_of).and_then(|id| self.translation.price_type(id));
            let Some(price_type) = price_type else { continue };
            let mut price = self.price(price)?;
            let standing = there.and_then(|there| {
                let mut all = there.get("salePrices").and_then(Value::as_array).into_iter().flatten();
                all.find(|price| price.get("priceType").and_then(id_of) == Some(price_type))
            });
            if !standing.is_some_and(|standing| same_price(&price, standing)) {
                price["priceType"] = to_price_type(self.base, price_type);
                wanted.push(price);
            }
        }
        if !wanted.is_empty() {
            out.insert("salePrices".to_owned(), Value::Array(wanted));
        }
        Ok(())
    }

    /// A price in the target's currency of the same name.
    fn price(&self, price: &Value) -> Result<Value, Blocked> {
        let value = price.get("value").filter(|value| value.is_number()).cloned().unwrap_or_else(|| json!(0));
        let Some(currency) = price.get("currency").and_then(id_of) else {
            return Ok(json!({"value": value}));
        };
        let currency = self.translation.currency(currency).ok_or(Blocked::UnknownCurrency)?;
        Ok(json!({"value": value, "currency": to_named(self.base, "currency", currency)}))
    }
}

fn same_price(wanted: &Value, standing: &Value) -> bool {
    let value = |price: &Value| price.get("value").cloned().unwrap_or_else(|| json!(0));
    let currency = |price: &Value| price.get("currency").and_then(id_of);
    same(&value(wanted), &value(standing)) && (currency(wanted).is_none() || currency(wanted) == currency(standing))
}
