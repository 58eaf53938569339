//! Entities.

use reqwest::Method;
use serde_json::Value;

use super::{MoyskladClient, answer, query};
use crate::model::moysklad::{EntityId, EntityKind};
use crate::sync::ports::{Entities, MoyskladError, Query, Rows, is_cut_off};

/// Most entities in one call.
const MOST_AT_ONCE: usize = 1_000;
/// Most rows of a page, with and without what they refer to.
const MOST_EXPANDED: u32 = 100;
const MOST_ROWS: u32 = 1_000;

/// What is asked for with an entity of a kind: it would be a bare address otherwise. Of a longer list a hundred rows are
/// answered, without a word.
const fn expanded(kind: EntityKind) -> Option<&'static str> {
    match kind {
        EntityKind::CustomerOrder | EntityKind::Demand | EntityKind::RetailDemand => Some("positions"),
        EntityKind::Bundle => Some("components"),
        EntityKind::ProductFolder | EntityKind::Product | EntityKind::Service | EntityKind::Variant => None,
    }
}

impl MoyskladClient {
    /// Reads on in a list of which an entity was answered with the first rows only.
    async fn whole(
        &self,
        kind: EntityKind,
        id: EntityId,
        list: &str,
        mut entity: Value,
    ) -> Result<Value, MoyskladError> {
        let unreadable = MoyskladError::Unreadable { status: 200 };
        while is_cut_off(&entity, list) {
            let n_read = entity[list]["rows"].as_array().map_or(0, Vec::len);
            let pairs = [("limit", MOST_ROWS.to_string()), ("offset", n_read.to_string())];
            let more = self.page(&["entity", kind.name(), &id.to_string(), list], &pairs).await?;
            match entity[list]["rows"].as_array_mut() {
                // It became shorter meanwhile; whoever changed it is told of.
                Some(_) if more.rows.is_empty() => return Err(unreadable),
                Some(rows) => rows.extend(more.rows),
                None => return Err(unreadable),
            }
        }
        Ok(entity)
    }

    pub(super) async fn value(
        &self,
        method: Method,
        segments: &[&str],
        pairs: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Value, MoyskladError> {
        let url = query::address(self.base(), segments, pairs)?;
        // It has succeeded, and says nothing.
        self.call(method, url, body).await?.ok_or(MoyskladError::Unreadable { status: 200 })
    }

    pub(super) async fn page(&self, segments: &[&str], pairs: &[(&str, String)]) -> Result<Rows, MoyskladError> {
        let mut page = self.value(Method::GET, segments, pairs, None).await?;
        let unreadable = MoyskladError::Unreadable { status: 200 };
        let of = |name| page.pointer(name).and_then(Value::as_u64);
        let (size, offset) = (of("/meta/size"), of("/meta/offset").unwrap_or(0));
        let Some(Value::Array(rows)) = page.get_mut("rows").map(Value::take) else {
            return Err(unreadable);
        };
        let more = !rows.is_empty() && size.is_some_and(|size| offset + (rows.len() as u64) < size);
        Ok(Rows { rows, more })
    }
}

impl Entities for MoyskladClient {
    async fn get(&self, kind: EntityKind, id: EntityId) -> Result<Value, MoyskladError> {
        let pairs: Vec<_> = expanded(kind).map(|expand| ("expand", expand.to_owned())).into_iter().collect();
        let entity = self.value(Method::GET, &["entity", kind.name(), &id.to_string()], &pairs, None).await?;
        match expanded(kind) {
            Some(list) => self.whole(kind, id, list, entity).await,
            None => Ok(entity),
        }
    }

    async fn list(&self, kind: EntityKind, query: &Query) -> Result<Rows, MoyskladError> {
        let expand = expanded(kind);
        let most = if expand.is_some() { MOST_EXPANDED } else { MOST_ROWS };
        let mut pairs = vec![("limit", query.limit.clamp(1, most).to_string())];
        if query.offset > 0 {
            pairs.push(("offset", query.offset.to_string()));
        }
        if !query.filter.is_empty() {
            pairs.push(("filter", query::filter(&query.filter)?));
        }
        if !query.order.is_empty() {
            pairs.push(("order", query.order.to_owned()));
        }
        pairs.extend(expand.map(|expand| ("expand", expand.to_owned())));
        self.page(&["entity", kind.name()], &pairs).await
    }

    async fn create(&self, kind: EntityKind, body: &Value) -> Result<Value, MoyskladError> {
        self.value(Method::POST, &["entity", kind.name()], &[], Some(body)).await
    }

    async fn update(&self, kind: EntityKind, id: EntityId, body: &Value) -> Result<Value, MoyskladError> {
        self.value(Method::PUT, &["entity", kind.name(), &id.to_string()], &[], Some(body)).await
    }

    async fn save_many(
        &self,
        kind: EntityKind,
        bodies: &[Value],
    ) -> Result<Vec<Result<Value, MoyskladError>>, MoyskladError> {
        if bodies.is_empty() {
            return Ok(Vec::new());
        }
        if bodies.len() > MOST_AT_ONCE {
            return Err(MoyskladError::Misconfigured);
        }
        let body = Value::Array(bodies.to_vec());
        let saved = self.value(Method::POST, &["entity", kind.name()], &[], Some(&body)).await?;
        match saved {
            Value::Array(items) if items.len() == bodies.len() => Ok(items.into_iter().map(answer::item).collect()),
            // Which of them is which cannot be told.
            _ => Err(MoyskladError::Unreadable { status: 200 }),
        }
    }

    async fn delete(&self, kind: EntityKind, id: EntityId) -> Result<(), MoyskladError> {
        let url = query::address(self.base(), &["entity", kind.name(), &id.to_string()], &[])?;
        match self.call(Method::DELETE, url, None).await {
            Ok(_) | Err(MoyskladError::Unreadable { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
