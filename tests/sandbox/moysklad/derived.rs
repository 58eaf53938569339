//! What nobody writes and everybody reads: defaults, sums, paths of folders, names of variants.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::books::Books;
use super::changes::{Action, Change};
use super::errors::Failure;
use super::kinds::Kind;
use super::shelf::Entity;
use super::{meta, moscow, parts, prices};

/// Deeper is a circle.
const MAX_DEPTH: usize = 50;

/// What a new entity has before its body is read.
pub(super) fn defaults(books: &Books, kind: Kind, entity: &mut Entity, now: Timestamp) {
    let mut put = |name: &str, value: Value| {
        entity.row.insert(name.into(), value);
    };
    put("id", json!(entity.id));
    put("accountId", json!(books.account_id));
    put("meta", meta::of(&books.base, kind, &entity.id));
    put("updated", json!(moscow::text(now)));
    if let Some(sync_id) = &entity.sync_id {
        put("syncId", json!(sync_id));
    }
    put("shared", json!(false));
    for (name, kind) in [("owner", Kind::Employee), ("group", Kind::Group)] {
        if let Some(first) = books.first(kind) {
            put(name, books.reference(kind, &first.id));
        }
    }
    if kind.has_archive() {
        put("archived", json!(false));
    }
    if kind.is_assortment() {
        if let Ok(all) = prices::all(books, "salePrices", &json!([]), None) {
            put("salePrices", all);
        }
        put("discountProhibited", json!(false));
    }
    if matches!(kind, Kind::Product | Kind::Bundle | Kind::Service) {
        put("useParentVat", json!(true));
        put("paymentItemType", json!("GOOD"));
        put("weight", json!(0.0));
        put("volume", json!(0.0));
    }
    if kind == Kind::Product {
        put("variantsCount", json!(0));
        put("trackingType", json!("NOT_TRACKED"));
        put("isSerialTrackable", json!(false));
    }
    if kind.is_document() {
        put("created", json!(moscow::text(now)));
        put("moment", json!(moscow::text(now)));
        put("rate", json!({"currency": books.default_currency()}));
        for (name, value) in [("applicable", true), ("vatEnabled", true), ("vatIncluded", true)] {
            put(name, json!(value));
        }
        for name in ["printed", "published"] {
            put(name, json!(false));
        }
        for name in ["payedSum", "vatSum"] {
            put(name, json!(0.0));
        }
        if kind == Kind::CustomerOrder {
            put("shippedSum", json!(0.0));
            put("invoicedSum", json!(0.0));
        }
    }
}

/// What follows from the entity's own fields.
pub(super) fn settle(books: &Books, kind: Kind, entity: &mut Entity) -> Result<(), Failure> {
    parts::settle(&books.base, kind, entity);
    if kind.field("productFolder").is_some() {
        let path = path_of(books, entity)?;
        entity.row.insert("pathName".into(), json!(path));
    }
    if kind == Kind::Variant
        && let Some(name) = variant_name(books, entity)
    {
        entity.row.insert("name".into(), json!(name));
    }
    Ok(())
}

/// What follows for others from another name or place: paths below a folder, names of a product's variants.
pub(super) fn spread(books: &mut Books, change: &Change) {
    let moved = change.fields.iter().any(|field| field == "name" || field == "productFolder");
    match change.kind {
        Kind::ProductFolder if moved => {
            for below in [Kind::ProductFolder, Kind::Product, Kind::Service, Kind::Bundle] {
                let paths: Vec<_> = below_folder(books, below).collect();
                rewrite(books, below, "pathName", paths);
            }
        }
        Kind::Product if moved => {
            let href = meta::href_of(&books.base, Kind::Product, &change.id);
            let of_product = |variant: &&Entity| variant.row["product"]["meta"]["href"] == href.as_str();
            let variants = books.shelf(Kind::Variant).into_iter().flat_map(|shelf| shelf.all().filter(of_product));
            let names: Vec<_> =
                variants.filter_map(|variant| Some((variant.id.clone(), variant_name(books, variant)?))).collect();
            rewrite(books, Kind::Variant, "name", names);
        }
        Kind::Variant if change.action != Action::Update => {
            let variant = books.shelf(Kind::Variant).and_then(|shelf| shelf.get(&change.id));
            let product = variant.and_then(|variant| named(books, variant, "product", Kind::Product));
            let Some(product) = product.map(|product| product.id.clone()) else { return };
            let by = if change.action == Action::Create { 1 } else { -1 };
            if let Some(product) = books.shelf_mut(Kind::Product).get_mut(&product) {
                let n = product.row.get("variantsCount").and_then(Value::as_i64).unwrap_or_default();
                product.row.insert("variantsCount".into(), json!(n + by));
            }
        }
        _ => {}
    }
}

fn rewrite(books: &mut Books, kind: Kind, field: &str, texts: Vec<(String, String)>) {
    for (id, text) in texts {
        if let Some(entity) = books.shelf_mut(kind).get_mut(&id) {
            entity.row.insert(field.into(), json!(text));
        }
    }
}

fn below_folder(books: &Books, kind: Kind) -> impl Iterator<Item = (String, String)> {
    let entities = books.shelf(kind).into_iter().flat_map(|shelf| shelf.all());
    let within = entities.filter(|entity| entity.row.contains_key("productFolder"));
    within.filter_map(|entity| Some((entity.id.clone(), path_of(books, entity).ok()?)))
}

fn named<'a>(books: &'a Books, entity: &Entity, field: &str, kind: Kind) -> Option<&'a Entity> {
    let (named, id) = meta::target(&books.base, field, entity.row.get(field)?).ok()?;
    books.shelf(kind).filter(|_| named == kind)?.get(&id)
}

/// The names of the folders above, from the top: `Одежда/Летняя`.
fn path_of(books: &Books, entity: &Entity) -> Result<String, Failure> {
    let mut names = Vec::new();
    let mut above = named(books, entity, "productFolder", Kind::ProductFolder);
    while let Some(folder) = above {
        if folder.id == entity.id || names.len() >= MAX_DEPTH {
            let text = "Ошибка сохранения объекта: группа не может быть вложена в саму себя";
            return Err(Failure::without_code(StatusCode::BAD_REQUEST, text).at("productFolder"));
        }
        names.push(folder.name());
        above = named(books, folder, "productFolder", Kind::ProductFolder);
    }
    names.reverse();
    Ok(names.join("/"))
}

fn variant_name(books: &Books, variant: &Entity) -> Option<String> {
    let product = named(books, variant, "product", Kind::Product)?.name();
    let characteristics = variant.row.get("characteristics").and_then(Value::as_array)?;
    let values: Vec<_> = characteristics.iter().filter_map(|value| value["value"].as_str()).collect();
    Some(format!("{product} ({})", values.join(", ")))
}
