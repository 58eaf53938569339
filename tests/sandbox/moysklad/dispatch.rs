//! Which path and method does what. Everything here is under the account's lock, and answers without waiting.

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::author::Author;
use super::books::{Books, is_uuid};
use super::changes::Change;
use super::errors::{self, Failure};
use super::expand::expanded;
use super::fields::array;
use super::kinds::Kind;
use super::query::Query;
use super::{audit, list, meta, parts, settings, webhooks, write};

/// A request that was admitted.
pub(super) struct Call<'a> {
    pub(super) method: &'a Method,
    /// Below the base, without slashes around it.
    pub(super) path: &'a str,
    pub(super) query: Query,
    pub(super) body: Option<Value>,
    pub(super) author: &'a Author,
    pub(super) now: Timestamp,
}

/// What is answered when all is well, or well in part.
pub(super) struct Answer {
    pub(super) body: Option<Value>,
    /// Of a bulk request.
    pub(super) n_failed: usize,
}

impl From<Value> for Answer {
    fn from(body: Value) -> Self {
        Self { body: Some(body), n_failed: 0 }
    }
}

const DONE: Answer = Answer { body: None, n_failed: 0 };

impl Call<'_> {
    fn body(&self) -> Result<&Value, Failure> {
        match &self.body {
            None => Err(errors::nothing_given()),
            Some(body) if body.is_object() || body.is_array() => Ok(body),
            Some(_) => Err(errors::neither_object_nor_array()),
        }
    }

    fn object(&self) -> Result<&serde_json::Map<String, Value>, Failure> {
        self.body()?.as_object().ok_or_else(errors::an_object_is_expected)
    }

    /// Each item by itself, in order; what fails leaves its errors in its place.
    fn each(&self, mut save: impl FnMut(&Value) -> Result<Value, Failure>) -> Result<Answer, Failure> {
        let items = array("body", self.body()?)?;
        if items.is_empty() {
            return Err(errors::nothing_given());
        }
        let mut n_failed = 0;
        let mut answers = Vec::with_capacity(items.len());
        for item in items {
            answers.push(save(item).unwrap_or_else(|failure| {
                n_failed += 1;
                failure.body()
            }));
        }
        Ok(Answer { body: Some(Value::Array(answers)), n_failed })
    }
}

pub(super) fn answer(books: &mut Books, call: &Call<'_>, changes: &mut Vec<Change>) -> Result<Answer, Failure> {
    let segments: Vec<&str> = call.path.split('/').filter(|segment| !segment.is_empty()).collect();
    match segments.as_slice() {
        ["context", rest @ ..] => context(books, call, rest),
        ["audit"] => only_get(call, || audit::contexts(books, &call.query)),
        ["audit", id, "events"] => only_get(call, || audit::events(books, &call.query, id)),
        ["entity", "webhook", rest @ ..] => of_webhooks(books, call, rest),
        ["entity", name, rest @ ..] => {
            let kind = Kind::by_name(name).ok_or_else(|| errors::unknown_type(name))?;
            match rest {
                ["metadata", rest @ ..] => of_metadata(books, call, kind, rest),
                rest => of_entities(books, call, kind, rest, changes),
            }
        }
        _ => Err(errors::unknown_path(call.path)),
    }
}

fn only_get(call: &Call<'_>, read: impl FnOnce() -> Result<Value, Failure>) -> Result<Answer, Failure> {
    match *call.method {
        Method::GET => read().map(Answer::from),
        _ => Err(errors::not_allowed(call.method.as_str())),
    }
}

fn context(books: &mut Books, call: &Call<'_>, rest: &[&str]) -> Result<Answer, Failure> {
    match (call.method.as_str(), rest) {
        ("GET", ["employee"]) => Ok(settings::employee(books).into()),
        ("GET", ["companysettings"]) => Ok(settings::company(books).into()),
        ("GET", ["companysettings", "pricetype"]) => Ok(json!(books.price_types).into()),
        ("GET", ["companysettings", "pricetype", id]) => settings::price_type(books, id).map(Answer::from),
        ("POST", ["companysettings", "pricetype"]) => {
            settings::replace_price_types(books, call.body()?).map(Answer::from)
        }
        (_, ["employee" | "companysettings"] | ["companysettings", "pricetype", ..]) => {
            Err(errors::not_allowed(call.method.as_str()))
        }
        _ => Err(errors::unknown_path(call.path)),
    }
}

fn of_webhooks(books: &mut Books, call: &Call<'_>, rest: &[&str]) -> Result<Answer, Failure> {
    let account = books.account_id.clone();
    let base = books.base.clone();
    let shown = |books: &Books, id: &str| books.webhooks.get(id).map(|webhook| webhook.as_json(&base, &account));
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            let page = call.query.page(1000, 1000)?;
            let all = books.webhooks.all();
            let rows = page.of(all).map(|webhook| webhook.as_json(&base, &account)).collect();
            Ok(page.list(&base, &call.query, "webhook", all.len(), rows).into())
        }
        ("POST", []) if call.body()?.is_array() => call.each(|item| {
            let id = webhooks::save(books, call.author, item)?;
            shown(books, &id)
        }),
        ("POST", []) => {
            let id = webhooks::save(books, call.author, call.body()?)?;
            shown(books, &id).map(Answer::from)
        }
        ("POST", ["delete"]) => call.each(|item| {
            let id = meta::id_under(&base, "meta", item, "entity/webhook")?;
            webhooks::delete(books, call.author, &id)?;
            Ok(deleted("webhook", &id))
        }),
        ("GET", [id]) => shown(books, id).map(Answer::from),
        ("PUT", [id]) => {
            webhooks::update(books, call.author, id, call.object()?)?;
            shown(books, id).map(Answer::from)
        }
        ("DELETE", [id]) => webhooks::delete(books, call.author, id).map(|()| DONE),
        _ => Err(errors::not_allowed(call.method.as_str())),
    }
}

fn deleted(kind: &str, id: &str) -> Value {
    json!({"info": format!("Сущность '{kind}' с UUID: {id} успешно удалена")})
}

fn of_metadata(books: &mut Books, call: &Call<'_>, kind: Kind, rest: &[&str]) -> Result<Answer, Failure> {
    match (call.method.as_str(), rest) {
        ("GET", []) => Ok(settings::metadata(books, kind).into()),
        ("GET", [of]) => settings::listed(books, kind, of).map(Answer::from),
        ("POST", [of]) => settings::define(books, kind, of, call.body()?).map(Answer::from),
        ("GET", [of, id]) => settings::element(books, kind, of, id).map(Answer::from),
        ("PUT", ["attributes", id]) => settings::redefine(books, kind, id, call.body()?).map(Answer::from),
        ("DELETE", ["attributes", id]) => settings::undefine(books, kind, id).map(|()| DONE),
        _ => Err(errors::not_allowed(call.method.as_str())),
    }
}

fn of_entities(
    books: &mut Books,
    call: &Call<'_>,
    kind: Kind,
    rest: &[&str],
    changes: &mut Vec<Change>,
) -> Result<Answer, Failure> {
    let wanted = call.query.expand();
    let shown = |books: &Books, id: &str| {
        let entity = books.shelf(kind).and_then(|shelf| shelf.get(id));
        entity.map(|entity| expanded(books, entity, &wanted)).ok_or_else(|| errors::not_found(kind.name(), id))
    };
    match (call.method.as_str(), rest) {
        ("GET", []) => list::entities(books, kind, &call.query).map(Answer::from),
        ("POST", []) if call.body()?.is_array() => call.each(|item| {
            let id = write::save(books, kind, item, call.now, changes)?;
            shown(books, &id)
        }),
        ("POST", []) => {
            let id = write::save(books, kind, call.body()?, call.now, changes)?;
            shown(books, &id).map(Answer::from)
        }
        ("POST", ["delete"]) => call.each(|item| {
            let (named, id) = meta::target(&books.base, "meta", item)?;
            if named != kind {
                return Err(errors::wrong_kind("meta", named.name(), kind.name()));
            }
            write::delete(books, kind, &id, call.now, changes)?;
            Ok(deleted(kind.name(), &id))
        }),
        (_, [id, ..]) if !is_uuid(id) => Err(errors::not_an_id(id)),
        ("GET", [id, "audit"]) => audit::of_entity(books, &call.query, id).map(Answer::from),
        (_, [id, rest @ ..]) => {
            books.live(kind, id).ok_or_else(|| errors::not_found(kind.name(), id))?;
            match (call.method.as_str(), rest) {
                ("GET", []) => shown(books, id).map(Answer::from),
                ("PUT", []) => {
                    write::update(books, kind, id, call.object()?, call.now, changes)?;
                    shown(books, id).map(Answer::from)
                }
                ("DELETE", []) => write::delete(books, kind, id, call.now, changes).map(|()| DONE),
                ("POST", ["trash"]) if kind.is_document() => {
                    write::delete(books, kind, id, call.now, changes).map(|()| DONE)
                }
                (_, [name, rest @ ..]) => of_parts(books, call, kind, id, name, rest, changes),
                _ => Err(errors::not_allowed(call.method.as_str())),
            }
        }
        _ => Err(errors::not_allowed(call.method.as_str())),
    }
}

fn of_parts(
    books: &mut Books,
    call: &Call<'_>,
    kind: Kind,
    id: &str,
    name: &str,
    rest: &[&str],
    changes: &mut Vec<Change>,
) -> Result<Answer, Failure> {
    let of_type = parts::list_of(kind).filter(|(list, _)| *list == name).map(|(_, of_type)| of_type);
    let of_type = of_type.ok_or_else(|| errors::unknown_path(call.path))?;
    let entity = books.live(kind, id).ok_or_else(|| errors::not_found(kind.name(), id))?;
    match (call.method.as_str(), rest) {
        ("GET", []) => list::parts(books, entity, &of_type, &call.query).map(Answer::from),
        ("GET", [part]) => {
            let found = entity.parts.iter().find(|own| own["id"] == *part);
            found.cloned().map(Answer::from).ok_or_else(|| errors::not_found(&of_type, part))
        }
        ("POST", []) if kind.is_document() => {
            let given = match call.body()? {
                Value::Array(_) => array(name, call.body()?)?.clone(),
                one => vec![one.clone()],
            };
            let added = write::add_positions(books, kind, id, &given, call.now, changes)?;
            Ok(json!(added).into())
        }
        _ => Err(errors::not_allowed(call.method.as_str())),
    }
}
