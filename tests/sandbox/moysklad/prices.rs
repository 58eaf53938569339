//! Prices: in kopecks, possibly with a fraction, each in a currency and of a price type of the account.

use serde_json::{Value, json};

use super::books::Books;
use super::errors::{self, Failure};
use super::fields::{array, object};
use super::kinds::Kind;
use super::meta;
use super::shelf::Entity;

const PRICE_TYPES: &str = "context/companysettings/pricetype";

fn value_of(name: &str, given: &Value) -> Result<f64, Failure> {
    let value = given["value"].as_f64().ok_or_else(|| errors::wrong_type(name, "number"))?;
    if value < 0.0 {
        return Err(errors::negative(name));
    }
    Ok(value)
}

fn currency_of(books: &Books, given: &Value) -> Result<Value, Failure> {
    match given.get("currency") {
        None | Some(Value::Null) => Ok(books.default_currency()),
        Some(currency) => {
            let (kind, entity) = books.resolve("currency", currency, &[Kind::Currency])?;
            Ok(books.reference(kind, &entity.id))
        }
    }
}

/// `buyPrice`, `minPrice`.
pub(super) fn single(books: &Books, name: &str, given: &Value) -> Result<Value, Failure> {
    object(name, given)?;
    Ok(json!({"value": value_of(name, given)?, "currency": currency_of(books, given)?}))
}

/// A price of every type of the account: what a body does not name stays as it was, or is 0.
pub(super) fn all(books: &Books, name: &str, given: &Value, current: Option<&Entity>) -> Result<Value, Failure> {
    let mut prices = standing(books, current);
    for element in array(name, given)? {
        object(name, element)?;
        let of_type = match element.get("priceType") {
            None | Some(Value::Null) => books.price_types.first(),
            Some(named) => {
                let id = meta::id_under(&books.base, "priceType", named, PRICE_TYPES)?;
                let known = books.price_types.iter().find(|known| known["id"] == id.as_str());
                Some(known.ok_or_else(|| errors::reference_not_found("priceType", "pricetype", &id))?)
            }
        };
        let id = of_type.map_or(&Value::Null, |of_type| &of_type["id"]);
        if let Some(price) = prices.iter_mut().find(|price| &price["priceType"]["id"] == id) {
            price["value"] = json!(value_of(name, element)?);
            price["currency"] = currency_of(books, element)?;
        }
    }
    Ok(Value::Array(prices))
}

fn standing(books: &Books, current: Option<&Entity>) -> Vec<Value> {
    let known = current.and_then(|entity| entity.row.get("salePrices")).and_then(Value::as_array);
    let of_type = |id: &Value| known.into_iter().flatten().find(|price| &price["priceType"]["id"] == id).cloned();
    let currency = books.default_currency();
    let every = books.price_types.iter().map(|price_type| {
        of_type(&price_type["id"])
            .unwrap_or_else(|| json!({"value": 0.0, "currency": currency, "priceType": price_type}))
    });
    every.collect()
}

/// As `updatedFields` has it: the default price by the name of the field, any other by the name of its type.
pub(super) fn changed(before: &Value, after: &Value) -> Vec<String> {
    let types = after.as_array().or(before.as_array()).into_iter().flatten().map(|price| &price["priceType"]);
    let price_of = |prices: &Value, id: &Value| {
        let found = prices.as_array().into_iter().flatten().find(|price| &price["priceType"]["id"] == id);
        found.map(|price| (price["value"].clone(), price["currency"].clone()))
    };
    let changed = types.enumerate().filter(|(_, of)| price_of(before, &of["id"]) != price_of(after, &of["id"]));
    let name = |(at, of): (usize, &Value)| match at {
        0 => "salePrices".to_owned(),
        _ => of["name"].as_str().unwrap_or("salePrices").to_owned(),
    };
    changed.map(name).collect()
}
