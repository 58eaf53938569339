//! `GET /integration/leads`: pages, order and filters. The only reconciliation there is: a poll on `updated_gte`.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::leads::Lead;
use super::{authorize, refused};
use crate::sandbox::answer::{Refusal, json_answer};
use crate::sandbox::state::Sandbox;

const MAX_PER_PAGE: usize = 50;

pub(crate) async fn list(
    State(sandbox): State<Arc<Sandbox>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    authorize(&sandbox, &headers)?;
    let filter = Filter::from_query(&query)?;
    let c2s = sandbox.c2s.lock();
    let mut found: Vec<&Lead> = c2s.leads.listed().filter(|lead| filter.holds(lead)).collect();
    found.sort_by(|a, b| filter.order(a, b));
    let data: Vec<Value> = found
        .iter()
        .skip((filter.page - 1) * filter.per_page)
        .take(filter.per_page)
        .map(|lead| {
            let id = lead.as_json(false)["id"].clone();
            let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
            lead.as_json(c2s.modes.of(&id).messages_visible)
        })
        .collect();
    Ok(json_answer(
        StatusCode::OK,
        json!({"data": data, "meta": {"page": filter.page, "perpage": filter.per_page, "total": found.len()}}),
    ))
}

struct Filter {
    page: usize,
    per_page: usize,
    sort_by: &'static str,
    is_descending: bool,
    /// (attribute, whether it is a lower bound, the bound)
    bounds: Vec<(&'static str, bool, Timestamp)>,
    status: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    tag: Option<String>,
}

impl Filter {
    fn from_query(query: &HashMap<String, String>) -> Result<Self, Refusal> {
        let number = |name: &str, default: usize, max: usize| match query.get(name) {
            None => Ok(default),
            Some(text) => match text.parse() {
                Ok(n) if (1..=max).contains(&n) => Ok(n),
                _ => Err(invalid(name)),
            },
        };
        let (sort_by, is_descending) = match query.get("sort").map(String::as_str) {
            Some("created_at") => ("created_at", false),
            None | Some("-created_at") => ("created_at", true),
            Some("updated_at") => ("updated_at", false),
            Some("-updated_at") => ("updated_at", true),
            Some(_) => return Err(invalid("sort")),
        };
        let mut bounds = Vec::new();
        for (name, attribute, is_lower) in [
            ("created_gte", "created_at", true),
            ("created_lt", "created_at", false),
            ("updated_gte", "updated_at", true),
            ("updated_lt", "updated_at", false),
        ] {
            if let Some(text) = query.get(name) {
                let bound = whole_second(text).ok_or_else(|| invalid(name))?;
                bounds.push((attribute, is_lower, bound));
            }
        }
        Ok(Self {
            page: number("page", 1, 1_000_000)?,
            per_page: number("perpage", MAX_PER_PAGE, MAX_PER_PAGE)?,
            sort_by,
            is_descending,
            bounds,
            status: query.get("status").cloned(),
            phone: query.get("phone").cloned(),
            email: query.get("email").cloned(),
            tag: query.get("tags").cloned(),
        })
    }

    fn holds(&self, lead: &Lead) -> bool {
        let in_bounds = self
            .bounds
            .iter()
            .all(|&(attribute, is_lower, bound)| lead.time(attribute).is_some_and(|time| (time >= bound) == is_lower));
        let customer_has = |name: &str, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| {
                let given = lead.attribute("customer").and_then(|customer| customer[name].as_str());
                given.is_some_and(|given| given.eq_ignore_ascii_case(wanted))
            })
        };
        let has_status = self.status.as_ref().is_none_or(|wanted| {
            let status = lead.attribute("lead_status");
            status.is_some_and(|status| status["alias"] == wanted.as_str())
        });
        let has_tag = self.tag.as_ref().is_none_or(|wanted| {
            let tags = lead.attribute("tags").and_then(Value::as_array);
            tags.is_some_and(|tags| tags.iter().any(|tag| tag == wanted.as_str() || tag["name"] == wanted.as_str()))
        });
        in_bounds && has_status && has_tag && customer_has("phone", &self.phone) && customer_has("email", &self.email)
    }

    fn order(&self, a: &Lead, b: &Lead) -> Ordering {
        let ascending = a.time(self.sort_by).cmp(&b.time(self.sort_by));
        if self.is_descending { ascending.reverse() } else { ascending }
    }
}

/// `YYYY-MM-DDTHH:MM:SSZ` and nothing else: milliseconds are refused.
fn whole_second(text: &str) -> Option<Timestamp> {
    const LENGTH: usize = "2025-01-20T10:00:00Z".len();
    if text.len() != LENGTH || !text.ends_with('Z') || text.as_bytes()[10] != b'T' {
        return None;
    }
    text.parse().ok()
}

fn invalid(name: &str) -> Refusal {
    refused(StatusCode::UNPROCESSABLE_ENTITY, &format!("{name} is invalid"))
}
