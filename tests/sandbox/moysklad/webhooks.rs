//! `/entity/webhook`: what is told to whom.

use serde_json::{Map, Value, json};

use super::author::Author;
use super::books::{Books, new_id};
use super::errors::{self, Failure};
use super::kinds::Kind;
use super::meta;

const MAX_URL: usize = 255;
/// Of one entity type and action: of users, and of a solution.
const MAX_OF_USERS: usize = 5;
const MAX_OF_SOLUTION: usize = 1;
const MAX_WEBHOOKS: usize = 2_000;
const ACTIONS: [&str; 4] = ["CREATE", "UPDATE", "DELETE", "PROCESSED"];
/// Takes PROCESSED, and nothing else does.
const ASYNC: &str = "async";
/// Beside the kinds that are played: webhooks on them never fire here.
const OTHER_TYPES: [&str; 24] = [
    ASYNC,
    "assortment",
    "cashin",
    "cashout",
    "commissionreportin",
    "commissionreportout",
    "consignment",
    "customentity",
    "enter",
    "expenseitem",
    "facturein",
    "factureout",
    "internalorder",
    "inventory",
    "invoicein",
    "invoiceout",
    "loss",
    "move",
    "paymentin",
    "paymentout",
    "purchaseorder",
    "retailsalesreturn",
    "salesreturn",
    "supply",
];

#[derive(Clone, Debug)]
pub(super) struct Webhook {
    pub(super) id: String,
    pub(super) entity_type: String,
    pub(super) url: String,
    pub(super) action: String,
    pub(super) tells_fields: bool,
    pub(super) is_enabled: bool,
    /// The id of the solution that made it; none for a user's.
    application: Option<String>,
}

#[derive(Default)]
pub(super) struct Webhooks(Vec<Webhook>);

impl Webhooks {
    pub(super) fn all(&self) -> &[Webhook] {
        &self.0
    }

    pub(super) fn get(&self, id: &str) -> Result<&Webhook, Failure> {
        self.0.iter().find(|webhook| webhook.id == id).ok_or_else(|| errors::not_found("webhook", id))
    }

    pub(super) fn remove(&mut self, id: &str) -> Result<(), Failure> {
        self.get(id)?;
        self.0.retain(|webhook| webhook.id != id);
        Ok(())
    }

    /// MoySklad itself does this to one that only ever fails.
    pub(super) fn disable(&mut self, id: &str) {
        for webhook in self.0.iter_mut().filter(|webhook| webhook.id == id) {
            webhook.is_enabled = false;
        }
    }

    /// Another with the same type, action and url, or too many of the type and action.
    fn check(&self, new: &Webhook) -> Result<(), Failure> {
        let others = self.0.iter().filter(|other| other.id != new.id);
        let alike: Vec<_> =
            others.filter(|other| other.entity_type == new.entity_type && other.action == new.action).collect();
        if alike.iter().any(|other| other.url == new.url) {
            return Err(errors::webhook(30003, "url", "такой вебхук уже существует"));
        }
        let max = if new.application.is_some() { MAX_OF_SOLUTION } else { MAX_OF_USERS };
        if alike.iter().filter(|other| other.application == new.application).count() >= max {
            return Err(errors::webhook(30007, "action", "превышено количество вебхуков для типа и действия"));
        }
        Ok(())
    }
}

impl Webhook {
    pub(super) fn href(&self, base: &str) -> String {
        format!("{base}/entity/webhook/{}", self.id)
    }

    pub(super) fn as_json(&self, base: &str, account_id: &str) -> Value {
        let mut own = meta::plain(&self.href(base), "webhook");
        own["metadataHref"] = json!(format!("{base}/entity/webhook/metadata"));
        let mut shown = json!({
            "meta": own, "id": self.id, "accountId": account_id, "entityType": self.entity_type, "url": self.url,
            "method": "POST", "enabled": self.is_enabled, "action": self.action
        });
        if self.action == "UPDATE" {
            shown["diffType"] = json!(if self.tells_fields { "FIELDS" } else { "NONE" });
        }
        if let Some(application) = &self.application {
            let href = format!("{base}/entity/application/{application}");
            shown["authorApplication"] = json!({"meta": meta::plain(&href, "application")});
        }
        shown
    }

    fn take(&mut self, body: &Map<String, Value>) -> Result<(), Failure> {
        let text = |name: &str| match body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(errors::wrong_type(name, "string")),
        };
        if let Some(entity_type) = text("entityType")? {
            self.entity_type = entity_type;
        }
        if let Some(action) = text("action")? {
            self.action = action;
        }
        if let Some(url) = text("url")? {
            self.url = url;
        }
        match body.get("enabled") {
            None | Some(Value::Null) => {}
            Some(enabled) => {
                self.is_enabled = enabled.as_bool().ok_or_else(|| errors::wrong_type("enabled", "boolean"))?;
            }
        }
        if text("method")?.is_some_and(|method| method != "POST") {
            return Err(errors::webhook(30001, "method", "неверный метод, допустимые значения: POST"));
        }
        self.check_action()?;
        self.check_url()?;
        self.tells_fields &= self.action == "UPDATE";
        match text("diffType")?.as_deref() {
            None => {}
            Some(_) if self.action != "UPDATE" => {
                return Err(errors::webhook(30009, "diffType", "diffType указывается только для действия UPDATE"));
            }
            Some("FIELDS") => self.tells_fields = true,
            Some("NONE") => self.tells_fields = false,
            Some(_) => return Err(errors::webhook(30009, "diffType", "допустимые значения: NONE, FIELDS")),
        }
        Ok(())
    }

    fn check_action(&self) -> Result<(), Failure> {
        for (name, value) in [("entityType", &self.entity_type), ("action", &self.action), ("url", &self.url)] {
            if value.is_empty() {
                return Err(errors::empty(name));
            }
        }
        let is_known = Kind::by_name(&self.entity_type).is_some() || OTHER_TYPES.contains(&self.entity_type.as_str());
        if !is_known {
            return Err(errors::webhook(30000, "entityType", "неверный тип сущности"));
        }
        if !ACTIONS.contains(&self.action.as_str()) {
            return Err(errors::webhook(30002, "action", "неверное действие"));
        }
        if (self.action == "PROCESSED") != (self.entity_type == ASYNC) {
            return Err(errors::webhook(30008, "action", "тип сущности не поддерживает действие"));
        }
        Ok(())
    }

    fn check_url(&self) -> Result<(), Failure> {
        if self.url.chars().count() > MAX_URL {
            return Err(errors::webhook(30010, "url", "url длиннее 255 символов"));
        }
        let parsed = url::Url::parse(&self.url).ok();
        let is_good = parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !is_good {
            return Err(errors::webhook(30005, "url", "некорректный url"));
        }
        Ok(())
    }
}

/// Only an administrator of a paying account, or a solution with the right to.
fn may_manage(author: &Author) -> Result<(), Failure> {
    if !author.is_admin {
        return Err(errors::webhook(30004, "webhook", "нужны права администратора"));
    }
    if !author.is_paid {
        return Err(errors::webhook(30006, "webhook", "недоступно на текущем тарифе"));
    }
    Ok(())
}

/// An item of a body: an update if it carries a meta, else a creation.
pub(super) fn save(books: &mut Books, author: &Author, item: &Value) -> Result<String, Failure> {
    let body = item.as_object().ok_or_else(errors::neither_object_nor_array)?;
    if body.get("meta").is_none_or(Value::is_null) {
        return create(books, author, body);
    }
    let id = meta::id_under(&books.base, "meta", item, "entity/webhook")?;
    update(books, author, &id, body)?;
    Ok(id)
}

fn create(books: &mut Books, author: &Author, body: &Map<String, Value>) -> Result<String, Failure> {
    may_manage(author)?;
    let mut new = Webhook {
        id: new_id(),
        entity_type: String::new(),
        url: String::new(),
        action: String::new(),
        tells_fields: false,
        is_enabled: true,
        application: author.application.clone(),
    };
    new.take(body)?;
    books.webhooks.check(&new)?;
    if books.webhooks.0.len() >= MAX_WEBHOOKS {
        return Err(errors::webhook(30007, "action", "слишком много вебхуков"));
    }
    let id = new.id.clone();
    books.webhooks.0.push(new);
    Ok(id)
}

pub(super) fn update(books: &mut Books, author: &Author, id: &str, body: &Map<String, Value>) -> Result<(), Failure> {
    may_manage(author)?;
    let mut changed = books.webhooks.get(id)?.clone();
    changed.take(body)?;
    books.webhooks.check(&changed)?;
    for webhook in books.webhooks.0.iter_mut().filter(|webhook| webhook.id == id) {
        *webhook = changed.clone();
    }
    Ok(())
}

pub(super) fn delete(books: &mut Books, author: &Author, id: &str) -> Result<(), Failure> {
    may_manage(author)?;
    books.webhooks.remove(id)
}
