//! `meta`: how things of one account point to each other. A meta of another account points to nothing here.

use serde_json::{Value, json};

use super::errors::{self, Failure};
use super::kinds::Kind;

pub(super) const MEDIA_TYPE: &str = "application/json";

/// A meta without metadata of its own.
pub(super) fn plain(href: &str, kind: &str) -> Value {
    json!({"href": href, "type": kind, "mediaType": MEDIA_TYPE})
}

pub(super) fn href_of(base: &str, kind: Kind, id: &str) -> String {
    format!("{base}/entity/{}/{id}", kind.name())
}

pub(super) fn of(base: &str, kind: Kind, id: &str) -> Value {
    json!({
        "href": href_of(base, kind, id),
        "metadataHref": format!("{base}/entity/{}/metadata", kind.name()),
        "type": kind.name(),
        "mediaType": MEDIA_TYPE
    })
}

/// `{"meta": …}`, as a field has it.
pub(super) fn reference(base: &str, kind: Kind, id: &str) -> Value {
    json!({"meta": of(base, kind, id)})
}

/// Where a value's meta leads: (path below the base, type).
fn address<'a>(base: &str, field: &str, value: &'a Value) -> Result<(&'a str, &'a str), Failure> {
    let meta = value.get("meta").filter(|meta| meta.is_object()).ok_or_else(|| errors::no_meta(field))?;
    let href = meta["href"].as_str().ok_or_else(|| errors::no_href(field))?;
    let named = meta["type"].as_str().ok_or_else(|| errors::no_type(field))?;
    let path = href.split('?').next().unwrap_or(href);
    let path = path.strip_prefix(base).ok_or_else(|| errors::wrong_server(href))?;
    Ok((path.trim_start_matches('/'), named))
}

/// The entity that a value's meta names; whether there is one is another question.
pub(super) fn target(base: &str, field: &str, value: &Value) -> Result<(Kind, String), Failure> {
    let (path, named) = address(base, field, value)?;
    let mut segments = path.split('/');
    let (Some("entity"), Some(name), Some(id), None) =
        (segments.next(), segments.next(), segments.next(), segments.next())
    else {
        return Err(errors::wrong_href(field));
    };
    let kind = Kind::by_name(name).ok_or_else(|| errors::wrong_href(field))?;
    if named != name {
        return Err(errors::wrong_meta_type());
    }
    Ok((kind, id.to_owned()))
}

/// The id of something that is no entity, such as an attribute: what follows `under` in the href.
pub(super) fn id_under(base: &str, field: &str, value: &Value, under: &str) -> Result<String, Failure> {
    let (path, _) = address(base, field, value)?;
    let id = path.strip_prefix(under).and_then(|rest| rest.strip_prefix('/'));
    id.filter(|id| !id.is_empty() && !id.contains('/')).map(str::to_owned).ok_or_else(|| errors::wrong_href(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://one.example/api/remap/1.2";

    #[test]
    fn a_meta_leads_to_its_kind_and_id_whatever_its_query_says() {
        let mut value = reference(BASE, Kind::Product, "p-1");
        assert_eq!(target(BASE, "assortment", &value), Ok((Kind::Product, "p-1".into())));
        value["meta"]["href"] = json!(format!("{BASE}/entity/product/p-1?expand=uom"));
        assert_eq!(target(BASE, "assortment", &value), Ok((Kind::Product, "p-1".into())));
    }

    #[test]
    fn a_meta_of_another_server_type_or_shape_is_refused_by_its_code() {
        let code = |value: Value| target(BASE, "uom", &value).unwrap_err().code();
        assert_eq!(code(reference("https://two.example/api/remap/1.2", Kind::Uom, "u")), Some(1059));
        assert_eq!(code(json!({"meta": plain(&format!("{BASE}/entity/uom/u"), "product")})), Some(1060));
        assert_eq!(code(json!({"meta": plain(&format!("{BASE}/entity/uom"), "uom")})), Some(2013));
        assert_eq!(code(json!({"meta": {"type": "uom"}})), Some(2010));
        assert_eq!(code(json!({"meta": {"href": format!("{BASE}/entity/uom/u")}})), Some(2011));
        assert_eq!(code(json!({"id": "u"})), Some(2014));
    }
}
