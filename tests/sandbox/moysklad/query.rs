//! What stands behind the `?`: pages, order, filter, expand.

use serde_json::{Value, json};

use super::errors::{self, Failure};
use super::filter::{self, Condition};
use super::meta;

/// The parameters of a request, decoded.
pub(super) struct Query {
    given: Vec<(String, String)>,
    /// The path below the base, as it was asked.
    path: String,
    raw: String,
}

/// Where a page begins, and how much it holds.
pub(super) struct Page {
    pub(super) limit: usize,
    offset: usize,
}

impl Query {
    pub(super) fn parse(path: &str, raw: &str) -> Self {
        let given = url::form_urlencoded::parse(raw.as_bytes()).into_owned().collect();
        Self { given, path: path.trim_start_matches('/').to_owned(), raw: raw.to_owned() }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Bounded as the documentation says, and refused beyond.
    pub(super) fn page(&self, default: usize, max: usize) -> Result<Page, Failure> {
        let number = |name: &str, default: usize, least: usize, most: usize| match self.get(name) {
            None => Ok(default),
            Some(text) => match text.parse() {
                Ok(n) if (least..=most).contains(&n) => Ok(n),
                _ => Err(errors::wrong_parameter(name, text, &format!("{least} - {most}"))),
            },
        };
        Ok(Page { limit: number("limit", default, 1, max)?, offset: number("offset", 0, 0, usize::MAX)? })
    }

    pub(super) fn conditions(&self) -> Result<Vec<Condition>, Failure> {
        let filters = self.given.iter().filter(|(name, _)| name == "filter");
        filters.map(|(_, text)| filter::parse(text)).collect::<Result<Vec<_>, _>>().map(|all| all.concat())
    }

    /// What is to be answered in place of its meta, deepest last: `demand.agent` is `["demand", "agent"]`.
    pub(super) fn expand(&self) -> Vec<Vec<&str>> {
        let all = self.get("expand").unwrap_or_default();
        all.split(',').filter(|path| !path.is_empty()).map(|path| path.split('.').collect()).collect()
    }

    /// (field, whether it descends)
    pub(super) fn order(&self) -> Vec<(&str, bool)> {
        let all = self.get("order").unwrap_or_default();
        let each = all.split(';').filter(|part| !part.is_empty());
        each.map(|part| part.split_once(',').map_or((part, false), |(field, way)| (field, way == "desc"))).collect()
    }

    fn href(&self, base: &str, changed: &[(&str, usize)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.given.iter().filter(|(name, _)| !changed.iter().any(|(new, _)| new == name)) {
            query.append_pair(name, value);
        }
        for (name, value) in changed {
            query.append_pair(name, &value.to_string());
        }
        let query = if changed.is_empty() { self.raw.clone() } else { query.finish() };
        let separator = if query.is_empty() { "" } else { "?" };
        format!("{base}/{}{separator}{query}", self.path)
    }
}

impl Page {
    pub(super) fn of<'a, T>(&self, all: &'a [T]) -> impl Iterator<Item = &'a T> {
        all.iter().skip(self.offset).take(self.limit)
    }

    /// A list as it is answered.
    pub(super) fn list(&self, base: &str, query: &Query, of_type: &str, size: usize, rows: Vec<Value>) -> Value {
        let mut list = meta::plain(&query.href(base, &[]), of_type);
        list["size"] = json!(size);
        list["limit"] = json!(self.limit);
        list["offset"] = json!(self.offset);
        if self.offset + self.limit < size {
            list["nextHref"] = json!(query.href(base, &[("limit", self.limit), ("offset", self.offset + self.limit)]));
        }
        if self.offset > 0 {
            let before = self.offset.saturating_sub(self.limit);
            list["previousHref"] = json!(query.href(base, &[("limit", self.limit), ("offset", before)]));
        }
        let employee = format!("{base}/context/employee");
        json!({"context": {"employee": {"meta": meta::plain(&employee, "employee")}}, "meta": list, "rows": rows})
    }
}
