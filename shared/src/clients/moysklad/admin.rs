//! An account's webhooks, and its audit.

use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{MoyskladClient, answer, query};
use crate::model::moysklad::{Action, EntityId, EntityKind, moscow_text, parse_moscow_time};
use crate::sync::ports::{Audit, Comparison, Condition, Deletion, Deletions, Hook, Hooks, MoyskladError};

/// Longest address of a webhook.
const LONGEST_URL: usize = 255;
/// Most webhooks read of an account: five for each action of each kind are fewer.
const MOST_HOOKS: usize = 5_000;
/// Most rows on a page of the audit.
const AUDIT_PAGE: usize = 100;
/// Contexts looked into at a time. Each takes a call of its own, and all of them must fit in the time that one call has.
const MOST_LOOKED_INTO: u32 = 10;

fn hook(value: Value) -> Result<Hook, MoyskladError> {
    serde_json::from_value(value).map_err(|_| MoyskladError::Unreadable { status: 200 })
}

impl Hooks for MoyskladClient {
    async fn hooks(&self) -> Result<Vec<Hook>, MoyskladError> {
        let mut hooks = Vec::new();
        loop {
            let pairs = [("limit", "1000".to_owned()), ("offset", hooks.len().to_string())];
            let page = self.page(&["entity", "webhook"], &pairs).await?;
            for row in page.rows {
                hooks.push(hook(row)?);
            }
            if !page.more || hooks.len() >= MOST_HOOKS {
                return Ok(hooks);
            }
        }
    }

    async fn make_hooks(
        &self,
        url: &str,
        wanted: &[(EntityKind, Action)],
    ) -> Result<Vec<Result<Hook, MoyskladError>>, MoyskladError> {
        // One that our own writes would ring would never stop.
        if url.len() > LONGEST_URL || !self.prefix.silences(url) {
            return Err(MoyskladError::Misconfigured);
        }
        let bodies: Vec<Value> = wanted
            .iter()
            .map(|(kind, action)| match action {
                Action::Update => {
                    json!({"entityType": kind.name(), "action": action.name(), "url": url, "diffType": "FIELDS"})
                }
                Action::Create | Action::Delete => {
                    json!({"entityType": kind.name(), "action": action.name(), "url": url})
                }
            })
            .collect();
        if bodies.is_empty() {
            return Ok(Vec::new());
        }
        let n_wanted = bodies.len();
        match self.value(Method::POST, &["entity", "webhook"], &[], Some(&Value::Array(bodies))).await? {
            Value::Array(made) if made.len() == n_wanted => {
                Ok(made.into_iter().map(|made| answer::item(made).and_then(hook)).collect())
            }
            _ => Err(MoyskladError::Unreadable { status: 200 }),
        }
    }

    async fn enable_hook(&self, id: EntityId, enabled: bool) -> Result<(), MoyskladError> {
        let body = json!({"enabled": enabled});
        self.value(Method::PUT, &["entity", "webhook", &id.to_string()], &[], Some(&body)).await.map(|_| ())
    }

    async fn delete_hook(&self, id: EntityId) -> Result<(), MoyskladError> {
        let url = query::address(self.base(), &["entity", "webhook", &id.to_string()], &[])?;
        match self.call(Method::DELETE, url, None).await {
            Ok(_) | Err(MoyskladError::Unreadable { .. } | MoyskladError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[derive(Deserialize)]
struct AuditEvent {
    #[serde(rename = "eventType", default)]
    event_type: String,
    #[serde(default)]
    moment: String,
    #[serde(default)]
    entity: Option<Value>,
}

impl AuditEvent {
    fn deletion(&self, kind: EntityKind) -> Option<Deletion> {
        let gone = matches!(self.event_type.as_str(), "delete" | "puttorecyclebin");
        let href = self.entity.as_ref()?.pointer("/meta/href")?.as_str()?;
        let mut segments = href.split(['?', '#']).next()?.rsplit('/');
        let (id, of) = (segments.next()?, segments.next()?);
        (gone && of == kind.name()).then_some(())?;
        Some(Deletion { id: id.parse().ok()?, at: parse_moscow_time(&self.moment)? })
    }
}

impl Audit for MoyskladClient {
    async fn deletions(&self, kind: EntityKind, since: Timestamp, offset: u32) -> Result<Deletions, MoyskladError> {
        let since = Condition { field: "moment", comparison: Comparison::AtLeast, value: moscow_text(since) };
        let filter = query::filter(&[Condition::is("entityType", kind.name()), since])?;
        let pairs = [("limit", AUDIT_PAGE.to_string()), ("offset", offset.to_string()), ("filter", filter)];
        let contexts = self.page(&["audit"], &pairs).await?;
        let mut page = Deletions { more: contexts.more, ..Deletions::default() };
        let mut n_looked_into = 0;
        for context in &contexts.rows {
            if n_looked_into == MOST_LOOKED_INTO {
                page.more = true;
                break;
            }
            page.n_contexts += 1;
            let text = |name: &str| context.get(name).and_then(Value::as_str);
            let may_delete =
                text("eventType").is_none_or(|event| matches!(event, "delete" | "puttorecyclebin" | "bulkoperation"));
            let Some(id) = text("id").filter(|_| may_delete).and_then(|id| id.parse::<EntityId>().ok()) else {
                continue;
            };
            n_looked_into += 1;
            let mut n_read = 0;
            loop {
                let pairs = [("limit", AUDIT_PAGE.to_string()), ("offset", n_read.to_string())];
                let events = self.page(&["audit", &id.to_string(), "events"], &pairs).await?;
                n_read += events.rows.len();
                let read = events.rows.into_iter().filter_map(|row| serde_json::from_value::<AuditEvent>(row).ok());
                page.gone.extend(read.filter_map(|event| event.deletion(kind)));
                if !events.more {
                    break;
                }
            }
        }
        Ok(page)
    }
}
